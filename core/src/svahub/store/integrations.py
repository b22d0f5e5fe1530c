"""Rows of tenants and integrations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from svahub.lifecycle import GONE
from svahub.store.rows import IntegrationRow, TenantRow
from svahub.store.states import IntegrationState
from svahub.store.tables import accounts, integrations, plans, product_links, subscriptions, tenants


def add_tenant(connection: Connection, row: TenantRow) -> bool:
    """Keep a new tenant; return False when there is one of that name."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    values = {"name": row.name, "zone": row.zone, "created_at": row.created_at}
    # Not by the count of rows: psycopg does not tell it of an insert.
    added = dialect.insert(tenants).values(values).on_conflict_do_nothing().returning(tenants.c.name)
    return connection.execute(added).first() is not None


def all_tenants(connection: Connection) -> list[TenantRow]:
    """Return every tenant."""
    return [TenantRow(*row) for row in connection.execute(select(tenants).order_by(tenants.c.name))]


def tenant(connection: Connection, name: str) -> TenantRow | None:
    """Return one tenant."""
    row = connection.execute(select(tenants).where(tenants.c.name == name)).first()
    return TenantRow(*row) if row else None


def add(connection: Connection, values: dict[str, Any]) -> None:
    """Keep a new integration."""
    connection.execute(insert(integrations), values)


def of_tenant(connection: Connection, tenant_name: str) -> list[IntegrationRow]:
    """Return a tenant's integrations."""
    kept = (integrations.c.tenant == tenant_name, integrations.c.state != IntegrationState.REMOVED)
    query = select(integrations).where(*kept).order_by(integrations.c.name)
    return [IntegrationRow(*row) for row in connection.execute(query)]


def every(connection: Connection) -> list[IntegrationRow]:
    """Return the integrations of all tenants, for those who drive them all."""
    query = select(integrations).order_by(integrations.c.tenant, integrations.c.name)
    return [IntegrationRow(*row) for row in connection.execute(query)]


def one(connection: Connection, tenant_name: str, name: str) -> IntegrationRow | None:
    """Return one integration."""
    query = select(integrations).where(integrations.c.tenant == tenant_name, integrations.c.name == name)
    row = connection.execute(query).first()
    return IntegrationRow(*row) if row else None


def revive(connection: Connection, values: dict[str, Any]) -> None:
    """Take up again an integration that was removed after it had been used."""
    where = (integrations.c.tenant == values["tenant"], integrations.c.name == values["name"])
    connection.execute(update(integrations).where(*where).values(values))


def set_state(
    connection: Connection, tenant_name: str, name: str, state: IntegrationState, cause: str | None = None
) -> None:
    """Enable, disable or quarantine an integration."""
    where = (integrations.c.tenant == tenant_name, integrations.c.name == name)
    connection.execute(update(integrations).where(*where).values(state=state, cause=cause))


def quarantine(connection: Connection, tenant_name: str, name: str, cause: str) -> None:
    """Stop an enabled integration for its cause; one that somebody has disabled stays disabled."""
    c = integrations.c
    where = (c.tenant == tenant_name, c.name == name, c.state == IntegrationState.ENABLED)
    connection.execute(update(integrations).where(*where).values(state=IntegrationState.QUARANTINED, cause=cause))


def pause(connection: Connection, tenant_name: str, name: str, until: datetime) -> None:
    """Keep an integration from being called until an instant; a later one that is set already stands."""
    longer = (integrations.c.paused_until.is_(None)) | (integrations.c.paused_until < until)
    where = (integrations.c.tenant == tenant_name, integrations.c.name == name, longer)
    connection.execute(update(integrations).where(*where).values(paused_until=until))


def live_subscriptions(connection: Connection, tenant_name: str, name: str) -> int:
    """Count the subscriptions that the integration's provider has, may have or should have."""
    c = subscriptions.c
    live = c.observed.not_in(GONE) | (c.desired != "CANCELLED")
    query = select(func.count()).where(c.tenant == tenant_name, c.integration == name, live)
    return int(connection.execute(query).scalar_one())


def all_subscriptions(connection: Connection, tenant_name: str, name: str) -> int:
    """Count every subscription that was ever sold at the integration."""
    c = subscriptions.c
    query = select(func.count()).where(c.tenant == tenant_name, c.integration == name)
    return int(connection.execute(query).scalar_one())


def remove(connection: Connection, tenant_name: str, name: str) -> None:
    """Delete an integration that was never used, with its catalogue and links."""
    for table in (product_links, plans, accounts):
        connection.execute(delete(table).where(table.c.tenant == tenant_name, table.c.integration == name))
    connection.execute(delete(integrations).where(integrations.c.tenant == tenant_name, integrations.c.name == name))


def forget_links(connection: Connection, tenant_name: str, name: str) -> None:
    """Delete the product links to an integration."""
    c = product_links.c
    connection.execute(delete(product_links).where(c.tenant == tenant_name, c.integration == name))
