"""Conditions that name rows by keys of several columns, in a form for which every database uses its index."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, false, tuple_


def among(columns: Collection[Column[Any]], keys: Collection[tuple[Any, ...]]) -> ColumnElement[bool]:
    """Return that a row's `columns` are one of `keys`.

    Each part is asked for by itself too: given whole keys alone, SQLite reads the table from end to end.
    """
    if not keys:
        return false()
    parts = (column.in_(set(values)) for column, values in zip(columns, zip(*keys, strict=True), strict=True))
    return and_(*parts, tuple_(*columns).in_(keys))
