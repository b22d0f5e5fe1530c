"""Discount, interest and fine of a charge: how they are read and written, and what is to be paid on a day. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from svahub_asaas.simulator.writing import day, number

if TYPE_CHECKING:
    from svahub_asaas.simulator.reading import Reading

ZERO = Decimal(0)
KINDS = ("FIXED", "PERCENTAGE")


@dataclass(frozen=True, slots=True)
class Terms:
    """What changes the amount of a charge; interest is a percentage per month."""

    discount: Decimal = ZERO
    discount_days: int = 0
    discount_kind: str = "FIXED"
    fine: Decimal = ZERO
    fine_kind: str = "FIXED"
    interest: Decimal = ZERO

    def changed(self, reading: Reading) -> Terms:
        """Return the terms after a request; a part that it does not name stays."""
        discount, fine, interest = reading.part("discount"), reading.part("fine"), reading.part("interest")
        return Terms(
            discount=discount.amount("value", self.discount, least=ZERO),
            discount_days=discount.number("dueDateLimitDays", self.discount_days) or 0,
            discount_kind=discount.one_of("type", KINDS, self.discount_kind),
            fine=fine.amount("value", self.fine, least=ZERO),
            # As in the API's reference: a fine is a percentage unless it says otherwise.
            fine_kind=fine.one_of("type", KINDS, "PERCENTAGE" if fine.body else self.fine_kind),
            interest=interest.amount("value", self.interest, least=ZERO),
        )

    def payable(self, value: Decimal, due: date, on: date) -> Decimal:
        """Return what is to be paid on a day, to the cent."""
        if on > due:
            interest = value * self.interest / 100 * (on - due).days / 30
            return _cents(value + _share(self.fine, self.fine_kind, value) + interest)
        if self.discount and on <= self._discount_until(due):
            return _cents(value - _share(self.discount, self.discount_kind, value))
        return value

    def discount_json(self, due: date) -> dict[str, Any]:
        """Return the discount as the API tells of it."""
        return {
            "value": number(self.discount),
            "limitDate": day(self._discount_until(due)) if self.discount else None,
            "dueDateLimitDays": self.discount_days,
            "type": self.discount_kind,
        }

    def fine_json(self) -> dict[str, Any]:
        """Return the fine as the API tells of it."""
        return {"value": number(self.fine), "type": self.fine_kind}

    def interest_json(self) -> dict[str, Any]:
        """Return the interest as the API tells of it."""
        return {"value": number(self.interest), "type": "PERCENTAGE"}

    def _discount_until(self, due: date) -> date:
        return due - timedelta(days=self.discount_days)


def _share(amount: Decimal, kind: str, value: Decimal) -> Decimal:
    return amount if kind == "FIXED" else value * amount / 100


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
