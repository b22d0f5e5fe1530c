"""The clock set back an hour, by a person or a bad time server: nothing waits for that hour, nothing is done twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from svahub.models import Desired
from svahub.store.states import State
from svahub.store.tables import accounts, audit
from svahub.testing import Fault
from svahub.verbs import Action

from proof.child import SharedClock
from proof.isp import Isp, numbers, opened
from proof.nursery import Nursery

HOUR = 3600


@pytest.fixture
def clock(tmp_path: Path) -> SharedClock:
    return SharedClock(tmp_path / "clock")


@pytest.fixture
def isp(usual_database_url: str, tmp_path: Path, nursery: Nursery, clock: SharedClock) -> Iterator[Isp]:
    with opened(usual_database_url, tmp_path, nursery, clock=clock, settle_seconds=60) as isp:
        yield isp


def state(isp: Isp) -> State:
    (subscription,) = isp.office.subscriptions.list(contract="C1")
    return subscription.state


def test_what_was_due_before_is_done_at_once_and_the_audit_tells_why(isp: Isp, clock: SharedClock) -> None:
    isp.take_in([1])
    clock.set_back(HOUR)
    isp.work()
    isp.agree({1: Desired.ACTIVE})
    with isp.hub.store.read() as connection:
        told = connection.execute(select(audit.c.details).where(audit.c.command == "clock set back")).scalars().all()
    assert [round(entry["seconds"], -1) for entry in told] == [HOUR]


def test_a_create_of_unknown_outcome_is_neither_doubled_nor_left_for_an_hour(isp: Isp, clock: SharedClock) -> None:
    isp.clinic.timings.lag_seconds = 30
    isp.take_in([1])
    isp.clinic.faults.next({Fault.LAG, Fault.ERROR_AFTER})
    isp.work()
    assert state(isp) is State.WAITING
    clock.set_back(HOUR)
    isp.work()
    clock.advance(61)
    isp.work()
    isp.agree({1: Desired.ACTIVE})


def test_a_pause_that_the_provider_asked_for_ends(isp: Isp, clock: SharedClock) -> None:
    isp.clinic.timings.retry_after_seconds = 30
    isp.take_in([1])
    isp.clinic.faults.next(Fault.RATE_LIMIT_RETRY_AFTER)
    isp.work()
    clock.set_back(HOUR)
    clock.advance(31)
    isp.work()
    isp.agree({1: Desired.ACTIVE}, creates=2)


def test_what_a_lost_machine_held_is_free_in_minutes(isp: Isp, clock: SharedClock) -> None:
    isp.take_in([1])
    held = {"lease_owner": "elsewhere 1 1 a", "lease_number": 1, "due_at": clock.now() + timedelta(seconds=15)}
    with isp.hub.store.write() as connection:
        connection.execute(update(accounts).values(held))
    clock.set_back(HOUR)
    with isp.hub.work() as worker:
        worker.turn()
        clock.advance(170)  # ten seconds to spare: this clock goes on by itself meanwhile
        worker.turn()
        assert not isp.creates(1)
        clock.advance(11)
        worker.drain()
    isp.agree({1: Desired.ACTIVE})


def test_set_back_in_the_middle_of_the_work_of_two(isp: Isp, clock: SharedClock) -> None:
    isp.clinic.timings.answer_seconds = 0.02
    isp.take_in(numbers(1, 20))

    def back_at_the_tenth(number: int) -> None:
        if isp.clinic.creates_in_all == 10 and isp.clinic.calls[-1].verb == "create_user":
            clock.set_back(HOUR)

    isp.clinic.seen = back_at_the_tenth
    workers = [isp.start("work", "--once", "--threads", "2", clock=clock.path) for _ in range(2)]
    isp.ask(Action.BLOCK, 20)
    assert [worker.wait().code for worker in workers] == [0, 0]
    isp.work()
    isp.agree(dict.fromkeys(numbers(1, 19), Desired.ACTIVE))
    assert isp.clinic.overlapping() == []
