"""A bill's file as a stream of lines: each as it stands there, or why it cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from svahub import brazil
from svahub.errors import Refused
from svahub.intake.lines import TextLines, numbered
from svahub.intake.spreadsheet import delimiter_of, rows_of

if TYPE_CHECKING:
    from pathlib import Path

    from svahub.bills.layout import Layout


@dataclass(frozen=True, slots=True)
class BilledLine:
    """One line of a bill: whose it is, as it is written there, what for, and how much in BRL."""

    line: int
    price: Decimal
    reference: str | None = None
    user: str | None = None
    document: str | None = field(default=None, repr=False)
    plan: str | None = None
    quantity: int | None = None

    @property
    def whose(self) -> str:
        """Whose it is, as the file tells it."""
        return self.reference or self.user or self.document or ""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that cannot be read, and why; the sentence repeats nothing of it."""

    line: int
    reason: str


def read(path: Path, layout: Layout) -> Iterator[BilledLine | Unreadable]:
    """Stream a bill's lines; Refused where the file is none, or its columns are not known."""
    with path.open("rb") as stream:
        text = TextLines(numbered(stream))
        rows = rows_of(text, delimiter_of(text))
        _, header = next(rows, (1, []))
        if isinstance(header, str):
            raise Refused(f"The first line of {path.name} cannot be read: {header}.")
        positions = layout.positions(header)
        for number, cells in rows:
            yield Unreadable(number, cells) if isinstance(cells, str) else _line(number, cells, positions)


def _line(number: int, cells: Sequence[str], positions: Mapping[str, int]) -> BilledLine | Unreadable:
    if len(cells) <= max(positions.values()):
        return Unreadable(number, f"the row has {len(cells)} cells")
    told = {meaning: cells[place].strip() or None for meaning, place in positions.items()}
    whose = {name: told.get(name) for name in ("reference", "user", "document", "plan")}
    if not any(whose[name] for name in ("reference", "user", "document")):
        return Unreadable(number, "it does not say whose it is")
    try:
        price = brazil.money(told["price"] or "")
        quantity = _whole(told.get("quantity"))
    except ValueError as error:
        return Unreadable(number, str(error))
    return BilledLine(number, price, quantity=quantity, **whose)


def _whole(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise ValueError("a quantity is a whole number")
    return int(text)


def bare_document(text: str) -> str | None:
    """Return a CPF or CNPJ without punctuation; None where it is none."""
    with suppress(ValueError):
        return brazil.document(text)[1]
    return None
