"""Who holds something at an integration, and what: a page of its accounts, then what these carry.

A page costs what it may show, whatever the number of customers: accounts come by a range of their index, those that
hold nothing any more among them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from itertools import chain
from typing import NamedTuple

from sqlalchemy import Connection, and_, select

from svahub.models import Desired
from svahub.store.tables import accounts, items, plans, subscriptions


class HoldingRow(NamedTuple):
    """Something sold that is not to end."""

    account_key: str
    contract_id: str
    item_code: str
    sale: int
    integration: str
    product_code: str
    plan: str | None
    plan_name: str | None
    quantity: int
    desired: Desired

    @property
    def place(self) -> tuple[str, str, int]:
        """Where it stands among what its customer holds."""
        return self.contract_id, self.item_code, self.sale


class HolderRow(NamedTuple):
    """A customer with an account at an integration, and what they hold there: nothing, if all has ended."""

    integration: str
    customer_id: str
    holdings: list[HoldingRow]


def page(connection: Connection, tenant: str, integration: str, after: str, limit: int) -> list[HolderRow]:
    """Return the first of an integration's customers that follow one."""
    c = accounts.c
    query = select(c.key, c.customer_id).where(c.tenant == tenant, c.integration == integration, c.customer_id > after)
    found = connection.execute(query.order_by(c.customer_id).limit(limit)).all()
    held = _held(connection, [key for key, _ in found])
    return [HolderRow(integration, customer, held[key]) for key, customer in found]


def of_customer(connection: Connection, tenant: str, customer: str, integrations: Collection[str]) -> list[HoldingRow]:
    """Return what a customer holds at some integrations, by contract, item and sale."""
    c = accounts.c
    query = select(c.key).where(c.tenant == tenant, c.customer_id == customer, c.integration.in_(integrations))
    held = _held(connection, connection.execute(query).scalars().all())
    return sorted(chain.from_iterable(held.values()), key=lambda row: row.place)


def _held(connection: Connection, keys: Collection[str]) -> dict[str, list[HoldingRow]]:
    """Return what accounts of one tenant hold, by their keys.

    Asked for the tenant as well, or for an order, SQLite would read all that the tenant has sold.
    """
    s, i, p = subscriptions.c, items.c, plans.c
    item = and_(i.tenant == s.tenant, i.contract_id == s.contract_id, i.code == s.item_code)
    plan = and_(p.tenant == s.tenant, p.integration == s.integration, p.remote_id == s.plan)
    columns = (s.account_key, s.contract_id, s.item_code, s.sale, s.integration, i.product_code, s.plan, p.name)
    joined = subscriptions.join(items, item).outerjoin(plans, plan)
    query = select(*columns, s.quantity, s.desired).select_from(joined)
    held: dict[str, list[HoldingRow]] = defaultdict(list)
    for row in connection.execute(query.where(s.account_key.in_(keys), s.desired != Desired.CANCELLED)):
        held[row.account_key].append(HoldingRow._make(row))
    return held
