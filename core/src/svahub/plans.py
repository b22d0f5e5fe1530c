"""What a plan is held to before anything follows from it: the hash over its content, and how much it may stop. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from svahub.errors import Refused
from svahub.store.journal import canonical

MAX_CHANGES = 50
MAX_PERCENT = 2.0


class Digest:
    """The hash over what a plan is about, and over all its rows, taken row by row."""

    def __init__(self, *about: Any) -> None:
        self._hash = hashlib.sha256(canonical(list(about)).encode())

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        """Take the next rows in."""
        for row in rows:
            self._hash.update(b"\n" + canonical(list(row)).encode())

    def text(self, *totals: Any) -> str:
        """Return it, over the totals too."""
        whole = self._hash.copy()
        whole.update(b"\n" + canonical(list(totals)).encode())
        return whole.hexdigest()


@dataclass(frozen=True, slots=True)
class Guard:
    """How many subscriptions a plan may block or cancel: so many, and so many percent of those that are there."""

    max_changes: int = MAX_CHANGES
    max_percent: float = MAX_PERCENT

    def objection(self, stopping: int, live: int) -> str | None:
        """Return what is too much about a plan; None where it may be carried out as it is."""
        percent = 100 * stopping / live if live else 100.0
        if not stopping or (stopping <= self.max_changes and percent <= self.max_percent):
            return None
        return (
            f"it would block or cancel {stopping} of {live} live subscriptions ({percent:.1f} %), more than "
            f"{self.max_changes} or {self.max_percent:g} %"
        )

    def check(self, stopping: int, live: int, *, otherwise: str, approve: str) -> None:
        """Raise Refused where a plan takes too much away; `otherwise` says what is not done then."""
        if objection := self.objection(stopping, live):
            raise Refused(f"{otherwise}: {objection}. If that is right: {approve}")
