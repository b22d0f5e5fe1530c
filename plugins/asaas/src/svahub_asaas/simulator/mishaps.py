"""What can go wrong with a webhook on its way, how often, and with which ones exactly."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random


class Mishap(StrEnum):
    """One way in which an event does not arrive once and in its turn."""

    LOST = "lost"  # never sent
    DOUBLED = "doubled"  # sent twice, under one id
    REORDERED = "reordered"  # sent after the one that follows it, in either send type

    @classmethod
    def parse(cls, text: str) -> Mishap:
        """Return the mishap of that name; raise ValueError naming all."""
        try:
            return cls(text)
        except ValueError:
            raise ValueError(f"no mishap {text!r}; there is: {', '.join(cls)}") from None


class Mishaps:
    """A rate per mishap, drawn at random, and a script for the next events, which goes first."""

    def __init__(self, random: Random) -> None:
        self.struck: Counter[Mishap] = Counter()
        self._random = random
        self._rates: dict[Mishap, float] = {}
        self._script: deque[Mishap | None] = deque()

    @property
    def rates(self) -> dict[Mishap, float]:
        """What is switched on, and how often it strikes."""
        return dict(self._rates)

    def set(self, rates: Mapping[Mishap, float]) -> None:
        """Replace all rates; they add up to at most 1."""
        if not all(0 <= rate <= 1 for rate in rates.values()) or sum(rates.values()) > 1:
            raise ValueError("a mishap's rate is a number from 0 to 1, and all together are at most 1")
        self._rates = dict(rates)

    def next(self, *mishaps: Mishap | None) -> None:
        """Say what the next events meet, in order, at each webhook that is told of them; None for nothing."""
        self._script.extend(mishaps)

    def clear(self) -> None:
        """Forget all rates and the rest of the script."""
        self._rates = {}
        self._script.clear()

    def draw(self) -> Mishap | None:
        """Return what strikes this event."""
        struck = self._script.popleft() if self._script else self._hit()
        if struck is not None:
            self.struck[struck] += 1
        return struck

    def _hit(self) -> Mishap | None:
        if not self._rates:
            return None
        drawn = self._random.random()
        for mishap, rate in self._rates.items():
            if (drawn := drawn - rate) < 0:
                return mishap
        return None
