"""The stores that tests are given: empty, one a test, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, inspect


@pytest.mark.parametrize("test", range(2))
def test_every_test_gets_an_empty_store(database_url: str, test: int) -> None:
    engine = create_engine(database_url)
    assert inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE left_behind (test INTEGER)")
    engine.dispose()


def test_the_two_databases_are_told_by_their_addresses(sqlite_url: str, postgresql_url: str) -> None:
    assert sqlite_url.startswith("sqlite:///")
    assert postgresql_url.startswith("postgresql+psycopg://")
