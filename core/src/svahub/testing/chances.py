"""Ways for a simulator to go wrong beside the toolkit's faults: how often each strikes, and how often it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from random import Random

K = TypeVar("K", bound=StrEnum)


def kind_named(kinds: type[K], text: str) -> K:
    """Return the kind of that name; raise ValueError naming all."""
    try:
        return kinds(text)
    except ValueError:
        raise ValueError(f"no {kinds.__name__.lower()} {text!r}; there is: {', '.join(kinds)}") from None


class Chances(Generic[K]):
    """A rate for each kind, drawn at random; at most one strikes."""

    def __init__(self, random: Random) -> None:
        self.struck: Counter[K] = Counter()
        self._random = random
        self._rates: dict[K, float] = {}

    @property
    def rates(self) -> dict[K, float]:
        """What is switched on, and how often it strikes."""
        return dict(self._rates)

    def set(self, rates: Mapping[K, float]) -> None:
        """Replace all rates; they add up to at most 1."""
        if not all(0 <= rate <= 1 for rate in rates.values()) or sum(rates.values()) > 1:
            raise ValueError("each rate is a number from 0 to 1, and all together are at most 1")
        self._rates = dict(rates)

    def clear(self) -> None:
        """Forget all rates."""
        self._rates = {}

    def strike(self, kind: K | None) -> K | None:
        """Count what strikes, and return it."""
        if kind is not None:
            self.struck[kind] += 1
        return kind

    def drawn(self) -> K | None:
        """Return what the rates let strike."""
        if not self._rates:
            return None
        drawn = self._random.random()
        for kind, rate in self._rates.items():
            if (drawn := drawn - rate) < 0:
                return kind
        return None
