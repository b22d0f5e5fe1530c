"""Which plugins have tables of their own, and whether these can be used. What is done with them is in `store.plugins`.

Naming the packages imports nothing: a store that has what they want is opened without them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from svahub import discovery
from svahub.discovery import MIGRATIONS, Loaded
from svahub.errors import Refused
from svahub.extension import Tables
from svahub.installed import package_of, points, version_of

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from sqlalchemy import MetaData, Table

_PLUGIN = re.compile("[a-z][a-z0-9_]{0,39}")
_TABLE = re.compile("[a-z][a-z0-9_]{0,49}")  # PostgreSQL cuts what it makes of a longer one
_COLUMNS = ("String", "Text", "SmallInteger", "Integer", "BigInteger", "Boolean", "Date", "JSON", "LargeBinary")
_OURS = ("Choice", "Instant", "Money")


@dataclass(frozen=True, slots=True)
class Declared:
    """The tables that an installed package declares; or the `fault` for which they cannot be used."""

    plugin: str
    package: str
    given: Tables | None = None
    fault: str | None = None

    @property
    def tables(self) -> Tables:
        """The tables; Refused when they cannot be used."""
        if self.given is None or self.fault is not None:
            raise Refused(f"The tables of {self.plugin!r} ({self.package}) cannot be used: {self.fault}")
        return self.given


def packages() -> set[tuple[str, str]]:
    """Return each plugin that has tables with the package that brings them, importing nothing."""
    return {(point.name, _package(point)) for point in points(MIGRATIONS)}


def _package(point: EntryPoint) -> str:
    name = package_of(point)
    return f"{name} {version_of(point)}" if name else "a package without a name"


def declared(plugins: Iterable[str] | None = None) -> list[Declared]:
    """Import what these plugins (by default all) declare; whatever is wrong with one is its own fault alone."""
    named = sorted({point.name for point in points(MIGRATIONS)} if plugins is None else set(plugins))
    loaded = (discovery.load(MIGRATIONS, name) for name in named)
    return [_declared(one) for one in loaded if one is not None]


def _declared(loaded: Loaded) -> Declared:
    fault = fault_of(loaded)
    return Declared(loaded.name, _package(loaded.entry_point), None if fault else loaded.plugin, fault)


def scripts(tables: Tables) -> Traversable:
    """Return the folder with a plugin's migrations."""
    package, _, folder = tables.scripts.partition(":")
    return files(package) / folder / "versions"


# -- faults ------------------------------------------------------------------------------------------------------------


def fault_of(loaded: Loaded) -> str | None:
    """Say why an entry of `svahub.migrations` cannot be used; None when it can."""
    if loaded.reason:
        return loaded.reason
    try:
        return next(_faults(loaded.name, loaded.plugin), None)
    except Exception as error:  # noqa: BLE001 -- whatever a foreign object does when looked at is its fault alone
        return discovery.sentence(error)


def _faults(plugin: str, given: Any) -> Iterator[str]:
    if not isinstance(given, Tables):
        yield f"the entry point is {type(given).__name__}, not svahub.extension.Tables"
    if not _PLUGIN.fullmatch(plugin):
        yield f"{plugin!r} cannot begin the names of tables: use small letters, digits and _, at most 40"
    if not given.known or not all(isinstance(revision, str) and 0 < len(revision) <= 32 for revision in given.known):
        yield "it names no revisions of its tables"
    if not scripts(given).is_dir():
        yield f"its migrations are not there: {given.scripts} has no folder `versions`"
    for table in _sorted(given.metadata):
        yield from (f"its table {table.name!r} {fault}" for fault in _table_faults(plugin, table))


def _sorted(metadata: MetaData) -> list[Table]:
    from sqlalchemy.exc import NoReferencedTableError

    try:
        return metadata.sorted_tables
    except NoReferencedTableError as error:
        raise Refused(f"a table refers to {error.table_name!r}, which is not its own") from error


def _table_faults(plugin: str, table: Table) -> Iterator[str]:
    from svahub.store import tables  # the kernel has no database: only what has tables needs it

    if not table.name.startswith(f"{plugin}_") or table.name in tables.metadata.tables or table.schema:
        yield f"does not begin with {plugin + '_'!r}, or is another's"
    if not _TABLE.fullmatch(table.name):
        yield "has a name of other things than small letters, digits and _, or of more than 50"
    if "tenant" not in table.c or table.c.tenant.nullable:
        yield "has no column `tenant` that is never null"
    if not table.primary_key.columns:
        yield "has no primary key"
    if None in {part.name for part in table.constraints} | {index.name for index in table.indexes}:
        yield "has a constraint or index without a name: make its metadata with svahub.extension.columns.new_metadata"
    yield from _column_faults(table)


def _column_faults(table: Table) -> Iterator[str]:
    import sqlalchemy

    from svahub.store import types

    alike = {getattr(sqlalchemy, name) for name in _COLUMNS} | {getattr(types, name) for name in _OURS}
    if other := sorted(column.name for column in table.c if type(column.type) not in alike):
        yield f"has columns that are not the same on both databases ({', '.join(other)}): see svahub.extension.columns"
    given = table.autoincrement_column
    if given is not None and (given.name != "id" or not table.dialect_options["sqlite"]["autoincrement"]):
        yield "lets the database number its rows: such a column is `id`, and the table has sqlite_autoincrement=True"
