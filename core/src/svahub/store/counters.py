"""The counters behind ids that the database gives away: read from one store, advanced in its copy."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, column, delete, func, insert, select, table

from svahub.store import tables

COUNTED = tuple(t.name for t in tables.metadata.sorted_tables if t.dialect_options["sqlite"]["autoincrement"])
"""The tables whose `id` the database gives away, never the same twice."""


def read(connection: Connection) -> dict[str, int]:
    """Return the last id that was given away in each table."""
    if connection.dialect.name == "sqlite":
        found = connection.execute(select(_sequences)).all()
        return {name: int(last) for name, last in found if name in COUNTED}
    read_from = {name: table(_sequence(name), column("last_value"), column("is_called")) for name in COUNTED}
    rows = {name: connection.execute(select(counter)).one() for name, counter in read_from.items()}
    return {name: row.last_value for name, row in rows.items() if row.is_called}


def advance(connection: Connection, given: Mapping[str, int]) -> None:
    """Let the next id of each table be one that was never given away."""
    for name, last in given.items():
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.setval(_sequence(name), last)))
        else:
            connection.execute(delete(_sequences).where(_sequences.c.name == name))
            connection.execute(insert(_sequences).values(name=name, seq=last))


_sequences = table("sqlite_sequence", column("name"), column("seq"))


def _sequence(name: str) -> str:
    return f"{name}_id_seq"
