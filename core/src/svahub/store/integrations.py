"""Rows of tenants and integrations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, null, select, update

from svahub.lifecycle import GONE
from svahub.store import reconciling, tokens
from svahub.store.inserting import insert_into
from svahub.store.rows import IntegrationRow, TenantRow
from svahub.store.states import IntegrationState, Phase
from svahub.store.tables import (
    accounts,
    breakers,
    debts,
    inbox,
    integrations,
    invoice_layouts,
    paces,
    plans,
    product_links,
    subscriptions,
    tasks,
    tenants,
)  # fmt: skip


def add_tenant(connection: Connection, row: TenantRow) -> bool:
    """Keep a new tenant; return False when there is one of that name."""
    values = {"name": row.name, "zone": row.zone, "created_at": row.created_at}
    # Not by the count of rows: psycopg does not tell it of an insert.
    added = insert_into(connection, tenants).values(values).on_conflict_do_nothing().returning(tenants.c.name)
    return connection.execute(added).first() is not None


def all_tenants(connection: Connection) -> list[TenantRow]:
    """Return every tenant."""
    return [TenantRow(*row) for row in connection.execute(select(tenants).order_by(tenants.c.name))]


_TENANT = select(tenants).where(tenants.c.name == bindparam("name"))


def tenant(connection: Connection, name: str) -> TenantRow | None:
    """Return one tenant."""
    row = connection.execute(_TENANT, {"name": name}).first()
    return TenantRow(*row) if row else None


def add(connection: Connection, values: dict[str, Any]) -> None:
    """Keep a new integration."""
    connection.execute(insert(integrations), values)


_EVERY = select(integrations).order_by(integrations.c.tenant, integrations.c.name)
_OF_TENANT = _EVERY.where(
    integrations.c.tenant == bindparam("tenant"), integrations.c.state != IntegrationState.REMOVED
)
_ONE = select(integrations).where(
    integrations.c.tenant == bindparam("tenant"), integrations.c.name == bindparam("name")
)


def of_tenant(connection: Connection, tenant_name: str) -> list[IntegrationRow]:
    """Return a tenant's integrations."""
    return [IntegrationRow(*row) for row in connection.execute(_OF_TENANT, {"tenant": tenant_name})]


def every(connection: Connection) -> list[IntegrationRow]:
    """Return the integrations of all tenants, for those who drive them all."""
    return [IntegrationRow(*row) for row in connection.execute(_EVERY)]


def one(connection: Connection, tenant_name: str, name: str) -> IntegrationRow | None:
    """Return one integration."""
    row = connection.execute(_ONE, {"tenant": tenant_name, "name": name}).first()
    return IntegrationRow(*row) if row else None


def at_endpoint(connection: Connection, endpoint_id: str) -> IntegrationRow | None:
    """Return the integration whose deliveries come to an endpoint."""
    row = connection.execute(select(integrations).where(integrations.c.endpoint_id == endpoint_id)).first()
    return IntegrationRow(*row) if row else None


def lock(connection: Connection, tenant_name: str, name: str) -> None:
    """Let nobody else begin a comparison with an integration's provider before this transaction ends."""
    query = select(integrations.c.name).where(integrations.c.tenant == tenant_name, integrations.c.name == name)
    connection.execute(query.with_for_update(key_share=True)).all()


def configure(connection: Connection, row: IntegrationRow, values: dict[str, Any]) -> bool:
    """Change how an integration is called; return whether that was done: not if its row has changed meanwhile."""
    c = integrations.c
    same = (*_with_secrets_of(row), c.base_url == row.base_url, c.state != IntegrationState.REMOVED)
    found = connection.execute(select(c.settings).where(*same).with_for_update()).first()
    if found is None or found.settings != row.settings:
        return False
    kept = values | {name: value or null() for name, value in values.items() if name == "former_secrets"}
    connection.execute(update(integrations).where(*same).values(kept))
    return True


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


def quarantine(connection: Connection, row: IntegrationRow, cause: str) -> bool:
    """Stop an enabled integration for its cause; return whether it was: not if its secrets are others by now.

    One that somebody has disabled stays disabled.
    """
    where = (*_with_secrets_of(row), integrations.c.state == IntegrationState.ENABLED)
    values = {"state": IntegrationState.QUARANTINED, "cause": cause}
    return connection.execute(update(integrations).where(*where).values(values)).rowcount == 1


def free(connection: Connection, row: IntegrationRow) -> bool:
    """Let a quarantined integration be called again; return whether it was one, and its secrets are still the row's."""
    where = (*_with_secrets_of(row), integrations.c.state == IntegrationState.QUARANTINED)
    values = {"state": IntegrationState.ENABLED, "cause": None}
    return connection.execute(update(integrations).where(*where).values(values)).rowcount == 1


def rotate(connection: Connection, row: IntegrationRow, values: dict[str, Any]) -> bool:
    """Put other secrets in the place of the row's; return whether that was done: not if they are others by now."""
    return connection.execute(update(integrations).where(*_with_secrets_of(row)).values(values)).rowcount == 1


def forget_former(connection: Connection, row: IntegrationRow) -> None:
    """Forget the secrets before the row's, as these have worked."""
    connection.execute(update(integrations).where(*_with_secrets_of(row)).values(former_secrets=null()))


def _with_secrets_of(row: IntegrationRow) -> Sequence[ColumnElement[bool]]:
    c = integrations.c
    return c.tenant == row.tenant, c.name == row.name, c.secrets_at.is_not_distinct_from(row.secrets_at)


def put_secrets(
    connection: Connection, row: IntegrationRow, current: Mapping[str, str], former: Mapping[str, str] | None
) -> None:
    """Keep the same secrets in another form."""
    values: dict[str, Any] = {"secrets": dict(current), "former_secrets": dict(former) if former else null()}
    connection.execute(update(integrations).where(*_with_secrets_of(row)).values(values))


def pause(connection: Connection, tenant_name: str, name: str, until: datetime) -> None:
    """Keep an integration from being called until an instant; a later one that is set already stands."""
    longer = (integrations.c.paused_until.is_(None)) | (integrations.c.paused_until < until)
    where = (integrations.c.tenant == tenant_name, integrations.c.name == name, longer)
    connection.execute(update(integrations).where(*where).values(paused_until=until))


_LIVE = select(func.count()).where(
    subscriptions.c.tenant == bindparam("tenant"),
    subscriptions.c.integration == bindparam("name"),
    subscriptions.c.observed.not_in(GONE) | (subscriptions.c.desired != "CANCELLED"),
)


def live_subscriptions(connection: Connection, tenant_name: str, name: str) -> int:
    """Count the subscriptions that the integration's provider has, may have or should have."""
    return int(connection.execute(_LIVE, {"tenant": tenant_name, "name": name}).scalar_one())


def open_matters(connection: Connection, tenant_name: str, name: str) -> tuple[int, int]:
    """Count the debts that are owed at the integration, and the tasks there that have not ended."""
    owed = (debts.c.tenant == tenant_name, debts.c.integration == name, debts.c.settled_at.is_(None))
    asked = (tasks.c.tenant == tenant_name, tasks.c.integration == name, tasks.c.phase != Phase.SETTLED)
    found = (
        connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one()
        for table, where in ((debts, owed), (tasks, asked))
    )
    owing, asking = map(int, found)
    return owing, asking


def was_used(connection: Connection, tenant_name: str, name: str) -> bool:
    """Say whether anything that stays refers to the integration."""
    queries = [
        select(table.c.tenant).where(table.c.tenant == tenant_name, table.c.integration == name)
        for table in (subscriptions, tasks, inbox, debts)
    ]
    return any(connection.execute(query.limit(1)).first() for query in queries)


def retire(connection: Connection, tenant_name: str, name: str) -> None:
    """Remove an integration that was used: its row stays, without secrets."""
    tokens.drop_of(connection, tenant_name, name)
    for table in (breakers, paces):
        connection.execute(delete(table).where(table.c.tenant == tenant_name, table.c.integration == name))
    where = (integrations.c.tenant == tenant_name, integrations.c.name == name)
    values: dict[str, Any] = {"state": IntegrationState.REMOVED, "cause": None, "secrets": {}, "former_secrets": null()}
    connection.execute(update(integrations).where(*where).values(values))


def remove(connection: Connection, tenant_name: str, name: str) -> None:
    """Delete an integration that was never used, with its catalogue and links."""
    tokens.drop_of(connection, tenant_name, name)
    reconciling.remove(connection, reconciling.of_integration(connection, tenant_name, name))
    for table in (breakers, paces, invoice_layouts, product_links, plans, accounts):
        connection.execute(delete(table).where(table.c.tenant == tenant_name, table.c.integration == name))
    connection.execute(delete(integrations).where(integrations.c.tenant == tenant_name, integrations.c.name == name))


def forget_links(connection: Connection, tenant_name: str, name: str) -> None:
    """Delete the product links to an integration."""
    c = product_links.c
    connection.execute(delete(product_links).where(c.tenant == tenant_name, c.integration == name))
