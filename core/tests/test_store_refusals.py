"""What a database may say: which of it is the store's trouble, which a value's, and what a worker makes of either."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, InterfaceError, InternalError, OperationalError
from svahub import converge, points
from svahub.errors import NotSent
from svahub.exchange import Exchange
from svahub.points import Point
from svahub.store import Store, StoreUnavailable, tables
from svahub.store.states import State

Opening = Callable[..., Any]

SAID = [
    "SSL SYSCALL error: EOF detected",
    "could not receive data from server: Connection timed out",
    "could not send data to server: Broken pipe",
    "canceling statement due to lock timeout",
    "canceling statement due to statement timeout",
]


@pytest.mark.parametrize("message", SAID)
@pytest.mark.parametrize("kind", [OperationalError, InterfaceError, InternalError])
def test_what_befalls_the_server_or_the_way_to_it_is_a_sentence(sqlite_url: str, message: str, kind: Any) -> None:
    with pytest.raises(StoreUnavailable) as refused, Store(sqlite_url).write():
        raise kind("UPDATE", {"document": "52998224725"}, Exception(f"{message}\nDETAIL: of one's own"))
    assert f"(Exception: {message})" in str(refused.value)
    assert "DETAIL" not in str(refused.value)
    assert "52998224725" not in str(refused.value)


def test_a_connection_that_broke_is_the_stores_trouble_whatever_the_driver_calls_it(sqlite_url: str) -> None:
    with pytest.raises(StoreUnavailable), Store(sqlite_url).write():
        raise DataError("UPDATE", {}, Exception("gone"), connection_invalidated=True)


def test_a_damaged_file_is_told_of(sqlite_url: str) -> None:
    with pytest.raises(StoreUnavailable, match="damaged"), Store(sqlite_url).write():
        raise DatabaseError("UPDATE", {}, sqlite3.DatabaseError("database disk image is malformed"))


@pytest.mark.parametrize("kind", [DataError, IntegrityError])
def test_a_value_that_the_store_does_not_take_is_no_trouble_of_the_store(sqlite_url: str, kind: Any) -> None:
    with pytest.raises(kind), Store(sqlite_url).write():
        raise kind("UPDATE", {}, Exception("too long"))


# -- what a worker makes of it -----------------------------------------------------------------------------------------


@contextmanager
def failing(store: Store, words: str, error: Callable[[], Exception], times: int = 1) -> Iterator[list[str]]:
    """Have statements of such words fail that often."""
    failed: list[str] = []

    def fail(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if words in statement and len(failed) < times:
            failed.append(statement)
            raise error()

    event.listen(store.engine, "before_cursor_execute", fail)
    try:
        yield failed
    finally:
        event.remove(store.engine, "before_cursor_execute", fail)


def broken() -> Exception:
    return OperationalError("UPDATE", {}, Exception("SSL SYSCALL error: EOF detected"))


@pytest.mark.parametrize("times", [1, 2, 4])
def test_no_trouble_of_the_store_parks_what_succeeded(open_isp: Opening, basic: type[Any], times: int) -> None:
    isp = open_isp(basic)
    isp.sell()
    with failing(isp.hub.store, "UPDATE attempts", broken, times) as failed:
        isp.work()
    assert (len(failed), isp.remote.calls, isp.one.state) == (times, ["create"], State.SETTLED)


ROUND = {
    "leasing": "UPDATE accounts",
    "looking for due reasons": "SELECT block_reasons",
    "looking for the dead": "DISTINCT accounts.lease_owner",
    "looking whether others are at work": "accounts.lease_owner !=",
}


@pytest.mark.parametrize("what", ROUND)
def test_a_round_that_the_store_refuses_is_told_and_followed_by_the_next(
    open_isp: Opening, basic: type[Any], what: str, caplog: pytest.LogCaptureFixture
) -> None:
    isp = open_isp(basic)
    isp.sell()
    with failing(isp.hub.store, ROUND[what], broken, 3) as failed:
        isp.work()
    assert (len(failed), isp.one.state) == (3, State.SETTLED)
    assert [r.levelno for r in caplog.records if r.getMessage() == "the store refused"] == [logging.WARNING] * 3


@pytest.mark.parametrize("what", ROUND)
def test_a_worker_ends_when_the_store_goes_on_refusing(open_isp: Opening, basic: type[Any], what: str) -> None:
    isp = open_isp(basic)
    isp.sell()
    with failing(isp.hub.store, ROUND[what], broken, 10_000) as failed, pytest.raises(StoreUnavailable):
        isp.work()
    assert len(failed) == converge.REFUSALS + 1


def test_a_worker_that_goes_on_outlives_a_server_that_restarts(open_isp: Opening, basic: type[Any]) -> None:
    isp = open_isp(basic)
    isp.sell()
    began = isp.clock.monotonic()

    with isp.hub.work(threads=1) as worker, failing(isp.hub.store, "UPDATE accounts", broken, 12) as failed:
        worker.work_on(lambda: isp.one.state is State.SETTLED)
    assert len(failed) == 12
    assert 10 < isp.clock.monotonic() - began < converge.PATIENCE_SECONDS


def test_but_not_one_that_stays_away(open_isp: Opening, basic: type[Any]) -> None:
    isp = open_isp(basic)
    isp.sell()
    began = isp.clock.monotonic()
    with (
        failing(isp.hub.store, "UPDATE accounts", broken, 10_000),
        pytest.raises(StoreUnavailable),
        isp.hub.work(threads=1) as worker,
    ):
        worker.work_on()
    assert converge.PATIENCE_SECONDS <= isp.clock.monotonic() - began < 2 * converge.PATIENCE_SECONDS


def losing(which: Point) -> Callable[[Point], None]:
    """Return what loses the store's answer at a point."""

    def lose(point: Point) -> None:
        if point is which:
            raise StoreUnavailable("The answer was lost.")

    return lose


def exchange(isp: Any, attempt: tuple[str, int] | None) -> Exchange:
    return Exchange("GET", "/", 200, 1.0, {}, None, {}, None, None, isp.clock.now(), attempt)


def test_exchanges_whose_commit_was_not_answered_are_kept_once(open_isp: Opening, basic: type[Any]) -> None:
    isp = open_isp(basic)
    isp.sell()
    desk = isp.desk()
    (work,), _ = desk.take(1)
    desk._fleet.log.recorder(work.lane, sensitive=False).record(exchange(isp, work.attempt))
    points.watch(losing(Point.WRITTEN))
    try:
        with pytest.raises(StoreUnavailable):
            desk.put([(work, NotSent("not now"))])
    finally:
        points.watch(None)
    desk._fleet.log.recorder(work.lane, sensitive=False).record(exchange(isp, None))
    desk.put([(work, NotSent("not now"))])
    with isp.hub.store.read() as connection:
        query = select(tables.exchanges.c.account_key).order_by(tables.exchanges.c.id)
        kept = connection.execute(query).scalars().all()
    assert kept == [work.attempt[0], None]


def test_exchanges_whose_write_was_undone_are_kept_with_the_next(open_isp: Opening, basic: type[Any]) -> None:
    isp = open_isp(basic)
    isp.sell()
    desk = isp.desk()
    (work,), _ = desk.take(1)
    desk._fleet.log.recorder(work.lane, sensitive=False).record(exchange(isp, work.attempt))
    with failing(isp.hub.store, "UPDATE attempts", broken), pytest.raises(StoreUnavailable):
        desk.put([(work, NotSent("not now"))])
    desk.put([(work, NotSent("not now"))])
    with isp.hub.store.read() as connection:
        assert len(connection.execute(select(tables.exchanges)).all()) == 1


def test_a_transaction_that_writes_is_ended_when_nothing_is_done_in_it_for_long(postgresql_url: str) -> None:
    store = Store(postgresql_url)
    with store.write() as connection:
        assert connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar_one() == "30s"
    with store.read() as connection:
        assert connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar_one() == "0"
    store.close()
