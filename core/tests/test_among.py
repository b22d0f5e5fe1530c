"""Naming many rows in a statement that is made once: exactly the keys that it is run with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, create_engine, insert, select
from svahub.store.among import Among

places = Table(
    "places", MetaData(), Column("town", String, primary_key=True), Column("number", Integer, primary_key=True)
)
named = Among(places.c.town, places.c.number)
NAMED = select(places).where(named.condition).order_by(places.c.town, places.c.number)
THERE = [("a", 1), ("a", 2), ("b", 1), ("b", 2)]


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        places.create(connection)
        connection.execute(insert(places), [{"town": town, "number": number} for town, number in THERE])
        yield connection
    engine.dispose()


@pytest.mark.parametrize("keys", [[], [("a", 1)], [("a", 1), ("b", 2)], THERE])
def test_whole_keys_are_found_and_no_mixture_of_them(connection: Connection, keys: list[tuple[str, int]]) -> None:
    assert [tuple(row) for row in connection.execute(NAMED, named.keys(keys))] == keys


def test_keys_may_come_as_a_set(connection: Connection) -> None:
    assert len(connection.execute(NAMED, named.keys({("a", 1), ("b", 2), ("c", 3)})).all()) == 2
