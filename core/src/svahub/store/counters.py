"""The counters behind ids that the database gives away: read from one store, advanced in its copy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, Table, column, delete, func, insert, select, table


def counted(tables: Iterable[Table]) -> list[str]:
    """Return the names of those tables whose `id` the database gives away, never the same twice."""
    return [t.name for t in tables if t.dialect_options["sqlite"]["autoincrement"]]


def read(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """Return the last id that was given away in each of these tables."""
    if connection.dialect.name == "sqlite":
        given: dict[str, int] = {row.name: row.seq for row in connection.execute(select(_sequences))}
        highest = {name: given.get(name) or _highest(connection, name) for name in names}
        return {name: last for name, last in highest.items() if last}
    read_from = {name: table(_sequence(name), column("last_value"), column("is_called")) for name in names}
    rows = {name: connection.execute(select(counter)).one() for name, counter in read_from.items()}
    return {name: row.last_value for name, row in rows.items() if row.is_called}


def _highest(connection: Connection, name: str) -> int | None:
    """Return the highest id there is, for a plugin's table that was made without a counter."""
    last: int | None = connection.execute(select(func.max(column("id"))).select_from(table(name))).scalar_one()
    return last


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
