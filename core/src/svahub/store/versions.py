"""The store's version: made on first use, upgraded on demand, refused when it is newer than this svahub, or closed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, text

from svahub import plugin_tables
from svahub.errors import Refused
from svahub.store import closing, plugins, scripts, tables
from svahub.store.closing import Closed, Closing
from svahub.store.engine import Store
from svahub.store.plugins import Standing
from svahub.store.tables.columns import ONLY

if TYPE_CHECKING:
    from sqlalchemy import MetaData

KNOWN = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011")
HEAD = KNOWN[-1]


class StoreTooOld(Refused):
    """The store, or a plugin's part of it, is from an older package and wants `svahub db upgrade`."""


class StoreTooNew(Refused):
    """The store, or a plugin's part of it, is from a newer package than the one that is installed."""


class StoreClosed(Refused):
    """The store is an unfinished copy, a backup, or was moved to another place."""


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The store's version before, None if it was empty, and after; and how the tables of plugins stand now."""

    before: str | None
    after: str
    plugins: tuple[Standing, ...] = ()


def ready(store: Store) -> list[Standing]:
    """Make an empty store and accept one of this version; raise StoreTooOld, StoreTooNew or StoreClosed otherwise.

    The tables of plugins are made with it, or when their plugin is first seen. Returns those that could not be made.
    """
    with store.read() as connection:
        version = current(connection)
        _refuse_unusable(store, connection, version)
        unnoted = plugins.unnoted(connection) if version == HEAD else set()
    if version is None:
        return [standing for standing in upgrade(store).plugins if standing.problem]
    if version != HEAD:
        raise StoreTooOld(f"The store has version {version}, this svahub wants {HEAD}. Run: svahub db upgrade")
    return _receive(store, unnoted) if unnoted else []


def _receive(store: Store, unnoted: Iterable[str]) -> list[Standing]:
    """Make the tables of plugins that this store has not seen; refuse those of another revision."""
    sound = [declared for declared in plugin_tables.declared(unnoted) if declared.fault is None]
    with store.read() as connection:
        found = [(declared, plugins.standing(connection, declared)) for declared in sound]
    for declared, standing in found:
        _refuse_other(declared, standing)
    made = [plugins.bring_up(store, declared) for declared, standing in found if standing.revision is None]
    for declared, standing in found:
        if standing.problem is None:
            plugins.note(store, declared)
    return [standing for standing in made if standing.problem]


def _refuse_other(declared: plugin_tables.Declared, standing: Standing) -> None:
    if standing.revision is None or standing.problem is None:
        return
    kind = StoreTooNew if plugins.is_newer(standing.revision, declared) else StoreTooOld
    raise kind(f"The tables of {standing.plugin!r} have revision {standing.revision}. {standing.problem}")


_VERSION = text("SELECT version_num FROM alembic_version")


def current(connection: Connection) -> str | None:
    """Return the store's version, None when it is empty; one that is closed bears a Closing in its place."""
    if not inspect(connection).has_table(scripts.VERSION):
        return None
    version: str | None = connection.execute(_VERSION).scalar_one_or_none()
    return version


def closed(connection: Connection) -> Closed | None:
    """Return why nobody may use the store, None when there is nothing against it."""
    return closing.closed(connection) if current(connection) in set(Closing) else None


def _refuse_unusable(store: Store, connection: Connection, version: str | None) -> None:
    if version is None or version in KNOWN:
        return
    if version in set(Closing):
        raise StoreClosed(f"The store {place(store)} {closing.closed(connection).sentence}")
    raise StoreTooNew(f"The store has version {version}, this svahub knows up to {HEAD}. Install a newer svahub.")


def place(store: Store) -> str:
    """Return where a store is, as may be shown."""
    return store.url.render_as_string(hide_password=True)


def upgrade(store: Store) -> Upgraded:
    """Bring the store to this svahub's version, and plugins' tables to their packages'; two at once do it once.

    What stands against a plugin's tables is told with them, and is in the way of no other's.
    """
    with store.reshape() as connection:
        scripts.wait_for_others(connection)
        before = current(connection)
        _refuse_unusable(store, connection, before)
        if before != HEAD:
            scripts.run(connection)
    return Upgraded(before, HEAD, tuple(plugins.bring_up(store, declared) for declared in plugin_tables.declared()))


def begin(store: Store, kind: Closing, origin: str, at: datetime) -> bool:
    """Make an empty store that nobody may use until it is filled; return whether one was begun before.

    Raises Refused when anything else is there.
    """
    _keep_private(store)
    with store.reshape() as connection:
        scripts.wait_for_others(connection)
        if _is_begun(store, connection, kind):
            return True
        scripts.run(connection)
        closing.close(connection, Closed(kind, HEAD, origin, at))
    return False


def _keep_private(store: Store) -> None:
    """Make the file that is not there yet one that only its owner may read: what comes into it is personal data."""
    if store.dialect == "sqlite" and not Path(store.url.database or "").exists():
        with contextlib.suppress(OSError):  # opening the store tells what is wrong with the folder
            os.close(os.open(store.url.database or "", os.O_CREAT | os.O_WRONLY, 0o600))


def is_begun(store: Store, kind: Closing) -> bool:
    """Say whether a store is being filled; raise Refused when it is neither that nor empty."""
    with store.read() as connection:
        return _is_begun(store, connection, kind)


def _is_begun(store: Store, connection: Connection, kind: Closing) -> bool:
    if current(connection) == kind.value:
        return True
    if there := inspect(connection).get_table_names():
        raise Refused(f"{place(store)} is not empty: {_what(there)}. Name an empty database, or empty this one.")
    return False


def _what(there: list[str]) -> str:
    if scripts.VERSION in there and "subscriptions" in there:
        return "it holds a store already"
    names = ", ".join(sorted(there)[:3])
    return f"it has {len(there)} tables of its own ({names}{', …' if len(there) > 3 else ''})"


def differences(store: Store) -> list[str]:
    """Return how the tables, and those of sound plugins that are there, differ from what is expected of them."""
    with store.read() as connection:
        found = [(d, plugins.standing(connection, d)) for d in plugin_tables.declared() if d.fault is None]
        expected = [d.tables.metadata for d, standing in found if standing.problem is None]
        return [told for metadata in (tables.metadata, *expected) for told in _compared(connection, metadata)]


def _compared(connection: Connection, metadata: MetaData) -> list[str]:
    from alembic.autogenerate import compare_metadata  # only `db check` needs it
    from alembic.migration import MigrationContext

    def expected(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or name in metadata.tables

    def of_this_database(item: Any, _name: object, kind: str, *_: object) -> bool:
        return kind != "index" or item.info.get(ONLY, connection.dialect.name) == connection.dialect.name

    options = {"include_name": expected, "include_object": of_this_database}
    context = MigrationContext.configure(connection, opts=options)
    return [str(difference) for difference in compare_metadata(context, metadata)]
