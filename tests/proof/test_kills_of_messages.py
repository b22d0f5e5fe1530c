"""Killed at every point of telling another system: it hears all about each customer, in order, none twice by its id."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from cryptography.fernet import Fernet
from svahub.points import Point
from svahub.secrets import KEY_VARIABLE
from svahub.testing.ear import Ear
from svahub.verbs import Action

from proof.isp import Isp, numbers
from proof.nursery import Ended
from proof.test_kills import killed_in_turn

MOST = 12
HEARD = ["customer.status", "subscription.activated", "customer.status", "subscription.blocked"]


@contextmanager
def listening(isp: Isp) -> Iterator[Ear]:
    """Yield a system that an ISP tells."""
    isp.variables[KEY_VARIABLE] = os.environ[KEY_VARIABLE]
    with Ear(seed=1).running() as ear:
        named = ["telemedicine"]
        made = isp.office.outbox.add(ear.hook_url, name="ear", product_types=named, allow_private=True)
        ear.secrets = [made.secret or ""]
        yield ear


def kill_the_telling(isp: Isp, *where: Point) -> int:
    """Kill `work` at each of its points, or those of some kinds, while it tells of a block; then work again."""
    with listening(isp) as ear:
        last = _killed(isp, ear, list(where))
    bodies = {request.header("webhook-id"): request.body for request in ear.asked}
    assert all(bodies[request.header("webhook-id")] == request.body for request in ear.asked)
    assert len(ear.heard) > len(ear.once), "it was never killed between sending and noting"
    return last - 1


def _killed(isp: Isp, ear: Ear, where: list[Point]) -> int:
    isp.take_in(numbers(1, MOST))
    isp.work()

    def killed(number: int) -> Ended:
        isp.ask(Action.BLOCK, number)
        isp.work()
        return isp.run("work", "--once", at=number, where=where)

    last = 0
    for last in killed_in_turn(killed, most=MOST):
        isp.succeed("work", "--once")
        assert [told["type"] for told in ear.by_customer[f"P{last}"]] == HEARD
    return last


@pytest.fixture(autouse=True)
def secret_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, Fernet.generate_key().decode())


def test_killed_before_and_after_each_message_nothing_is_lost(isp: Isp, note: Callable[[str, object], None]) -> None:
    note("kills", kill_the_telling(isp, Point.BEFORE_SEND, Point.SENT))


@pytest.mark.deep
def test_nor_is_it_at_any_point(isp_on_each: Isp, note: Callable[[str, object], None]) -> None:
    note("kills", kill_the_telling(isp_on_each))
