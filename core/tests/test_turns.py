"""Turns at writing: whoever comes first writes first, and a turn that nobody wants any more is lost to nobody."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from svahub.store.turns import TooLong, Turns


def come(threads: ThreadPoolExecutor, turns: Turns, name: str, order: list[str]) -> Future[None]:
    """Return once somebody more waits."""
    waiting = turns.waiting

    def write() -> None:
        with turns.mine():
            order.append(name)

    coming = threads.submit(write)
    while turns.waiting == waiting:
        pass
    return coming


def test_who_writes_without_a_pause_writes_after_those_who_wait() -> None:
    turns, order = Turns(20), list[str]()
    with ThreadPoolExecutor(3) as threads:
        with turns.mine():
            waiting = [come(threads, turns, name, order) for name in ("a", "b", "c")]
        with turns.mine():
            order.append("again")
        for one in waiting:
            one.result(20)
    assert order == ["a", "b", "c", "again"]


def test_a_turn_that_does_not_come_in_time_is_told_and_comes_to_nobody() -> None:
    turns = Turns(0.01)
    with ThreadPoolExecutor(1) as threads:
        with turns.mine(), pytest.raises(TooLong):
            threads.submit(turns.mine().__enter__).result(20)
        assert turns.waiting == 0
        with turns.mine():
            pass


def test_a_turn_ends_with_what_raises_in_it() -> None:
    turns = Turns(0.01)
    with pytest.raises(ZeroDivisionError), turns.mine():
        raise ZeroDivisionError
    with turns.mine():
        pass
