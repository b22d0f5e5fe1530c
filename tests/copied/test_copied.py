"""A copy holds the same and works; the store that was copied works no longer, unless it is reopened."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update
from svahub.areas import copies
from svahub.errors import Refused
from svahub.hub import Hub
from svahub.models import Observed
from svahub.store import Store, StoreUnavailable, tables, versions
from svahub.store.states import Outcome, Verb
from svahub.store.versions import StoreClosed

from copied.stores import NOON, PEOPLE, address, both_ways, move, rows_of


@both_ways
def test_a_copy_holds_the_same_and_works(ends: tuple[Store, Store]) -> None:
    source, target = ends
    before = rows_of(source)
    moved = move(source, target)
    assert rows_of(target) == before
    assert versions.differences(target) == []
    ours = {table.table: table.rows for table in moved.tables if not table.table.startswith(("asaas_", "iot_"))}
    assert ours == {name: len(rows) for name, rows in before.items()} | {"audit": 0, "chains": 0}
    with Hub.open(address(target)) as hub:
        assert [row.name for row in hub.tenants()] == ["default"]


def test_ids_that_were_given_away_are_not_given_again(ends: tuple[Store, Store]) -> None:
    source, target = ends
    move(source, target)
    asked = {"tenant": "default", "verb": Verb.BLOCK, "generation": 2, "actor": "eva", "outcome": Outcome.QUEUED}
    said = {"tenant": "default", "integration": "tele", "at": NOON, "method": "GET", "milliseconds": 3}
    said |= {"path": "/users", "request_headers": {}, "response_headers": {}}
    with target.write() as connection:
        key = connection.execute(select(tables.subscriptions.c.key).limit(1)).scalar_one()
        operation = insert(tables.operations).values(asked | {"subscription_key": key, "created_at": NOON})
        assert connection.execute(operation.returning(tables.operations.c.id)).scalar_one() == PEOPLE + 1
        exchange = insert(tables.exchanges).values(said).returning(tables.exchanges.c.id)
        assert connection.execute(exchange).scalar_one() == PEOPLE + 1


def test_the_store_that_was_copied_is_closed_even_to_who_had_it_open(pair: tuple[Store, Store]) -> None:
    source, target = pair
    move(source, target)
    with pytest.raises(StoreClosed, match=r"was moved to .* use that one"):
        Hub.open(address(source))
    with pytest.raises(StoreUnavailable, match="was moved"), source.write() as connection:
        connection.execute(update(tables.subscriptions).values(tries=3))
    with pytest.raises(StoreUnavailable, match="was moved"), source.write() as connection:
        connection.execute(update(tables.accounts).values(due_at=NOON))


def test_a_closed_store_can_be_reopened_and_asks_again(pair: tuple[Store, Store]) -> None:
    source, target = pair
    hub = Hub.open(address(source))
    move(source, target)
    with pytest.raises(Refused, match="was not moved"):
        copies.reopen(target, hub.registry, actor="eva")
    assert copies.reopen(source, hub.registry, actor="eva", dry_run=True).asked_again == PEOPLE
    assert copies.reopen(source, hub.registry, actor="eva").asked_again == PEOPLE
    with Hub.open(address(source)) as again, again.store.read() as connection:
        assert set(connection.execute(select(tables.subscriptions.c.observed)).scalars()) == {Observed.UNKNOWN}
    assert versions.differences(source) == []
    hub.close()


def test_the_copy_of_a_file_is_only_for_its_owner(pair: tuple[Store, Store]) -> None:
    source, target = pair
    move(source, target)
    assert stat.S_IMODE(Path(str(target.url.database)).stat().st_mode) == 0o600
