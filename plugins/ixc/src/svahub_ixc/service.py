"""The web service: listings that lose nothing, rows by id, and writes. Not which of them a task needs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from svahub.errors import Cause, NotFound, OutcomeUnknown, Unreachable
from svahub.extension.wire import path

from svahub_ixc.wire import Page, Row, Written

if TYPE_CHECKING:
    from svahub.client import ProviderClient

T = TypeVar("T")

LISTING = {"ixcsoft": "listar"}
SMALLEST_PAGE = 10
LONGEST_WAIT = 8.0
SEVERAL = 100
"""So many values are asked for at once by IN."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; those of a listing all have to hold."""

    column: str
    operator: str
    value: str


def batched(values: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the values in lists of a size."""
    rest = iter(values)
    while batch := list(islice(rest, size)):
        yield batch


@dataclass(slots=True)
class _Pace:
    """How large a page is asked for: smaller ones once IXC was overloaded."""

    size: int

    def slower(self) -> None:
        self.size = max(min(SMALLEST_PAGE, self.size), self.size // 2)


@dataclass(frozen=True, slots=True)
class WebService:
    """One IXC. `tries` of a page are made before it is given up; a task has one, and the core tries anew."""

    client: ProviderClient
    page_size: int
    tries: int = 1
    first_wait: float = 1.0

    def patient(self, tries: int) -> WebService:
        """Return it as a long listing wants it."""
        return replace(self, tries=tries)

    def rows(self, table: str, *conditions: Condition) -> Iterator[Row]:
        """Stream the rows of a table by id: each page begins behind the last id of the one before.

        So whatever is written meanwhile moves no row from one page to another. Raises Unreachable(INCOMPLETE) when a
        page brings fewer rows than it counts.
        """
        after, pace = 0, _Pace(self.page_size)
        while True:
            page = self._page(table, after, conditions, pace)
            yield from page.rows
            if page.total <= len(page.rows):
                return
            after = int(page.rows[-1]["id"])

    def among(self, table: str, column: str, values: Iterable[str], *conditions: Condition) -> Iterator[Row]:
        """Stream the rows whose column has one of several values: one call for many of them."""
        for several in batched(sorted({value for value in values if value}), SEVERAL):
            yield from self.rows(table, Condition(column, "IN", ",".join(several)), *conditions)

    def row(self, table: str, id: str) -> Row:
        """Return one row; raises NotFound where there is none."""
        found = next(self.rows(table, Condition("id", "=", id)), None)
        if found is None:
            raise NotFound(f"IXC has no {table} {id}")
        return found

    def insert(self, table: str, row: Row) -> str:
        """Add a row and return its id."""
        return self._done(self.client.post(f"/{table}", row, returns=Written)).id

    def replace(self, table: str, row: Row) -> None:
        """Put a whole row in the place of the one of its id: a column that is left out would be emptied."""
        self._done(self.client.put(path(f"/{table}/{{id}}", id=row["id"]), row, returns=Written))

    def ping(self) -> None:
        """Ask for one row of the ISP's own."""
        self._ask("empresa", 0, (), 1)

    def _done(self, answer: Written) -> Written:
        if answer.type != "success":
            raise OutcomeUnknown(f"IXC answered with {answer.type!r:.40} where it says success or error")
        return answer

    def _page(self, table: str, after: int, conditions: Sequence[Condition], pace: _Pace) -> Page:
        for wait in self._waits():
            try:
                return _whole(self._ask(table, after, conditions, pace.size), after, pace.size)
            except Unreachable:
                pace.slower()
                self.client.sleep(wait)
        return _whole(self._ask(table, after, conditions, pace.size), after, pace.size)

    def _waits(self) -> Iterator[float]:
        return (min(self.first_wait * 2**tried, LONGEST_WAIT) for tried in range(self.tries - 1))

    def _ask(self, table: str, after: int, conditions: Sequence[Condition], size: int) -> Page:
        grid = [{"TB": f"{table}.{one.column}", "OP": one.operator, "P": one.value} for one in conditions]
        body = {
            "qtype": f"{table}.id",
            "query": str(after),
            "oper": ">",
            "page": "1",
            "rp": str(size),
            "sortname": f"{table}.id",
            "sortorder": "asc",
            "grid_param": json.dumps(grid),
        }
        return self.client.ask(f"/{table}", body, headers=LISTING, returns=Page)


def _whole(page: Page, after: int, size: int) -> Page:
    """Return a page that holds what it counts, in the order that was asked for."""
    ids = [int(row["id"]) if row.get("id", "").isdecimal() else 0 for row in page.rows]
    if ids != sorted(set(ids)) or (ids and ids[0] <= after):
        raise Unreachable(Cause.INCOMPLETE, "the listing is not in the order of its ids")
    if len(ids) < min(size, page.total):
        raise Unreachable(Cause.INCOMPLETE, f"a page of the listing brought {len(ids)} of {min(size, page.total)} rows")
    return page
