"""Backups: one SQLite file with the whole store of an instant, made while everything runs; and coming back from one."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing as closed_after
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy.engine import URL

from svahub.areas.copies import is_missing, record, require_store, sights, unseen
from svahub.errors import Refused
from svahub.registry import Registry
from svahub.store import Store, StoreUnavailable, closing, copying, plugins, restoring, tokens, versions
from svahub.store.closing import Closed, Closing
from svahub.store.copying import Bar, Copier

PAGES = 2_000
MAGIC = b"SQLite format 3\x00"


@dataclass(frozen=True, slots=True)
class Backup:
    """A file that holds a store as it was at an instant; `left_out`: tables that no restore brings back."""

    file: str
    made_at: datetime
    megabytes: float
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Restored:
    """A store that came back, or would; `asked_again` of its subscriptions are looked up at their providers.

    So are `tasks` of plugins, which had not ended. `parked` subscriptions wait for a person as before, `ended` are left
    alone; `without_plugin` are the integrations at which nothing can be looked up until their plugin is installed;
    `left_out` the tables of the backup that are neither svahub's nor a plugin's that is installed.
    """

    store: str
    made_at: datetime
    asked_again: int
    parked: int
    ended: int
    open_attempts: int
    tasks: int
    without_plugin: tuple[str, ...]
    left_out: tuple[str, ...]


# -- backup ------------------------------------------------------------------------------------------------------------


def backup(store: Store, file: Path, *, actor: str, bar: Bar = unseen) -> Backup:
    """Write the store as it is now to a new file that only its owner may read; workers and verbs go on meanwhile.

    Raises Refused when the file is there already or cannot be written; nothing is left of it then.
    """
    if file.exists():
        raise Refused(f"{file} is there already, and a backup never overwrites: name another file.")
    require_store(store)
    made_at = _begin(store, file, actor)
    with store.read() as connection:
        left_out = tuple(copying.left_out(connection))
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
    try:
        _write(store, part, made_at, bar)
        _publish(part, file)
    except (StoreUnavailable, sqlite3.Error, OSError) as error:
        said = str(error).replace(str(part), str(file))
        raise Refused(f"The backup {file} was not made, nothing is left of it: {said}") from error
    finally:
        for leftover in part.parent.glob(f"{part.name}*"):
            leftover.unlink()
    return Backup(str(file), made_at, round(file.stat().st_size / 1e6, 1), left_out)


def _begin(store: Store, file: Path, actor: str) -> datetime:
    """Keep in the audit that a copy of all data is made; raise Refused for a store that must not be used."""
    with store.read() as connection:
        version = versions.current(connection)
    if version == versions.HEAD:
        with store.write() as connection:
            record(connection, store, actor, "db backup", file=file.name)
            return store.now(connection)
    if version not in versions.KNOWN or store.dialect == "postgresql":
        versions.ready(store)
    with store.read() as connection:
        return store.now(connection)


def _write(store: Store, part: Path, made_at: datetime, bar: Bar) -> None:
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    into = Store(_address(part))
    try:
        if store.dialect == "sqlite":
            version = _write_pages(store, part, bar)
        else:
            version = _write_rows(store, into, made_at, bar)
        with into.write() as connection:
            tokens.drop_all(connection)
            closing.close(connection, Closed(Closing.BACKUP, version, versions.place(store), made_at))
    finally:
        into.close()
    with closed_after(sqlite3.connect(part)) as connection:  # one file, without a journal beside it
        connection.execute("PRAGMA journal_mode = DELETE")


def _address(file: Path) -> str:
    return str(URL.create("sqlite", database=str(file)))


def _write_pages(store: Store, part: Path, bar: Bar) -> str:
    """Copy SQLite's own pages under one snapshot; return the store's version."""
    with store.snapshot() as connection, closed_after(sqlite3.connect(part)) as into:
        version = versions.current(connection)
        assert version is not None
        total = int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())
        with bar("backing up", total) as done:
            left = total

            def told(_status: int, remaining: int, _total: int) -> None:
                nonlocal left
                done(left - remaining)
                left = remaining

            source: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
            source.backup(into, pages=PAGES, progress=told)
        return version


def _write_rows(store: Store, into: Store, made_at: datetime, bar: Bar) -> str:
    """Copy the rows of one snapshot; return the store's version."""
    versions.begin(into, Closing.COPYING, versions.place(store), made_at)
    with store.snapshot() as connection:
        Copier(connection, into, bar).run()
    return versions.HEAD


def _publish(part: Path, file: Path) -> None:
    """Give the finished file its name, all at once, and never in place of another."""
    _flush(part)
    try:
        os.link(part, file)
    except FileExistsError as error:
        raise Refused(f"{file} was made meanwhile, and a backup never overwrites: name another file.") from error
    except OSError:  # a file system without links
        if file.exists():
            raise
        part.rename(file)
    _flush(file.parent)


def _flush(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


# -- restore -----------------------------------------------------------------------------------------------------------


def restore(
    file: Path, store: Store, registry: Registry, *, actor: str, bar: Bar = unseen, dry_run: bool = False
) -> Restored:
    """Bring a backup, of an older svahub's store too, into a store that is empty, or that a killed restore half filled.

    What may have moved at the providers since the backup is looked up there before anything is done.
    """
    with _opened(file) as (source, made_at):
        if dry_run:
            return _counted(source, store, registry, made_at)
        resumed = versions.begin(store, Closing.RESTORING, str(file), made_at)
        with source.snapshot() as connection:
            left_out = copying.left_out(connection)
            Copier(connection, store, bar).run(resumed=resumed)
    with store.write() as connection:
        at = store.now(connection)
        seen, blind = sights(connection, registry)
        closing.reopen(connection)
        marked = restoring.mark(connection, at, f"restored from a backup of {made_at:%Y-%m-%d %H:%M} UTC", seen)
        record(connection, store, actor, "db restore", file=file.name, made_at=made_at.isoformat())
    return _restored(store, made_at, marked, blind, left_out)


def _counted(source: Store, store: Store, registry: Registry, made_at: datetime) -> Restored:
    if not is_missing(store):
        versions.is_begun(store, Closing.RESTORING)
    with source.snapshot() as connection:
        _, blind = sights(connection, registry)
        return _restored(store, made_at, restoring.count(connection), blind, copying.left_out(connection))


def _restored(
    store: Store, made_at: datetime, marked: restoring.Marked, blind: list[str], left_out: list[str]
) -> Restored:
    return Restored(
        versions.place(store), made_at, marked.asked_again, marked.parked, marked.ended, marked.open_attempts,
        marked.tasks, tuple(blind), tuple(left_out),
    )  # fmt: skip


@contextmanager
def _opened(file: Path) -> Iterator[tuple[Store, datetime]]:
    """Open a backup to read it as a store of this version, and say when it was made."""
    _require_backup(file)
    source = Store(_read_only(file))
    try:
        version, made_at = _provenance(source, file)
        if version == versions.HEAD and not _older_plugins(source):
            yield source, made_at
        else:
            with _upgraded(file) as newer:
                yield newer, made_at
    finally:
        source.close()


def _read_only(file: Path) -> str:
    options = {"mode": "ro", "immutable": "1", "uri": "true"}
    return str(URL.create("sqlite", database=f"file:{quote(str(file.resolve()))}", query=options))


def _require_backup(file: Path) -> None:
    if not file.is_file():
        raise Refused(f"There is no file {file}.")
    with file.open("rb") as opened:
        if opened.read(len(MAGIC)) != MAGIC:
            raise Refused(f"{file} is no backup that svahub made.")
    journal = file.with_name(f"{file.name}-wal")
    if journal.exists() and journal.stat().st_size:
        raise Refused(f"{file} is a store in use, or was not closed: make a backup of it with `svahub db backup`.")


def _provenance(source: Store, file: Path) -> tuple[str, datetime]:
    """Return a backup's version and when it was made; of a store's file that was copied by hand, when that was."""
    with source.read() as connection:
        version, closed = versions.current(connection), versions.closed(connection)
    if closed is not None and closed.kind is not Closing.BACKUP:
        raise Refused(f"{file} {closed.sentence}")
    version = closed.version if closed else version
    if version is None:
        raise Refused(f"{file} is no backup that svahub made.")
    if version not in versions.KNOWN:
        raise versions.StoreTooNew(f"{file} has version {version}, this svahub knows up to {versions.HEAD}.")
    return version, closed.at if closed else datetime.fromtimestamp(file.stat().st_mtime, UTC)


def _older_plugins(source: Store) -> list[str]:
    with source.read() as connection:
        return plugins.older(connection)


@contextmanager
def _upgraded(file: Path) -> Iterator[Store]:
    """Open a copy of an older backup, upgraded."""
    with tempfile.TemporaryDirectory(prefix="svahub-") as folder:
        copied = Path(folder, "older.db")
        shutil.copyfile(file, copied)
        store = Store(_address(copied))
        try:
            with store.write() as connection:
                if versions.closed(connection) is not None:
                    closing.reopen(connection)
            for left in versions.upgrade(store).plugins:
                if left.problem and left.revision and left.wanted:
                    raise Refused(f"The tables of {left.plugin!r} in {file} cannot be upgraded. {left.problem}")
            yield store
        finally:
            store.close()
