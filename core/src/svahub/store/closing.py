"""Stores that are there but must not be used: an unfinished copy, a backup, one that was moved.

`alembic_version` bears the kind in place of the version, so that every svahub, an older one too, refuses the store at
once. One that was moved has triggers besides: a process that had it open before can change nothing in it any more.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Column, Connection, MetaData, String, Table, Text, delete, insert, select, text, update

from svahub.store import plugins
from svahub.store.types import Choice, Instant


class Closing(StrEnum):
    """Why a store must not be used."""

    COPYING = "copying"
    RESTORING = "restoring"
    BACKUP = "backup"
    MOVED = "moved"


class Closed(NamedTuple):
    """A store that must not be used; `version` is the one it had, `place` where it came from or went, since `at`."""

    kind: Closing
    version: str
    place: str
    at: datetime

    @property
    def sentence(self) -> str:
        """What to tell who asks for the store."""
        day = self.at.isoformat(sep=" ", timespec="seconds")
        return {
            Closing.COPYING: f"is an unfinished copy of {self.place}: run `svahub db copy` again, or drop it.",
            Closing.RESTORING: f"is an unfinished restore of {self.place}: run `svahub db restore` again, or drop it.",
            Closing.BACKUP: f"is a backup of {day}: `svahub db restore` brings it into an empty store.",
            Closing.MOVED: f"was moved to {self.place} on {day}: use that one. To come back: svahub db reopen",
        }[self.kind]


_closure = Table(
    "closure",
    MetaData(),  # of no version: it is there only while a store is closed
    Column("kind", Choice(Closing), nullable=False),
    Column("version", String(32), nullable=False),
    Column("place", Text, nullable=False),
    Column("at", Instant, nullable=False),
)
_version = Table("alembic_version", MetaData(), Column("version_num", String(32), nullable=False))


def closed(connection: Connection) -> Closed:
    """Return why a store is closed that bears a kind in place of its version."""
    return Closed(*connection.execute(select(_closure)).one())


def close(connection: Connection, closed: Closed) -> None:
    """Let nobody use the store from now on."""
    _closure.create(connection, checkfirst=True)
    connection.execute(delete(_closure))
    connection.execute(insert(_closure), closed._asdict())
    connection.execute(update(_version).values(version_num=closed.kind.value))
    if closed.kind is Closing.MOVED:
        _guard(connection)


def reopen(connection: Connection) -> None:
    """Give the store its version back."""
    was = closed(connection)
    if was.kind is Closing.MOVED:
        _unguard(connection)
    connection.execute(update(_version).values(version_num=was.version))
    _closure.drop(connection)


_GUARD = """CREATE FUNCTION svahub_moved() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'this svahub store was moved'; END $$"""


def _guard(connection: Connection) -> None:
    quoted = connection.dialect.identifier_preparer.quote
    names = plugins.every_name(connection)
    if connection.dialect.name == "postgresql":
        connection.execute(text(_GUARD))
        for name in map(quoted, names):
            trigger = f"CREATE TRIGGER svahub_moved BEFORE INSERT OR UPDATE OR DELETE ON {name}"
            connection.execute(text(f"{trigger} EXECUTE FUNCTION svahub_moved()"))
        return
    for name in names:
        for event in ("INSERT", "UPDATE", "DELETE"):
            trigger = f"CREATE TRIGGER {quoted(f'svahub_moved_{name}_{event}')} BEFORE {event} ON {quoted(name)}"
            connection.execute(text(f"{trigger} BEGIN SELECT RAISE(ABORT, 'this svahub store was moved'); END"))


def _unguard(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("DROP FUNCTION svahub_moved CASCADE"))
        return
    guards = text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'svahub_moved_%'")
    for name in connection.execute(guards).scalars().all():
        connection.execute(text(f"DROP TRIGGER {connection.dialect.identifier_preparer.quote(name)}"))
