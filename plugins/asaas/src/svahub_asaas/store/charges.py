"""Queries on charges and on whose subscriptions at Asaas they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Select, column, func, or_, select, table, update
from svahub.extension.queries import Upsert, contracts_of, for_each_database

from svahub_asaas.store.tables import charges, invoices, subscriptions

PAGE = 500
KEY = ("tenant", "integration", "id")
"""By which charges and subscriptions are known."""


@dataclass(frozen=True, slots=True)
class ChargeRow:
    """A charge as Asaas last told of it; `reference` is what it bears as ours: the task that made it."""

    tenant: str
    integration: str
    id: str
    reference: str | None
    contract_id: str | None
    customer: str | None
    subscription: str | None
    billing_type: str
    status: str
    deleted: bool
    value: Decimal
    net_value: Decimal | None
    due_date: date
    created_on: date
    payment_date: date | None
    client_payment_date: date | None
    invoice_url: str | None
    told_at: str | None
    seen_at: datetime


LASTING = frozenset({*KEY, "created_on"})
FIRST_KNOWN = frozenset({"reference", "contract_id", "subscription", "customer"})
"""Columns that stay what they were first known as: an answer that lacks them takes nothing away."""
LAST_KNOWN = frozenset({"told_at"})
"""Columns that only events tell of: what a task or a sweep brings takes nothing away."""


def put(connection: Connection, rows: Iterable[ChargeRow]) -> None:
    """Write charges as they are now known."""
    if values := [asdict(row) for row in rows]:
        connection.execute(_PUT[connection.dialect.name], values)


def _renewed(new: Upsert) -> Upsert:
    changed = {c.name: _kept(c.name, new.excluded) for c in charges.c if c.name not in LASTING}
    return new.on_conflict_do_update(index_elements=KEY, set_=changed)


def _kept(name: str, excluded: Any) -> Any:
    if name in FIRST_KNOWN:
        return func.coalesce(charges.c[name], excluded[name])
    if name in LAST_KNOWN:
        return func.coalesce(excluded[name], charges.c[name])
    return excluded[name]


_PUT = for_each_database(charges, _renewed)


def mark_deleted(connection: Connection, tenant: str, integration: str, id: str, now: datetime) -> None:
    """Note that Asaas no longer asks for a charge."""
    c = charges.c
    where = (c.tenant == tenant, c.integration == integration, c.id == id)
    connection.execute(update(charges).where(*where).values(deleted=True, seen_at=now))


def one(connection: Connection, tenant: str, integration: str, id: str) -> ChargeRow | None:
    """Return one charge."""
    row = connection.execute(_of(tenant, integration).where(charges.c.id == id)).first()
    return ChargeRow(*row) if row else None


def by_ids(
    connection: Connection, tenant: str, integration: str, ids: Collection[str], *, lock: bool = False
) -> dict[str, ChargeRow]:
    """Return charges by their ids; `lock` lets nobody else write them until the transaction ends."""
    query = _of(tenant, integration).where(charges.c.id.in_(ids)).order_by(charges.c.id)
    found = connection.execute(query.with_for_update() if lock else query)
    return {row.id: ChargeRow(*row) for row in found}


def in_status(
    connection: Connection, tenant: str, integration: str, statuses: Iterable[str], before: date | None = None
) -> list[ChargeRow]:
    """Return the charges that, as far as is known, are in some statuses and not deleted; the oldest due date first.

    With `before`, only those that were due before a day.
    """
    c = charges.c
    query = _of(tenant, integration).where(c.status.in_(sorted(statuses)), c.deleted.is_(False))
    query = query if before is None else query.where(c.due_date < before)
    return [ChargeRow(*row) for row in connection.execute(query.order_by(c.due_date, c.id))]


def issued(connection: Connection, tenant: str, integration: str, first: date, last: date) -> Iterator[ChargeRow]:
    """Stream the charges that were made in a span of days."""
    c = charges.c
    return stream(connection, _of(tenant, integration).where(c.created_on >= first, c.created_on <= last))


def paid(connection: Connection, tenant: str, integration: str, first: date, last: date) -> Iterator[ChargeRow]:
    """Stream the charges whose payment the ISP got in a span of days."""
    c = charges.c
    return stream(connection, _of(tenant, integration).where(c.payment_date >= first, c.payment_date <= last))


def charged_by_subscription(
    connection: Connection, tenant: str, contracts: Collection[str], first: date, last: date
) -> set[str]:
    """Return which of some contracts a subscription at Asaas charged with a due date in a span of days."""
    c = charges.c
    where = (c.tenant == tenant, c.contract_id.in_(contracts), c.due_date >= first, c.due_date <= last)
    query = select(c.contract_id).where(*where, c.subscription.is_not(None), c.deleted.is_(False))
    return {str(contract) for contract in connection.execute(query).scalars()}


def of_customer(connection: Connection, tenant: str, customer_id: str) -> list[ChargeRow]:
    """Return the charges of a customer's contracts."""
    c = charges.c
    theirs = c.contract_id.in_(contracts_of(tenant, customer_id))
    query = select(charges).where(c.tenant == tenant, theirs).order_by(c.due_date, c.id)
    return [ChargeRow(*row) for row in connection.execute(query)]


_DEBT = ("tenant", "integration", "reference", "settled_at", "forgiven")
_debts = table("debts", *map(column, _DEBT))  # the core's, to be read


def with_debts(connection: Connection, tenant: str, integration: str, ids: Collection[str]) -> set[str]:
    """Return which of some charges the core keeps a debt of: one that is open, or was forgiven."""
    c = _debts.c
    where = (c.tenant == tenant, c.integration == integration, c.reference.in_(ids))
    kept = select(c.reference).where(*where, or_(c.settled_at.is_(None), c.forgiven))
    return {str(reference) for reference in connection.execute(kept).scalars()}


def _of(tenant: str, integration: str) -> Select[Any]:
    return select(charges).where(charges.c.tenant == tenant, charges.c.integration == integration)


def stream(connection: Connection, query: Select[Any]) -> Iterator[ChargeRow]:
    """Stream the charges that a query finds."""
    for row in connection.execute(query, execution_options={"yield_per": PAGE}):
        yield ChargeRow(*row)


def _owned(new: Upsert) -> Upsert:
    whose = {name: new.excluded[name] for name in ("subscription_key", "contract_id")}
    return new.on_conflict_do_update(index_elements=KEY, set_=whose)


_PUT_SUBSCRIPTION = for_each_database(subscriptions, _owned)


def put_subscription(
    connection: Connection, tenant: str, integration: str, id: str, subscription_key: str, contract_id: str
) -> None:
    """Note whose a subscription at Asaas is."""
    values = {
        "tenant": tenant,
        "integration": integration,
        "id": id,
        "subscription_key": subscription_key,
        "contract_id": contract_id,
    }
    connection.execute(_PUT_SUBSCRIPTION[connection.dialect.name], values)


def contract_of_reference(connection: Connection, tenant: str, reference: str) -> str | None:
    """Return the contract of what bears our reference: a charge that was asked for, or a subscription's charge."""
    asked = select(invoices.c.contract_id).where(invoices.c.tenant == tenant, invoices.c.reference == reference)
    c = subscriptions.c
    inherited = select(c.contract_id).where(c.tenant == tenant, c.subscription_key == reference)
    contract: str | None = connection.execute(asked.union_all(inherited).limit(1)).scalar()
    return contract


def contract_of_subscription(connection: Connection, tenant: str, integration: str, id: str) -> str | None:
    """Return the contract of a subscription at Asaas."""
    c = subscriptions.c
    where = (c.tenant == tenant, c.integration == integration, c.id == id)
    contract: str | None = connection.execute(select(c.contract_id).where(*where)).scalar_one_or_none()
    return contract
