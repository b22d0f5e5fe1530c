"""What to do next for one account: pure, from what the store knows. At most one step, as steps never overlap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from svahub.lifecycle import GONE, Situation, Step, next_step
from svahub.models import Applied, Aspect, BlockScope, Deduplication, Desired, Observed
from svahub.store.rows import LOOK_THERE, LOST, AccountRow, CustomerRow, SubscriptionRow
from svahub.store.states import Phase, Priority


@dataclass(frozen=True, slots=True)
class Facts:
    """What of a provider and its integration decides about steps; `settle_seconds`: how long a lookup may lag."""

    block_scope: BlockScope
    changes: frozenset[Aspect]
    deduplication: Deduplication
    can_find: bool
    settle_seconds: float
    recreate: bool


@dataclass(frozen=True, slots=True)
class View:
    """One leased account with all that hangs on it; `customer` is None where it is the ISP's own."""

    account: AccountRow
    customer: CustomerRow | None
    rows: tuple[SubscriptionRow, ...]
    facts: Facts

    def others(self, row: SubscriptionRow) -> Iterator[SubscriptionRow]:
        """Return the account's other subscriptions."""
        return (other for other in self.rows if other.key != row.key)


@dataclass(frozen=True, slots=True)
class Decision:
    """One step for one subscription, `what` it changes, and the rows that need no call any more."""

    step: Step = Step.NOTHING
    row: SubscriptionRow | None = None
    what: frozenset[Aspect] = frozenset()
    updated: tuple[SubscriptionRow, ...] = ()


def decide(view: View, now: datetime) -> Decision:
    """Return the most urgent step that is due; rows that turn out to need none are settled, held or parked."""
    updated: dict[str, SubscriptionRow] = {}
    for row in _by_urgency(view, now):
        one = decided(view, row)
        if one.row is not None:
            return Decision(one.step, one.row, one.what, tuple(updated.values()))
        (updated[row.key],) = one.updated
        view = replace(view, rows=tuple(updated.get(r.key, r) for r in view.rows))
    return Decision(updated=tuple(updated.values()))


def decided(view: View, row: SubscriptionRow) -> Decision:
    """Return what is to be done about one row, others' urgency aside: its step, or the row as it is without one."""
    step = step_for(view, row)
    if step in {Step.NOTHING, Step.PARK_DRIFT} or holders(view, row, step):
        return Decision(updated=(_without_call(view, row, step),))
    return Decision(step, row, _to_change(view, row) if step is Step.CHANGE else frozenset())


def _by_urgency(view: View, now: datetime) -> list[SubscriptionRow]:
    """Return the rows to decide about; first those that only a person can help, as others may wait for them."""
    open_ = [r for r in view.rows if _is_open(r) and (r.due_at is None or r.due_at <= now)]
    if len(open_) < 2:
        return open_
    lost = {r.key for r in open_ if step_for(view, r) is Step.PARK_DRIFT}
    return sorted(open_, key=lambda r: (r.key not in lost, r.priority, r.due_at or now, r.created_at, r.key))


def _is_open(row: SubscriptionRow) -> bool:
    return row.phase not in {Phase.SETTLED, Phase.PARKED}


def step_for(view: View, row: SubscriptionRow) -> Step:
    """Return the next step of one subscription, before it is asked whether a sibling holds it."""
    if row.handle is not None:
        return Step.POLL
    step = next_step(situation(view, row))
    facts = view.facts
    if step is Step.FIND and not facts.can_find:
        return _without_a_look(row, facts)
    if step is Step.NOTHING and _may_be_left_over(view, row):
        return Step.FIND
    never_looked = row.looks == 0 and row.uncertain_since is None
    if step is Step.CREATE_USER and facts.deduplication is Deduplication.NONE and facts.can_find and never_looked:
        return Step.FIND
    return step


def _may_be_left_over(view: View, row: SubscriptionRow) -> bool:
    """Whether a user was made for a subscription that was given up before it was there: only a look tells."""
    known = view.account.remote_id is not None and view.facts.can_find
    for_nobody = all(one.desired is Desired.CANCELLED and one.observed in GONE for one in view.rows)
    return known and for_nobody and row.observed is Observed.ABSENT


def _without_a_look(row: SubscriptionRow, facts: Facts) -> Step:
    """Return what to do about an unknown outcome where nothing can be looked up: a level is sent again."""
    if row.observed is Observed.ACTIVE and Aspect.QUANTITY not in facts.changes:
        return Step.CHANGE
    if row.observed is Observed.UNKNOWN and facts.deduplication is Deduplication.IDEMPOTENCY_KEY:
        return Step.CREATE_USER
    return Step.PARK_DRIFT


def situation(view: View, row: SubscriptionRow) -> Situation:
    """Reduce a row to what the table of `lifecycle` looks at."""
    return Situation(
        desired=row.desired,
        observed=row.observed,
        has_remote_id=row.remote_id is not None,
        uncertain=row.uncertain_since is not None,
        differs=bool(differing(row, wanted(view, row), view.facts.changes)),
    )


def wanted(view: View, row: SubscriptionRow) -> Applied:
    """Return what the provider should have been given."""
    assert view.customer is not None  # a subscription is a customer's
    return Applied(row.plan, row.quantity, row.price, row.due_day, view.customer.digest)


def differing(row: SubscriptionRow, want: Applied, changes: frozenset[Aspect]) -> frozenset[Aspect]:
    """Return in which aspects, of those that can change, what was applied, or may have been, is not what is wanted."""
    applied, sent = row.what_was_applied(), row.what_was_sent()
    if applied is None:
        return frozenset()
    there = (applied,) if sent is None else (applied, sent)
    return frozenset(a for a in changes if any(getattr(one, a.value) != getattr(want, a.value) for one in there))


def _to_change(view: View, row: SubscriptionRow) -> frozenset[Aspect]:
    """Return what to change: after an unknown outcome all that can be."""
    if row.uncertain_since is not None:
        return view.facts.changes
    return differing(row, wanted(view, row), view.facts.changes)


def holders(view: View, row: SubscriptionRow, step: Step) -> list[SubscriptionRow]:
    """Return the siblings for which a step has to wait."""
    pending = [o for o in view.others(row) if o.handle is not None and _is_open(o)]
    if pending and step is not Step.POLL:  # the provider is still busy with this account
        return pending
    if step is Step.BLOCK and view.facts.block_scope is BlockScope.ACCOUNT:
        return [o for o in view.others(row) if o.live and o.desired is not Desired.BLOCKED]
    if step in {Step.CANCEL, Step.CHANGE}:  # what may go depends on what the siblings have
        return [o for o in view.others(row) if _is_open(o) and step_for(view, o) is Step.FIND]
    return []


def _without_call(view: View, row: SubscriptionRow, step: Step) -> SubscriptionRow:
    if step is Step.NOTHING:
        return settled(row)
    if step is Step.PARK_DRIFT:
        return parked(row, *drift(row))
    contracts = ", ".join(sorted({o.contract_id for o in holders(view, row, step)}))
    if step is Step.BLOCK and not any(o.handle for o in view.others(row)):
        cause = f"held: the provider blocks whole users, and this one is also in use by contract {contracts}"
        return row._replace(phase=Phase.WAITING, due_at=None, cause=cause, advice="block the other contracts too")
    cause = f"held: it is not known yet what the provider has of the same user's contract {contracts}"
    return row._replace(phase=Phase.WAITING, due_at=None, cause=cause, advice=None)


def drift(row: SubscriptionRow) -> tuple[str, str]:
    """Return cause and advice for a subscription that only a person can bring further."""
    if row.uncertain_since is not None:
        return LOST, LOOK_THERE
    return (
        "ended at the provider",
        "`svahub activate CONTRACT` sells it again; `svahub operations discard ID --note WHY` lets it go",
    )


def settled(row: SubscriptionRow) -> SubscriptionRow:
    """Return the row with nothing left to do."""
    return row._replace(
        phase=Phase.SETTLED, due_at=None, tries=0, cause=None, advice=None, candidate=None,
        looks=0, priority=Priority.BULK,
    )  # fmt: skip


def parked(row: SubscriptionRow, cause: str, advice: str, candidate: str | None = None) -> SubscriptionRow:
    """Return the row waiting for a person."""
    return row._replace(phase=Phase.PARKED, due_at=None, cause=cause, advice=advice, candidate=candidate)


def due(row: SubscriptionRow, at: datetime) -> SubscriptionRow:
    """Return the row with its next step due."""
    return row._replace(phase=Phase.DUE, due_at=at, cause=None, advice=None)


def rested(view: View, row: SubscriptionRow, now: datetime) -> SubscriptionRow:
    """Return the row after a step that succeeded: settled when nothing is left, else due, with a fresh budget."""
    rest = row._replace(tries=0)
    if row.handle is None and step_for(view, rest) is Step.NOTHING:
        return settled(rest)
    return due(rest, now)


def freed(view: View, row: SubscriptionRow, now: datetime) -> Iterator[SubscriptionRow]:
    """Return the siblings that were held and may no longer be."""
    for other in view.others(row):
        if is_held(other):
            yield due(other, now)


def is_held(row: SubscriptionRow) -> bool:
    """Whether a subscription waits for a sibling, however long that takes."""
    return row.phase is Phase.WAITING and row.due_at is None


def live_others(view: View, row: SubscriptionRow) -> list[SubscriptionRow]:
    """Return the siblings that the provider has."""
    return [other for other in view.others(row) if other.observed not in GONE]
