"""SQL that is compiled once in a process, for tests: they open many stores, and each has an engine of its own."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

MOST = 5_000
"""More statements than svahub and its plugins have, by far."""


def compile_once() -> None:
    """Let all engines of this process share what SQLAlchemy made of statements.

    An engine keeps what it compiled by its dialect, so from here on all dialects of one class count as one. That holds
    for svahub's stores: all are opened by the same code, and nothing of a server but its kind makes its SQL.
    """
    compiled: LRUCache[object, object] = LRUCache(MOST)

    def share(connection: Connection) -> None:
        connection.execution_options(compiled_cache=compiled)

    DefaultDialect.__hash__ = _hash_of_kind  # type: ignore[assignment,method-assign]
    DefaultDialect.__eq__ = _of_one_kind  # type: ignore[method-assign]
    event.listen(Engine, "engine_connect", share)


def _hash_of_kind(dialect: object) -> int:
    return hash(type(dialect))


def _of_one_kind(dialect: object, other: object) -> bool:
    return type(dialect) is type(other)
