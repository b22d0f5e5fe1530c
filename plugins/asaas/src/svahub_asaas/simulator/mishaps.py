"""What can go wrong with a webhook on its way, how often, and with which ones exactly."""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING

from svahub.testing import Chances

if TYPE_CHECKING:
    from random import Random


class Mishap(StrEnum):
    """One way in which an event does not arrive once and in its turn."""

    LOST = "lost"  # never sent
    DOUBLED = "doubled"  # sent twice, under one id
    REORDERED = "reordered"  # sent after the one that follows it, in either send type


class Mishaps(Chances[Mishap]):
    """A rate per mishap, drawn at random, and a script for the next events, which goes first."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self._script: deque[Mishap | None] = deque()

    def next(self, *mishaps: Mishap | None) -> None:
        """Say what the next events meet, in order, at each webhook that is told of them; None for nothing."""
        self._script.extend(mishaps)

    def clear(self) -> None:
        """Forget all rates and the rest of the script."""
        super().clear()
        self._script.clear()

    def draw(self) -> Mishap | None:
        """Return what strikes this event."""
        return self.strike(self._script.popleft() if self._script else self.drawn())
