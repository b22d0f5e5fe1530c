"""Queries on what was asked for: one invoice for each contract and month, and again after a cancellation."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Select, and_, column, func, or_, select, table
from svahub.extension.queries import insert_into
from svahub.extension.words import Outcome

from svahub_asaas.store.tables import charges, invoices

PAGE = 500


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """What a contract was to be charged for a month, and the task that asks Asaas for it."""

    tenant: str
    integration: str
    contract_id: str
    month: str
    number: int
    reference: str
    task_id: int
    value: Decimal
    due_date: date
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """An invoice with the charge that came of it, if Asaas has told of one."""

    invoice: InvoiceRow
    charge: str | None
    status: str | None
    deleted: bool | None
    net_value: Decimal | None
    payment_date: date | None
    invoice_url: str | None
    due_date: date | None


def add(connection: Connection, rows: Iterable[InvoiceRow]) -> set[str]:
    """Keep invoices that were just asked for, and return the contracts that have one for that month already."""
    values = [asdict(row) for row in rows]
    if not values:
        return set()
    new = insert_into(connection, invoices).values(values).on_conflict_do_nothing()
    written = connection.execute(new.returning(invoices.c.contract_id)).scalars()
    return {str(row["contract_id"]) for row in values} - set(written)


def newest(connection: Connection, tenant: str, month: str, contracts: Collection[str]) -> dict[str, Asked]:
    """Return the newest invoice of some contracts for a month, at whatever integration."""
    i = invoices.c
    query = _asked().where(i.tenant == tenant, i.month == month, i.contract_id.in_(contracts)).order_by(i.number)
    return {asked.invoice.contract_id: asked for asked in map(_row, connection.execute(query))}


def listed(
    connection: Connection,
    tenant: str,
    *,
    integration: str | None = None,
    month: str | None = None,
    contract: str | None = None,
) -> Iterator[Asked]:
    """Stream invoices, those of the newest month first."""
    i = invoices.c
    query = _asked().where(i.tenant == tenant).order_by(i.month.desc(), i.contract_id, i.number)
    for part, value in ((i.integration, integration), (i.month, month), (i.contract_id, contract)):
        query = query.where(part == value) if value is not None else query
    for row in connection.execute(query, execution_options={"yield_per": PAGE}):
        yield _row(row)


_tasks = table("tasks", column("id"), column("outcome"))  # the core's, to be read


def last_due(connection: Connection, tenant: str, contract: str) -> date | None:
    """Return the last due date that a contract has an invoice for; one that was deleted or let go counts for none."""
    i, c = invoices.c, charges.c
    of_it = and_(c.tenant == i.tenant, c.integration == i.integration, c.reference == i.reference)
    asked = invoices.join(_tasks, _tasks.c.id == i.task_id).outerjoin(charges, of_it)
    is_asked = or_(c.deleted.is_(False), and_(c.id.is_(None), _tasks.c.outcome != Outcome.DISCARDED.value))
    query = select(func.max(i.due_date)).select_from(asked).where(i.tenant == tenant, i.contract_id == contract)
    last: date | None = connection.execute(query.where(is_asked)).scalar()
    return last


def one(connection: Connection, tenant: str, id: int | str) -> Asked | None:
    """Return the invoice of a task or of a charge."""
    which = invoices.c.task_id == id if isinstance(id, int) else charges.c.id == id
    row = connection.execute(_asked().where(invoices.c.tenant == tenant, which)).first()
    return _row(row) if row else None


def _asked() -> Select[Any]:
    i, c = invoices.c, charges.c
    of_it = and_(c.tenant == i.tenant, c.integration == i.integration, c.reference == i.reference)
    told = (c.id, c.status, c.deleted, c.net_value, c.payment_date, c.invoice_url, c.due_date)
    return select(*i, *told).select_from(invoices.outerjoin(charges, of_it))


def _row(row: Any) -> Asked:
    own = len(invoices.c)
    return Asked(InvoiceRow(*row[:own]), *row[own:])
