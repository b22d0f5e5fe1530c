"""The queue by shards: where accounts lie, what is leased where a worker looks, what is told of what is due."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select
from svahub.errors import Refused
from svahub.hub import Hub, TenantHub
from svahub.intentions import account_key
from svahub.runners import jobs_schema, opened
from svahub.runners.jobs_schema import ready
from svahub.shards import SHARDS, Shards, shard_of
from svahub.store import integrations, queue, sharding
from svahub.store.queue import Lane, Release, Room, Terms
from svahub.store.states import IntegrationState, Priority, RunnerName
from svahub.store.tables import accounts

CLINIC, CAMERAS = Lane("default", "clinic"), Lane("default", "cameras")
EVERYWHERE = range(SHARDS)


def key(shard: int, number: int = 0) -> str:
    """Return the key of an account that lies there."""
    return f"00000000-0000-5000-8000-{number:010}{shard:02x}"


def put(office: TenantHub, *keys: str, lane: Lane = CLINIC, priority: int = 3, seconds: float = 0) -> None:
    """Have accounts that are due in so many seconds."""
    with office.hub.store.write() as connection:
        due_at = office.hub.store.now(connection) + timedelta(seconds=seconds)
        row = {"tenant": lane.tenant, "integration": lane.integration, "priority": priority, "lease_number": 0}
        connection.execute(insert(accounts), [row | {"key": one, "due_at": due_at} for one in keys])


def leased(office: TenantHub, limit: int, *shards: int, lane: Lane = CLINIC) -> list[str]:
    with office.hub.store.write() as connection:
        now = office.hub.store.now(connection)
        terms = Terms("me", now, now + timedelta(seconds=10), now + timedelta(seconds=15))
        taken = queue.lease(connection, {lane: Room(limit)}, terms, limit, (), shards)
    return [row.key for row in taken]


def due(office: TenantHub, *lanes: Lane) -> dict[int, int]:
    with office.hub.store.read() as connection:
        return sharding.due(connection, lanes or (CLINIC,), office.hub.store.now(connection), EVERYWHERE)


# -- where accounts lie ------------------------------------------------------------------------------------------------


@given(st.text(max_size=20), st.text(max_size=20))
def test_every_account_lies_in_one_of_the_shards(integration: str, customer: str) -> None:
    assert shard_of(account_key("default", integration, customer)) in EVERYWHERE


def test_an_account_knows_its_shard_from_the_first(office: TenantHub) -> None:
    put(office, key(17), key(63))
    with office.hub.store.read() as connection:
        found = connection.execute(select(accounts.c.key, accounts.c.shard)).all()
    assert sorted(found) == [(key(17), 17), (key(63), 63)]


# -- leasing -----------------------------------------------------------------------------------------------------------


def test_only_where_a_worker_looks_is_anything_leased(office_on_postgresql: TenantHub) -> None:
    office = office_on_postgresql
    put(office, *(key(shard) for shard in EVERYWHERE))
    assert sorted(leased(office, 100, 3, 7)) == [key(3), key(7)]
    assert leased(office, 100, 3, 7) == []
    assert leased(office, 100) == []


def test_there_the_most_urgent_is_leased_first_and_what_is_not_due_is_not(office_on_postgresql: TenantHub) -> None:
    office = office_on_postgresql
    put(office, key(1, 1), key(2, 1))
    put(office, key(2, 2), priority=0)
    put(office, key(1, 2), priority=0, seconds=1)
    assert leased(office, 1, 1, 2) == [key(2, 2)]
    assert sorted(leased(office, 9, 1, 2)) == [key(1, 1), key(2, 1)]


def test_what_there_is_room_for_comes_from_every_shard_alike(office_on_postgresql: TenantHub) -> None:
    office = office_on_postgresql
    put(office, *(key(shard, number) for shard in (1, 2) for number in range(9)))
    assert sorted(map(shard_of, leased(office, 6, 1, 2))) == [1, 1, 1, 2, 2, 2]


# -- what is told ------------------------------------------------------------------------------------------------------


def test_it_is_known_where_something_is_due_and_how_urgent_the_most_urgent_is(office_on_postgresql: TenantHub) -> None:
    office = office_on_postgresql
    put(office, key(5, 1), key(6))
    put(office, key(5, 2), priority=0)
    put(office, key(9), lane=CAMERAS, priority=2)
    put(office, key(10), seconds=1)
    assert due(office) == {5: 0, 6: 3}
    assert due(office, CLINIC, CAMERAS) == {5: 0, 6: 3, 9: 2}


@given(st.dictionaries(st.sampled_from(EVERYWHERE), st.sampled_from(Priority)))
def test_what_is_told_is_heard(wanted: dict[int, int]) -> None:
    assert sharding.heard(sharding.words(wanted)) == wanted


def heard(office: TenantHub, connection: psycopg.Connection) -> list[dict[int, int]]:
    return [sharding.heard(told.payload) for told in connection.notifies(timeout=0.05)]


@pytest.fixture
def ear(office_on_postgresql: TenantHub) -> Any:
    """Return a connection that hears what is told of the office's store."""
    url = office_on_postgresql.hub.store.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"LISTEN {sharding.CHANNEL}".encode())
        yield connection


def test_what_is_woken_is_told_of_once_it_is_durable(office_on_postgresql: TenantHub, ear: Any) -> None:
    office = office_on_postgresql
    put(office, key(4), key(8))
    with office.hub.store.write() as connection:
        wanted = {key(4): Priority.PAID, key(8): Priority.BULK}
        queue.wake(connection, wanted, office.hub.store.now(connection))
        assert heard(office, ear) == []
    assert heard(office, ear) == [{4: 0, 8: 3}]


def test_so_is_what_is_given_back_and_due_again(office_on_postgresql: TenantHub, ear: Any) -> None:
    office = office_on_postgresql
    put(office, key(4), key(8))
    with office.hub.store.write() as connection:
        now = office.hub.store.now(connection)
        again, later = (Release(one, at, 2, None, linked=False) for one, at in ((key(4), now), (key(8), None)))
        queue.release(connection, [again, later], now)
    assert heard(office, ear) == [{4: 2}]


# -- looks -------------------------------------------------------------------------------------------------------------


def test_a_look_is_told_when_nothing_is_due_there_any_more() -> None:
    shards, told = Shards(), list[int]()
    with shards.looking(1, lambda: told.append(1)), shards.looking(2, lambda: told.append(2)):
        assert shards.held == {1, 2}
        shards.looked(shards.looks, {2: 0})
    assert (told, shards.held) == ([1], set())


def test_one_that_began_after_it_was_looked_is_not_told() -> None:
    shards, told = Shards(), list[int]()
    looks = shards.looks
    with shards.looking(1, lambda: told.append(1)):
        shards.looked(looks, {})
    shards.looked(looks, {})
    assert told == []


def test_a_worker_says_where_something_is_due_but_for_what_it_may_not_call(office_on_postgresql: TenantHub) -> None:
    office, told = office_on_postgresql, list[dict[int, int]]()
    put(office, key(5))
    shards = Shards()
    shards.due = lambda where: told.append(dict(where))
    with office.hub.work(threads=1, shards=shards) as worker:
        worker.turn()
        with office.hub.store.write() as connection:
            integrations.set_state(connection, "default", "clinic", IntegrationState.DISABLED)
        office.hub.clock.sleep(1)
        worker.turn()
    assert told[0] in ({5: 3}, {})
    assert told[-1] == {}


# -- what the runner needs ---------------------------------------------------------------------------------------------


def test_jobs_are_not_kept_on_sqlite(office: TenantHub) -> None:
    with pytest.raises(Refused, match=r"Jobs are kept on PostgreSQL.*svahub db copy"):
        opened(RunnerName.PROCRASTINATE, office.hub)


def test_a_missing_package_is_named(office: TenantHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "svahub.runners.procrastinated", None)
    with pytest.raises(Refused, match=r"\(svahub.runners.procrastinated\): pip install 'svahub\[distributed\]'"):
        opened(RunnerName.PROCRASTINATE, office.hub)


def test_the_table_of_jobs_is_made_once_and_anew_for_another_version(office_on_postgresql: TenantHub) -> None:
    store = office_on_postgresql.hub.store
    ready(store)
    count = "SELECT count(*) FROM svahub_jobs.procrastinate_workers"
    with store.write() as connection:
        connection.exec_driver_sql("INSERT INTO svahub_jobs.procrastinate_workers DEFAULT VALUES")
    ready(store)
    with store.read() as connection:
        assert connection.exec_driver_sql(count).scalar_one() == 1
    with store.write() as connection:
        connection.exec_driver_sql("COMMENT ON SCHEMA svahub_jobs IS 'procrastinate 0'")
    ready(store)
    with store.read() as connection:
        assert connection.exec_driver_sql(count).scalar_one() == 0


def waits_for_another(office: TenantHub) -> bool:
    with office.hub.store.read() as connection:
        return bool(connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar())


def test_of_two_who_find_no_table_of_jobs_at_the_same_time_one_makes_it_for_both(
    office_on_postgresql: TenantHub, postgresql_url: str
) -> None:
    office, deadline = office_on_postgresql, time.monotonic() + 10
    with ThreadPoolExecutor(1) as pool, Hub.open(postgresql_url) as other:
        with office.hub.store.write() as connection:
            jobs_schema._make(connection)
            connection.exec_driver_sql("INSERT INTO svahub_jobs.procrastinate_workers DEFAULT VALUES")
            second = pool.submit(ready, other.store)
            while not waits_for_another(office) and time.monotonic() < deadline:
                time.sleep(0.01)
        second.result()
        with other.store.read() as connection:
            count = "SELECT count(*) FROM svahub_jobs.procrastinate_workers"
            assert connection.exec_driver_sql(count).scalar_one() == 1


def test_whoever_may_not_make_it_is_told_what_to_do(office_on_postgresql: TenantHub) -> None:
    store = office_on_postgresql.hub.store
    with store.write() as connection:
        connection.exec_driver_sql("SET SESSION AUTHORIZATION pg_monitor")
    with pytest.raises(Refused, match="CREATE SCHEMA svahub_jobs AUTHORIZATION"):
        ready(store)
