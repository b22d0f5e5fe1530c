"""The stores that tests are given: one a test, on both databases, made or still to be made."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, inspect
from svahub.hub import Hub
from svahub.store import versions


@pytest.mark.parametrize("test", range(2))
def test_every_test_gets_a_place_of_its_own(empty_database_url: str, test: int) -> None:
    engine = create_engine(empty_database_url)
    assert inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE left_behind (test INTEGER)")
    engine.dispose()


@pytest.mark.parametrize("test", range(2))
def test_every_test_gets_a_store_in_which_nothing_is(database_url: str, test: int) -> None:
    with Hub.open(database_url) as hub:
        assert versions.differences(hub.store) == []
        assert [tenant.name for tenant in hub.tenants()] == ["default"]
        hub.add_tenant("left-behind")


def test_the_two_databases_are_told_by_their_addresses(sqlite_url: str, postgresql_url: str) -> None:
    assert sqlite_url.startswith("sqlite:///")
    assert postgresql_url.startswith("postgresql+psycopg://")
