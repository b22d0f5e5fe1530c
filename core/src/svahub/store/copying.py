"""Copying every row of a store into another, whatever their databases: page by page, resumable, verified.

Rows go in the order of their primary keys, so what is there already is always a beginning, and a copy that was killed
goes on behind it. Values keep the form that both databases have: cents, the text of JSON, instants in UTC.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    MetaData,
    Row,
    Select,
    String,
    Table,
    Text,
    TypeDecorator,
    bindparam,
    cast,
    collate,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
    tuple_,
)
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.types import TypeEngine

from svahub.errors import Refused
from svahub.plugin_tables import Declared
from svahub.store import counters, plugins, scripts, tables
from svahub.store.engine import Store
from svahub.store.types import Choice, Money

PAGE = 2_000
MOST_TABLES = 256
"""So many tables are remembered in the form in which they are copied, and what reads them."""
Bar = Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]]
"""Opens a progress bar: its label and its length, then how many more are done."""


class Differs(Refused):
    """A table of the copy is not what it was copied from."""


@dataclass(frozen=True, slots=True)
class Copied:
    """One table that is the same on both sides: how many rows, and the checksum of them all."""

    table: str
    rows: int
    checksum: str


class _JsonText(TypeDecorator[str]):
    """JSON as its text: what one database wrote is to the letter what the other keeps."""

    impl = Text
    cache_ok = True

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return cast(column, Text)


class _PostgresqlJson(_JsonText):
    cache_ok = True

    def bind_expression(self, bindparam: Any) -> ColumnElement[Any]:
        return cast(bindparam, JSON)


@lru_cache(MOST_TABLES)
def _plain(table: Table, dialect: str) -> Table:
    """Return a table as it is copied: in the types that both databases have."""
    json_text = _PostgresqlJson() if dialect == "postgresql" else _JsonText()
    types: dict[type, TypeEngine[Any]] = {JSON: json_text, Choice: String(), Money: BigInteger()}
    columns: list[Column[Any]] = [
        Column(c.name, types.get(type(c.type), c.type), primary_key=c.primary_key) for c in table.c
    ]
    return Table(table.name, MetaData(), *columns)


def all_tables(connection: Connection) -> list[Table]:
    """Return every table, those of plugins too, those first that others refer to."""
    return [_plain(table, connection.dialect.name) for table in plugins.sorted_tables(plugins.carried(connection))]


def left_out(connection: Connection) -> list[str]:
    """Return the tables that stand beside the store's own: nobody copies them.

    Those of a plugin that is not installed, or broken, are among them.
    """
    carried = plugins.carried(connection)
    ours = {table.name for table in plugins.sorted_tables(carried)} | plugins.version_tables(carried)
    kept = {scripts.VERSION, plugins.notes.name, tables.tokens.name, "closure"}
    return sorted(set(inspect(connection).get_table_names()) - ours - kept)


def living_owners(connection: Connection, now: datetime) -> list[str]:
    """Return who holds a lease whose last call may still be under way."""
    c = tables.accounts.c
    query = select(c.lease_owner).where(c.lease_owner.is_not(None), c.due_at > now).distinct()
    return [str(owner) for owner in connection.execute(query).scalars()]


def lock(connection: Connection) -> None:
    """Let nobody else write before this transaction, begun on PostgreSQL, ends; raise Refused if somebody does now."""
    names = ", ".join(map(connection.dialect.identifier_preparer.quote, plugins.every_name(connection)))
    try:
        connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}"))
        connection.execute(text(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"))
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise Refused("The store is being written now: stop the workers and wait for other commands.") from error


LOCK_MILLISECONDS = 5_000
_LOCK_NOT_AVAILABLE = "55P03"


def count(connection: Connection, table: Table) -> int:
    """Count the rows of a table."""
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


class Checksum:
    """The digest of rows that are told in their order; the same for both databases."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.rows = 0

    def add(self, page: Sequence[Row[Any]]) -> None:
        """Take more rows in."""
        self.rows += len(page)
        for row in page:
            self._digest.update(_canonical(row))

    @property
    def value(self) -> str:
        """The digest so far."""
        return self._digest.hexdigest()


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def _canonical(row: Row[Any]) -> bytes:
    return (_encode(list(row)) + "\n").encode()


class Copier:
    """Copies what `source`, a transaction that sees one state of a store, holds into the tables of `target`."""

    def __init__(self, source: Connection, target: Store, bar: Bar, page: int = PAGE) -> None:
        self._source, self._target, self._bar, self._page = source, target, bar, page
        self._plugins = plugins.carried(source)
        self._tables = plugins.sorted_tables(self._plugins)
        self._from = [_plain(table, source.dialect.name) for table in self._tables]
        self._into = {table.name: _plain(table, target.dialect) for table in self._tables}

    def run(self, *, resumed: bool = False) -> list[Copied]:
        """Copy and verify every table; raises Differs when one is not the same in the end."""
        _make_tables(self._target, self._plugins)
        rows = sum(count(self._source, table) for table in self._from)
        with self._bar("copying", rows) as done:
            sums = {table.name: self._copy(table, resumed, done) for table in self._from}
        with self._target.write() as connection:
            counters.advance(connection, counters.read(self._source, counters.counted(self._tables)))
        with self._bar("verifying", rows) as done:
            return [self._verified(table, sums[table.name], done) for table in self._from]

    def _copy(self, table: Table, resumed: bool, done: Callable[[int], None]) -> Checksum:
        checksum, last = self._beginning(table) if resumed else (Checksum(), None)
        done(checksum.rows)
        into = self._into[table.name]
        with pages(self._source, table, self._page, after=last) as stream:
            for page in stream:
                self._put(into, page)
                checksum.add(page)
                done(len(page))
        return checksum

    def _put(self, into: Table, page: Sequence[Row[Any]]) -> None:
        try:
            with self._target.write() as connection:
                connection.execute(insert(into), [dict(row._mapping) for row in page])
        except DBAPIError as error:
            raise Refused(_unfit(into, error)) from None  # the database's own words quote the row

    def _beginning(self, table: Table) -> tuple[Checksum, Key | None]:
        """Return the checksum and the last key of what is there already; what is not as the source is dropped."""
        into = self._into[table.name]
        with self._target.read() as connection:
            last = _last_key(connection, into)
            there = _checksum(connection, into, self._page) if last else Checksum()
        if last is None:
            return there, None
        here = _checksum(self._source, table, self._page, until=last)
        if here.value == there.value:
            return here, last
        self._drop_rows(table.name)
        return Checksum(), None

    def _drop_rows(self, name: str) -> None:
        """Empty a table, and before it those that refer to it."""
        gone = _with_dependents(name, self._tables)
        with self._target.write() as connection:
            for table in reversed(self._tables):
                if table.name in gone:
                    connection.execute(delete(table))

    def _verified(self, table: Table, wanted: Checksum, done: Callable[[int], None]) -> Copied:
        with self._target.read() as connection:
            there = _checksum(connection, self._into[table.name], self._page, told=done)
        if (there.rows, there.value) != (wanted.rows, wanted.value):
            what = f"{there.rows:,} rows here, {wanted.rows:,} there" if there.rows != wanted.rows else "other contents"
            raise Differs(f"The table {table.name!r} of the copy differs ({what}). Run the command again.")
        return Copied(table.name, there.rows, there.value)


# -- pages -------------------------------------------------------------------------------------------------------------

Key = tuple[Any, ...]


@contextmanager
def pages(
    connection: Connection, table: Table, size: int, *, after: Key | None = None, until: Key | None = None
) -> Iterator[Iterator[Sequence[Row[Any]]]]:
    """Stream a table by its primary key; `after` and `until` are keys."""
    query = _in_order(table, connection.dialect.name, after=after is not None, until=until is not None)
    bounds = _bound("after", after or ()) | _bound("until", until or ())
    with connection.execute(query, bounds, execution_options={"yield_per": size}) as result:
        yield result.partitions()


@lru_cache(4 * MOST_TABLES)
def _in_order(table: Table, dialect: str, *, after: bool, until: bool) -> Select[Any]:
    keys = _ordered_keys(table, dialect)
    query = select(*table.c).order_by(*keys)
    query = query.where(tuple_(*keys) > _bounds("after", table)) if after else query
    return query.where(tuple_(*keys) <= _bounds("until", table)) if until else query


def _bounds(name: str, table: Table) -> ColumnElement[Any]:
    return tuple_(*(bindparam(f"{name}_{place}", type_=c.type) for place, c in enumerate(table.primary_key)))


def _bound(name: str, key: Key) -> dict[str, Any]:
    return {f"{name}_{place}": value for place, value in enumerate(key)}


def _ordered_keys(table: Table, dialect: str) -> list[ColumnElement[Any]]:
    """Return the key's columns so that both databases order them alike: text by its bytes."""
    bytewise = dialect == "postgresql"
    return [collate(c, "C") if bytewise and isinstance(c.type, String) else c for c in table.primary_key]


def _last_key(connection: Connection, table: Table) -> Key | None:
    keys = _ordered_keys(table, connection.dialect.name)
    query = select(*table.primary_key).order_by(*(key.desc() for key in keys))
    row = connection.execute(query.limit(1)).first()
    return tuple(row) if row else None


def _checksum(
    connection: Connection,
    table: Table,
    size: int,
    *,
    until: Key | None = None,
    told: Callable[[int], None] = lambda _rows: None,
) -> Checksum:
    checksum = Checksum()
    with pages(connection, table, size, until=until) as stream:
        for page in stream:
            checksum.add(page)
            told(len(page))
    return checksum


def _make_tables(target: Store, carried: Sequence[Declared]) -> None:
    for declared in carried:
        if problem := plugins.bring_up(target, declared).problem:
            raise Refused(f"The tables of {declared.plugin!r} cannot be made in the copy. {problem}")


def _with_dependents(name: str, every: Sequence[Table]) -> set[str]:
    found = {name}
    for table in every:
        if any(key.column.table.name in found for key in table.foreign_keys):
            found.add(table.name)
    return found


def _unfit(table: Table, error: DBAPIError) -> str:
    return (
        f"The table {table.name!r} holds something that the other database does not keep "
        f"({type(error.orig).__name__}). What was copied so far stands: mend it, and run the command again."
    )
