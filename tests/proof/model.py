"""What was asked of some contracts, kept as simply as the design says it, and verbs drawn at random."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from svahub.models import Desired
from svahub.verbs import Action


@dataclass
class Wishes:
    """The last level asked of each contract; `log` has all of them, by contract, in their order."""

    random: Random
    plans: list[str]
    levels: dict[int, Desired] = field(default_factory=dict)
    log: dict[int, list[Desired]] = field(default_factory=dict)

    def sold(self, number: int) -> None:
        """Note that a contract was imported."""
        self._note(number, Desired.ACTIVE)

    def draw(self, number: int, *, cancels: bool = True) -> tuple[Action, dict[str, Any]]:
        """Draw what is asked next of a contract that is not cancelled, and note it."""
        blocked = self.levels[number] is Desired.BLOCKED
        actions = [Action.UNBLOCK if blocked else Action.BLOCK] * 5 + [Action.CHANGE] * 3 + [Action.CANCEL] * cancels
        action = self.random.choice(actions)
        self._note(number, _AFTER.get(action, self.levels[number]))
        return action, {"plan": self.random.choice(self.plans)} if action is Action.CHANGE else {}

    def _note(self, number: int, level: Desired) -> None:
        self.levels[number] = level
        self.log.setdefault(number, []).append(level)

    @property
    def live(self) -> list[int]:
        """The contracts that are not cancelled."""
        return [number for number, level in self.levels.items() if level is not Desired.CANCELLED]


_AFTER = {Action.BLOCK: Desired.BLOCKED, Action.UNBLOCK: Desired.ACTIVE, Action.CANCEL: Desired.CANCELLED}
