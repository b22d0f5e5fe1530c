"""Rows of plans and product links."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, tuple_, update

from svahub.lifecycle import GONE
from svahub.store.among import Among
from svahub.store.rows import LinkRow, PlanRow
from svahub.store.tables import items, plans, product_links, subscriptions

_named = Among(plans.c.tenant, plans.c.integration, plans.c.remote_id)
_NAMED_PLANS = select(plans).where(_named.condition)
_PLANS = select(plans).where(plans.c.tenant == bindparam("tenant")).order_by(plans.c.integration, plans.c.name)
_PLANS_OF_ONE = _PLANS.where(plans.c.integration == bindparam("integration"))
_LINKS = select(product_links).where(product_links.c.tenant == bindparam("tenant")).order_by(product_links.c.code)


def plans_of(connection: Connection, keys: Collection[tuple[str, str, str]]) -> list[PlanRow]:
    """Return plans by tenant, integration and remote id."""
    return [PlanRow(*row) for row in connection.execute(_NAMED_PLANS, _named.keys(keys))]


def all_plans(connection: Connection, tenant: str, integration: str | None = None) -> list[PlanRow]:
    """Return a tenant's catalogue, of one integration if named."""
    if integration:
        found = connection.execute(_PLANS_OF_ONE, {"tenant": tenant, "integration": integration})
    else:
        found = connection.execute(_PLANS, {"tenant": tenant})
    return [PlanRow(*row) for row in found]


def plans_after(
    connection: Connection, tenant: str, after: tuple[str, str], limit: int, *, integration: str | None = None
) -> list[PlanRow]:
    """Return the first of a tenant's plans that follow an integration and a remote id."""
    c = plans.c
    query = select(plans).where(c.tenant == tenant, tuple_(c.integration, c.remote_id) > after)
    query = query.where(c.integration == integration) if integration else query
    return [PlanRow(*row) for row in connection.execute(query.order_by(c.integration, c.remote_id).limit(limit))]


def add_plans(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Keep new plans."""
    if rows:
        connection.execute(insert(plans), rows)


_CHANGE = (
    update(plans)
    .where(
        plans.c.tenant == bindparam("b_tenant"),
        plans.c.integration == bindparam("b_integration"),
        plans.c.remote_id == bindparam("b_remote_id"),
    )
    .values(
        name=bindparam("b_name"),
        description=bindparam("b_description"),
        price=bindparam("b_price"),
        version=bindparam("b_version"),
        retired_at=bindparam("b_retired_at"),
        synced_at=bindparam("b_synced_at"),
    )
)


def change_plans(connection: Connection, rows: Sequence[PlanRow]) -> None:
    """Write plans anew."""
    if rows:
        names = ("tenant", "integration", "remote_id", "name", "description", "price", "version", "retired_at")
        values = [{f"b_{n}": getattr(row, n) for n in (*names, "synced_at")} for row in rows]
        connection.execute(_CHANGE, values)


def links(connection: Connection, tenant: str) -> list[LinkRow]:
    """Return a tenant's product links."""
    return [LinkRow(*row) for row in connection.execute(_LINKS, {"tenant": tenant})]


def link(connection: Connection, tenant: str, code: str) -> LinkRow | None:
    """Return one product's link."""
    query = select(product_links).where(product_links.c.tenant == tenant, product_links.c.code == code)
    row = connection.execute(query).first()
    return LinkRow(*row) if row else None


def put_link(connection: Connection, row: LinkRow) -> None:
    """Keep a product's link in place of the one before."""
    unlink(connection, row.tenant, row.code)
    values = {"tenant": row.tenant, "code": row.code, "product_type": row.product_type}
    connection.execute(insert(product_links), values | {"integration": row.integration, "plan": row.plan})


def unlink(connection: Connection, tenant: str, code: str) -> None:
    """Forget a product's link."""
    connection.execute(delete(product_links).where(product_links.c.tenant == tenant, product_links.c.code == code))


def live_of_product(connection: Connection, tenant: str, code: str) -> int:
    """Count the subscriptions of a product that its provider has, may have or should have."""
    c = subscriptions.c
    same_item = (items.c.tenant == c.tenant) & (items.c.contract_id == c.contract_id) & (items.c.code == c.item_code)
    live = c.observed.not_in(GONE) | (c.desired != "CANCELLED")
    query = select(func.count()).select_from(subscriptions).join(items, same_item)
    return int(connection.execute(query.where(c.tenant == tenant, items.c.product_code == code, live)).scalar_one())


def live_by_plan(connection: Connection, tenant: str, integration: str, ids: Collection[str]) -> dict[str, int]:
    """Count, by plan, the subscriptions that the provider has, may have or should have."""
    c = subscriptions.c
    live = c.observed.not_in(GONE) | (c.desired != "CANCELLED")
    query = select(c.plan, func.count()).where(c.tenant == tenant, c.integration == integration, c.plan.in_(ids), live)
    return {plan: count for plan, count in connection.execute(query.group_by(c.plan)) if plan is not None}


def unserved_items(connection: Connection, tenant: str, code: str) -> int:
    """Count the items of a product that were never sold."""
    query = select(func.count()).where(
        items.c.tenant == tenant, items.c.product_code == code, items.c.sales == 0, items.c.removed.is_(False)
    )
    return int(connection.execute(query).scalar_one())
