"""Of which contracts, or items of them, a campaign asks something: what has to hold of what was sold. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from svahub.errors import Refused, meant
from svahub.intentions import Level
from svahub.models import Desired
from svahub.store.rows import SubscriptionRow
from svahub.store.states import Verb

KEYS = ("integration", "product_type", "plan", "days_overdue")
LONGEST_DAYS = 36_500
EACH_ITEM = frozenset({Verb.CANCEL, Verb.CHANGE})
"""Verbs that are asked of each item that fits, never of its contract as a whole: it may hold what is not sold here."""


@dataclass(frozen=True, slots=True)
class Where:
    """What has to hold, all of it, of one item that is sold; `days_overdue` of its contract: it owes for so long."""

    integration: str | None = None
    product_type: str | None = None
    plan: str | None = None
    days_overdue: int | None = None

    @classmethod
    def of(cls, told: Iterable[str]) -> Where:
        """Read KEY=VALUE; Refused for a key that there is not, or that is named twice, and for what is no number."""
        found: dict[str, Any] = {}
        for one in told:
            key, _, value = one.partition("=")
            if key not in KEYS:
                raise Refused(f"--where knows no {key!r}.{meant(key, KEYS)} It knows: {', '.join(KEYS)}.")
            if not value:
                raise Refused(f"--where {key} needs a value: {key}=VALUE.")
            if key in found:
                raise Refused(f"--where {key} is named twice: all that is named has to hold.")
            found[key] = _days(value) if key == "days_overdue" else value
        return cls(**found)

    def described(self) -> dict[str, Any]:
        """Return what was named."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    def __str__(self) -> str:
        return ", ".join(f"{key}={value}" for key, value in self.described().items())

    @property
    def is_about_items(self) -> bool:
        """Whether one item of a contract may fit and another not."""
        return not self.described().keys() <= {"days_overdue"}

    def covers(self, row: SubscriptionRow) -> bool:
        """Say whether what was sold fits, whatever its contract owes."""
        named = ((self.integration, row.integration), (self.product_type, row.product_type), (self.plan, row.plan))
        return all(wanted in {None, there} for wanted, there in named)

    def since(self, today: date) -> date | None:
        """Return since when at the latest a contract has to owe; None: it need not owe."""
        return None if self.days_overdue is None else today - timedelta(days=self.days_overdue)


def _days(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 6 and int(value) <= LONGEST_DAYS):
        raise Refused(f"--where days_overdue is a whole number of days, at most {LONGEST_DAYS}, not {value!r}.")
    return int(value)


def states(verb: Verb) -> frozenset[Desired]:
    """Return what may be wanted now of that of which something is asked."""
    return frozenset({Desired.BLOCKED} if verb is Verb.UNBLOCK else {Desired.ACTIVE, Desired.BLOCKED})


def asked_of(level: Level, where: Where, verb: Verb, item: str | None = None) -> list[str | None]:
    """Return the items of a contract of which a verb is asked; None among them is the contract as a whole.

    A whole contract is blocked and unblocked only if all that is sold of it fits.
    """
    sold = _sold(level)
    fitting = [row for row in sold if where.covers(row) and item in {None, row.item_code}]
    codes: list[str | None] = [row.item_code for row in fitting if row.desired in states(verb)]
    if not codes or item is not None:
        return codes
    whole = not where.is_about_items or (verb not in EACH_ITEM and len(fitting) == len(sold))
    return [None] if whole else codes


def still_fits(level: Level, where: Where, item: str | None) -> bool:
    """Say whether a contract as a whole, or one item of it, has remained what it was chosen for."""
    return all(where.covers(row) for row in _sold(level) if item in {None, row.item_code})


def _sold(level: Level) -> list[SubscriptionRow]:
    newest = (level.latest(one.code) for one in level.items)
    return [row for row in newest if row is not None and row.desired is not Desired.CANCELLED]
