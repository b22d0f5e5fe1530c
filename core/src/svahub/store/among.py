"""Naming many rows in one statement, in forms for which every database uses its index.

One statement for many rows matters most on SQLite in a process of many threads: each statement lets the interpreter's
lock go and has to win it back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, and_, false, tuple_

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


def among(columns: Collection[Column[Any]], keys: Collection[tuple[Any, ...]]) -> ColumnElement[bool]:
    """Return that a row's `columns` are one of `keys`.

    Each part is asked for by itself too: given whole keys alone, SQLite reads the table from end to end.
    """
    if not keys:
        return false()
    parts = (column.in_(set(values)) for column, values in zip(columns, zip(*keys, strict=True), strict=True))
    return and_(*parts, tuple_(*columns).in_(keys))
