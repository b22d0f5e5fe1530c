"""Naming many rows in one statement, in forms for which every database uses its index.

One statement for many rows matters most on SQLite in a process of many threads: each statement lets the interpreter's
lock go and has to win it back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, and_, bindparam, tuple_

T = TypeVar("T")
K = TypeVar("K")
MOST = 500
"""Rows that one statement names: each has a parameter or two, and databases have limits."""


def chunks(rows: Sequence[T], size: int = MOST) -> Iterator[Sequence[T]]:
    """Return the rows, so many at a time."""
    return (rows[start : start + size] for start in range(0, len(rows), size))


def alike(rows: Iterable[T], what: Callable[[T], K]) -> Iterator[tuple[K, Sequence[T]]]:
    """Return the rows by what they have in common, so many at a time."""
    groups: dict[K, list[T]] = defaultdict(list)
    for row in rows:
        groups[what(row)].append(row)
    return ((common, chunk) for common, group in groups.items() for chunk in chunks(group))


def one_of(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return that a column is one of the values that a statement is run with as `name`."""
    return column.in_(bindparam(name, expanding=True))


class Among:
    """That a row's columns are one of the keys that a statement is run with.

    Each part is asked for by itself too: given whole keys alone, SQLite reads the table from end to end.
    """

    def __init__(self, *columns: Column[Any]) -> None:
        self._parts = [f"among_{column.name}" for column in columns]
        parts = (one_of(column, name) for column, name in zip(columns, self._parts, strict=True))
        self.condition = and_(*parts, tuple_(*columns).in_(bindparam("among", expanding=True)))

    def keys(self, keys: Collection[tuple[Any, ...]]) -> dict[str, Any]:
        """Return the parameters by which the condition names these keys."""
        parts = zip(*keys, strict=True) if keys else ((),) * len(self._parts)
        return {"among": keys} | {name: set(values) for name, values in zip(self._parts, parts, strict=True)}
