"""One process of a storm: it asks for verbs on its own contracts, and works on everybody's."""

from __future__ import annotations

from random import Random

from svahub.hub import Hub
from svahub.verbs import Command

from proof.isp import numbers
from proof.model import Wishes

VERBS = 5
ASKED_AT_ONCE = 25


def wishes_of(seed: int, first: int, many: int, plans: list[str]) -> Wishes:
    """Return the wishes of one process before the storm: its contracts are sold."""
    wishes = Wishes(Random(seed), plans)
    for number in numbers(first, many):
        wishes.sold(number)
    return wishes


def rounds(wishes: Wishes) -> list[list[int]]:
    """Return the contracts in the orders in which they are asked about."""
    return [wishes.random.sample(list(wishes.levels), len(wishes.levels)) for _ in range(VERBS)]


def run(hub: Hub, seed: str, first: str, many: str, *plans: str) -> None:
    """Ask for five random verbs on each contract, and work in between and at the end."""
    wishes, office = wishes_of(int(seed), int(first), int(many), list(plans)), hub.tenant("default")
    asked = 0
    with hub.work(threads=8) as worker:
        for order in rounds(wishes):
            for number in order:
                if number in wishes.live:
                    action, more = wishes.draw(number)
                    office.verbs.issue(Command(action, f"C{number}", **more))
                    asked += 1
                if asked % ASKED_AT_ONCE == 0:
                    worker.turn()
        worker.drain()
