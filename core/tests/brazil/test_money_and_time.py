"""Money, dates and instants: read as people write them, and never rounded nor guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub import brazil

from .written import full_width, refusal

CENTS = st.integers(0, 999_999_999_999).map(lambda cents: Decimal(cents) / 100)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("1.234,56", "1234.56"),
        ("1234.56", "1234.56"),
        ("1234,5", "1234.50"),
        ("R$ 12,90", "12.90"),
        ("R$\u00a01.234.567,00", "1234567.00"),
        ("0", "0.00"),
        (12.9, "12.90"),
        (12, "12.00"),
        (-0.0, "0.00"),
        (Decimal("12.900"), "12.90"),
    ],
)
def test_money_has_two_places(written: str | float | Decimal, kept: str) -> None:
    assert str(brazil.money(written)) == kept


@given(CENTS)
def test_money_is_the_same_in_every_notation(amount: Decimal) -> None:
    american = f"{amount:,.2f}"
    brazilian = american.replace(",", "_").replace(".", ",").replace("_", ".")
    notations = (amount, float(amount), f"{amount:.2f}", f"{amount:.2f}".replace(".", ","), brazilian)
    assert {brazil.money(notation) for notation in notations} == {amount}


@pytest.mark.parametrize(
    "wrong",
    [
        "12,345",
        "1.234",
        "1.000",
        "12,900",
        "1,234.56",
        "1.23.456,00",
        "-1,00",
        "1e3",
        "",
        "R$",
        full_width("12"),
        "12,",
        "NaN",
        0.1 + 0.2,
        12.345,
        -0.01,
        float("inf"),
        float("nan"),
        Decimal("1e12"),
        1e300,
        Decimal("1e-400"),
        "99999999999,00",
    ],
)
def test_money_is_never_rounded_nor_guessed(wrong: str | float | Decimal) -> None:
    with pytest.raises(ValueError, match="an amount"):
        brazil.money(wrong)


@pytest.mark.parametrize("written", ["1990-12-31", "31/12/1990", " 31/12/1990 "])
def test_a_date_is_read_as_iso_and_as_brazilians_write_it(written: str) -> None:
    assert brazil.date_of(written) == date(1990, 12, 31)


@given(st.dates())
def test_every_date_is_read_in_both_notations(day: date) -> None:
    assert brazil.date_of(day.isoformat()) == day
    assert brazil.date_of(f"{day.day:02}/{day.month:02}/{day.year:04}") == day


@pytest.mark.parametrize(
    "wrong",
    [
        "31/02/1990",
        "12/31/1990",
        "1990-13-01",
        "31/12/90",
        "1990-12-31T00:00",
        "",
        full_width("1") + "990-12-31",
    ],
)
def test_what_is_no_date_is_refused(wrong: str) -> None:
    refusal(brazil.date_of, wrong)


@pytest.mark.parametrize(
    "written",
    [
        "2026-12-31T17:30:00Z",
        "2026-12-31T14:30-03:00",
        "2026-12-31 14:30:00 -0300",
        "2026-12-31T14:30:00.000000",
        "31/12/2026 14:30",
    ],
)
def test_an_instant_is_kept_in_utc_and_without_offset_is_the_time_in_sao_paulo(written: str) -> None:
    assert brazil.instant_of(written) == datetime(2026, 12, 31, 17, 30, tzinfo=UTC)


@pytest.mark.parametrize("wrong", ["2026-12-31", "2026-12-31T25:00", "9999-12-31T23:59", "31/02/2026 10:00", "now", ""])
def test_what_is_no_instant_is_refused(wrong: str) -> None:
    refusal(brazil.instant_of, wrong)
