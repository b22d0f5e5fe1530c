"""Inserts that can say what becomes of a row that is there already: each database has its own, of one shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

T = TypeVar("T")
Upsert = postgresql.Insert | sqlite.Insert


def insert_into(connection: Connection, table: Table) -> Upsert:
    """Return an insert for the database of a connection."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def for_each_database(table: Table, made: Callable[[Upsert], T]) -> dict[str, T]:
    """Return by the names of the databases what `made` makes of an insert: for statements that are made once."""
    return {"postgresql": made(postgresql.insert(table)), "sqlite": made(sqlite.insert(table))}
