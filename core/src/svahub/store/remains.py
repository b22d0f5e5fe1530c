"""What is left of erased rows in the files of a database, and how it is taken out of them.

SQLite overwrites what a statement deletes (`secure_delete`), but not the copy of a row that it once moved to another
page; only VACUUM, which writes the whole file anew, leaves none of those.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, or_, select, text
from sqlalchemy.exc import DBAPIError

from svahub.store import tables
from svahub.store.engine import Store

SHORTEST = 8
"""Bytes; of anything shorter there are copies that are nobody's."""
READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Swept:
    """Whether nothing is left, as far as the database can tell, and what was done."""

    clean: bool
    said: str


def only_theirs(connection: Connection, values: Collection[str]) -> list[str]:
    """Return those of an erased customer's values that stand in no other customer's row, of any tenant."""
    c = tables.customers.c
    columns = (c.name, c.document, c.email, c.phone)

    def elsewhere(value: str) -> bool:
        holding = or_(*(column.contains(value, autoescape=True) for column in columns))
        return connection.execute(select(c.id).where(holding).limit(1)).first() is not None

    return [value for value in values if len(value.encode()) >= SHORTEST and not elsewhere(value)]


def sweep(store: Store, values: Collection[str], touched: Collection[str]) -> Swept:
    """Take out of the files what erased rows left there.

    `values` are looked for in an SQLite file, which is written anew if one is found, or if there are none to look for.
    """
    if store.dialect == "postgresql":
        return _vacuum_tables(store, touched)
    raw = store.engine.raw_connection()
    try:
        return _sweep_file(raw.driver_connection, Path(str(store.url.database)), [v.encode() for v in values])
    except sqlite3.Error as error:
        return Swept(False, f"the file still has remains, as it could not be written anew now ({error})")
    finally:
        raw.close()


def _sweep_file(connection: Any, file: Path, values: Collection[bytes]) -> Swept:
    if not _log_emptied(connection):
        return Swept(False, "the write-ahead log still has remains, as another process reads it")
    if values and not any(_holds(file, value) for value in values):
        return Swept(True, "overwritten in the file, its write-ahead log emptied, and not found in it any more")
    connection.execute("VACUUM")
    emptied = _log_emptied(connection)
    return Swept(emptied, "the file was written anew" + ("" if emptied else ", its write-ahead log is still in use"))


def _log_emptied(connection: Any) -> bool:
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _holds(file: Path, value: bytes) -> bool:
    before = b""
    with file.open("rb") as stream:
        while part := stream.read(READ_BYTES):
            if value in before + part:
                return True
            before = part[-len(value) :]
    return False


def _vacuum_tables(store: Store, touched: Collection[str]) -> Swept:
    try:
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for name in touched:
                connection.execute(text(f"VACUUM {name}"))
    except DBAPIError as error:
        return Swept(False, f"dead rows are left for autovacuum, as VACUUM failed ({type(error.orig).__name__})")
    return Swept(True, "dead rows were given back by VACUUM; the server overwrites them as it writes on")
