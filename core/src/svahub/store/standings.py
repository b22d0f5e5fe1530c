"""How customers stand with the ISP: what their contracts say now, and what was last told of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import NamedTuple

from sqlalchemy import Connection, select

from svahub.models import Desired
from svahub.store.contracts import reasons_of
from svahub.store.inserting import insert_into
from svahub.store.rows import ReasonRow
from svahub.store.states import ContractStatus
from svahub.store.tables import accounts, contracts, standings, subscriptions


class Held(NamedTuple):
    """One contract of a customer: its status, and why it or items of it are blocked."""

    id: str
    status: ContractStatus
    reasons: tuple[ReasonRow, ...]


class Standing(NamedTuple):
    """How a customer stands: a status, and why it is so, sorted."""

    status: str
    reasons: tuple[str, ...] = ()


def held_by(connection: Connection, tenant: str, customers: Collection[str]) -> dict[str, list[Held]]:
    """Return the contracts of some customers."""
    c, found, why = contracts.c, defaultdict(list), defaultdict(list)
    query = select(c.customer_id, c.id, c.status).where(c.tenant == tenant, c.customer_id.in_(customers))
    rows = connection.execute(query.order_by(c.id)).all()
    for reason in reasons_of(connection, tenant, [id for _, id, _ in rows]):
        why[reason.contract_id].append(reason)
    for customer, id, status in rows:
        found[customer].append(Held(id, status, tuple(why[id])))
    return found


def product_types(connection: Connection, tenant: str, customers: Collection[str]) -> dict[str, set[str]]:
    """Return the types of what some customers have bought and not given up."""
    s, a, found = subscriptions.c, accounts.c, defaultdict(set)
    query = select(a.customer_id, s.product_type).join_from(accounts, subscriptions, s.account_key == a.key).distinct()
    theirs = (a.tenant == tenant, a.customer_id.in_(customers), s.desired != Desired.CANCELLED)
    for customer, product_type in connection.execute(query.where(*theirs)):
        found[customer].add(product_type)
    return found


def told(connection: Connection, tenant: str, customers: Collection[str]) -> dict[str, Standing]:
    """Return what was last told of some customers."""
    c = standings.c
    query = select(c.customer_id, c.status, c.reasons).where(c.tenant == tenant, c.customer_id.in_(customers))
    return {customer: Standing(status, tuple(reasons)) for customer, status, reasons in connection.execute(query)}


def put(connection: Connection, tenant: str, now: Iterable[tuple[str, Standing]]) -> None:
    """Keep what is told of customers now."""
    rows = [{"tenant": tenant, "customer_id": id, **s._asdict()} for id, s in sorted(now)]
    if rows:
        new = insert_into(connection, standings)
        instead = {name: new.excluded[name] for name in Standing._fields}
        key = [standings.c.tenant, standings.c.customer_id]
        connection.execute(new.on_conflict_do_update(index_elements=key, set_=instead), rows)
