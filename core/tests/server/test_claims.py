"""Several processes read one inbox: each delivery belongs to one at a time, and to another when that one is gone."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from svahub import Received
from svahub.fleet import Fleet
from svahub.intray import CLAIMED, Intray, Reading
from svahub.owners import Owner
from svahub.store import setback
from svahub.store.states import InboxState


def opened(doorbell: Any, owner: Owner | None = None) -> Intray:
    """Return what a process has of the inbox; `owner` is that of another process."""
    hub = doorbell.hub
    intray = Intray(hub, Fleet(hub.registry, hub.clock, (), hub.store), lambda: 0.5)
    intray.owner = str(owner or Owner.this_process())
    return intray


def ids(readings: list[Reading]) -> list[str]:
    return [reading.row.event_id for reading in readings]


def ended_process() -> Owner:
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return replace(Owner.this_process(), pid=process.pid)


def test_what_one_process_has_claimed_no_other_reads(doorbell_on_each: Any) -> None:
    for number in range(6):
        doorbell_on_each.ring(f"e{number}")
    one, other = opened(doorbell_on_each), opened(doorbell_on_each)
    first, second = one.take(4)[0], other.take(4)[0]
    assert (len(first), len(second), len({*ids(first), *ids(second)})) == (4, 2, 6)


def test_while_a_delivery_is_read_none_about_the_same_is_read_elsewhere(doorbell_on_each: Any) -> None:
    for id, about in (("e1", "c1"), ("e2", "c1"), ("e3", "c2")):
        doorbell_on_each.ring(id, about=about)
    one, other = opened(doorbell_on_each), opened(doorbell_on_each)
    assert [ids(one.take(1)[0]), ids(other.take(9)[0])] == [["e1"], ["e3"]]


def test_what_a_process_had_claimed_when_it_was_killed_is_read_by_the_next_at_once(doorbell_on_each: Any) -> None:
    doorbell_on_each.ring("e1")
    killed, next_ = opened(doorbell_on_each, ended_process()), opened(doorbell_on_each)
    assert ids(killed.take(9)[0]) == ["e1"]
    next_.free_dead()
    assert ids(next_.take(9)[0]) == ["e1"]


def test_what_a_living_process_has_claimed_is_not_taken_from_it(doorbell: Any) -> None:
    doorbell.ring("e1")
    one, other = opened(doorbell), opened(doorbell)
    one.take(9)
    other.free_dead()
    assert other.take(9) == ([], [])


def test_whoever_reads_too_slowly_writes_nothing(doorbell_on_each: Any) -> None:
    doorbell = doorbell_on_each
    doorbell.ring("e1")
    slow, quick = opened(doorbell), opened(doorbell)
    (stale,), _ = slow.take(9)
    doorbell.isp.clock.advance(seconds=CLAIMED.total_seconds() + 1)
    (fresh,), _ = quick.take(9)
    slow.put([(stale, Received(details={"by": "slow"}))])
    assert doorbell.kept[0].state is InboxState.WAITING
    quick.put([(fresh, Received(details={"by": "quick"}))])
    assert (doorbell.kept[0].state, doorbell.kept[0].details) == (InboxState.DONE, {"by": "quick"})


def test_a_claim_that_is_renewed_holds(doorbell: Any) -> None:
    doorbell.ring("e1")
    one, other = opened(doorbell), opened(doorbell)
    (reading,), _ = one.take(9)
    doorbell.isp.clock.advance(seconds=50)
    one.renew([reading.row.id])
    doorbell.isp.clock.advance(seconds=50)
    assert other.take(9) == ([], [])


def test_what_is_given_back_is_read_by_the_next(doorbell: Any) -> None:
    doorbell.ring("e1")
    one, other = opened(doorbell), opened(doorbell)
    (reading,), _ = one.take(9)
    one.give_back([reading.row.id])
    assert ids(other.take(9)[0]) == ["e1"]


@pytest.mark.parametrize("tenants", [("default",), ("other",)])
def test_a_tenants_deliveries_are_read_by_who_works_for_it(doorbell: Any, tenants: tuple[str, ...]) -> None:
    doorbell.hub.add_tenant("other")
    doorbell.ring("e1")
    with doorbell.hub.receiving(tenants=tenants, threads=1) as receiving:
        assert receiving.drain() == (1 if tenants == ("default",) else 0)


def test_no_delivery_waits_for_a_clock_that_was_set_back(doorbell_on_each: Any) -> None:
    doorbell = doorbell_on_each
    doorbell.ring("e1")
    doorbell.ring("e2")
    now = doorbell.isp.clock.now() - timedelta(hours=1)
    opened(doorbell).take(1)
    with doorbell.hub.store.write() as connection:
        setback.bring_back(connection, "default", now)
    claimed, free = doorbell.kept
    assert (claimed.due_at, free.due_at) == (now + setback.LONGEST_LEASE, now)
