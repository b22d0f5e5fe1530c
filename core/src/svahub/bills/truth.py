"""What a provider had of a subscription in a month, from what the store keeps of its history. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from svahub.lifecycle import Step
from svahub.models import Observed
from svahub.store.rows import AttemptRow, SubscriptionRow, applied_from
from svahub.store.states import Certainty

REACHED = frozenset({Certainty.SUCCEEDED, Certainty.PARTIAL})
LEVELS = {
    Step.CREATE_USER: Observed.ACTIVE,
    Step.UNBLOCK: Observed.ACTIVE,
    Step.BLOCK: Observed.BLOCKED,
    Step.CANCEL: Observed.CANCELLED,
}


class Known(NamedTuple):
    """What was known from an instant on; `level` or `plan` None: that does not change then."""

    at: datetime
    level: Observed | None = None
    plan: str | None = None
    quantity: int | None = None


@dataclass(frozen=True, slots=True)
class Month:
    """A billed month: from its first instant up to that of the next, in the tenant's zone."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class There:
    """What a provider had of a subscription in a month.

    `ever`: it was there at some time up to the end of it. `whole`: it was active all the time. `plans` are all that it
    had in the month, the last one at the end.
    """

    active: bool = False
    blocked: bool = False
    ever: bool = False
    whole: bool = False
    plans: tuple[str, ...] = ()
    quantity: int = 1

    @property
    def billable(self) -> bool:
        """Whether it may be billed: it was active, or blocked, at some moment of the month."""
        return self.active or self.blocked


def there_in(month: Month, row: SubscriptionRow, attempts: Iterable[AttemptRow], seen: Iterable[Known]) -> There:
    """Return what was there in a month: by attempts that succeeded, by what plans have `seen`, by how it is now."""
    known = sorted([*_of_attempts(list(attempts)), *seen, *_now(row)], key=lambda one: one.at)
    known = [*_since_the_sale(row, known), *known]
    before = [one for one in known if one.at <= month.begins]
    within = [one for one in known if month.begins < one.at < month.ends]
    level = next((one.level for one in reversed(before) if one.level is not None), Observed.ABSENT)
    levels = [level, *(one.level for one in within if one.level is not None)]
    every = [*levels, *(one.level for one in before)]
    held = [one.plan for one in before if one.plan is not None][-1:] + [one.plan for one in within if one.plan]
    quantity = next((one.quantity for one in reversed([*before, *within]) if one.quantity is not None), row.quantity)
    return There(
        Observed.ACTIVE in levels, Observed.BLOCKED in levels,
        any(one in {Observed.ACTIVE, Observed.BLOCKED} for one in every), set(levels) == {Observed.ACTIVE},
        tuple(dict.fromkeys(held)) or _plan_now(row), quantity,
    )  # fmt: skip


def _since_the_sale(row: SubscriptionRow, known: Sequence[Known]) -> Iterable[Known]:
    """Yield that it was there from its sale on, where nothing tells since when: a person linked or confirmed it."""
    first = next((one for one in known if one.level is not None), None)
    if first is not None and first.level in {Observed.BLOCKED, Observed.CANCELLED}:
        yield Known(row.created_at, Observed.ACTIVE)
    elif first is not None and known[-1] is first:  # it is only known how it is now
        yield Known(row.created_at, first.level, first.plan, first.quantity)


def _of_attempts(attempts: Sequence[AttemptRow]) -> Iterable[Known]:
    """Yield what each attempt that succeeded came to; a look, or a later answer, is of the attempt before it."""
    asked: AttemptRow | None = None
    for one in attempts:
        if one.certainty in {Certainty.PENDING, Certainty.UNKNOWN}:
            asked = one
        elif one.certainty in REACHED and one.ended_at is not None:
            yield from _reached(one, one.ended_at, asked)


def _reached(one: AttemptRow, at: datetime, asked: AttemptRow | None) -> Iterable[Known]:
    if one.step is Step.FIND:
        there = one.cause is None and asked is not None and asked.step is Step.CREATE_USER
        one, at = (asked, asked.started_at) if there and asked is not None else (one, at)
    elif one.step is Step.POLL and asked is not None:
        one = asked
    given = applied_from(one.sent)
    level, plan = LEVELS.get(one.step), given.plan if given else None
    if level is not None or plan is not None:
        yield Known(at, level, plan, given.quantity if given else None)


def _now(row: SubscriptionRow) -> Iterable[Known]:
    """Yield how a subscription is now, since its last change; what is not known now tells nothing."""
    given = row.what_was_applied()
    if row.observed is not Observed.UNKNOWN:
        yield Known(row.changed_at, row.observed, given.plan if given else None, given.quantity if given else None)


def _plan_now(row: SubscriptionRow) -> tuple[str, ...]:
    given = row.what_was_applied()
    plan = given.plan if given and given.plan else row.plan
    return (plan,) if plan else ()
