"""Procrastinate's tables, in a schema of their own beside the store's: copies and backups know nothing of them.

What they hold is worth nothing: what is due gets new jobs. So they are made anew for another version of Procrastinate.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from procrastinate.schema import SchemaManager
from sqlalchemy import column, func, select, table, text

from svahub.errors import Refused
from svahub.store import StoreUnavailable

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from svahub.store import Store

NAME = "svahub_jobs"
_LOCK = 7_364_827  # any number of ours: two workers that start at once must meet
_MADE_BY = (
    select(func.obj_description(column("oid"), "pg_namespace"))
    .select_from(table("pg_namespace"))
    .where(column("nspname") == NAME)
)
"""Asked of the table: `to_regnamespace` goes on finding nothing, in a transaction in which another made the schema."""


def ready(store: Store) -> None:
    """Make the tables unless they are there, of this version; raises Refused when that may not be done."""
    with store.read() as connection:
        if _is_there(connection):
            return
    try:
        store.transact(_make)
    except StoreUnavailable:
        raise
    except Exception as error:
        if getattr(getattr(error, "orig", None), "sqlstate", None) != "42501":  # insufficient_privilege
            raise
        user = store.url.username
        remedy = f'Let its owner run: CREATE SCHEMA {NAME} AUTHORIZATION "{user}", or GRANT CREATE ON DATABASE.'
        raise Refused(f"The user {user!r} may not make the schema {NAME}, where jobs are kept. {remedy}") from error


def _wanted() -> str:
    return f"procrastinate {version('procrastinate')}"


def _is_there(connection: Connection) -> bool:
    return bool(connection.execute(_MADE_BY).scalar() == _wanted())


def _make(connection: Connection) -> None:
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    if _is_there(connection):
        return
    for statement in (f"DROP SCHEMA IF EXISTS {NAME} CASCADE", f"CREATE SCHEMA {NAME}"):
        connection.exec_driver_sql(statement)
    connection.execute(text(f"SET LOCAL search_path = {NAME}"))
    connection.exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))
    connection.exec_driver_sql(f"COMMENT ON SCHEMA {NAME} IS '{_wanted()}'")
