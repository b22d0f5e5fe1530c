"""The tables of plugins, beside the core's in one store: made on first use, upgraded with it, carried along by copies.

The store notes which packages have the tables that they want. So opening it takes one query more and imports no plugin:
only a package without a note is looked at. A note ends with the revision that it was made for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    delete,
    insert,
    inspect,
    select,
)
from sqlalchemy.exc import DBAPIError

from svahub import plugin_tables
from svahub.errors import Refused
from svahub.masking import mask_text
from svahub.plugin_tables import Declared, packages
from svahub.store import scripts, tables
from svahub.store.engine import StoreUnavailable

if TYPE_CHECKING:
    from svahub.store.engine import Store

notes = Table(
    "plugin_notes",
    MetaData(),  # no part of the books: a copy has its own
    Column("plugin", String(200), nullable=False),
    Column("package", String(200), nullable=False),
    PrimaryKeyConstraint("plugin", "package"),
)
_PREFIX = f"{scripts.VERSION}_"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a plugin's tables stand: their revision, None when there are none, and the one that its package wants.

    `problem` says why the two differ, or that nobody can tell.
    """

    plugin: str
    package: str
    revision: str | None
    wanted: str | None
    problem: str | None = None


# -- notes -------------------------------------------------------------------------------------------------------------


def unnoted(connection: Connection) -> set[str]:
    """Return the plugins of which it is not noted that their tables are as the installed package wants them."""
    if not (installed := packages()):
        return set()
    noted = {(row.plugin, row.package) for row in connection.execute(select(notes))}
    return {plugin for plugin, _ in installed - noted}


def _note(connection: Connection, declared: Declared, *, changed: bool) -> None:
    mine = notes.c.plugin == declared.plugin
    stale = mine if changed else mine & (notes.c.package == declared.package)
    connection.execute(delete(notes).where(stale))
    connection.execute(insert(notes).values(plugin=declared.plugin, package=declared.package[:200]))


# -- revisions ---------------------------------------------------------------------------------------------------------


def standings(connection: Connection, plugins: Collection[str] | None = None) -> list[Standing]:
    """Return how the tables of these plugins (by default of all that are installed) stand."""
    return [standing(connection, declared) for declared in plugin_tables.declared(plugins)]


def standing(connection: Connection, declared: Declared) -> Standing:
    """Return how a plugin's tables stand."""
    found = revision(connection, declared.plugin)
    if declared.fault is not None:
        return Standing(declared.plugin, declared.package, found, None, f"They cannot be used: {declared.fault}")
    wanted = declared.tables.head
    problem = None if found == wanted else _difference(found, declared)
    return Standing(declared.plugin, declared.package, found, wanted, problem)


def _difference(found: str | None, declared: Declared) -> str:
    if found is None:
        return "They are not there. Run: svahub db upgrade"
    if is_newer(found, declared):
        return f"They come from a newer package than {declared.package}: install that one."
    return f"They are older than {declared.package} wants them. Run: svahub db upgrade"


def is_newer(found: str | None, declared: Declared) -> bool:
    """Say whether a revision is one that the installed package does not know."""
    return found is not None and found not in declared.tables.known


def older(connection: Connection) -> list[str]:
    """Return the plugins whose tables are older than their packages want them."""
    sound = [declared for declared in plugin_tables.declared() if declared.fault is None]
    found = [(declared, revision(connection, declared.plugin)) for declared in sound]
    return [d.plugin for d, there in found if there in d.tables.known[:-1]]


def revision(connection: Connection, plugin: str) -> str | None:
    """Return the revision of a plugin's tables, None when there are none."""
    name = _PREFIX + plugin
    if not inspect(connection).has_table(name):
        return None
    found: str | None = connection.execute(select(_version_num(name))).scalar_one_or_none()
    return found


def _version_num(name: str) -> Column[str]:
    return Table(name, MetaData(), Column("version_num", String(32))).c.version_num


def bring_up(store: Store, declared: Declared) -> Standing:
    """Make or upgrade a plugin's tables, unless that is done already; what fails is undone and told as a problem."""
    with store.reshape() as connection:
        scripts.wait_for_others(connection)
        before = standing(connection, declared)
        if declared.fault is not None or is_newer(before.revision, declared):
            return before
        if problem := _run(connection, declared) if before.problem else None:
            return Standing(declared.plugin, declared.package, before.revision, before.wanted, problem)
        _note(connection, declared, changed=before.problem is not None)
    return Standing(declared.plugin, declared.package, before.wanted, before.wanted)


def note(store: Store, declared: Declared) -> None:
    """Note that a plugin's tables are as its package wants them, where the store takes writes."""
    with suppress(StoreUnavailable), store.write() as connection:
        if standing(connection, declared).problem is None:
            _note(connection, declared, changed=False)


def _run(connection: Connection, declared: Declared) -> str | None:
    """Run a plugin's migrations and say why they failed; nothing of them is left then."""
    given = declared.tables
    savepoint = connection.begin_nested()
    try:
        scripts.run(connection, _PREFIX + declared.plugin, str(plugin_tables.scripts(given)))
        _require(connection, declared)
    except Exception as error:  # noqa: BLE001 -- a plugin's migrations may raise anything, and hurt nobody else
        savepoint.rollback()
        return f"Its migrations failed, nothing of them is left: {_said(error)}"
    savepoint.commit()
    return None


def _require(connection: Connection, declared: Declared) -> None:
    found = revision(connection, declared.plugin)
    if found != declared.tables.head:
        raise Refused(f"they lead to {found!r}, the package names {declared.tables.head!r}")
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise Refused("they leave rows that refer to nothing")


def _said(error: Exception) -> str:
    """Return what went wrong, without the statement: it may bear values."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return f"{type(cause).__name__}: {mask_text(next(iter(str(cause).splitlines()), ''))}"


# -- what is there -----------------------------------------------------------------------------------------------------


def carried(connection: Connection) -> list[Declared]:
    """Return the plugins whose tables are here and can be copied; Refused when they are of another revision."""
    found = [d for d in plugin_tables.declared() if d.fault is None and revision(connection, d.plugin) is not None]
    for declared in found:
        if problem := standing(connection, declared).problem:
            raise Refused(f"The tables of {declared.plugin!r} cannot be copied. {problem}")
    return found


def sorted_tables(carried: Iterable[Declared]) -> list[Table]:
    """Return the tables that a copy has, the core's and those of plugins, those first that others refer to.

    Tokens are not among them: a store that is copied, or comes back, fetches its own.
    """
    core = (table for table in tables.metadata.sorted_tables if table is not tables.tokens)
    return [*core, *(t for d in carried for t in d.tables.metadata.sorted_tables)]


def version_tables(carried: Iterable[Declared]) -> set[str]:
    """Return the names of the tables that bear the plugins' revisions."""
    return {_PREFIX + declared.plugin for declared in carried}


def every_name(connection: Connection) -> list[str]:
    """Return the names of the core's tables and of those of all plugins that were ever installed."""
    there = inspect(connection).get_table_names()
    prefixes = tuple(f"{name.removeprefix(_PREFIX)}_" for name in there if name.startswith(_PREFIX))
    plugins = {name for name in there if name.startswith(prefixes)} if prefixes else set()
    return [*tables.metadata.tables, *sorted(plugins - set(tables.metadata.tables))]
