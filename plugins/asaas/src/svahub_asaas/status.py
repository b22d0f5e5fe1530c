"""What Asaas's statuses mean for who owes: pure. An unknown status says nothing and breaks nothing.

Source: the list of 14 statuses in Asaas's documentation of `GET /payments`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from svahub import Debt, DebtSettled, Payment


class Standing(StrEnum):
    """How it stands with a charge."""

    OPEN = "open"
    OVERDUE = "overdue"
    PAID = "paid"
    REVERSED = "reversed"
    DELETED = "deleted"
    UNKNOWN = "unknown"


LOOKED_INTO = "AWAITING_RISK_ANALYSIS"
IN_CASH = "RECEIVED_IN_CASH"
"""Paid at the counter: Asaas has no money of it to give back."""
_STANDINGS = {
    Standing.OPEN: {"PENDING", LOOKED_INTO},
    Standing.OVERDUE: {"OVERDUE", "DUNNING_REQUESTED"},
    Standing.PAID: {"CONFIRMED", "RECEIVED", IN_CASH, "DUNNING_RECEIVED"},
    Standing.REVERSED: {
        "REFUNDED",
        "REFUND_REQUESTED",
        "REFUND_IN_PROGRESS",
        "CHARGEBACK_REQUESTED",
        "CHARGEBACK_DISPUTE",
        "AWAITING_CHARGEBACK_REVERSAL",
    },
}
UNPAID = frozenset(_STANDINGS[Standing.OPEN] | _STANDINGS[Standing.OVERDUE])
_STANDING_OF = {status: standing for standing, statuses in _STANDINGS.items() for status in statuses}

_RANKS = {
    "PENDING": 0,
    "AWAITING_RISK_ANALYSIS": 0,
    "OVERDUE": 1,
    "DUNNING_REQUESTED": 2,
    "CONFIRMED": 3,
    "DUNNING_RECEIVED": 4,
    "RECEIVED_IN_CASH": 4,
    "RECEIVED": 4,
    "REFUND_REQUESTED": 5,
    "CHARGEBACK_REQUESTED": 5,
    "REFUND_IN_PROGRESS": 6,
    "CHARGEBACK_DISPUTE": 6,
    "AWAITING_CHARGEBACK_REVERSAL": 7,
    "REFUNDED": 8,
}
"""The order in which a charge passes through its statuses; what goes back in it is read again before it is believed."""


@dataclass(frozen=True, slots=True)
class Standpoint:
    """What is known of a charge when something is told of it: its status and by when, as Asaas writes instants."""

    status: str
    deleted: bool
    told_at: str | None


def standing(status: str, *, deleted: bool) -> Standing:
    """Return how it stands with a charge of this status."""
    return Standing.DELETED if deleted else _STANDING_OF.get(status, Standing.UNKNOWN)


def is_progress(known: Standpoint | None, told: Standpoint) -> bool:
    """Say whether what is told can be believed as it is: it is newer than what is known, and further on.

    What it says of a deletion is believed only from Asaas's own answer, as a restored charge goes on where it was.
    """
    if told.deleted or told.status not in _RANKS:
        return False
    if known is None:
        return True
    if known.deleted or known.status not in _RANKS or (told.told_at or "") <= (known.told_at or ""):
        return False
    return _RANKS[told.status] > _RANKS[known.status]


def debt_of(
    contract: str,
    reference: str,
    *,
    status: str,
    deleted: bool,
    due: date,
    value: Decimal,
    paid_on: date | None = None,
) -> Debt | DebtSettled | None:
    """Return what a charge says of its contract's debts; None where its status is not known.

    A refund or a chargeback after the payment is a debt again, since the day on which the charge was due. One that is
    not due yet is none: it may have been, before its due date was moved. A payment by card that is still looked into
    says nothing: it may come to nothing. Of one that was paid it says when, where Asaas has told that (`paid_on`).
    """
    if status == LOOKED_INTO and not deleted:
        return None
    match standing(status, deleted=deleted):
        case Standing.OVERDUE | Standing.REVERSED:
            return Debt(contract, reference, due, value)
        case Standing.PAID if paid_on is not None:
            return DebtSettled(contract, reference, Payment(value, paid_on, due))
        case Standing.PAID | Standing.DELETED | Standing.OPEN:
            return DebtSettled(contract, reference)
        case _:
            return None
