"""A bill that was checked, for the provider: one page in Portuguese that fetches nothing, and one table as CSV.

Both tell of persons what the provider's own file told of them, and nothing more.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from html import escape
from importlib.resources import files
from string import Template

from svahub.bills.checking import Checked, Judged, Verdict
from svahub.brazil import reais

TITLES = {
    Verdict.CANCELLED: "Cobrado depois do cancelamento",
    Verdict.STRANGE: "Cobrado sem nunca ter sido contratado",
    Verdict.DOUBLED: "Cobrado em duplicidade",
    Verdict.WRONG_PLAN: "Cobrado com outro plano",
    Verdict.WRONG_PRICE: "Cobrado com outro preço",
    Verdict.NOT_BILLED: "Ativo e não cobrado",
}
HEADERS = ("Linha", "Identificação", "Plano cobrado", "Plano correto", "Cobrado", "Correto", "Diferença")
COLUMNS = ("verdict", "line", "whose", "plan", "right_plan", "billed", "right", "too_much")
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def page(checked: Checked, at: datetime) -> str:
    """Return the page's HTML; `at` is when it is made, in the zone of who sends it."""
    template = Template((files(__package__) / "page.html").read_text(encoding="utf-8"))
    words = {
        "month": checked.month,
        "integration": checked.integration,
        "lines": str(checked.lines),
        "at": f"{at:%d/%m/%Y %H:%M}",
        "billed": reais(checked.billed),
        "too_much": reais(checked.too_much),
        "too_little": reais(checked.too_little),
    }
    sections = "\n".join(part for verdict in TITLES for part in _section(checked, verdict))
    return template.substitute({name: escape(word) for name, word in words.items()}, sections=sections)


def _section(checked: Checked, verdict: Verdict) -> Iterator[str]:
    found = [one for one in checked.found if one.verdict is verdict]
    if not found:
        return
    yield f"<h2>{TITLES[verdict]}: {len(found)} ({escape(reais(checked.sums[verdict.value]))})</h2>"
    yield "<table>"
    yield f"<tr>{''.join(_cell('th', number, text) for number, text in enumerate(HEADERS))}</tr>"
    yield from (f"<tr>{''.join(_cell('td', n, text) for n, text in enumerate(_told(one)))}</tr>" for one in found)
    yield "</table>"


def _cell(tag: str, number: int, text: str) -> str:
    kind = ' class="number"' if number in {0, 4, 5, 6} else ' class="whose"' if number == 1 else ""
    return f"<{tag}{kind}>{escape(text)}</{tag}>"


def _told(one: Judged) -> Sequence[str]:
    line = "" if one.line is None else str(one.line)
    return line, one.whose, one.plan or "", right_plan(one) or "", reais(one.billed), _amount(one), reais(one.too_much)


def _amount(one: Judged) -> str:
    return "" if one.right is None else reais(one.right)


def right_plan(one: Judged) -> str | None:
    """Return the plan that was there, where somebody of ours had one."""
    return one.sold.there.plans[-1] if one.sold is not None and one.sold.there.plans else None


def as_rows(checked: Checked) -> Iterator[dict[str, object]]:
    """Yield what is not right, by the names of the columns."""
    for one in checked.found:
        told = (one.verdict.value, one.line, one.whose, one.plan, right_plan(one), one.billed, one.right, one.too_much)
        yield dict(zip(COLUMNS, told, strict=True))


def as_csv(checked: Checked) -> str:
    """Return what is not right as a table that Brazilian spreadsheets open: semicolons, amounts as 1234,56."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in as_rows(checked):
        writer.writerow([_written(value) for value in row.values()])
    return text.getvalue()


def _written(value: object) -> str:
    """Return what a cell holds: of no text does a spreadsheet make a formula."""
    if isinstance(value, Decimal):
        return f"{value:.2f}".replace(".", ",")
    text = "" if value is None else "".join(letter if letter.isprintable() else " " for letter in str(value))
    return f"'{text}" if text.startswith(FORMULAS) else text
