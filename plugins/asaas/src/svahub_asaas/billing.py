"""What a contract is charged for a month, and why one is not: pure."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from svahub import Desired, Observed

if TYPE_CHECKING:
    from collections.abc import Collection

    from svahub.extension.words import Whole

GONE = frozenset({Observed.ABSENT, Observed.CANCELLED})


class Left(StrEnum):
    """Why a contract is not charged for a month."""

    NO_PRICE = "it has no price"
    SUBSCRIPTION = "a subscription at Asaas charges it"
    CHARGED = "it was charged for this month"
    LET_GO = "its charge was cancelled: --again charges anew"
    PENDING = "it is pending"
    CANCELLED = "it is cancelled"


@dataclass(frozen=True, slots=True)
class Month:
    """A month of a year."""

    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> Month:
        """Return the month of a day."""
        return cls(day.year, day.month)

    @classmethod
    def read(cls, text: str) -> Month:
        """Return the month that is written as 2026-11; ValueError for anything else."""
        first = date.fromisoformat(f"{text}-01")
        return cls.of(first)

    def day(self, wanted: int) -> date:
        """Return a day of it: the last where it has none of that number."""
        return date(self.year, self.number, min(wanted, monthrange(self.year, self.number)[1]))

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"


@dataclass(frozen=True, slots=True)
class Invoice:
    """What a contract is to be charged; `number` is 2 and on when it is asked for again after a cancellation."""

    contract_id: str
    customer_id: str
    month: Month
    value: Decimal
    due_date: date
    number: int = 1

    @property
    def name(self) -> str:
        """The name of its task: there is one for each contract and month."""
        name = f"{self.contract_id}/{self.month}"
        return name if self.number == 1 else f"{name}#{self.number}"


def value_of(whole: Whole) -> Decimal | None:
    """Return a contract's price, else what its items' prices sum up to; None where neither has any.

    An item's price is that of the item, whatever its quantity, as where a subscription charges it.
    """
    if whole.contract.price is not None:
        return whole.contract.price
    prices = [item.price for item in whole.items if item.price is not None]
    return sum(prices, Decimal(0)) if prices else None


def is_charged_by_subscription(whole: Whole, integrations: Collection[str]) -> bool:
    """Say whether a subscription at one of these integrations charges the contract, or will."""
    return any(
        sold.integration in integrations and (sold.desired is not Desired.CANCELLED or sold.observed not in GONE)
        for sold in whole.subscriptions
    )


def invoice(whole: Whole, month: Month, integrations: Collection[str], default_day: int) -> Invoice | Left:
    """Return what a contract is charged for a month, or why it is not."""
    if is_charged_by_subscription(whole, integrations):
        return Left.SUBSCRIPTION
    value = value_of(whole)
    if value is None or value <= 0:
        return Left.NO_PRICE
    due = month.day(whole.contract.due_day or default_day)
    return Invoice(whole.contract.id, whole.contract.customer_id, month, value, due)
