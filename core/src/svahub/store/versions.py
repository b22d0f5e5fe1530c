"""The store's version: made on first use, upgraded on demand, refused when it is newer than this svahub, or closed."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from svahub.errors import Refused
from svahub.store import closing, tables
from svahub.store.closing import Closed, Closing
from svahub.store.engine import Store

KNOWN = ("0001", "0002", "0003")
HEAD = KNOWN[-1]
_UPGRADE_LOCK = 7_364_825  # any number of ours: two processes that upgrade at once must meet


class StoreTooOld(Refused):
    """The store is from an older svahub and wants `svahub db upgrade`."""


class StoreTooNew(Refused):
    """The store is from a newer svahub than this one."""


class StoreClosed(Refused):
    """The store is an unfinished copy, a backup, or was moved to another place."""


def ready(store: Store) -> None:
    """Make an empty store and accept one of this version; raise StoreTooOld, StoreTooNew or StoreClosed otherwise."""
    with store.read() as connection:
        version = current(connection)
        _refuse_unusable(store, connection, version)
    if version is None:
        upgrade(store)
    elif version != HEAD:
        raise StoreTooOld(f"The store has version {version}, this svahub wants {HEAD}. Run: svahub db upgrade")


def current(connection: Connection) -> str | None:
    """Return the store's version, None when it is empty; one that is closed bears a Closing in its place."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
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


def upgrade(store: Store) -> tuple[str | None, str]:
    """Bring the store to this svahub's version and return what it was and is; two that do so at once do it once."""
    with store.reshape() as connection:
        _wait_for_others(store, connection)
        before = current(connection)
        _refuse_unusable(store, connection, before)
        if before != HEAD:
            _run_alembic(connection)
    return before, HEAD


def begin(store: Store, kind: Closing, origin: str, at: datetime) -> bool:
    """Make an empty store that nobody may use until it is filled; return whether one was begun before.

    Raises Refused when anything else is there.
    """
    _keep_private(store)
    with store.reshape() as connection:
        _wait_for_others(store, connection)
        if _is_begun(store, connection, kind):
            return True
        _run_alembic(connection)
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
    if "alembic_version" in there and "subscriptions" in there:
        return "it holds a store already"
    names = ", ".join(sorted(there)[:3])
    return f"it has {len(there)} tables of its own ({names}{', …' if len(there) > 3 else ''})"


def _wait_for_others(store: Store, connection: Connection) -> None:
    if store.dialect == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})


def differences(store: Store) -> list[str]:
    """Return how the tables differ from what this svahub expects; empty when they agree."""
    from alembic.autogenerate import compare_metadata  # only `db check` needs it
    from alembic.migration import MigrationContext

    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": _ours})
        return [str(difference) for difference in compare_metadata(context, tables.metadata)]


def _ours(_object: object, name: str | None, kind: str, *_rest: object) -> bool:
    return kind != "table" or name in tables.metadata.tables


def _run_alembic(connection: Connection) -> None:
    from alembic import command  # 100 ms that only a store's first use should pay
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "svahub.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
