"""What is left of erased rows in the files of a database, and how it is taken out of them.

SQLite overwrites what a statement deletes (`secure_delete`), but not the copy of a row that it once moved to another
page; only VACUUM, which writes the whole file anew, leaves none of those.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from svahub.store.engine import Store


@dataclass(frozen=True, slots=True)
class Swept:
    """Whether nothing is left, as far as the database can tell, and what was done."""

    clean: bool
    said: str


def sweep(store: Store, touched: Collection[str]) -> Swept:
    """Take out of the files what erased rows left there.

    An SQLite file is always written anew: no search could tell that nothing of all that was erased is left in it.
    """
    if store.dialect == "postgresql":
        return _vacuum_tables(store, touched)
    raw = store.engine.raw_connection()
    try:
        return _write_anew(raw.driver_connection)
    except sqlite3.Error as error:
        return Swept(False, f"the file still has remains, as it could not be written anew now ({error})")
    finally:
        raw.close()


def _write_anew(connection: Any) -> Swept:
    if not _log_emptied(connection):
        return Swept(False, "the write-ahead log still has remains, as another process reads it")
    connection.execute("VACUUM")
    emptied = _log_emptied(connection)
    return Swept(emptied, "the file was written anew" + ("" if emptied else ", its write-ahead log is still in use"))


def _log_emptied(connection: Any) -> bool:
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _vacuum_tables(store: Store, touched: Collection[str]) -> Swept:
    try:
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for name in touched:
                connection.execute(text(f"VACUUM {name}"))
    except DBAPIError as error:
        return Swept(False, f"dead rows are left for autovacuum, as VACUUM failed ({type(error.orig).__name__})")
    return Swept(True, "dead rows were given back by VACUUM; the server overwrites them as it writes on")
