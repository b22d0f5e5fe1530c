"""Reading from Asaas what its webhooks may have missed, and writing it with what it says of debts.

A listing that ends early changes nothing about what it did not name: only what was read is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from svahub.errors import Cause, NotFound, ProviderError, Refused, Unreachable

from svahub_asaas.charges.wire import Payment
from svahub_asaas.invoicing import today
from svahub_asaas.status import UNPAID, Standing, standing
from svahub_asaas.store import charges as store
from svahub_asaas.store import texts
from svahub_asaas.taking import Swept, gone, take

if TYPE_CHECKING:
    from svahub.hub import TenantHub

    from svahub_asaas.charges.calls import Charges
    from svahub_asaas.store.charges import ChargeRow

PAGE = 100
DAY = timedelta(days=1)
OVERLAP = timedelta(days=3)
"""So much of what was read is read again: a payment may be noted later than on its day."""
FIRST = timedelta(days=30)
"""So far back the first sweep looks for what was made and paid."""
WINDOW = timedelta(days=31)
"""So many days are read before it is noted that they were."""
TAKEN_BACK_WITHIN = timedelta(days=540)
"""A card's holder may take a payment back for so long (assumed); refunds of older charges are not looked for."""
MOST_ALONE = 1_000
"""So many charges one sweep reads one by one; the next goes on."""
FEW = 5
"""More than so many that are no longer to be paid are looked for among the last days' payments first."""
MISSED = "missed-events"
UNDER_WAY = (
    "PENDING",
    "AWAITING_RISK_ANALYSIS",
    "OVERDUE",
    "DUNNING_REQUESTED",
    "CONFIRMED",
    "REFUND_REQUESTED",
    "REFUND_IN_PROGRESS",
    "CHARGEBACK_REQUESTED",
    "CHARGEBACK_DISPUTE",
    "AWAITING_CHARGEBACK_REVERSAL",
)
"""Statuses in which no charge stays: Asaas lists each whole, and what we have in one and is not listed has changed."""

Filters = Mapping[str, Any]
Told = Callable[[int], None]


def sweep_overdue(office: TenantHub, integration: str, told: Told = lambda _many: None) -> Swept:
    """Read what is due and not paid at Asaas, and anew what we take for that and Asaas no longer lists."""
    with _charges(office, integration) as charges:
        return _Sweep(office, integration, charges, told).overdue()


def sweep_missed(
    office: TenantHub, integration: str, since: date | None = None, told: Told = lambda _many: None
) -> Swept:
    """Read what was made or paid since a day (the last sweep's, unless one is named), and all that is under way.

    What was paid and taken back, deleted, restored or put off shows in that: it is listed in the status that it has
    now, or in none. Where Asaas fails on the way, what was read stays read, and Refused says from where to go on.
    """
    with _charges(office, integration) as charges:
        return _Sweep(office, integration, charges, told).missed(since)


def windows(first: date, last: date) -> Iterator[tuple[date, date]]:
    """Return the days from one to another in spans, the oldest first, both ends of each in it."""
    while first <= last:
        yield first, min(first + WINDOW - DAY, last)
        first += WINDOW


@contextmanager
def _charges(office: TenantHub, integration: str) -> Iterator[Charges]:
    from svahub_asaas import Asaas  # it imports this package's parts, this among them

    with office.provider(integration, Asaas) as asaas:
        yield asaas.charges


class _Sweep:
    """One sweep of one integration."""

    def __init__(self, office: TenantHub, integration: str, charges: Charges, told: Told) -> None:
        self._office, self._integration, self._charges, self._told = office, integration, charges, told
        self._seen: set[str] = set()
        self._today = today(office)
        self._owed = frozenset(debt.reference for debt in office.debts.list() if debt.integration == integration)

    def overdue(self) -> Swept:
        """Read what should have been paid by now: what is due on a weekend stays pending until Monday."""
        due = {"dueDate[le]": (self._today - DAY).isoformat()}
        swept = self._in_status({"status": status} | due for status in sorted(UNPAID))
        ours = [row for row in self._ours(UNPAID, self._today) if not _is_taken_back(row)]
        if sum(row.id not in self._seen for row in ours) > FEW:
            swept = swept.plus(self._in_status([{"paymentDate[ge]": (self._today - OVERLAP).isoformat()}]))
        return swept.plus(self._alone(ours))

    def missed(self, since: date | None) -> Swept:
        """Read span by span what was made and paid, then status by status what is under way."""
        until = self._until()
        first, swept = since or (self._today - FIRST if until is None else until - OVERLAP), Swept()
        goes_on = first <= (self._today - FIRST if until is None else until + DAY)
        try:
            for start, end in windows(first, self._today):
                swept = swept.plus(self._listed(self._made_and_paid(start, end)))
                if goes_on and (until is None or until < end):
                    self._note_until(end)
                first = end + DAY
        except ProviderError as error:
            raise Refused(f"{error}. All until {first} was read. Go on: svahub asaas sync --since {first}") from error
        taken_back = {"status": "REFUNDED", "dateCreated[ge]": (self._today - TAKEN_BACK_WITHIN).isoformat()}
        swept = swept.plus(self._in_status([*({"status": status} for status in UNDER_WAY), taken_back]))
        return swept.plus(self._alone(self._ours(UNDER_WAY)))

    def _made_and_paid(self, start: date, end: date) -> Iterator[Filters]:
        """Return what lists them; the last span is open, as Asaas's day may have begun before ours."""
        for what in ("dateCreated", "paymentDate"):
            until = {} if end >= self._today else {f"{what}[le]": end.isoformat()}
            yield {f"{what}[ge]": start.isoformat()} | until

    def _until(self) -> date | None:
        with self._office.reading() as transaction:
            return texts.swept_until(transaction.connection, self._office.name, self._integration, MISSED)

    def _note_until(self, day: date) -> None:
        """Note how far this has come, so that a sweep that ends early goes on from there."""
        with self._office.transaction("asaas sync", f"integration {self._integration}", until=day) as transaction:
            texts.swept(transaction.connection, self._office.name, self._integration, MISSED, day)

    def _listed(self, wanted: Iterable[Filters]) -> Swept:
        swept = Swept()
        for filters in wanted:
            swept = swept.plus(self._taken(self._charges.list(**filters)))
        return swept

    def _in_status(self, wanted: Iterable[Filters]) -> Swept:
        """Read what is in some statuses; what leaves one meanwhile hides another from the listing: it is read alone."""
        swept = Swept()
        for filters in wanted:
            swept = swept.plus(self._taken(_as_far_as_it_goes(self._charges.list(**filters))))
        return swept

    def _alone(self, rows: Iterable[ChargeRow]) -> Swept:
        """Read one by one what we have and was in no listing, as far as it goes in one sweep."""
        missing = [row for row in rows if row.id not in self._seen]
        now, later = missing[:MOST_ALONE], missing[MOST_ALONE:]
        return self._taken(map(self._as_it_is, now)).plus(Swept(left=len(later)))

    def _as_it_is(self, row: ChargeRow) -> Payment:
        try:
            return self._charges.get(row.id)
        except NotFound:
            return gone(row)

    def _ours(self, statuses: Iterable[str], before: date | None = None) -> list[ChargeRow]:
        """Return what we take to be in some statuses, due before a day if one is named, and all that is owed."""
        with self._office.reading() as transaction:
            where = (transaction.connection, self._office.name, self._integration)
            rows = {row.id: row for row in store.in_status(*where, statuses, before)}
            owed = sorted(self._owed - rows.keys() - self._seen)
            for start in range(0, len(owed), PAGE):
                rows |= store.by_ids(*where, owed[start : start + PAGE])
        return list(rows.values())

    def _taken(self, payments: Iterable[Payment]) -> Swept:
        swept = Swept()
        new = (payment for payment in payments if payment.id not in self._seen)
        asked_at = self._office.bench.now()
        while page := list(islice(new, PAGE)):
            self._seen.update(payment.id for payment in page)
            swept = swept.plus(take(self._office, self._integration, page, asked_at))
            self._told(len(page))
        return swept


def _as_far_as_it_goes(payments: Iterable[Payment]) -> Iterator[Payment]:
    try:
        yield from payments
    except Unreachable as error:
        if error.cause is not Cause.INCOMPLETE:
            raise


def _is_taken_back(row: ChargeRow) -> bool:
    """Say whether a charge is owed as it was taken back: what becomes of that is read once a day, not every hour."""
    return standing(row.status, deleted=row.deleted) is Standing.REVERSED
