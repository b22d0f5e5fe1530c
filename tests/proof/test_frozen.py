"""Frozen past its lease and thawed: a worker that another has taken over from writes nothing and sends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from svahub.models import Desired
from svahub.store.tables import accounts, attempts, operations, subscriptions
from svahub.verbs import Action

from proof.child import SharedClock
from proof.isp import HASTY, Isp, numbers, opened
from proof.nursery import Child, Nursery

ROWS = (accounts, attempts, operations, subscriptions)
LONGER_THAN_A_LEASE = 60


@pytest.fixture
def clock(tmp_path: Path) -> SharedClock:
    return SharedClock(tmp_path / "clock")


@pytest.fixture
def frozen_isp(usual_database_url: str, tmp_path: Path, nursery: Nursery, clock: SharedClock) -> Iterator[Isp]:
    with opened(usual_database_url, tmp_path, nursery, clock=clock) as isp:
        yield isp


def rows(isp: Isp) -> list[Any]:
    """Return all that work is about."""
    with isp.hub.store.read() as connection:
        return [sorted(map(repr, connection.execute(select(table)))) for table in ROWS]


def frozen(isp: Isp, clock: SharedClock, *arguments: str, at: int, where: str) -> Child:
    """Start a command that freezes at a point, and let its lease pass."""
    child = isp.start(*arguments, clock=clock.path, at=at, where=[where], act="stop")
    assert child.wait_until_it_stops()
    clock.advance(LONGER_THAN_A_LEASE)
    return child


def nothing_comes_of_it(isp: Isp, child: Child) -> None:
    """Thaw a worker whose work another has done, and assert that this changes nothing."""
    calls, there = len(isp.clinic.calls), rows(isp)
    child.thaw()
    ended = child.wait()
    assert ended.code == 0, ended
    assert [(c.method, c.path, c.status) for c in isp.clinic.calls[calls:]] == []
    assert rows(isp) == there


POINTS = {"before a send": ("before_send", 1), "after a send": ("sent", 1), "between two renewals": ("written", 2)}


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_frozen_past_its_lease_and_thawed_does_nothing(
    frozen_isp: Isp, clock: SharedClock, point: str
) -> None:
    isp = frozen_isp
    isp.take_in([1])
    isp.clinic.timings.answer_seconds = 0.5 if point == "between two renewals" else 0
    where, at = POINTS[point]
    child = frozen(isp, clock, "work", "--once", at=at, where=where)
    isp.succeed("work", "--once", clock=clock.path)
    isp.agree({1: Desired.ACTIVE})
    nothing_comes_of_it(isp, child)


def test_what_a_frozen_worker_had_not_begun_is_not_begun_after_it_is_thawed(
    frozen_isp: Isp, clock: SharedClock
) -> None:
    isp = frozen_isp
    isp.take_in(numbers(1, 5))
    child = frozen(isp, clock, "work", "--once", "--threads", "1", at=1, where="sent")
    isp.succeed("work", "--once", clock=clock.path)
    isp.agree(dict.fromkeys(numbers(1, 5), Desired.ACTIVE))
    nothing_comes_of_it(isp, child)


def test_a_verb_that_was_frozen_cannot_undo_what_was_wanted_after_it(frozen_isp: Isp, clock: SharedClock) -> None:
    isp = frozen_isp
    isp.take_in([1])
    isp.work()
    child = frozen(isp, clock, "block", "C1", "--yes", at=1, where="before_send")
    isp.ask(Action.UNBLOCK, 1)
    isp.succeed("work", "--once", clock=clock.path)
    clock.advance(HASTY["timeout"])  # nobody knows that the block was not sent: it is waited for
    isp.succeed("work", "--once", clock=clock.path)
    calls, there = len(isp.clinic.calls), rows(isp)
    child.thaw()
    assert child.wait().code == 5
    assert (len(isp.clinic.calls), rows(isp)) == (calls, there)
    isp.agree({1: Desired.ACTIVE})
