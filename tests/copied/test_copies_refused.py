"""Stores that are not copied, and places that they are not copied to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text, update
from svahub.areas import copies
from svahub.errors import Refused
from svahub.hub import Hub
from svahub.owners import Owner
from svahub.store import Store, copying, tables

from copied.stores import address, move


def test_a_store_that_is_in_use_is_not_copied(ends: tuple[Store, Store]) -> None:
    source, target = ends
    held = {"lease_until": source.clock.now() + timedelta(seconds=9), "lease_owner": str(Owner.this_process())}
    with source.write() as connection:
        connection.execute(update(tables.accounts).values(held | {"due_at": source.clock.now() + timedelta(seconds=9)}))
    with pytest.raises(Refused, match=r"in use.*Stop the workers first"):
        move(source, target)
    with source.write() as connection:  # the process of that number has another start: the owner is dead
        host, pid, _, worker = held["lease_owner"].split(" ")
        connection.execute(update(tables.accounts).values(lease_owner=f"{host} {pid} 1 {worker}"))
    move(source, target)


def test_a_postgresql_store_that_is_being_written_is_not_copied(
    postgresql_url: str, empty_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "LOCK_MILLISECONDS", 50)
    with Hub.open(postgresql_url) as hub, hub.store.write() as connection:
        connection.execute(update(tables.tenants).values(zone="America/Manaus"))
        other = Store(postgresql_url)
        with pytest.raises(Refused, match="being written now"):
            copies.copy(other, empty_sqlite_url, actor="eva")
        other.close()


def test_a_place_that_holds_anything_is_refused(pair: tuple[Store, Store]) -> None:
    source, target = pair
    with target.write() as connection:
        connection.execute(text("CREATE TABLE invoices (number INTEGER)"))
    with pytest.raises(Refused, match=r"not empty: it has 1 tables of its own \(invoices\)"):
        move(source, target)
    with target.write() as connection:
        connection.execute(text("DROP TABLE invoices"))
    Hub.open(address(target)).close()
    with pytest.raises(Refused, match="it holds a store already"):
        move(source, target)
    with pytest.raises(Refused, match="the store itself"):
        move(source, source)


@pytest.mark.deep
def test_tables_that_are_not_svahubs_are_told_of(ends: tuple[Store, Store]) -> None:
    source, target = ends
    with source.write() as connection:
        connection.execute(text("CREATE TABLE invoices (number INTEGER)"))
    assert move(source, target).left_out == ("invoices",)


def test_what_the_other_database_does_not_keep_is_told_without_its_value(
    sqlite_url: str, empty_postgresql_url: str
) -> None:
    with Hub.open(sqlite_url) as hub:
        with hub.store.write() as connection:
            connection.execute(text("UPDATE tenants SET zone = 'secret' || char(0) || 'zone'"))
        with pytest.raises(Refused, match="The table 'tenants' holds something") as refused:
            copies.copy(hub.store, empty_postgresql_url, actor="eva")
    assert "secret" not in str(refused.value)
