"""Taking charges as Asaas had them when it was asked into the ledger, with what they say of debts: no calls here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from svahub import Debt, DebtSettled

from svahub_asaas.charges.ledger import contract_of, row_of
from svahub_asaas.charges.wire import Payment
from svahub_asaas.status import Standing, debt_of, standing
from svahub_asaas.store import charges as store

if TYPE_CHECKING:
    from datetime import datetime

    from svahub.extension import Transaction
    from svahub.hub import TenantHub

    from svahub_asaas.store.charges import ChargeRow


@dataclass(frozen=True, slots=True)
class Swept:
    """How many charges were read, how many of them had changed, what that says of debts; what is left to be read."""

    read: int = 0
    changed: int = 0
    debts: int = 0
    settled: int = 0
    left: int = 0

    def plus(self, other: Swept) -> Swept:
        """Return both together."""
        return Swept(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Swept)))

    def __str__(self) -> str:
        told = f"{self.read} charges read, {self.changed} changed; {self.debts} owed, {self.settled} no longer"
        return f"{told}; {self.left} left for the next time" if self.left else told


@dataclass(frozen=True, slots=True)
class _News:
    """What charges bring that the ledger has not: their rows, and what these say of debts."""

    rows: list[ChargeRow]
    told: list[Debt | DebtSettled]


def take(
    office: TenantHub,
    integration: str,
    payments: list[Payment],
    asked_at: datetime,
) -> Swept:
    """Write charges as Asaas had them when it was asked, with what they say of debts, in one transaction.

    What a webhook has told since is newer, and stays. A debt begins or ends also where nothing is new about a charge:
    what a task of ours did to it is known, and only the webhook that was missed would have told.
    """
    with office.reading() as transaction:
        news = _news(replace(transaction, integration=integration), payments, asked_at)
    if not (news.rows or news.told):
        return Swept(len(payments))
    subject, many = f"integration {integration}", len(news.rows)
    with office.transaction("asaas sync", subject, changed=many) as opened:
        transaction = replace(opened, integration=integration)
        news = _news(transaction, payments, asked_at, lock=True)
        store.put(transaction.connection, news.rows)
        office.debts.report(transaction, integration, news.told)
    debts = sum(isinstance(one, Debt) for one in news.told)
    return Swept(len(payments), len(news.rows), debts, len(news.told) - debts)


def _news(
    transaction: Transaction,
    payments: list[Payment],
    asked_at: datetime,
    *,
    lock: bool = False,
) -> _News:
    ids = [payment.id for payment in payments]
    where = transaction.connection, transaction.tenant, transaction.the_integration, ids
    before, owed = store.by_ids(*where, lock=lock), store.with_debts(*where)
    believed = [payment for payment in payments if not _is_newer(before.get(payment.id), asked_at)]
    rows = [_row(transaction, payment, before.get(payment.id)) for payment in believed]
    changed = [row for row in rows if _is_news(row, before.get(row.id))]
    return _News(changed, _told(rows, {row.id for row in changed}, before, owed))


def _told(
    rows: list[ChargeRow], changed: Collection[str], before: Mapping[str, ChargeRow], owed: Collection[str]
) -> list[Debt | DebtSettled]:
    """Return what rows say of debts that is new: what has changed, the end of what is owed, what is owed and is not."""
    said = [(row, _debt(row, before.get(row.id))) for row in rows]
    return [
        told
        for row, told in said
        if told is not None and (row.id in changed or (row.id in owed) is isinstance(told, DebtSettled))
    ]


def _is_newer(known: ChargeRow | None, asked_at: datetime) -> bool:
    return known is not None and known.seen_at >= asked_at


def _row(transaction: Transaction, payment: Payment, before: ChargeRow | None) -> ChargeRow:
    contract = before.contract_id if before and before.contract_id else contract_of(transaction, payment)
    return row_of(transaction, payment, contract, before.told_at if before else None)


def _is_news(row: ChargeRow, before: ChargeRow | None) -> bool:
    return before is None or replace(row, seen_at=before.seen_at) != before


def _debt(row: ChargeRow, before: ChargeRow | None) -> Debt | DebtSettled | None:
    if row.contract_id is None:
        return None
    if before is None and standing(row.status, deleted=row.deleted) is Standing.OPEN:
        return None
    return debt_of(
        row.contract_id,
        row.id,
        status=row.status,
        deleted=row.deleted,
        due=row.due_date,
        value=row.value,
        paid_on=row.client_payment_date or row.payment_date,
    )


def gone(row: ChargeRow) -> Payment:
    """Return a charge that Asaas no longer has, from what it last was."""
    return Payment(
        id=row.id,
        customer=row.customer,
        subscription=row.subscription,
        value=row.value,
        net_value=row.net_value,
        billing_type=row.billing_type,
        status=row.status,
        due_date=row.due_date,
        date_created=row.created_on,
        payment_date=row.payment_date,
        client_payment_date=row.client_payment_date,
        external_reference=row.reference,
        deleted=True,
        invoice_url=row.invoice_url,
    )
