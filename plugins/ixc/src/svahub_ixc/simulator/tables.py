"""A table of the simulated ERP: rows of text by id, what readers see of them, and the rows that a query may find."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from svahub.testing import Records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from svahub.clock import Clock

    from svahub_ixc.simulator.queries import Condition

Row = dict[str, str]


class Table:
    """Rows by id; a write that lags is seen by queries later. `keys` are the columns that are indexed."""

    def __init__(self, clock: Clock, columns: tuple[str, ...], keys: tuple[str, ...]) -> None:
        self.columns = columns
        self._clock, self._rows = clock, Records[Row](clock)
        self._ids: list[int] = []
        self._by: dict[str, defaultdict[str, set[int]]] = {key: defaultdict(set) for key in keys}
        self._lags_until = clock.now()

    def __iter__(self) -> Iterator[Row]:
        return (self.whole(self._rows.truth[str(id)]) for id in list(self._ids))

    def __len__(self) -> int:
        return len(self._ids)

    def get(self, id: str) -> Row | None:
        """Return a row as it truly is."""
        row = self._rows.truth.get(id)
        return None if row is None else self.whole(row)

    def whole(self, row: Mapping[str, str]) -> Row:
        """Return a row with all columns; what was never set is empty."""
        return {column: row.get(column, "") for column in self.columns}

    def insert(self, row: Row, lag: float = 0.0) -> str:
        """Add a row, under the next id unless it names one, and return its id."""
        id = int(row.get("id") or (self._ids[-1] + 1 if self._ids else 1))
        if self._ids and id < self._ids[-1]:
            insort(self._ids, id)
        else:
            self._ids.append(id)
        self._keep(id, {**row, "id": str(id)}, {}, lag)
        return str(id)

    def write(self, id: str, row: Row, lag: float = 0.0) -> None:
        """Put another row in the place of one."""
        self._keep(int(id), {**row, "id": id}, self._rows.truth[id], lag)

    def delete(self, id: str) -> None:
        """Remove a row."""
        for key, values in self._by.items():
            values[self._rows.truth[id].get(key, "")].discard(int(id))
        self._ids.remove(int(id))
        self._rows.forget(id)

    def _keep(self, id: int, row: Row, before: Mapping[str, str], lag: float) -> None:
        for key, values in self._by.items():
            if key in before:
                values[before[key]].discard(id)
            values[row.get(key, "")].add(id)
        self._rows.write(str(id), {name: value for name, value in row.items() if value}, lag)
        if lag:
            self._lags_until = max(self._lags_until, self._clock.now() + timedelta(seconds=lag))

    def found(self, conditions: Iterable[Condition]) -> list[int]:
        """Return the ids of the rows that readers see and that meet all conditions, in order."""
        wanted = tuple(conditions)
        candidates = self._candidates(wanted)
        lags = self._clock.now() < self._lags_until
        rest = tuple(one for one in wanted if not (one.after_id and not lags))
        if not rest and not lags:
            return candidates
        return [id for id in candidates if self._meets(id, rest)]

    def _meets(self, id: int, conditions: tuple[Condition, ...]) -> bool:
        row = self._rows.seen(str(id))
        return row is not None and all(one.holds(row.get(one.column, "")) for one in conditions)

    def seen(self, id: int) -> Row:
        """Return a row as readers see it."""
        return self.whole(self._rows.seen(str(id)) or {})

    def _candidates(self, conditions: tuple[Condition, ...]) -> list[int]:
        after = max((int(one.value) for one in conditions if one.after_id), default=0)
        for one in conditions:
            if one.values is not None and one.column == "id":
                return sorted({int(v) for v in one.values if v in self._rows.truth and int(v) > after})
            if one.values is not None and one.column in self._by:
                known = self._by[one.column]
                return sorted(id for value in set(one.values) if value in known for id in known[value] if id > after)
        return self._ids[bisect_right(self._ids, after) :]
