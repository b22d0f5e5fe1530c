"""What an account becomes when what was seen at its provider is believed. Pure; converge does what then is due."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from svahub.decisions import View, decided, freed, rested
from svahub.endings import vanished
from svahub.lifecycle import GONE, Step
from svahub.looks import unlinked
from svahub.models import Adopt, Applied, Desired, Observed
from svahub.reconciling.comparing import Seen
from svahub.store.rows import SubscriptionRow, applied_column
from svahub.store.states import Agreement, Phase, Priority


@dataclass(frozen=True, slots=True)
class Believed:
    """One subscription about which something was seen: `seen` is None where nothing of it is there."""

    agreement: Agreement
    key: str
    seen: Seen | None


@dataclass(frozen=True, slots=True)
class Corrected:
    """An account as it is then known: its rows that have changed, and the id of its user."""

    view: View
    rows: tuple[SubscriptionRow, ...]
    remote_id: str | None


def corrected(view: View, found: Sequence[Believed], now: datetime, adopt: Adopt) -> Corrected:
    """Return an account with what was seen of its subscriptions; those that its siblings held are looked at again."""
    changed: dict[str, SubscriptionRow] = {}
    former, remote_id = view.account.remote_id, _user(view, found, adopt)
    view = replace(view, account=view.account._replace(remote_id=remote_id))
    for one in found:
        row = next(row for row in view.rows if row.key == one.key)
        changed[row.key] = _urgent(_row(view, _of_user(row, one.seen, former), one, now, adopt))
        view = _with(view, changed)
    for row in list(changed.values()):
        changed |= {held.key: held for held in freed(view, row, now) if held.key not in changed}
    view = _with(view, changed)
    return Corrected(view, tuple(changed.values()), remote_id)


def _with(view: View, changed: dict[str, SubscriptionRow]) -> View:
    return replace(view, rows=tuple(changed.get(row.key, row) for row in view.rows))


def _user(view: View, found: Sequence[Believed], adopt: Adopt) -> str | None:
    """Return the id of the account's user: the one that was seen, or none where nothing of it is left."""
    ours = next((one.seen.user for one in found if one.seen and one.seen.ours and one.seen.status not in GONE), None)
    linked = next((one.seen.user for one in found if one.seen and not one.seen.ours and adopt is Adopt.LINK), None)
    gone = {one.key for one in found if one.seen is None or one.seen.status in GONE or not one.seen.ours}
    stays = any(row.live and row.key not in gone for row in view.rows)
    return ours or linked or (view.account.remote_id if stays else None)


def _row(view: View, row: SubscriptionRow, found: Believed, now: datetime, adopt: Adopt) -> SubscriptionRow:
    seen, fresh = found.seen, row._replace(tries=0, looks=0, sent=None, uncertain_since=None)
    if found.agreement is Agreement.UNLINKED and seen is not None and not seen.ours:
        (after,) = unlinked(view, fresh, seen.user or "", now, adopt).rows
    elif found.agreement is Agreement.MISSING or seen is None:
        after = _missing(view, fresh, now)
    else:
        own = seen.remote_id or row.remote_id or seen.user
        believed = fresh._replace(observed=seen.status, remote_id=own, applied=applied_column(_given(row, seen)))
        after = rested(view, believed, now)
    return after


def _of_user(row: SubscriptionRow, seen: Seen | None, former: str | None) -> SubscriptionRow:
    """Return a row without the id that it had of another user."""
    return row if seen is None or seen.user == former else row._replace(remote_id=None)


def _missing(view: View, row: SubscriptionRow, now: datetime) -> SubscriptionRow:
    if row.desired is Desired.CANCELLED:
        absent = row._replace(observed=Observed.ABSENT, remote_id=None, applied=None)
        return rested(view, absent, now)
    (after,) = vanished(view, row, now).rows
    return after


def _given(row: SubscriptionRow, seen: Seen) -> Applied:
    """Return what the provider has been given: what it does not tell as it is known, else as what is given again."""
    known = row.what_was_applied() or Applied(row.plan, row.quantity)
    plan = known.plan if seen.plan is None else seen.plan
    return replace(known, plan=plan, quantity=known.quantity if seen.quantity is None else seen.quantity)


def _urgent(row: SubscriptionRow) -> SubscriptionRow:
    """Return the row with the haste of what is due: who should have something waits for no bulk."""
    wanted = row.phase is Phase.DUE and row.desired is Desired.ACTIVE
    return row._replace(priority=Priority.ACTIVATION if wanted else Priority.BULK)


def step_after(view: View, row: SubscriptionRow) -> Step:
    """Return what converge does next about a corrected row; PARK_DRIFT where that is for a person."""
    if row.phase is Phase.PARKED:
        return Step.PARK_DRIFT
    decision = decided(view, row)
    if decision.row is not None:
        return decision.step
    parked = any(one.phase is Phase.PARKED for one in decision.updated)
    return Step.PARK_DRIFT if parked else Step.NOTHING


STOPPING = frozenset({Step.BLOCK, Step.CANCEL})
"""Steps that take something away from a customer: the guard counts them."""


def stopping(steps: Iterable[Step]) -> int:
    """Count the steps that take something away."""
    return sum(step in STOPPING for step in steps)
