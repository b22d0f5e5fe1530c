from __future__ import annotations

import csv
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from svahub_asaas.reports.page import brl, page
from svahub_asaas.reports.rows import Age, Sum, age, differences, report
from svahub_asaas.reports.written import as_csv
from svahub_asaas.status import Standing
from svahub_asaas.store.charges import ChargeRow

TODAY = date(2026, 11, 24)
STATUSES = ["PENDING", "OVERDUE", "RECEIVED", "CONFIRMED", "REFUNDED", "A_WORD_OF_NEXT_YEAR"]


def charge(
    number: int, status: str, value: Decimal, due: date, paid: date | None = None, *, deleted: bool = False
) -> ChargeRow:
    return ChargeRow(
        "default", "bill", f"pay_{number}", None, "C<1>", "cus_1", None, "PIX", status, deleted, value,
        value - Decimal("1.99"), due, due, paid, paid, None, None, datetime(2026, 11, 24, tzinfo=UTC),
    )  # fmt: skip


charges = st.builds(
    charge,
    st.integers(0, 10**6),
    st.sampled_from(STATUSES),
    st.decimals("0.01", "99999.99", places=2),
    st.dates(date(2026, 1, 1), date(2026, 12, 31)),
    st.none() | st.dates(date(2026, 1, 1), TODAY),
    deleted=st.booleans(),
)


@given(st.lists(charges, max_size=20))
def test_what_is_paid_pending_overdue_reversed_and_unknown_sums_up_to_what_was_issued(rows: list[ChargeRow]) -> None:
    made = report(rows, date(2026, 1, 1), date(2026, 12, 31), TODAY)
    issued, *parts = made.sums.values()
    assert sum(part.count for part in parts) == issued.count == len([row for row in rows if not row.deleted])
    assert sum((part.value for part in parts), Decimal(0)) == issued.value
    assert sum((part.net for part in parts), Decimal(0)) == issued.net


@given(st.lists(charges, max_size=20))
def test_the_ages_sum_up_to_what_is_not_paid(rows: list[ChargeRow]) -> None:
    made = report(rows, date(2026, 1, 1), date(2026, 12, 31), TODAY)
    owed = made.of(Standing.OPEN, Standing.OVERDUE)
    assert sum((part.value for part in made.ageing.values()), Decimal(0)) == owed.value


def test_ages_are_classed_by_days() -> None:
    found = {days: age(days) for days in (0, 1, 7, 8, 30, 31, 60, 61)}
    expected = [Age.NOT_DUE, Age.WEEK, Age.WEEK, Age.MONTH, Age.MONTH, Age.TWO_MONTHS, Age.TWO_MONTHS, Age.LONGER]
    assert list(found.values()) == expected


def test_days_late_count_to_the_payment_or_to_today() -> None:
    due = TODAY - timedelta(days=10)
    rows = [charge(1, "RECEIVED", Decimal("9.90"), due, due + timedelta(days=3)), charge(2, "OVERDUE", Decimal(5), due)]
    made = report(rows, due, TODAY, TODAY)
    assert [line.days_late for line in made.lines] == [3, 10]
    assert made.mean_days_late == Decimal("3.0")


def test_where_the_statistics_of_asaas_differ_is_named() -> None:
    ours = Sum(2, Decimal("20.00"), Decimal("16.02"))
    assert differences(ours, 2, Decimal("20.00"), Decimal("16.02")) == []
    assert [one.what for one in differences(ours, 3, Decimal("20.00"), Decimal("16.03"))] == ["quantity", "netValue"]


def test_a_page_needs_nothing_else_and_escapes_what_it_is_given() -> None:
    rows = [charge(n, STATUSES[n % 6], Decimal("49.90"), TODAY - timedelta(days=n)) for n in range(12)]
    html = page(report(rows, TODAY - timedelta(days=30), TODAY, TODAY), "Charges <now>")
    assert not re.search(r'(?:src|href|url)\s*[=(]\s*["\']?(?:https?:)?//', html)
    assert "<script" not in html
    assert "Charges &lt;now&gt;" in html
    assert "C&lt;1&gt;" in html
    assert html.count("<svg") == 3


def test_an_empty_report_is_a_page_too() -> None:
    assert "R$ 0,00" in page(report([], TODAY, TODAY, TODAY), "Charges")


def test_a_spreadsheet_reads_the_lines() -> None:
    made = report([charge(1, "PENDING", Decimal("1234.50"), TODAY)], TODAY, TODAY, TODAY)
    (row,) = csv.DictReader(as_csv(made).splitlines(), delimiter=";")
    assert (row["charge"], row["value"], row["paid_on"]) == ("pay_1", "1234.50", "")


def test_amounts_are_written_as_brazilians_do() -> None:
    assert brl(Decimal("1234567.80")) == "R$ 1.234.567,80"
