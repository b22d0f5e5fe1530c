"""A provider that answers nobody, or slowly, takes nothing from another; what is urgent overtakes what waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from svahub import BlockReason, Subscription, hookimpl
from svahub.bulkheads import IDLE_SWEEPS, Bulkhead
from svahub.converge import Converge
from svahub.crew import Crew, Results
from svahub.fleet import Held
from svahub.store.states import State
from svahub.testing.clocks import HandClock, RunningClock
from svahub.verbs import Action

Opening = Callable[..., Any]
HANGING = 59
"""The timeout by which the provider of these tests knows the integration at which it answers nobody."""
TURNS = 300


@pytest.fixture
def door() -> Iterator[threading.Event]:
    """Return what lets those in that hang; opened in the end, so that no thread is left."""
    door = threading.Event()
    yield door
    door.set()


@pytest.fixture
def two(open_isp: Opening, basic: type[Any], door: threading.Event) -> Any:
    """Return an ISP with `basic` (product X), which answers, and `dead` (product Y), which does so behind the door."""

    class Stalling(basic):
        def wait(self) -> None:
            if self.settings.timeout == HANGING:
                self.remote.calls.append("hangs")
                door.wait()

        @hookimpl
        def create_user(self, subscription: Subscription) -> Any:
            self.wait()
            return super().create_user(subscription)

        @hookimpl
        def block(self, subscription: Subscription, reasons: frozenset[BlockReason]) -> None:
            self.wait()
            super().block(subscription, reasons)

    isp = open_isp(Stalling, RunningClock())
    isp.integrate("dead", "Y", timeout=HANGING)
    return isp


def sell(isp: Any, product: str, *numbers: int) -> None:
    for number in numbers:
        isp.sell(f"{product}{number}", f"P{product}{number}", product)


def states(isp: Any, integration: str) -> set[State]:
    return {view.state for view in isp.office.subscriptions.list(integration)}


def turn_until(worker: Converge, reached: Callable[[], bool]) -> None:
    """Have a worker do rounds until something is so; many would mean that it never will be."""
    for _ in range(TURNS):
        if reached():
            return
        worker.turn()
    raise AssertionError(f"not reached in {TURNS} turns")


@contextmanager
def working(isp: Any, door: threading.Event, threads: int = 2) -> Iterator[Converge]:
    with isp.hub.work(threads=threads) as worker:
        try:
            yield worker
        finally:
            door.set()


# -- a provider that hangs ---------------------------------------------------------------------------------------------


def test_a_provider_that_never_answers_takes_no_thread_and_no_room_from_another(two: Any, door: Any) -> None:
    sell(two, "Y", *range(20))
    with working(two, door) as worker:
        turn_until(worker, lambda: two.remote.calls.count("hangs") == 2)
        sell(two, "X", *range(20))
        turn_until(worker, lambda: states(two, "basic") == {State.SETTLED})
        assert two.remote.calls.count("hangs") == 2
        assert states(two, "dead") == {State.RUNNING}


def test_an_unblock_elsewhere_is_leased_in_the_next_turn_and_made_at_once_as_if_nobody_hung(
    two: Any, door: Any
) -> None:
    sell(two, "X", 1)
    two.work()
    two.ask(Action.BLOCK, "X1")
    two.work()
    sell(two, "Y", *range(20))
    with working(two, door) as worker:
        turn_until(worker, lambda: two.remote.calls.count("hangs") == 2)
        two.ask(Action.UNBLOCK, "X1")
        assert worker.turn() == 1
        turn_until(worker, lambda: states(two, "basic") == {State.SETTLED})
        assert two.remote.calls[-1] == "unblock"


def test_no_more_calls_are_under_way_than_an_integration_is_set_to(two: Any, door: Any) -> None:
    two.office.integrations.set("dead", settings={"connections": 1})
    sell(two, "Y", *range(5))
    with working(two, door, threads=8) as worker:
        turn_until(worker, lambda: "hangs" in two.remote.calls)
        worker.turn()
        assert two.remote.calls.count("hangs") == 1


# -- what is urgent ----------------------------------------------------------------------------------------------------


def test_an_unblock_is_leased_before_the_rest_of_the_batch_begins_and_is_made_next(two: Any, door: Any) -> None:
    sell(two, "Y", *range(6))
    with working(two, door, threads=1) as worker:
        door.set()
        turn_until(worker, lambda: states(two, "dead") == {State.SETTLED})
        two.ask(Action.BLOCK, "Y0")
        turn_until(worker, lambda: states(two, "dead") == {State.SETTLED})
        door.clear()
        two.remote.calls.clear()
        for number in range(1, 6):
            two.ask(Action.BLOCK, f"Y{number}")
        turn_until(worker, lambda: "hangs" in two.remote.calls)
        two.ask(Action.UNBLOCK, "Y0")
        assert worker.turn() == 1
        door.set()
        turn_until(worker, lambda: states(two, "dead") == {State.SETTLED})
        made = [call.partition(" ")[0] for call in two.remote.calls if call != "hangs"]
        assert made == ["block", "unblock", *["block"] * 4]


def test_what_is_no_more_urgent_than_what_waits_is_left_until_half_of_that_is_done(two: Any, door: Any) -> None:
    with working(two, door, threads=1) as worker:
        sell(two, "Y", 1, 2)
        turn_until(worker, lambda: "hangs" in two.remote.calls)
        sell(two, "Y", *range(3, 40))
        assert [worker.turn(), worker.turn()] == [18, 0]  # a thread and 50 ms a call: 20 are a second's work


# -- crews -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def crew(door: threading.Event) -> Iterator[Crew[str, str]]:
    """Return a crew of two degrees of urgency whose first work waits for the door."""

    def call(work: str) -> str:
        if work == "first":
            door.wait()
        return work

    crew: Crew[str, str] = Crew(2, call, urgencies=2)
    yield crew
    door.set()
    crew.dismiss()


def of(crew: Crew[str, str], many: int) -> list[str]:
    """Return so many results, as they end."""
    found: list[str] = []
    while len(found) < many:
        found += [result for _, result in crew.ended(20)]
    return found


def test_a_thread_is_made_only_for_work_that_would_wait(crew: Crew[str, str], door: threading.Event) -> None:
    for number in range(3):
        crew.begin(str(number))
        of(crew, 1)
    assert len(crew._threads) == 1
    for work in ("first", "second", "third"):
        crew.begin(work)
    assert len(crew._threads) == 2
    assert sorted(of(crew, 2)) == ["second", "third"]


def test_what_is_urgent_is_begun_before_what_waits_longer(door: threading.Event) -> None:
    crew: Crew[str, str] = Crew(1, lambda work: (door.wait() and work) or "", urgencies=2)
    for work, urgency in (("first", 1), ("late", 1), ("urgent", 0)):
        crew.begin(work, urgency)
    assert crew.least_urgent == 1
    door.set()
    ended = of(crew, 3)
    assert ended.index("urgent") < ended.index("late")
    crew.dismiss()


def test_what_nobody_has_begun_is_taken_back_whole_and_once(crew: Crew[str, str], door: threading.Event) -> None:
    for work in ("first", "first", "a", "b"):
        crew.begin(work, 1 if work == "a" else 0)
    while crew.not_begun > 2:
        pass
    assert sorted(crew.take_back()) == ["a", "b"]
    assert (list(crew.take_back()), crew.least_urgent) == ([], None)
    door.set()
    assert of(crew, 2) == ["first", "first"]


def test_the_threads_of_an_integration_without_work_end_after_a_while(two: Any, door: Any) -> None:
    door.set()
    sell(two, "X", 1)
    with working(two, door) as worker:
        turn_until(worker, lambda: states(two, "basic") == {State.SETTLED})
        there = threading.active_count()
        for _ in range(IDLE_SWEEPS):
            worker._bulkheads.dismiss_idle()
        assert threading.active_count() == there - 1
        sell(two, "X", 2)
        turn_until(worker, lambda: states(two, "basic") == {State.SETTLED})


# -- limits ------------------------------------------------------------------------------------------------------------


def work(number: int, begins: float | None) -> Any:
    """Return a work that may begin at an instant, and takes a second of what there is for calls."""
    held = Held(0.0, begins=begins, reserved=timedelta(seconds=1))
    return SimpleNamespace(attempt=("a", number), priority=0, held=held)


def give(bulkhead: Bulkhead, *instants: float) -> None:
    """Give a bulkhead work that may begin at those instants."""
    for number, begins in enumerate(instants):
        bulkhead.begin(work(number, begins))


def begun_at(bulkhead: Bulkhead, clock: HandClock, many: int) -> list[float]:
    """Return when so many calls begin, one thread after the other."""
    found = []
    for number in range(many):
        bulkhead.await_turn(work(number, 0.0), clock)
        found.append(clock.monotonic())
    return found


@pytest.fixture
def paced() -> Iterator[Bulkhead]:
    """Return a bulkhead whose threads do nothing: turns are awaited by the test."""
    bulkhead = Bulkhead(1, lambda _work: None, Results())
    yield bulkhead
    bulkhead.crew.dismiss()


def test_calls_that_a_busy_machine_has_kept_up_are_not_made_all_at_once(paced: Bulkhead) -> None:
    clock = HandClock()
    give(paced, 0.0, 1.0, 2.0)
    clock.advance(seconds=10)
    assert begun_at(paced, clock, 3) == [10, 11, 12]
    give(paced, 3.0, 4.0)
    assert begun_at(paced, clock, 2) == [13, 14]
    give(paced, 30.0, 31.0)
    assert begun_at(paced, clock, 2) == [30, 31]


def test_a_moment_in_which_the_machine_was_busy_does_not_hold_up_what_is_given_its_instants_after_it(
    paced: Bulkhead,
) -> None:
    clock = HandClock()
    give(paced, 0.0, 1.0)
    clock.advance(seconds=10)
    assert begun_at(paced, clock, 1) == [10]
    give(paced, 11.5, 20.0)
    assert begun_at(paced, clock, 3) == [11, 12, 20]


def test_what_no_limit_was_for_takes_no_turn_from_others_and_waits_for_none(paced: Bulkhead) -> None:
    clock = HandClock()
    began = clock.monotonic()
    give(paced, 5.0)
    for _ in range(3):
        paced.await_turn(work(9, None), clock)
    assert clock.monotonic() == began
    assert begun_at(paced, clock, 2) == [5, 5]
