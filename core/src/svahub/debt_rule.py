"""The rule about who owes: from open debts and the ISP's policy to the items that are to be blocked. Pure, but for the
calendar of holidays, which is a library's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from svahub.models import Desired, Reason
from svahub.store.rows import DebtRow, ItemRow, ReasonRow, SubscriptionRow

if TYPE_CHECKING:
    from datetime import datetime

    from svahub.intentions import Level

SOURCE = "billing:"
Free = Callable[[date], bool]
"""Says whether nobody is to be blocked on a day."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What an ISP has decided: after how many days, what of a customer's is blocked, and on which days never.

    `product_types` None: all. `integrations` are those that are blocked for debts that they themselves raised.
    `state` is one of Brazil, whose holidays count too where only business days do.
    """

    grace_days: int
    product_types: frozenset[str] | None = None
    integrations: frozenset[str] = frozenset()
    business_days_only: bool = False
    state: str | None = None

    @property
    def free(self) -> Free:
        """Return what says whether nobody is blocked on a day."""
        return calendar(self.state) if self.business_days_only else _never

    def described(self) -> dict[str, Any]:
        """Return it in values that JSON has."""
        types = "all" if self.product_types is None else sorted(self.product_types)
        return {
            "grace_days": self.grace_days,
            "product_types": types,
            "integrations": sorted(self.integrations),
            "business_days_only": self.business_days_only,
            "state": self.state,
        }

    def covers(self, sold: SubscriptionRow, raised_by: str) -> bool:
        """Say whether what was sold is blocked for a debt that an integration raised."""
        typed = self.product_types is None or sold.product_type in self.product_types
        return typed and (sold.integration != raised_by or raised_by in self.integrations)


def _never(_: date) -> bool:
    return False


def calendar(state: str | None) -> Free:
    """Return what says whether a day is a weekend or a holiday, of Brazil or of a state of it."""
    return lambda day: day.weekday() >= 5 or day in _holidays(state, day.year)


@lru_cache(maxsize=256)
def _holidays(state: str | None, year: int) -> frozenset[date]:
    """Return a year's holidays; the library's own set fills itself while it is asked, which threads must not share."""
    import holidays  # 50 ms that only who asks for business days should pay

    return frozenset(holidays.country_holidays("BR", subdiv=state, years=year))


def states() -> frozenset[str]:
    """Return the states whose holidays are known."""
    import holidays

    return frozenset(name for name in holidays.country_holidays("BR").subdivisions if len(name) == 2)


def blocks_on(since: date, policy: Policy, free: Free) -> date:
    """Return the first day on which a debt blocks: the day after the grace, moved on past days that are free."""
    day = since + timedelta(days=policy.grace_days + 1)
    while free(day):
        day += timedelta(days=1)
    return day


def blocking(debts: Iterable[DebtRow], policy: Policy, today: date) -> list[DebtRow]:
    """Return those open debts that block by now; the day itself must not be free for a block that begins."""
    free = policy.free
    return [debt for debt in debts if debt.settled_at is None and blocks_on(debt.since, policy, free) <= today]


def wanted(level: Level, debts: Iterable[DebtRow], policy: Policy | None, today: date, now: datetime) -> set[ReasonRow]:
    """Return the block reasons that a contract's open debts give, one for each item and who raised the debt."""
    if policy is None:
        return set()
    raised_by = {debt.integration for debt in blocking(debts, policy, today)}
    return {
        ReasonRow(item.tenant, item.contract_id, item.code, Reason.OVERDUE, f"{SOURCE}{name}", None, now)
        for item, sold in sold_items(level)
        for name in raised_by
        if policy.covers(sold, name)
    }


def sold_items(level: Level) -> Iterator[tuple[ItemRow, SubscriptionRow]]:
    """Return the items of a contract that are sold, each with its newest sale."""
    for item in level.items:
        sold = level.latest(item.code)
        if sold is not None and not item.removed and sold.desired is not Desired.CANCELLED:
            yield item, sold


def merged(level: Level, wanted: set[ReasonRow], *, forget_import: bool) -> tuple[list[ReasonRow], list[ReasonRow]]:
    """Return which block reasons of a contract go, and which come, so that those of its debts are as wanted.

    With `forget_import`, what a file said of debt goes too: the last debt was settled.
    """
    ours = [reason for reason in level.reasons if is_of_debt(reason)]
    key = {_key(reason) for reason in wanted}
    gone = [reason for reason in ours if _key(reason) not in key]
    if forget_import:
        gone += [reason for reason in level.reasons if reason.reason is Reason.OVERDUE and reason.source == "import"]
    there = {_key(reason) for reason in ours}
    return gone, sorted((r for r in wanted if _key(r) not in there), key=_key)


def source(debt: DebtRow) -> str:
    """Return from whom the block reasons come that a debt gives."""
    return f"{SOURCE}{debt.integration}"


def is_of_debt(reason: ReasonRow) -> bool:
    """Say whether a block reason comes from a debt that is kept here."""
    return reason.reason is Reason.OVERDUE and reason.source.startswith(SOURCE)


def _key(reason: ReasonRow) -> tuple[str, str]:
    return reason.item_code, reason.source
