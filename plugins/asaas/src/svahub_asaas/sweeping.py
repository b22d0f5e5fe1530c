"""Reading from Asaas what its webhooks may have missed: charges that are overdue, were paid, or are new.

A listing that ends early changes nothing about what it did not name: only what was read is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from svahub import Debt, DebtSettled
from svahub.errors import NotFound

from svahub_asaas.charges.ledger import contract_of, row_of
from svahub_asaas.charges.wire import Payment
from svahub_asaas.invoicing import today
from svahub_asaas.status import Standing, debt_of, standing
from svahub_asaas.store import charges as store
from svahub_asaas.store import texts

if TYPE_CHECKING:
    from datetime import date, datetime

    from svahub.extension import Transaction
    from svahub.hub import TenantHub

    from svahub_asaas.charges.calls import Charges
    from svahub_asaas.store.charges import ChargeRow

PAGE = 100
OVERLAP = timedelta(days=1)
FIRST = timedelta(days=30)
"""So far back the first sweep looks."""
MISSED = "missed-events"


@dataclass(frozen=True, slots=True)
class Swept:
    """How many charges were read, how many of them had changed, and what that says of debts."""

    read: int = 0
    changed: int = 0
    debts: int = 0
    settled: int = 0

    def plus(self, other: Swept) -> Swept:
        """Return both together."""
        return Swept(
            self.read + other.read,
            self.changed + other.changed,
            self.debts + other.debts,
            self.settled + other.settled,
        )

    def __str__(self) -> str:
        return f"{self.read} charges read, {self.changed} changed; {self.debts} owed, {self.settled} no longer"


def sweep_overdue(office: TenantHub, integration: str, told: Callable[[int], None] = lambda _many: None) -> Swept:
    """Read what is overdue at Asaas, and anew what we take for overdue and Asaas no longer lists."""
    with _charges(office, integration) as charges:
        return _Sweep(office, integration, charges, told).overdue()


def sweep_missed(
    office: TenantHub, integration: str, since: date | None = None, told: Callable[[int], None] = lambda _many: None
) -> Swept:
    """Read what was made or paid since a day (the last sweep's, unless one is named), and what is overdue."""
    with _charges(office, integration) as charges:
        return _Sweep(office, integration, charges, told).missed(since)


@contextmanager
def _charges(office: TenantHub, integration: str) -> Iterator[Charges]:
    from svahub_asaas import Asaas  # it imports this package's parts, this among them

    with office.provider(integration, Asaas) as asaas:
        yield asaas.charges


class _Sweep:
    """One sweep of one integration."""

    def __init__(self, office: TenantHub, integration: str, charges: Charges, told: Callable[[int], None]) -> None:
        self._office, self._integration, self._charges, self._told = office, integration, charges, told
        self._seen: set[str] = set()
        self._today = today(office)
        self._owed = frozenset(debt.reference for debt in office.debts.list() if debt.integration == integration)

    def overdue(self) -> Swept:
        listed = self._taken(self._charges.list(status="OVERDUE"))
        return listed.plus(self._taken(self._read_anew()))

    def missed(self, since: date | None) -> Swept:
        first = since or self._since()
        paid = self._taken(self._charges.list(**{"paymentDate[ge]": first.isoformat()}))
        made = self._taken(self._charges.list(**{"dateCreated[ge]": first.isoformat()}))
        swept = paid.plus(made).plus(self.overdue())
        with self._office.transaction("asaas sync", f"integration {self._integration}", since=first) as transaction:
            texts.swept(transaction.connection, self._office.name, self._integration, MISSED, self._today)
        return swept

    def _since(self) -> date:
        with self._office.reading() as transaction:
            until = texts.swept_until(transaction.connection, self._office.name, self._integration, MISSED)
        return self._today - FIRST if until is None else until - OVERLAP

    def _read_anew(self) -> Iterator[Payment]:
        """Read one by one what should have been paid by now, or is owed as far as we know, and was in no listing."""
        for row in self._left():
            try:
                yield self._charges.get(row.id)
            except NotFound:
                yield gone(row)

    def _left(self) -> list[ChargeRow]:
        with self._office.reading() as transaction:
            where = (transaction.connection, self._office.name, self._integration)
            due = {row.id: row for row in store.unpaid(*where, self._today)}
            owed = sorted(self._owed - due.keys() - self._seen)
            for start in range(0, len(owed), PAGE):
                due |= store.by_ids(*where, owed[start : start + PAGE])
        return [row for row in due.values() if row.id not in self._seen]

    def _taken(self, payments: Iterable[Payment]) -> Swept:
        swept = Swept()
        new = (payment for payment in payments if payment.id not in self._seen)
        asked_at = self._office.bench.now()
        while page := list(islice(new, PAGE)):
            self._seen.update(payment.id for payment in page)
            swept = swept.plus(take(self._office, self._integration, page, asked_at, self._owed))
            self._told(len(page))
        return swept


def take(
    office: TenantHub,
    integration: str,
    payments: list[Payment],
    asked_at: datetime,
    owed: Collection[str] = frozenset(),
) -> Swept:
    """Write charges as Asaas had them when it was asked, with what they say of debts, in one transaction.

    What a webhook has told since is newer, and stays. Charges that are `owed` end their debts also where nothing is
    new about them: what a task of ours did to them is known, and only the webhook that was missed would have told.
    """
    subject = f"integration {integration}"
    with office.transaction("asaas sync", subject, charges=len(payments)) as opened:
        transaction = replace(opened, integration=integration)
        ids = [payment.id for payment in payments]
        before = store.by_ids(transaction.connection, office.name, integration, ids)
        old = [payment for payment in payments if not _is_newer(before.get(payment.id), asked_at)]
        rows = [_row(transaction, payment, before.get(payment.id)) for payment in old]
        changed = [row for row in rows if _is_news(row, before.get(row.id))]
        store.put(transaction.connection, changed)
        told = [
            one for row in rows if (one := _debt(row, before.get(row.id))) is not None and _says(one, changed, owed)
        ]
        office.debts.report(transaction, integration, told)
    debts = sum(isinstance(one, Debt) for one in told)
    return Swept(len(payments), len(changed), debts, len(told) - debts)


def _says(told: Debt | DebtSettled, changed: list[ChargeRow], owed: Collection[str]) -> bool:
    is_settled = isinstance(told, DebtSettled) and told.reference in owed
    return is_settled or any(row.id == told.reference for row in changed)


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
    return debt_of(row.contract_id, row.id, status=row.status, deleted=row.deleted, due=row.due_date, value=row.value)


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
