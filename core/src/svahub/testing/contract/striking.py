"""Having faults strike many people at once: each at a call of their own, known by whose hook makes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from svahub import points
from svahub.points import Point

if TYPE_CHECKING:
    from svahub.testing.contract.isp import Isp
    from svahub.testing.faults import Fault


class Strike(NamedTuple):
    """Which fault meets which call of an account's, counted from 0."""

    faults: frozenset[Fault]
    call: int


class Striker:
    """Watches every send: the worker has one thread, so that what is set just before one strikes that one."""

    def __init__(self, isp: Isp, strikes: Mapping[str, Strike]) -> None:
        self._isp, self._strikes = isp, strikes
        self._made: Counter[str] = Counter()

    def reached(self, point: Point) -> None:
        """Set what the next request of this thread meets."""
        account = self._isp.stand.witness.account
        if point is not Point.BEFORE_SEND or account is None:
            return
        made, strike = self._made[account], self._strikes.get(account)
        self._made[account] += 1
        self._isp.simulator.faults.clear()
        if strike is not None and made == strike.call:
            self._isp.simulator.faults.next(strike.faults)

    def left(self) -> set[str]:
        """Return the accounts of whom not a call was made."""
        return {account for account in self._strikes if not self._made[account]}


@contextmanager
def striking(isp: Isp, strikes: Mapping[str, Strike]) -> Iterator[Striker]:
    """Strike for the length of a `with` block."""
    striker = Striker(isp, strikes)
    points.watch(striker.reached)
    try:
        yield striker
    finally:
        points.watch(None)
        isp.simulator.faults.clear()
