"""The verdict about each line of a bill, and about what no line is for. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from svahub.bills.reading import BilledLine, Unreadable
    from svahub.bills.truth import There
    from svahub.store.rows import PlanRow, SubscriptionRow

NOTHING = Decimal("0.00")


class Verdict(StrEnum):
    """What is to be said of a line, or of a subscription without one."""

    RIGHT = "right"
    CANCELLED = "billed_but_cancelled"
    STRANGE = "billed_but_never_ours"
    NOT_BILLED = "active_but_not_billed"
    WRONG_PLAN = "wrong_plan"
    WRONG_PRICE = "wrong_price"
    DOUBLED = "doubled"


@dataclass(frozen=True, slots=True)
class Sold:
    """A subscription, the provider's id of its user, and what was there of it in the month."""

    row: SubscriptionRow
    user: str | None
    there: There


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict: `billed` is what the line asks for, `right` what is right, None where no price is known.

    `whose` is as the file tells it; of what no line is for, it is the reference that the provider has of us.
    """

    verdict: Verdict
    line: int | None
    whose: str = field(repr=False)
    plan: str | None
    billed: Decimal
    right: Decimal | None
    sold: Sold | None = field(default=None, repr=False)

    @property
    def too_much(self) -> Decimal:
        """What is asked for and not right; less than nothing where too little is."""
        return self.billed - self.right if self.right is not None else NOTHING


@dataclass(frozen=True, slots=True)
class Prices:
    """What a month of a plan costs: by the agreed prices, else by the catalogue; plans are known by id and by name."""

    plans: Sequence[PlanRow] = ()
    agreed: Mapping[str, Decimal] = field(default_factory=dict)

    def of(self, sold: Sold) -> Decimal | None:
        """Return what a subscription costs; None where nobody has told."""
        plan = sold.there.plans[-1] if sold.there.plans else None
        known = {one.remote_id: one.price for one in self.plans} | dict(self.agreed)
        price = known.get(plan) if plan is not None else None
        return None if price is None else price * sold.there.quantity

    def is_one_of(self, told: str, ids: Sequence[str]) -> bool:
        """Say whether what a line tells of a plan, its id or its name, is one of some plans."""
        names = {one.name.casefold() for one in self.plans if one.remote_id in ids}
        return told in ids or told.casefold() in names


def judged(line: BilledLine, theirs: Sequence[Sold], billed: set[str], prices: Prices) -> Judged:
    """Return the verdict about a line for somebody's subscriptions; `billed` are those that have a line already."""
    billable = [sold for sold in theirs if sold.there.billable]
    if not billable:
        ended = any(sold.there.ever for sold in theirs)
        return _not_right(line, Verdict.CANCELLED if ended else Verdict.STRANGE)
    free = [sold for sold in billable if sold.row.key not in billed]
    if not free:
        return _not_right(line, Verdict.DOUBLED)
    fits = [one for one in free if line.plan is None or prices.is_one_of(line.plan, one.there.plans)]
    sold = (fits or free)[0]
    billed.add(sold.row.key)
    right = prices.of(sold)
    verdict = _verdict(line, sold, right) if fits else Verdict.WRONG_PLAN
    accepted = line.price if verdict is Verdict.RIGHT and right is not None else right
    return Judged(verdict, line.line, line.whose, line.plan, line.price, accepted, sold)


def _verdict(line: BilledLine, sold: Sold, right: Decimal | None) -> Verdict:
    if right is None or line.price == right:
        return Verdict.RIGHT
    part = line.price < right and not sold.there.whole  # of a month that was not whole, a part may be asked for
    return Verdict.RIGHT if part else Verdict.WRONG_PRICE


def _not_right(line: BilledLine, verdict: Verdict) -> Judged:
    return Judged(verdict, line.line, line.whose, line.plan, line.price, NOTHING)


def not_billed(sold: Sold, prices: Prices) -> Judged:
    """Return the verdict about a subscription that was active and has no line."""
    plan = sold.there.plans[-1] if sold.there.plans else None
    whose = sold.user or sold.row.key
    return Judged(Verdict.NOT_BILLED, None, whose, plan, NOTHING, prices.of(sold), sold)


@dataclass
class Checked:
    """A bill that was checked: what is not right of it, how many lines of each verdict, and the sums in BRL.

    `billed` is what the readable lines ask for, `too_much` what of that is not right, `too_little` what was there and
    is not asked for.
    """

    integration: str
    month: str
    lines: int = 0
    billed: Decimal = NOTHING
    too_much: Decimal = NOTHING
    too_little: Decimal = NOTHING
    unpriced: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    sums: dict[str, Decimal] = field(default_factory=dict)
    found: list[Judged] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)

    def add(self, one: Judged) -> None:
        """Count one more verdict, and keep it unless it is that all is right."""
        self.counts[one.verdict.value] += 1
        self.lines += one.line is not None
        self.billed += one.billed
        self.too_much += max(one.too_much, NOTHING)
        self.too_little += max(-one.too_much, NOTHING)
        self.unpriced += one.right is None
        if one.verdict is not Verdict.RIGHT:
            self.sums[one.verdict.value] = self.sums.get(one.verdict.value, NOTHING) + one.too_much
            self.found.append(one)
