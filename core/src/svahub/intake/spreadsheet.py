"""Contracts from CSV as Brazilian spreadsheets write it: one line an item, the rows of a contract adjacent."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from svahub.intake.columns import Header, flattened, planted
from svahub.intake.fields import identifier
from svahub.intake.lines import TextLines, UnreadableLineError
from svahub.intake.rejections import Location, Rejected, RowError, checked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from svahub.intake.lines import Line
    from svahub.intake.rows import ContractRow

MOST_ITEMS = 1000
_QUOTES = "the quotes do not match: a cell that holds a quote is wrapped in quotes and doubles it inside"
_RETURN = "the line has a carriage return in a cell without quotes"


@dataclass(frozen=True, slots=True)
class Record:
    """One row: its cells, or the `problem` for which they cannot be used; `contract_id` None when it is not known."""

    line: int
    contract_id: str | None
    cells: list[str]
    problem: RowError | None = None


@dataclass(slots=True)
class Gathering:
    """The adjacent rows of one contract."""

    line: int
    contract_id: str | None
    records: list[Record] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Take one more row."""
        if record.problem:
            self.errors.append(record.problem)
        elif len(self.records) < MOST_ITEMS:
            self.records.append(record)
        elif not self.errors:
            self.errors.append(RowError(record.line, None, f"the contract has more than {MOST_ITEMS} items"))


def contracts(lines: Iterable[Line]) -> Iterator[ContractRow | Rejected]:
    """Stream each contract, or why it is rejected."""
    text = TextLines(lines)
    delimiter = delimiter_of(text)
    rows = rows_of(text, delimiter)
    start, first = next(rows, (1, []))
    if isinstance(first, str):
        yield Rejected.for_line(start, first)
        return
    header = Header.of(first, delimiter)
    if rejection := header.rejection(start):
        yield rejection
        return
    for gathering in _gathered(_record(line, row, text, header) for line, row in rows):
        yield _contract(gathering, header)


def rows_of(text: TextLines, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """Stream the line and cells of each row that is not blank, or what is wrong with that line."""
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    while True:
        text.begin()
        start = text.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, UnreadableLineError) as error:
            # The lines that an open quote has swallowed are rows of other contracts: they are read again.
            text.put_back()
            yield start, _problem(error)
        else:
            if any(cells):
                yield start, cells


def delimiter_of(text: TextLines) -> str:
    """Return what stands between the cells of a file, as its first line has it; that is not taken."""
    header = text.peek()
    return ";" if header.count(";") >= header.count(",") else ","


def _problem(error: csv.Error | UnreadableLineError) -> str:
    if isinstance(error, UnreadableLineError):
        return str(error)
    return _RETURN if "new-line" in str(error) else _QUOTES


def _record(line: int, row: list[str] | str, text: TextLines, header: Header) -> Record:
    if isinstance(row, str):
        return Record(line, _claimed(text, header), [], RowError(line, None, row))
    if len(row) != len(header.names):
        known = header.identity == 0 and not _is_fragment(len(row), text, header)
        reason = f"the row has {len(row)} cells, the header names {len(header.names)}"
        return Record(line, _identity(row[0]) if known else None, [], RowError(line, None, reason))
    contract_id = _identity(row[header.identity])
    problem = None if contract_id else RowError(line, "contract_id", "is required, of at most 200 printable characters")
    return Record(line, contract_id, row, problem)


def _claimed(text: TextLines, header: Header) -> str | None:
    """Return the id at the beginning of a broken line, so that it rejects its own contract and no other."""
    cell, *others = text.beginning.split(header.delimiter)
    if header.identity != 0 or not others or _is_fragment(len(others) + 1, text, header):
        return None
    quoted = cell.startswith('"')
    if quoted and (len(cell) < 2 or not cell.endswith('"')):
        return None
    return _identity(cell[1:-1] if quoted else cell)


def _is_fragment(cells: int, text: TextLines, header: Header) -> bool:
    """A short line that an open quote had swallowed is the rest of a cell, and its beginning nobody's id."""
    return text.replaying and cells < len(header.names)


def _identity(cell: str) -> str | None:
    try:
        return identifier(cell) or None
    except ValueError:
        return None


def _gathered(records: Iterable[Record]) -> Iterator[Gathering]:
    """Group adjacent rows by contract; a row of nobody rejects those it stands between: it may be an item of either."""
    current: Gathering | None = None
    stray: int | None = None
    for record in records:
        if current is None or record.contract_id not in {current.contract_id, None}:
            if current:
                yield current
            current = Gathering(record.line, record.contract_id)
            if stray:
                current.errors.append(RowError(stray, None, "this row cannot be read and may belong to the contract"))
        current.add(record)
        stray = record.line if record.contract_id is None else None
    if current:
        yield current


def _contract(gathering: Gathering, header: Header) -> ContractRow | Rejected:
    errors = [*gathering.errors, *_disagreements(gathering.records, header)]
    if not errors:
        outcome = checked(_nested(gathering, header), gathering.line, lambda place: _cell(place, gathering))
        if not isinstance(outcome, tuple):
            return outcome
        errors.extend(outcome)
    return Rejected(gathering.line, gathering.contract_id, tuple(errors))


def _nested(gathering: Gathering, header: Header) -> dict[str, object]:
    items = [planted(record.cells, header.of_item) for record in gathering.records]
    return {"customer": {}, **planted(gathering.records[0].cells, header.of_contract), "items": items}


def _cell(place: Location, gathering: Gathering) -> tuple[int, str]:
    item = place[1] if len(place) > 1 and isinstance(place[1], int) else 0
    return gathering.records[item].line, flattened(place)


def _disagreements(records: list[Record], header: Header) -> Iterator[RowError]:
    for record in records[1:]:
        for index, name, _ in header.of_contract:
            if record.cells[index].strip() != records[0].cells[index].strip():
                yield RowError(record.line, name, "differs from the first row of the contract")
