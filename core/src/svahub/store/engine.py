"""Opening the store: one engine for SQLite or PostgreSQL, transactions that read or write, the store's own clock."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime
from typing import Any, TypeVar

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    NoSuchModuleError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.exc import TimeoutError as NoneFree

from svahub import points
from svahub.clock import Clock, SystemClock
from svahub.errors import Refused
from svahub.literals import remember
from svahub.masking import mask_text
from svahub.points import Point
from svahub.store.turns import TooLong, Turns

WRITE = "svahub_write"
RESHAPE = "svahub_reshape"
TRIES = 3
BUSY_SECONDS = 30
"""So long a writer waits for others, in this process and in others."""
_BOUNDED = f"SET LOCAL idle_in_transaction_session_timeout = '{BUSY_SECONDS}s'"
"""Whoever is frozen in a transaction, or has lost its machine, keeps others no longer from the rows that it locked."""
T = TypeVar("T")


class StoreUnavailable(Refused):
    """The database cannot be reached or written now; nothing was half done."""


class Crossed(StoreUnavailable):
    """Two transactions stood in each other's way and the database undid this one: it may be repeated."""


class Store:
    """The durable state of one installation.

    With a `clock` given, that clock dates everything; otherwise the database's own does, so that machines whose clocks
    differ agree on leases.
    """

    def __init__(self, url: str, clock: Clock | None = None) -> None:
        self.url = _parsed(url)
        self.clock = clock or SystemClock()
        self._injected = clock is not None
        self.engine = _engine(self.url)
        self.turns = Turns(BUSY_SECONDS)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that only reads."""
        with _clear_errors(self.url), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self, *, undo: bool = False) -> Iterator[Connection]:
        """Open a transaction that is durable when the block ends and undone when it raises, or if `undo` says so."""
        with (
            _clear_errors(self.url),
            self._turn(),
            self.engine.connect().execution_options(**{WRITE: True}) as connection,
            connection.begin() as transaction,
        ):
            if self.dialect == "postgresql":
                connection.exec_driver_sql(_BOUNDED)
            yield connection
            if undo:
                transaction.rollback()
        points.reached(Point.WRITTEN)

    def _turn(self) -> AbstractContextManager[None]:
        """Return what lets one thread of this process write at a time, where the database knows no queue."""
        return self.turns.mine() if self.dialect == "sqlite" else nullcontext()

    @contextmanager
    def reshape(self) -> Iterator[Connection]:
        """Open a transaction in which tables may be made anew: SQLite looks at references when it ends, not before.

        Raises StoreUnavailable when a row then refers to what is not there; nothing is changed.
        """
        with _clear_errors(self.url), self.engine.connect().execution_options(**{WRITE: True, RESHAPE: True}) as one:
            one.detach()  # its connection looks at no references: nobody else gets it
            with one.begin():
                yield one
                if self.dialect == "sqlite" and one.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise StoreUnavailable(f"The store {self.url.render_as_string()} has rows that refer to nothing.")
        points.reached(Point.WRITTEN)

    @contextmanager
    def snapshot(self, *, alone: bool = False) -> Iterator[Connection]:
        """Open a transaction that sees the store as it is at its first look, however long it takes.

        `alone`: nobody else writes until the block ends, and what it writes itself is durable then.
        """
        options: dict[str, Any] = {WRITE: alone}
        if self.dialect == "postgresql":
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": not alone}
        with (
            _clear_errors(self.url),
            self.engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            yield connection
        if alone:
            points.reached(Point.WRITTEN)

    def transact(self, call: Callable[[Connection], T], *, undo: bool = False) -> T:
        """Return what `call` returns in a transaction that writes; one that others crossed is made up to three times.

        So `call` changes nothing but what it does through the connection.
        """
        for _ in range(TRIES - 1):
            try:
                with self.write(undo=undo) as connection:
                    return call(connection)
            except Crossed:
                continue
        with self.write(undo=undo) as connection:
            return call(connection)

    def now(self, connection: Connection) -> datetime:
        """Return the instant by the clock that all users of this store share."""
        if self._injected or self.dialect == "sqlite":
            return self.clock.now()
        instant: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return instant

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise Refused("The database URL is not one: write sqlite:///FILE or postgresql://USER@HOST/NAME.") from error
    if parsed.password:
        remember(str(parsed.password))
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def _engine(url: URL) -> Engine:
    try:
        engine = create_engine(
            url,
            pool_pre_ping=url.get_backend_name() != "sqlite",
            hide_parameters=True,  # they are personal data
            json_serializer=lambda value: to_json(value).decode(),
            json_deserializer=from_json,
        )
    except (NoSuchModuleError, ImportError) as error:
        remedy = "For PostgreSQL: pip install 'svahub[postgresql]'."
        raise Refused(f"No driver for {url.drivername!r} is installed. {remedy}") from error
    if engine.dialect.name not in {"sqlite", "postgresql"}:
        raise Refused(f"svahub keeps its store in SQLite or PostgreSQL, not in {engine.dialect.name}.")
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    return engine


_PRAGMAS = (
    f"busy_timeout={BUSY_SECONDS}000",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
    "cache_size=-16384",
)
"""`secure_delete` overwrites what is deleted, so that personal data does not outlive its row in the file. A batch of a
worker touches about 10 MB of a great store, twice: in the 2 MB that are SQLite's own it reads six times as many pages.
"""


def _prepare_sqlite(engine: Engine) -> None:
    _refuse_memory(engine.url)

    @event.listens_for(engine, "do_connect")
    def connecting(*_: Any) -> None:
        _make_private(engine.url)

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's recipe: we say BEGIN ourselves
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get(RESHAPE, False):  # inside a transaction SQLite takes no notice of it
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        immediate = options.get(WRITE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _make_private(url: URL) -> None:
    """Make the file of a new store, which will hold personal data, for this user alone."""
    with suppress(OSError):  # it is there already, or cannot be: SQLite tells of that
        os.close(os.open(url.database or "", os.O_CREAT | os.O_EXCL, 0o600))


def _refuse_memory(url: URL) -> None:
    if not url.database or url.database == ":memory:":
        raise Refused("The store must outlive this process: name a file, sqlite:///FILE.")


@contextmanager
def _clear_errors(url: URL) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or ""
        sentence = _BY_STATE.get(state) or _sentence(str(error.orig)) or _unforeseen(error)
        if sentence is None:
            raise
        kind = Crossed if state in _CROSSED else StoreUnavailable
        raise kind(f"The store {url.render_as_string(hide_password=True)} {sentence}") from error
    except sqlite3.Error as error:  # from opening a connection: nothing has translated it yet
        sentence = _sentence(str(error)) or f"cannot be used ({type(error).__name__})."
        raise StoreUnavailable(f"The store {url.render_as_string(hide_password=True)} {sentence}") from error
    except (TooLong, NoneFree) as error:
        raise StoreUnavailable(f"The store {url.render_as_string(hide_password=True)} {_BUSY}") from error


_BUSY = "is used by too many at once in this process. Try again later."
_RETRY = "was changed by another command in this one's way. Nothing was half done: run the command again."
_READ_ONLY = "takes no writes: it is a standby, or was set read-only. Name the primary server, or undo that."
_STOPS = "has just stopped serving: its server ends or restarts. Run the command again when it is back."
_IDLE = "has ended a transaction in which nothing was done for long. Nothing was half done: run the command again."
_CROSSED = frozenset({"40P01", "40001"})  # deadlock_detected, serialization_failure
_BY_STATE = dict.fromkeys(_CROSSED, _RETRY) | dict.fromkeys(("57P01", "57P02", "57P03"), _STOPS)
_BY_STATE |= {"25006": _READ_ONLY, "25P03": _IDLE}
"""By SQLSTATE where there is one: PostgreSQL's messages may be in Portuguese."""


_SENTENCES = {
    "malformed": "is damaged. Bring a backup into an empty store: svahub --database NEW db restore FILE",
    "store was moved": "was moved to another place: `svahub status` tells where. Nothing was written here.",
    "database is locked": "is locked by another process. Wait for it, or use PostgreSQL for several writers.",
    "readonly database": "is read-only. Give this user the right to write its file and its folder.",
    "disk is full": "has no room left on its disk. Free some and run the command again: nothing was half done.",
    "No space left": "has no room left on its disk. Free some and run the command again: nothing was half done.",
    "unable to open database file": "cannot be opened. Check that its folder exists and may be written.",
    "file is not a database": "is not an SQLite database. Name another file.",
    "disk image is malformed": "is damaged. Restore a backup: svahub db restore",
    "disk I/O error": "cannot be read or written (disk I/O error). Check its disk.",
    "deadlock detected": _RETRY,
    "could not serialize": _RETRY,
    "terminating connection": _STOPS,
    "server closed": _STOPS,
    "connection": "cannot be reached. Check that the server runs and that address, user and password are right.",
}


def _sentence(message: str) -> str | None:
    return next((sentence for part, sentence in _SENTENCES.items() if part in message), None)


def _unforeseen(error: DBAPIError) -> str | None:
    """Return a sentence for what befell the server or the way to it; None for what is wrong with a statement."""
    of_the_store = isinstance(error, (OperationalError, InterfaceError, InternalError)) or type(error) is DatabaseError
    if not of_the_store and not error.connection_invalidated:
        return None
    said = mask_text(next(iter(str(error.orig).splitlines()), ""))  # what follows may tell values
    return f"did not do it ({type(error.orig).__name__}: {said}). Nothing was half done: run the command again."


def is_of_the_store(error: BaseException | None) -> bool:
    """Say whether something failed in the database, which may have been away or in use just then."""
    return isinstance(error, SQLAlchemyError) and not is_of_a_value(error)


def is_of_a_value(error: Exception) -> bool:
    """Say whether an error in a transaction is about a value to be kept, which no store would take."""
    if isinstance(error, DBAPIError):
        unadaptable = isinstance(error, ProgrammingError) and getattr(error.orig, "sqlstate", None) is None
        return isinstance(error, (DataError, IntegrityError)) or unadaptable
    return isinstance(error, (StatementError, ValueError, TypeError, OverflowError))
