"""Moving a whole store to another database, and back.

Of two stores only one may work, else both would drive the providers. So the one that was copied is closed before its
copy is opened: a process that is killed between the two leaves none that works, and the command is repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import URL, make_url

from svahub import entries
from svahub.errors import Refused
from svahub.owners import dead
from svahub.registry import BrokenPlugin, MissingPlugin, Registry
from svahub.store import Store, closing, copying, integrations, journal, restoring, versions
from svahub.store.closing import Closed, Closing
from svahub.store.copying import PAGE, Bar, Copied, Copier
from svahub.store.restoring import BLIND, Marked, Sight, Sights
from svahub.store.states import AuditKind


@contextmanager
def unseen(_label: str, _length: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show no progress."""
    yield lambda _done: None


@dataclass(frozen=True, slots=True)
class Moved:
    """A store that is now, or would be, at another place; `left_out`: tables there that are not svahub's.

    Those of plugins that are not installed, or broken, are among them.
    """

    store: str
    rows: int
    resumed: bool
    left_out: tuple[str, ...]
    tables: tuple[Copied, ...]


def copy(source: Store, url: str, *, actor: str, bar: Bar = unseen, page: int = PAGE, dry_run: bool = False) -> Moved:
    """Copy a store that nobody works on into the empty, or half-copied, one at `url`, and close the first.

    `page` rows are in memory, and in one transaction, at once.
    Raises Refused when the source is in use, or when anything else is at `url`.
    """
    target = Store(url)
    try:
        _refuse_same(source.url, target.url)
        require_store(source)
        return _counted(source, target) if dry_run else _moved(source, target, actor, bar, page)
    finally:
        target.close()


def _moved(source: Store, target: Store, actor: str, bar: Bar, page: int) -> Moved:
    _require_movable(source, target)
    with source.snapshot(alone=True) as connection:
        if source.dialect == "postgresql":
            copying.lock(connection)
        _require_rest(source, connection)
        resumed = versions.begin(target, Closing.COPYING, versions.place(source), source.now(connection))
        copied = tuple(Copier(connection, target, bar, page).run(resumed=resumed))
        left_out = tuple(copying.left_out(connection))
        if versions.closed(connection) is None:
            there = Closed(Closing.MOVED, versions.HEAD, versions.place(target), source.now(connection))
            closing.close(connection, there)
    with target.write() as connection:
        closing.reopen(connection)
        record(connection, target, actor, "db copy", origin=versions.place(source))
    return Moved(versions.place(target), sum(table.rows for table in copied), resumed, left_out, copied)


def _counted(source: Store, target: Store) -> Moved:
    begun = _begun(target)
    with source.snapshot() as connection:
        _require_rest(source, connection)
        counts = {table.name: copying.count(connection, table) for table in copying.all_tables(connection)}
        left_out = tuple(copying.left_out(connection))
    tables = tuple(Copied(name, rows, "") for name, rows in counts.items())
    return Moved(versions.place(target), sum(counts.values()), begun, left_out, tables)


def _require_movable(source: Store, target: Store) -> None:
    """Refuse a source that is closed; one that a killed copy to the same place had closed is copied to its end."""
    with source.read() as connection:
        there = versions.closed(connection)
    moved_there = there is not None and there.kind is Closing.MOVED and _same(make_url(there.place), target.url)
    if not (moved_there and _begun(target)):  # of two copies that were begun only one may be completed
        versions.ready(source)


def _begun(target: Store) -> bool:
    """Say whether a copy was begun there; raise Refused when it could not be begun either."""
    return not is_missing(target) and versions.is_begun(target, Closing.COPYING)


def _require_rest(source: Store, connection: Connection) -> None:
    owners = copying.living_owners(connection, source.now(connection))
    if living := sorted(set(owners) - set(dead(owners))):
        hosts = ", ".join(sorted({owner.partition("/")[0] for owner in living}))
        raise Refused(f"The store is in use: a worker on {hosts} has calls under way. Stop the workers first.")


def _same(one: URL, other: URL) -> bool:
    if one.get_backend_name() != other.get_backend_name():
        return False
    if one.get_backend_name() == "sqlite":
        return Path(one.database or "").resolve() == Path(other.database or "").resolve()
    return (one.host, one.port, one.database) == (other.host, other.port, other.database)


def _refuse_same(one: URL, other: URL) -> None:
    if _same(one, other):
        raise Refused("That is the store itself: name another one to copy it to.")


# -- what backups need too ---------------------------------------------------------------------------------------------


def is_missing(store: Store) -> bool:
    """Say whether a store's file is not there: to open it would make it."""
    return store.dialect == "sqlite" and not Path(store.url.database or "").exists()


def require_store(store: Store) -> None:
    """Refuse a place where no store is."""
    if not is_missing(store):
        with store.read() as connection:
            if versions.current(connection) is not None:
                return
    raise Refused(f"There is no store at {versions.place(store)}: name one with --database.")


def record(connection: Connection, store: Store, actor: str, command: str, **details: Any) -> None:
    """Append to every tenant's audit what was done with the whole store."""
    entry = entries.entry(AuditKind.COMMAND, actor, command, "store", **details)
    for tenant in integrations.all_tenants(connection):
        journal.append(connection, tenant.name, store.now(connection), [entry])


def sights(connection: Connection, registry: Registry) -> tuple[Sights, list[str]]:
    """Return what can be looked up at each integration, and the integrations of which that is not known."""
    known: dict[tuple[str, str], Sight] = {}
    blind = []
    for row in integrations.every(connection):
        try:
            kind = registry.provider(row.provider)
        except (MissingPlugin, BrokenPlugin):
            blind.append(row.name)
            continue
        known[row.tenant, row.name] = Sight("find_user" in kind.capabilities, bool(kind.changes))
    return lambda tenant, name: known.get((tenant, name), BLIND), blind


# -- coming back -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reopened:
    """A store that works again, and what it asks its providers about: subscriptions, and tasks that had not ended."""

    store: str
    asked_again: int
    parked: int
    tasks: int


def reopen(store: Store, registry: Registry, *, actor: str, dry_run: bool = False) -> Reopened:
    """Open a store again that was moved: it is as old as a backup, so all that may have moved since is asked again."""
    require_store(store)
    with store.write(undo=dry_run) as connection:
        there = versions.closed(connection)
        if there is None or there.kind is not Closing.MOVED:
            raise Refused(f"The store {versions.place(store)} was not moved: there is nothing to reopen.")
        closing.reopen(connection)
        why = f"the store was moved to another place on {there.at:%Y-%m-%d %H:%M} UTC"
        marked: Marked = restoring.mark(connection, store.now(connection), why, sights(connection, registry)[0])
        record(connection, store, actor, "db reopen", moved_to=there.place)
    return Reopened(versions.place(store), marked.asked_again, marked.parked, marked.tasks)
