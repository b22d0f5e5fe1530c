"""A provider's bill against what was there: what is said of each line and of what has none, what is sent on."""

from __future__ import annotations

import csv
import io
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update
from svahub.bills.checking import Verdict
from svahub.bills.layout import Layout
from svahub.bills.reading import BilledLine, Unreadable, read
from svahub.cli import main
from svahub.errors import Refused
from svahub.extension.invented import cpf
from svahub.store.tables import invoice_layouts, subscriptions
from svahub.verbs import Action

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = "--column user=Cliente --column plan=Plano --column price=Valor"
PRICES = "--price p1=10,00 --price p2=20,00"
HEADER = "Cliente;Plano;Valor"


class Billed:
    """An ISP whose provider bills November, and the folder in which its bills lie."""

    def __init__(self, isp: Any, folder: Path) -> None:
        self.isp, self.folder = isp, folder

    def invoke(self, line: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, line.split(), obj=self.isp.hub)
        assert result.exit_code == code, result.output
        return result

    def file(self, *lines: str, header: str = HEADER) -> Path:
        path = self.folder / "bill.csv"
        path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
        return path

    def check(self, *lines: str, month: str = "2026-12", more: str = f"{COLUMNS} {PRICES}", code: int = 0) -> Any:
        line = f"reconcile invoice basic {self.file(*lines)} --month {month} {more} --json"
        return json.loads(self.invoke(line, code).stdout)

    def user(self, contract: str) -> str:
        view = self.isp.of(contract)
        return next(user.remote_id for user in self.isp.remote.users.values() if user.subscription(view.key))


@pytest.fixture
def billed(open_isp: Callable[..., Any], finding: type, tmp_path: Path) -> Billed:
    """Return an ISP with four contracts since November, in the middle of January; C3 ended in November."""
    isp = open_isp(finding)
    for number in (1, 2, 3, 4):
        isp.sell(f"C{number}", f"P{number}")
    isp.work()
    here = Billed(isp, tmp_path)
    here.ended = here.user("C3")  # type: ignore[attr-defined]
    isp.clock.advance(days=1)
    isp.ask(Action.CANCEL, "C3")
    isp.work()
    isp.clock.advance(days=50)
    return here


def verdicts(checked: Any) -> list[tuple[str, int | None, str, str | None]]:
    return [(one["verdict"], one["line"], one["billed"], one["right"]) for one in checked["found"]]


def test_each_line_that_is_not_right_is_said_to_be_what_it_is_and_the_sums_are_money(billed: Any) -> None:
    one, two, four = (billed.user(contract) for contract in ("C1", "C2", "C4"))
    checked = billed.check(
        f"{one};p1;10,00",
        f"{one};One;R$ 10,00",
        f"{two};Two;20,00",
        f"{billed.ended};p1;10,00",
        "user-77;p1;1.010,50",
    )
    assert verdicts(checked) == [
        ("doubled", 3, "10.00", "0.00"),
        ("wrong_plan", 4, "20.00", "10.00"),
        ("billed_but_cancelled", 5, "10.00", "0.00"),
        ("billed_but_never_ours", 6, "1010.50", "0.00"),
        ("active_but_not_billed", None, "0.00", "10.00"),
    ]
    assert checked["found"][-1]["whose"] == four
    assert (checked["billed"], checked["too_much"], checked["too_little"]) == ("1060.50", "1040.50", "10.00")
    assert checked["counts"] == {"right": 1, **dict.fromkeys(checked["sums"], 1)}


def test_a_price_is_right_by_what_was_agreed_else_by_the_catalogue(billed: Any) -> None:
    lines = [f"{billed.user(contract)};p1;12,00" for contract in ("C1", "C2", "C4")]
    assert verdicts(billed.check(*lines, more=COLUMNS)) == []
    assert billed.check(*lines, more="")["unpriced"] == 3
    agreed = billed.check(*lines, more="--price p1=11,50")
    assert verdicts(agreed) == [("wrong_price", line, "12.00", "11.50") for line in (2, 3, 4)]
    assert agreed["too_much"] == "1.50"


def test_a_part_of_the_price_is_right_in_a_month_that_was_not_whole(billed: Any) -> None:
    lines = [f"{billed.user(contract)};p1;2,50" for contract in ("C1", "C2", "C4")]
    lines.append(f"{billed.ended};p1;2,50")
    assert verdicts(billed.check(*lines, month="2026-11")) == []
    assert [one[0] for one in verdicts(billed.check(*lines[:3]))] == ["wrong_price"] * 3
    more = [line.replace("2,50", "10,01") for line in lines]
    assert [one[0] for one in verdicts(billed.check(*more, month="2026-11"))] == ["wrong_price"] * 4


def test_what_was_only_blocked_is_neither_contested_nor_missed(billed: Any) -> None:
    rest = [f"{billed.user(contract)};p1;10,00" for contract in ("C2", "C4")]
    blocked = f"{billed.user('C1')};p1;10,00"
    billed.isp.ask(Action.BLOCK, "C1")
    billed.isp.work()
    for lines in (rest, [*rest, blocked]):
        assert verdicts(billed.check(*lines, month="2027-02")) == []
    assert [one[0] for one in verdicts(billed.check(*rest, month="2027-01"))] == ["active_but_not_billed"]


def test_what_came_after_the_month_was_never_there_in_it(billed: Any) -> None:
    line = f"{billed.user('C1')};p1;10,00"
    assert verdicts(billed.check(line, month="2026-10")) == [("billed_but_never_ours", 2, "10.00", "0.00")]


def test_the_columns_are_told_once(billed: Any) -> None:
    lines = [f"{billed.user(contract)};p1;10,00" for contract in ("C1", "C2", "C4")]
    assert "--column price=HEADER" in billed.invoke(f"reconcile invoice basic {billed.file(*lines)}", 1).output
    billed.check(*lines)
    assert verdicts(billed.check(*lines, more="")) == []
    assert billed.check(*lines, more="")["unpriced"] == 0


def test_a_column_that_the_file_does_not_have_is_named(billed: Any) -> None:
    billed.check()
    path = billed.file(header="Assinante;Plano;Valor")
    told = billed.invoke(f"reconcile invoice basic {path}", 1).output
    assert "no column 'Cliente'" in told
    assert "'Assinante', 'Plano', 'Valor'" in told
    assert "no meaning of a column" in billed.invoke(f"reconcile invoice basic {path} --column name=Plano", 1).output


def test_a_refused_file_changes_nothing_that_was_told(billed: Any) -> None:
    billed.invoke(f"reconcile invoice basic {billed.file()} --column price=Preço", 1)
    with billed.isp.hub.store.read() as connection:
        assert connection.execute(select(invoice_layouts)).all() == []


def test_a_line_is_somebodys_by_our_reference_or_by_the_document_too(billed: Any) -> None:
    view = billed.isp.of("C1")
    by_key = f"{view.key};10,00"
    more = f"--column reference=Ref --column price=Valor {PRICES}"
    line = f"reconcile invoice basic {billed.file(by_key, header='Ref;Valor')} --month 2026-12 {more} --json"
    assert json.loads(billed.invoke(line).stdout)["counts"] == {"right": 1, "active_but_not_billed": 2}
    document = "529.982.247-25;10,00"  # everybody's here: it is for one of those that have no line yet
    path = billed.file(*[document] * 4, header="CPF;Valor")
    with billed.isp.hub.store.write() as connection:
        connection.execute(invoice_layouts.delete())
    more = f"--column document=CPF --column price=Valor {PRICES}"
    line = f"reconcile invoice basic {path} --month 2026-12 {more} --json"
    told = json.loads(billed.invoke(line).stdout)
    assert told["counts"] == {"right": 3, "doubled": 1}
    assert "529" not in told["found"][0]["whose"]


def test_lines_that_cannot_be_read_are_told_and_end_with_1(billed: Any) -> None:
    lines = [f"{billed.user(contract)};p1;10,00" for contract in ("C1", "C2", "C4")]
    checked = billed.check(*lines, "user-1;p1;dez", ";p1;10,00", "user-1;p1;-5,00", code=1)
    assert [one["line"] for one in checked["unreadable"]] == [5, 6, 7]
    assert checked["billed"] == "30.00"


# -- what is sent to the provider --------------------------------------------------------------------------------------


def test_the_page_fetches_nothing_and_tells_of_persons_what_the_file_told(billed: Any) -> None:
    html, table = billed.folder / "bill.html", billed.folder / "found.csv"
    evil = "<script>alert(1)</script>;p1;10,00"
    line = f"reconcile invoice basic {billed.file(evil, '=1+1;p1;10,00')} --month 2026-12 {COLUMNS} {PRICES}"
    billed.invoke(f"{line} --html {html} --csv {table}")
    told = html.read_text(encoding="utf-8")
    assert not re.findall(r"https?:|<script|src=|href=|@import|url\(", told)
    assert "&lt;script&gt;" in told
    for mine in ("Cobrado sem nunca ter sido contratado: 2", "Ativo e não cobrado: 3", "R$ 20,00"):
        assert mine in told
    for personal in ("Pessoa Inventada", "52998224725", "C1", "P1"):
        assert personal not in told
    rows = list(csv.reader(io.StringIO(table.read_text(encoding="utf-8-sig")), delimiter=";"))
    assert [row[2] for row in rows[1:3]] == ["<script>alert(1)</script>", "'=1+1"]
    assert rows[1][5] == "10,00"


def test_who_looked_at_a_bill_is_in_the_audit(billed: Any) -> None:
    billed.check()
    entry = next(e for e in billed.isp.office.audit.list() if getattr(e, "command", "") == "reconcile invoice")
    assert entry.details == {"month": "2026-12", "lines": 0, "found": 3}


# -- parts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("delimiter", [";", ","])
def test_a_bill_is_read_as_spreadsheets_write_it(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = tmp_path / "bill.csv"
    rows = (["Usuário", "Preço"], ["u1", '"1.234,56"'], ["u2", "7.5"])
    path.write_bytes("\r\n".join(delimiter.join(row) for row in rows).encode(encoding))
    layout = Layout().told({"user": " usuário", "price": "PREÇO"}, {})
    assert list(read(path, layout)) == [
        BilledLine(2, Decimal("1234.56"), user="u1"),
        BilledLine(3, Decimal("7.50"), user="u2"),
    ]


def test_a_short_row_is_unreadable_and_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path, layout = tmp_path / "bill.csv", Layout()
    path.write_text("user;price\nu1\n")
    assert list(read(path, layout)) == [Unreadable(2, "the row has 1 cells")]
    path.write_bytes(b"\0\0")
    with pytest.raises(Refused):
        list(read(path, layout))


def test_history_that_only_tells_how_it_is_now_is_believed_since_the_sale(billed: Any) -> None:
    with billed.isp.hub.store.write() as connection:
        connection.execute(update(subscriptions).values(changed_at=billed.isp.clock.now()))
        connection.exec_driver_sql("DELETE FROM attempts")
    found = {one["verdict"]: one["whose"] for one in billed.check()["found"]}
    assert set(found) == {Verdict.NOT_BILLED.value}


def test_documents_are_found_however_they_are_written() -> None:
    from svahub.bills.reading import bare_document

    bare = cpf(7)
    assert {bare_document(f"{bare[:3]}.{bare[3:6]}.{bare[6:9]}-{bare[9:]}"), bare_document(bare)} == {bare}
    assert bare_document("nobody") is None


def test_a_bill_is_checked_on_each_database(
    open_isp_on_each: Callable[..., Any], finding: type, tmp_path: Path
) -> None:
    isp = open_isp_on_each(finding)
    isp.sell("C1", "P1")
    isp.sell("C2", "P2")
    isp.work()
    here = Billed(isp, tmp_path)
    ended = here.user("C2")
    isp.ask(Action.CANCEL, "C2")
    isp.work()
    isp.clock.advance(days=50)
    line = f"{here.user('C1')};p1;10,00"
    assert verdicts(here.check(line, f"{ended};p1;10,00")) == [("billed_but_cancelled", 3, "10.00", "0.00")]
    assert verdicts(here.check(line, more="")) == []
