from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from svahub import Debt, DebtSettled, Payment
from svahub_asaas.status import Standing, Standpoint, debt_of, is_progress, standing

DUE = date(2026, 11, 10)
PRICE = Decimal("49.90")


def owed(status: str, *, deleted: bool = False) -> Debt | DebtSettled | None:
    return debt_of("C1", "pay_1", status=status, deleted=deleted, due=DUE, value=PRICE)


@pytest.mark.parametrize("status", ["OVERDUE", "DUNNING_REQUESTED"])
def test_what_is_overdue_is_a_debt_since_its_due_date(status: str) -> None:
    assert owed(status) == Debt("C1", "pay_1", DUE, PRICE)


@pytest.mark.parametrize("status", ["REFUNDED", "CHARGEBACK_REQUESTED", "CHARGEBACK_DISPUTE", "REFUND_IN_PROGRESS"])
def test_what_was_paid_and_taken_back_is_a_debt_again(status: str) -> None:
    assert owed(status) == Debt("C1", "pay_1", DUE, PRICE)


@pytest.mark.parametrize("status", ["CONFIRMED", "RECEIVED", "RECEIVED_IN_CASH", "DUNNING_RECEIVED"])
def test_what_is_paid_is_no_debt(status: str) -> None:
    assert owed(status) == DebtSettled("C1", "pay_1")


def test_of_what_is_paid_it_is_told_when_and_how_much_where_that_is_known() -> None:
    paid_on = date(2026, 11, 3)
    told = debt_of("C1", "pay_1", status="RECEIVED", deleted=False, due=DUE, value=PRICE, paid_on=paid_on)
    assert told == DebtSettled("C1", "pay_1", Payment(PRICE, paid_on, DUE))
    gone = debt_of("C1", "pay_1", status="RECEIVED", deleted=True, due=DUE, value=PRICE, paid_on=paid_on)
    assert gone == DebtSettled("C1", "pay_1")


@pytest.mark.parametrize("status", ["PENDING", "OVERDUE", "REFUNDED", "A_WORD_OF_NEXT_YEAR"])
def test_what_was_deleted_is_no_debt_whatever_its_status(status: str) -> None:
    assert owed(status, deleted=True) == DebtSettled("C1", "pay_1")


def test_what_is_not_due_any_more_is_no_debt() -> None:
    assert owed("PENDING") == DebtSettled("C1", "pay_1")


def test_a_payment_by_card_that_is_still_looked_into_ends_no_debt_and_makes_none() -> None:
    assert owed("AWAITING_RISK_ANALYSIS") is None


def test_what_is_not_known_says_nothing() -> None:
    assert owed("A_WORD_OF_NEXT_YEAR") is None


def test_an_unknown_status_breaks_nothing() -> None:
    assert standing("A_WORD_OF_NEXT_YEAR", deleted=False) is Standing.UNKNOWN


def at(status: str, instant: str | None, *, deleted: bool = False) -> Standpoint:
    return Standpoint(status, deleted, instant)


def test_what_is_newer_and_further_on_is_progress() -> None:
    assert is_progress(at("OVERDUE", "2026-11-11 10:00:00"), at("RECEIVED", "2026-11-11 10:00:01"))


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (at("RECEIVED", "2026-11-11 10:00:00"), at("OVERDUE", "2026-11-11 10:00:01")),
        (at("OVERDUE", "2026-11-11 10:00:00"), at("RECEIVED", "2026-11-11 10:00:00")),
        (at("OVERDUE", "2026-11-11 10:00:00"), at("RECEIVED", None)),
        (at("OVERDUE", "2026-11-11 10:00:00"), at("OVERDUE", "2026-11-11 10:00:01", deleted=True)),
        (at("OVERDUE", "2026-11-11 10:00:00", deleted=True), at("RECEIVED", "2026-11-11 10:00:01")),
        (None, at("A_WORD_OF_NEXT_YEAR", "2026-11-11 10:00:00")),
    ],
)
def test_what_goes_back_is_as_old_or_cannot_be_compared_is_not(known: Standpoint | None, told: Standpoint) -> None:
    assert not is_progress(known, told)


def test_the_first_that_is_told_is_progress() -> None:
    assert is_progress(None, at("PENDING", None))
