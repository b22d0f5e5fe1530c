"""The rows of a report and what they sum up to: pure, exact to the cent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from svahub_asaas.status import Standing, standing

if TYPE_CHECKING:
    from svahub_asaas.store.charges import ChargeRow

NOTHING = Decimal("0.00")
NAMES = {
    Standing.PAID: "paid",
    Standing.OPEN: "pending",
    Standing.OVERDUE: "overdue",
    Standing.REVERSED: "reversed",
    Standing.UNKNOWN: "unknown",
}
"""What the totals are called; what was deleted is in none."""


class Age(StrEnum):
    """How long a charge is overdue, in days."""

    NOT_DUE = "0"
    WEEK = "1-7"
    MONTH = "8-30"
    TWO_MONTHS = "31-60"
    LONGER = "60+"


_AGES = ((0, Age.NOT_DUE), (7, Age.WEEK), (30, Age.MONTH), (60, Age.TWO_MONTHS))


def age(days_late: int) -> Age:
    """Return the class of an age in days; what is not late yet has age 0."""
    return next((name for longest, name in _AGES if days_late <= longest), Age.LONGER)


@dataclass(frozen=True, slots=True)
class Line:
    """One charge in a report; `days_late` counts from the due date to the payment, or to the report's day."""

    charge: str
    contract: str | None
    month: str
    billing_type: str
    standing: Standing
    status: str
    value: Decimal
    net: Decimal
    created_on: date
    due_date: date
    paid_on: date | None
    days_late: int


@dataclass(frozen=True, slots=True)
class Sum:
    """How many charges, and what they come to in BRL."""

    count: int = 0
    value: Decimal = NOTHING
    net: Decimal = NOTHING

    def plus(self, line: Line) -> Sum:
        """Return the sum with one line more."""
        return Sum(self.count + 1, self.value + line.value, self.net + line.net)


def total(lines: Iterable[Line]) -> Sum:
    """Return what lines sum up to."""
    summed = Sum()
    for line in lines:
        summed = summed.plus(line)
    return summed


@dataclass(frozen=True, slots=True)
class Report:
    """The charges of a span of days; `on` is the day on which it was made."""

    first: date
    last: date
    on: date
    lines: tuple[Line, ...]

    @property
    def issued(self) -> Sum:
        """All of them."""
        return total(self.lines)

    def of(self, *standings: Standing) -> Sum:
        """Return what those come to with which it stands so."""
        return total(line for line in self.lines if line.standing in standings)

    def in_status(self, status: str) -> Sum:
        """Return what those come to that Asaas has in one status."""
        return total(line for line in self.lines if line.status == status)

    @property
    def sums(self) -> dict[str, Sum]:
        """The totals by name; all but the first sum up to the first."""
        return {"issued": self.issued} | {name: self.of(stands) for stands, name in NAMES.items()}

    @property
    def ageing(self) -> dict[Age, Sum]:
        """What is not paid, by how long it is overdue; what is not due yet has age 0."""
        owed = [line for line in self.lines if line.standing in {Standing.OPEN, Standing.OVERDUE}]
        return {name: total(line for line in owed if age(line.days_late) is name) for name in Age}

    @property
    def mean_days_late(self) -> Decimal | None:
        """By how many days payments were late on average, to a tenth; None where nothing was paid."""
        late = [line.days_late for line in self.lines if line.standing is Standing.PAID]
        return (Decimal(sum(late)) / len(late)).quantize(Decimal("0.1")) if late else None


def report(charges: Iterable[ChargeRow], first: date, last: date, on: date) -> Report:
    """Return the report on charges, the oldest due date first; without deleted ones, which nobody is to pay."""
    lines = (line_of(charge, on) for charge in charges if not charge.deleted)
    return Report(first, last, on, tuple(sorted(lines, key=lambda line: (line.due_date, line.charge))))


def line_of(charge: ChargeRow, on: date) -> Line:
    """Return the line of one charge."""
    stands = standing(charge.status, deleted=charge.deleted)
    paid_on = charge.client_payment_date or charge.payment_date if stands is Standing.PAID else None
    return Line(
        charge.id,
        charge.contract_id,
        f"{charge.due_date:%Y-%m}",
        charge.billing_type,
        stands,
        charge.status,
        charge.value,
        charge.net_value if charge.net_value is not None else charge.value,
        charge.created_on,
        charge.due_date,
        paid_on,
        max(((paid_on or on) - charge.due_date).days, 0),
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """What the rows come to and what Asaas's own statistics say, where they are not the same."""

    what: str
    ours: str
    theirs: str


def differences(what: str, ours: Sum, theirs: Sum) -> list[Difference]:
    """Return where a report's sum and that of Asaas's statistics differ; empty when they agree."""
    pairs = (("number", ours.count, theirs.count), ("value", ours.value, theirs.value), ("net", ours.net, theirs.net))
    return [Difference(f"{what}, {name}", str(mine), str(other)) for name, mine, other in pairs if mine != other]
