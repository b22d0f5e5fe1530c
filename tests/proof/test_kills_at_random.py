"""Killed between the points, many calls being under way: when the provider has seen the k-th request, k drawn."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from proof.isp import Isp, numbers
from proof.model import Wishes
from proof.nursery import Child, Ended

CONTRACTS = 60


def kill_again_and_again(isp: Isp, kills: int, seed: int) -> int:
    """Let `work` be killed so often while verbs go on to be asked; return how many verbs were."""
    wishes = Wishes(Random(seed), isp.plans)
    isp.office.integrations.set("tele", settings={"timeout": 1})  # for so long a killed call may be under way
    asked = _sell(isp, wishes, numbers(1, CONTRACTS))
    while kills:
        asked += _ask_of_some(isp, wishes)
        kills -= _work_killed_after(isp, wishes.random.randint(1, 30)).killed
    isp.clinic.seen = lambda _number: None
    isp.come_to_rest()
    isp.nobody_is_there_twice()
    isp.agree(wishes.levels, creates=None)
    assert not any(isp.creates(n) > 1 for n in wishes.levels)
    return asked


def _sell(isp: Isp, wishes: Wishes, sold: range) -> int:
    isp.take_in(sold)
    for number in sold:
        wishes.sold(number)
    return len(sold)


def _ask_of_some(isp: Isp, wishes: Wishes) -> int:
    some = wishes.random.sample(wishes.live, min(20, len(wishes.live)))
    for number in some:
        action, more = wishes.draw(number)
        isp.ask(action, number, **more)
    return len(some)


def _work_killed_after(isp: Isp, requests: int) -> Ended:
    """Run `work` until the provider has seen so many requests, or nothing is left to do."""
    child: list[Child] = []
    last = len(isp.clinic.calls) + requests

    def seen(number: int) -> None:
        if number >= last and child:
            child[0].kill()

    isp.clinic.seen = seen
    child.append(isp.start("work", "--once", "--threads", "8"))
    ended = child[0].wait()
    assert ended.killed or ended.code == 0, ended
    return ended


def test_twenty_five_kills_on_sqlite(isp: Isp, note: Callable[[str, object], None]) -> None:
    note("verbs", kill_again_and_again(isp, kills=25, seed=25))


@pytest.mark.deep
def test_ten_kills_on_postgresql(isp_on_postgresql: Isp, note: Callable[[str, object], None]) -> None:
    note("verbs", kill_again_and_again(isp_on_postgresql, kills=10, seed=10))
