"""What a plan is held to: the hash over its content, what it saw of ours, and how much it may take away. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from svahub.errors import Refused
from svahub.store.journal import canonical
from svahub.store.rows import AccountRow, DifferenceRow, SubscriptionRow

MAX_CHANGES = 50
MAX_PERCENT = 2.0


@dataclass(slots=True)
class Digest:
    """The hash over all that a comparison found, taken difference by difference."""

    plan: int
    integration: str
    began: datetime
    _hash: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._hash = hashlib.sha256(canonical([self.plan, self.integration, self.began]).encode())

    def add(self, found: Iterable[DifferenceRow]) -> None:
        """Take the next differences in."""
        for row in found:
            self._hash.update(b"\n" + canonical(list(row)).encode())

    def text(self, counts: dict[str, int], live: int) -> str:
        """Return it, over the counts too."""
        whole = self._hash.copy()
        whole.update(b"\n" + canonical([counts, live]).encode())
        digest: str = whole.hexdigest()
        return digest


def saw(row: SubscriptionRow, account: AccountRow) -> dict[str, Any]:
    """Return what of a subscription a plan goes by: when it is applied, this must be the same."""
    given = row.what_was_applied()
    return {
        "generation": row.generation,
        "observed": row.observed.value,
        "plan given": given.plan if given else None,
        "quantity given": given.quantity if given else None,
        "remote id": row.remote_id,
        "user": account.remote_id,
    }


def changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return in sentences what of a subscription is not as it was seen."""
    return [
        f"{name} was {_told(was)}, is {_told(now.get(name))}" for name, was in before.items() if was != now.get(name)
    ]


def _told(value: Any) -> str:
    return "none" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Guard:
    """How many subscriptions a plan may block or cancel: so many, and so many percent of those that are there."""

    max_changes: int = MAX_CHANGES
    max_percent: float = MAX_PERCENT

    def objection(self, stopping: int, live: int) -> str | None:
        """Return what is too much about a plan; None where it may be applied as it is."""
        percent = 100 * stopping / live if live else 100.0
        if not stopping or (stopping <= self.max_changes and percent <= self.max_percent):
            return None
        return (
            f"it would block or cancel {stopping} of {live} live subscriptions ({percent:.1f} %), more than "
            f"{self.max_changes} or {self.max_percent:g} %"
        )

    def check(self, id: int, stopping: int, live: int) -> None:
        """Raise Refused where a plan takes too much away and nobody has approved it."""
        if objection := self.objection(stopping, live):
            approve = f"svahub reconcile approve {id} --note WHY"
            raise Refused(f"Plan {id} is not applied: {objection}. If that is right: {approve}")
