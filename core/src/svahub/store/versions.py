"""The store's version: made on first use, upgraded on demand, refused when it comes from a newer svahub."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from svahub.errors import Refused
from svahub.store import tables
from svahub.store.engine import Store

KNOWN = ("0001", "0002")
HEAD = KNOWN[-1]
_UPGRADE_LOCK = 7_364_825  # any number of ours: two processes that upgrade at once must meet


class StoreTooOld(Refused):
    """The store is from an older svahub and wants `svahub db upgrade`."""


class StoreTooNew(Refused):
    """The store is from a newer svahub than this one."""


def ready(store: Store) -> None:
    """Make an empty store and accept one of this version; raise StoreTooOld or StoreTooNew otherwise."""
    with store.read() as connection:
        version = current(connection)
    if version is None:
        upgrade(store)
    elif version not in KNOWN:
        raise StoreTooNew(f"The store has version {version}, this svahub knows up to {HEAD}. Install a newer svahub.")
    elif version != HEAD:
        raise StoreTooOld(f"The store has version {version}, this svahub wants {HEAD}. Run: svahub db upgrade")


def current(connection: Connection) -> str | None:
    """Return the store's version, None when it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return version


def upgrade(store: Store) -> tuple[str | None, str]:
    """Bring the store to this svahub's version and return what it was and is; two that do so at once do it once."""
    with store.write() as connection:
        if store.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
        before = current(connection)
        if before is not None and before not in KNOWN:
            raise StoreTooNew(f"The store has version {before}, this svahub knows up to {HEAD}.")
        if before != HEAD:
            _run_alembic(connection)
    return before, HEAD


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
