"""Contracts that a file only names: CSV with a column contract_id, JSON Lines, or one id a line; read as a stream.

What else is in the file, names and documents of persons for one, is passed over and kept nowhere.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import from_json

from svahub.intake.fields import identifier
from svahub.intake.lines import Line, TextLines, numbered
from svahub.intake.reading import FileFormat, SeenIds, unusable
from svahub.intake.spreadsheet import delimiter_of, rows_of

if TYPE_CHECKING:
    from typing import BinaryIO

CONTRACT, ITEM = "contract_id", "item"
HEADER = "the first line must name the column contract_id, and may name the column item; or write one id a line"


class Named(NamedTuple):
    """A contract, or one item of it, that a line names; with a `problem`, the line names none."""

    line: int
    contract_id: str | None
    item: str | None = None
    problem: str | None = None


class Names:
    """The contracts that a file names, each once; `repeated` counts those that came again."""

    def __init__(self, path: str | Path) -> None:
        self._path = str(path)
        self._seen = SeenIds()
        self.repeated = 0

    @property
    def source(self) -> str:
        """Where they come from, as the books keep it: no folder of whose machine it was."""
        return "standard input" if self._path == "-" else Path(self._path).name

    def __iter__(self) -> Iterator[Named]:
        for named in self._all():
            if named.problem or self._seen.add(f"{named.contract_id}\x1f{named.item or ''}"):
                yield named
            else:
                self.repeated += 1

    def _all(self) -> Iterator[Named]:
        if self._path == "-":
            yield from read_names(sys.stdin.buffer)
            return
        with Path(self._path).open("rb") as stream:
            yield from read_names(stream, self._path)


def read_names(stream: BinaryIO, name: str = "") -> Iterator[Named]:
    """Stream what each line names, in the file's order; the suffix of `name` tells the format, else the first byte."""
    lines = numbered(stream)
    head = next(lines, None)
    if head is None:
        yield Named(1, None, problem="the file is empty")
    elif problem := unusable(head.content):
        yield Named(1, None, problem=problem)
    elif (FileFormat.of(name) or FileFormat.sniffed(head.content)) is FileFormat.JSON_LINES:
        yield from _from_json(chain([head], lines))
    else:
        yield from _from_table(chain([head], lines))


def _from_json(lines: Iterable[Line]) -> Iterator[Named]:
    for number, content, problem in lines:
        if problem or not content.isspace():
            yield Named(number, None, problem=problem) if problem else _of_object(number, content)


def _of_object(number: int, content: bytes) -> Named:
    try:
        raw = from_json(content, allow_inf_nan=False)
    except ValueError:
        return Named(number, None, problem="the line is not valid JSON")
    if not isinstance(raw, dict) or CONTRACT not in raw:
        return Named(number, None, problem="each line must be one JSON object with contract_id, and item if you like")
    return _named(number, raw[CONTRACT], raw.get(ITEM))


def _from_table(lines: Iterable[Line]) -> Iterator[Named]:
    text = TextLines(lines)
    rows = rows_of(text, delimiter_of(text))
    start, first = next(rows, (1, []))
    if isinstance(first, str):
        yield Named(start, None, problem=first)
        return
    names = [cell.strip().lower() for cell in first]
    if CONTRACT in names:
        yield from _by_columns(rows, names)
    elif len(names) > 1:
        yield Named(start, None, problem=HEADER)
    else:
        yield from _by_columns(chain([(start, first)], rows), [CONTRACT])


def _by_columns(rows: Iterable[tuple[int, list[str] | str]], names: list[str]) -> Iterator[Named]:
    for line, cells in rows:
        if isinstance(cells, str):
            yield Named(line, None, problem=cells)
        elif len(cells) != len(names):
            counts = f"the row has {len(cells)} cells, the header names {len(names)}"
            yield Named(line, None, problem=counts)
        else:
            row = dict(zip(names, cells, strict=True))
            yield _named(line, row[CONTRACT], row.get(ITEM))


def _named(line: int, contract: Any, item: Any) -> Named:
    try:
        id, code = identifier(contract), None if item is None else identifier(item)
    except ValueError as error:
        return Named(line, None, problem=f"contract_id or item {error}")
    return Named(line, id, code or None) if id else Named(line, None, problem="contract_id is missing")
