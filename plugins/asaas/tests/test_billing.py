from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub import Desired, Observed
from svahub.areas.contracts import Whole
from svahub.store.rows import ContractRow, ItemRow
from svahub.store.states import ContractStatus
from svahub_asaas.billing import Invoice, Left, Month, invoice, value_of

NOVEMBER = Month(2026, 11)
CONTRACT = ContractRow(
    "default", "C1", "P1", ContractStatus.ACTIVE, 10, Decimal("99.90"), None, datetime(2026, 11, 1, tzinfo=UTC)
)


def item(code: str, price: str | None, quantity: int = 1) -> ItemRow:
    worth = None if price is None else Decimal(price)
    return ItemRow("default", "C1", code, "NET", None, None, quantity, worth, {}, None, 0, removed=False)


def whole(*items: ItemRow, sold: tuple[Any, ...] = (), **contract: Any) -> Whole:
    return Whole(replace(CONTRACT, **contract), items, sold)


class Sold:
    def __init__(self, integration: str, desired: Desired, observed: Observed) -> None:
        self.integration, self.desired, self.observed = integration, desired, observed


def test_a_contract_is_charged_its_price_on_its_day() -> None:
    charged = invoice(whole(), NOVEMBER, {"bill"}, 5)
    assert charged == Invoice("C1", "P1", NOVEMBER, Decimal("99.90"), date(2026, 11, 10))


def test_without_a_price_it_is_charged_what_its_items_cost() -> None:
    assert value_of(whole(item("1", "10.00", 3), item("2", None), item("3", "0.05"), price=None)) == Decimal("10.05")


def test_without_a_day_it_is_due_on_the_default_day() -> None:
    charged = invoice(whole(due_day=None), NOVEMBER, {"bill"}, 5)
    assert isinstance(charged, Invoice)
    assert charged.due_date == date(2026, 11, 5)


@pytest.mark.parametrize("price", [None, Decimal("0.00")])
def test_what_has_no_price_is_not_charged(price: Decimal | None) -> None:
    assert invoice(whole(price=price), NOVEMBER, {"bill"}, 5) is Left.NO_PRICE


@pytest.mark.parametrize(
    ("desired", "observed", "charged"),
    [
        (Desired.ACTIVE, Observed.ABSENT, False),
        (Desired.BLOCKED, Observed.BLOCKED, False),
        (Desired.CANCELLED, Observed.ACTIVE, False),
        (Desired.CANCELLED, Observed.CANCELLED, True),
    ],
)
def test_what_a_subscription_charges_is_not_charged_twice(desired: Desired, observed: Observed, charged: bool) -> None:
    told = invoice(whole(sold=(Sold("bill", desired, observed),)), NOVEMBER, {"bill"}, 5)
    assert (told is Left.SUBSCRIPTION) is not charged


def test_a_subscription_elsewhere_charges_nothing() -> None:
    assert isinstance(
        invoice(whole(sold=(Sold("tele", Desired.ACTIVE, Observed.ACTIVE),)), NOVEMBER, {"bill"}, 5), Invoice
    )


@given(year=st.integers(1, 9998), number=st.integers(1, 12), day=st.integers(1, 31))
def test_a_day_of_a_month_is_in_it_and_the_last_where_it_has_none(year: int, number: int, day: int) -> None:
    month = Month(year, number)
    found = month.day(day)
    assert (Month.of(found), Month.read(str(month))) == (month, month)
    assert found.day == day or (found.day < day and Month.of(date.fromordinal(found.toordinal() + 1)) != month)


@pytest.mark.parametrize("text", ["", "2026", "2026-13", "11/2026", "2026-11-01"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"[Ii]nvalid|month"):
        Month.read(text)


def test_there_is_one_name_for_each_contract_and_month_and_another_for_each_time_again() -> None:
    first = Invoice("C1", "P1", NOVEMBER, Decimal("9.90"), date(2026, 11, 10))
    assert (first.name, replace(first, number=2).name) == ("C1/2026-11", "C1/2026-11#2")
