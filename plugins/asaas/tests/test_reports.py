"""Reports: totals are the sums of their rows and Asaas's own; what is written can be read, and does nothing else."""

from __future__ import annotations

import csv
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from svahub.extension.words import reais
from svahub_asaas.reports.page import page
from svahub_asaas.reports.rows import Age, Sum, age, differences, report
from svahub_asaas.reports.written import as_csv
from svahub_asaas.status import Standing
from svahub_asaas.store.charges import ChargeRow

if TYPE_CHECKING:
    from conftest import Isp

TODAY = date(2026, 11, 24)
FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
STATUSES = ["PENDING", "OVERDUE", "RECEIVED", "CONFIRMED", "REFUNDED", "A_WORD_OF_NEXT_YEAR"]


def charge(
    number: int,
    status: str,
    value: Decimal,
    due: date,
    paid: date | None = None,
    *,
    deleted: bool = False,
    contract: str = "C<1>",
) -> ChargeRow:
    return ChargeRow(
        tenant="default",
        integration="bill",
        id=f"pay_{number}",
        reference=None,
        contract_id=contract,
        customer="cus_1",
        subscription=None,
        billing_type="PIX",
        status=status,
        deleted=deleted,
        value=value,
        net_value=value - Decimal("1.99"),
        due_date=due,
        created_on=due,
        payment_date=paid,
        client_payment_date=paid,
        invoice_url=None,
        told_at=None,
        seen_at=datetime(2026, 11, 24, tzinfo=UTC),
    )


charges = st.builds(
    charge,
    st.integers(0, 10**6),
    st.sampled_from(STATUSES),
    st.decimals("0.01", "99999.99", places=2),
    st.dates(FIRST, LAST),
    st.none() | st.dates(FIRST, TODAY),
    deleted=st.booleans(),
)


# -- what it sums up to ------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.lists(charges, max_size=12))
def test_what_is_paid_pending_overdue_reversed_and_unknown_sums_up_to_what_was_issued(rows: list[ChargeRow]) -> None:
    made = report(rows, FIRST, LAST, TODAY)
    there = [row for row in rows if not row.deleted]
    issued, *parts = made.sums.values()
    assert sum(part.count for part in parts) == issued.count == len(there)
    assert sum((part.value for part in parts), Decimal(0)) == issued.value == sum(row.value for row in there)
    assert sum((part.net for part in parts), Decimal(0)) == issued.net


@settings(max_examples=40)
@given(st.lists(charges, max_size=12))
def test_the_ages_sum_up_to_what_is_not_paid(rows: list[ChargeRow]) -> None:
    made = report(rows, FIRST, LAST, TODAY)
    owed = made.of(Standing.OPEN, Standing.OVERDUE)
    assert sum((part.value for part in made.ageing.values()), Decimal(0)) == owed.value
    assert sum(part.count for part in made.ageing.values()) == owed.count


@pytest.mark.parametrize(
    ("days", "expected"),
    [(0, Age.NOT_DUE), (1, Age.WEEK), (7, Age.WEEK), (8, Age.MONTH), (30, Age.MONTH), (31, Age.TWO_MONTHS),
     (60, Age.TWO_MONTHS), (61, Age.LONGER)],
)  # fmt: skip
def test_ages_are_classed_by_days(days: int, expected: Age) -> None:
    assert age(days) is expected
    made = report([charge(1, "OVERDUE", Decimal(5), TODAY - timedelta(days=days))], FIRST, LAST, TODAY)
    assert [name for name, summed in made.ageing.items() if summed.count] == [expected]


def test_days_late_count_to_the_payment_or_to_today() -> None:
    due = TODAY - timedelta(days=10)
    rows = [charge(1, "RECEIVED", Decimal("9.90"), due, due + timedelta(days=3)), charge(2, "OVERDUE", Decimal(5), due)]
    made = report(rows, due, TODAY, TODAY)
    assert [line.days_late for line in made.lines] == [3, 10]
    assert made.mean_days_late == Decimal("3.0")


def test_where_sums_differ_is_named() -> None:
    ours = Sum(2, Decimal("20.00"), Decimal("16.02"))
    assert differences("issued", ours, Sum(2, Decimal("20.00"), Decimal("16.02"))) == []
    differing = differences("issued", ours, Sum(3, Decimal("20.00"), Decimal("16.03")))
    assert [one.what for one in differing] == ["issued, number", "issued, net"]


# -- how it is written -------------------------------------------------------------------------------------------------

OUTSIDE = re.compile(
    r"""(?:src|href|url|import|data)\s*[=(]?\s*["'(]?\s*(?:https?:|//|data:)|<(?:script|link|iframe)"""
)


def test_a_page_needs_nothing_else_and_runs_nothing() -> None:
    rows = [charge(n, STATUSES[n % 6], Decimal("49.90"), TODAY - timedelta(days=n)) for n in range(12)]
    html = page(report(rows, TODAY - timedelta(days=30), TODAY, TODAY), "Charges")
    assert OUTSIDE.findall(re.sub(r'xmlns(:\w+)?="[^"]*"', "", html)) == []
    assert not re.search(r"\son\w+\s*=", html)
    assert html.count("<svg") == 3


def test_a_page_escapes_what_it_is_given() -> None:
    rows = [charge(1, "<b>", Decimal(1), TODAY, contract='"><script>alert(1)</script>')]
    html = page(report(rows, TODAY, TODAY, TODAY), "Charges <now>")
    assert "<script" not in html
    assert "<b>" not in html
    assert "Charges &lt;now&gt;" in html
    assert "&lt;script&gt;alert(1)" in html


def test_a_page_without_its_charges_has_the_totals() -> None:
    html = page(report([charge(1, "PENDING", Decimal("9.90"), TODAY)], TODAY, TODAY, TODAY), "Charges", lists=False)
    assert "pay_1" not in html
    assert "R$ 9,90" in html


def test_an_empty_report_is_a_page_too() -> None:
    assert "R$ 0,00" in page(report([], TODAY, TODAY, TODAY), "Charges")


def test_a_spreadsheet_reads_the_lines() -> None:
    made = report([charge(1, "PENDING", Decimal("1234.50"), TODAY)], TODAY, TODAY, TODAY)
    (row,) = csv.DictReader(as_csv(made).splitlines(), delimiter=";")
    assert (row["charge"], row["value"], row["paid_on"], row["contract"]) == ("pay_1", "1234.50", "", "C<1>")


@given(st.text(st.characters(codec="utf-8"), max_size=20), st.sampled_from(["=", "+", "-", "@", "\t=", "\r", "\n="]))
def test_no_cell_is_a_formula_and_each_charge_is_one_line(text: str, sign: str) -> None:
    made = report([charge(1, sign + text, Decimal(5), TODAY, contract=sign + text)], TODAY, TODAY, TODAY)
    (row,) = csv.DictReader(as_csv(made).splitlines(), delimiter=";")
    assert (row["contract"][0], row["status"][0]) in {("'", "'"), (" ", " ")}
    assert row["charge"] == "pay_1"


def test_amounts_are_written_as_brazilians_do() -> None:
    assert reais(Decimal("1234567.80")) == "R$ 1.234.567,80"


# -- asked for ---------------------------------------------------------------------------------------------------------

SPAN = ("--from", "2026-11-01", "--to", "2026-11-30")


@pytest.fixture
def billed(isp: Isp) -> Isp:
    """Return an installation with three charges: one paid by Pix, one in cash, one pending."""
    first, second, _ = isp.charge(1, 2, 3)
    isp.asaas.pay(first["charge"])
    isp.invoke("asaas", "invoices", "receive-in-cash", str(second["id"]))
    isp.clock.advance(minutes=1)
    isp.invoke("asaas", "sync")
    return isp


def test_a_report_agrees_with_the_statistics_of_asaas(billed: Isp) -> None:
    told = billed.told("asaas", "report", "invoices", *SPAN, "--check")
    counts = {name: summed["count"] for name, summed in told["sums"].items()}
    assert counts == {"issued": 3, "paid": 2, "pending": 1, "overdue": 0, "reversed": 0, "unknown": 0}
    assert (told["sums"]["issued"]["value"], told["differences"]) == ("149.70", [])
    assert told["sums"]["paid"]["net"] == "97.81"


def test_what_asaas_has_and_the_report_has_not_is_an_error_that_says_what_to_do(billed: Isp) -> None:
    pending = next(one for one in billed.told("asaas", "invoices", "list") if one["status"] == "PENDING")
    billed.asaas.pay(pending["charge"])
    told = billed.invoke("asaas", "report", "invoices", *SPAN, "--check", code=1)
    assert "PENDING, number: 1 here, 0 at Asaas." in told.stderr
    assert "svahub asaas sync --since 2026-11-01" in told.stderr
    billed.clock.advance(minutes=1)
    billed.invoke("asaas", "sync")
    assert "agree" in billed.invoke("asaas", "report", "invoices", *SPAN, "--check").stderr


def test_a_report_on_payments_has_what_was_paid_in_its_days(billed: Isp) -> None:
    told = billed.told("asaas", "report", "payments", "--from", "2026-11-23", "--to", "2026-11-23")
    assert (told["sums"]["issued"]["count"], told["sums"]["paid"]["count"]) == (2, 2)
    none = billed.told("asaas", "report", "payments", "--from", "2026-11-24", "--to", "2026-11-30")
    assert none["lines"] == []


def test_a_report_on_payments_cannot_be_checked(isp: Isp) -> None:
    told = isp.invoke("asaas", "report", "payments", *SPAN, "--check", code=1)
    assert ("by the day of issue only" in told.stderr, told.stdout) == (True, "")


def test_a_report_is_written_in_every_format(billed: Isp, tmp_path: Path) -> None:
    table = billed.invoke("asaas", "report", "invoices", *SPAN).stdout
    assert re.search(r"issued +3 +149\.70", table)
    assert billed.invoke("asaas", "report", "invoices", *SPAN, "--format", "csv").stdout.count("\n") == 4
    file = tmp_path / "report.html"
    billed.invoke("asaas", "report", "invoices", *SPAN, "--format", "html", "--output", str(file))
    assert file.read_text().startswith("<!doctype html>")


def test_a_report_that_cannot_be_made_says_why(isp: Isp, tmp_path: Path) -> None:
    command = ("asaas", "report", "invoices")
    assert "before" in isp.invoke(*command, "--from", "2026-11-02", "--to", "2026-11-01", code=2).stderr
    nowhere = str(tmp_path / "none" / "report.csv")
    assert "No such file" in isp.invoke(*command, *SPAN, "--format", "csv", "--output", nowhere, code=1).stderr
    assert "goes to the terminal" in isp.invoke(*command, *SPAN, "--output", nowhere, code=1).stderr


def test_which_integration_is_meant_has_to_be_said_where_there_are_several(isp: Isp) -> None:
    isp.add("other")
    assert "bill, other" in isp.invoke("asaas", "report", "invoices", *SPAN, code=1).stderr
    isp.invoke("asaas", "report", "invoices", *SPAN, "--integration", "other")
    assert "nobody" in isp.invoke("asaas", "report", "invoices", *SPAN, "--integration", "nobody", code=1).stderr
