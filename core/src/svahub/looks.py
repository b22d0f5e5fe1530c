"""What a look at the provider means for a subscription whose last call has an unknown outcome: pure.

Only our reference means ours, and an empty look is believed only after the provider's settle time and twice.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from svahub.decisions import View, drift, due, live_others, parked, rested, settled, wanted
from svahub.endings import Ending, Rules, linked, status, vanished
from svahub.models import Adopt, Applied, Aspect, BlockScope, Desired, Observed, RemoteSubscription, RemoteUser
from svahub.store.rows import SubscriptionRow, applied_column
from svahub.store.states import Certainty, Phase


def found(view: View, row: SubscriptionRow, user: RemoteUser | None, now: datetime, rules: Rules) -> Ending:
    """Return what follows from the user that a look brought, or from none."""
    if row.desired is Desired.CANCELLED and row.observed is Observed.ABSENT and not _has_something(view, row, user):
        there = user is not None and user.status is not Observed.CANCELLED
        return Ending(Certainty.SUCCEEDED, (settled(row),), view.account.remote_id if there else None, "not there")
    if user is None:
        return _gone(view, row, view.account.remote_id, now)
    ours = user.reference == view.account.key or user.remote_id == view.account.remote_id
    if not ours:
        # somebody else's user may hide ours, which a lookup does not see yet
        hidden = row.sent is not None and not _believed(view, row, now)
        return _not_there(view, row, None, now) if hidden else unlinked(view, row, user.remote_id, now, rules.adopt)
    entry = user.subscription(row.key)
    gone = user.status is Observed.CANCELLED
    if entry is None and not gone and _left_over(view, row, user):
        bare = row._replace(observed=user.status, remote_id=user.remote_id, sent=None, uncertain_since=None, looks=0)
        return Ending(Certainty.SUCCEEDED, (rested(view, bare, now),), user.remote_id)
    if entry is None:
        return _gone(view, row, None, now) if gone else _not_there(view, row, user.remote_id, now)
    return _seen(view, row, user, entry, now, rules)


def _has_something(view: View, row: SubscriptionRow, user: RemoteUser | None) -> bool:
    """Whether there is something to be ended: the subscription after all, or a user that was made for it alone.

    Not of a user that was only linked: what that one has may be nobody's of ours.
    """
    if user is None or user.reference != view.account.key:
        return False
    alone = user.status is not Observed.CANCELLED and _left_over(view, row, user)
    return alone or user.subscription(row.key) is not None


def _seen(
    view: View, row: SubscriptionRow, user: RemoteUser, entry: RemoteSubscription, now: datetime, rules: Rules
) -> Ending:
    """Return what follows when the subscription is there: what a look does not tell is as it was last known."""
    last = row.what_was_applied() or row.what_was_sent() or Applied(quantity=row.quantity)
    sent = row.what_was_sent()
    if _may_lag(view, row, user, entry) and not _believed(view, row, now):
        return _looks_again(view, row, user.remote_id, now)
    if entry.quantity is None and sent is not None and sent.quantity != last.quantity:
        seen = row._replace(observed=status(user, entry), remote_id=entry.remote_id or user.remote_id)
        return Ending(Certainty.REJECTED, (parked(seen, *drift(seen)),), user.remote_id, "the look tells no quantity")
    quantity = last.quantity if entry.quantity is None else entry.quantity
    given = replace(last, plan=entry.plan, quantity=quantity, **_untold(last, sent, wanted(view, row)))
    seen = linked(view, row, user, entry)._replace(
        uncertain_since=None, looks=0, applied=applied_column(given), sent=_maybe_there(given, last, sent)
    )
    after = _next(view, seen, now)
    if after.phase is Phase.DUE and row.tries:
        after = after._replace(phase=Phase.WAITING, due_at=now + rules.backoff(row.tries - 1), cause=row.cause)
    return Ending(Certainty.SUCCEEDED, (after,), user.remote_id)


def _untold(last: Applied, sent: Applied | None, want: Applied) -> dict[str, Any]:
    """Return what no look tells, where the last call may have changed it: as it is not wanted, so that it is given."""
    maybe = () if sent is None else [(name, getattr(sent, name), getattr(last, name)) for name in _NEVER_TOLD]
    return {name: then if then != getattr(want, name) else before for name, then, before in maybe if then != before}


def _maybe_there(given: Applied, last: Applied, sent: Applied | None) -> dict[str, Any] | None:
    """Return what may be there instead, of what no look tells; None: nothing. By the next call that may be wanted."""
    if sent is None:
        return None
    other = {n: getattr(last if getattr(given, n) == getattr(sent, n) else sent, n) for n in _NEVER_TOLD}
    instead = replace(given, **other)
    return None if instead == given else applied_column(instead)


_NEVER_TOLD = (Aspect.PRICE.value, Aspect.DUE_DAY.value)


def _may_lag(view: View, row: SubscriptionRow, user: RemoteUser, entry: RemoteSubscription) -> bool:
    """Whether a look contradicts what was done before: then it may tell of the time before that."""
    sent = row.what_was_sent()
    may_yet_appear = _lacks(entry, sent) or (sent is not None and sent.plan not in {entry.plan, row.plan})
    alike = live_others(view, row) if view.facts.block_scope is BlockScope.ACCOUNT else []
    known = {one.observed for one in (row, *alike)} - {Observed.UNKNOWN, Observed.ABSENT}
    return may_yet_appear or (bool(known) and status(user, entry) not in known)


def _lacks(entry: RemoteSubscription, sent: Applied | None) -> bool:
    """Whether there are fewer than were asked for: a lookup may not see yet what the last call has added."""
    return sent is not None and entry.quantity is not None and entry.quantity < sent.quantity


def _left_over(view: View, row: SubscriptionRow, user: RemoteUser) -> bool:
    """Whether a user that we made has nothing left that is wanted: it goes with the subscription that made it."""
    made_by_us = user.reference == view.account.key
    return made_by_us and row.desired is Desired.CANCELLED and not live_others(view, row)


def _believed_at(view: View, row: SubscriptionRow, now: datetime) -> datetime:
    return (row.uncertain_since or now) + timedelta(seconds=view.facts.settle_seconds)


def _believed(view: View, row: SubscriptionRow, now: datetime) -> bool:
    """Whether one more empty look is to be believed: it is the second at least, and the settle time has passed."""
    return row.looks >= 1 and now >= _believed_at(view, row, now)


def _gone(view: View, row: SubscriptionRow, remote_id: str | None, now: datetime) -> Ending:
    """Return what follows when no user is there: one that had been made is not made again unless a person says so."""
    was_there = row.applied is not None and row.observed is not Observed.ABSENT
    wanted_there = row.desired is not Desired.CANCELLED
    if was_there and wanted_there and (row.uncertain_since is None or _believed(view, row, now)):
        return vanished(view, row._replace(looks=row.looks + 1, sent=None), now)
    return _not_there(view, row, remote_id, now)


def _not_there(view: View, row: SubscriptionRow, remote_id: str | None, now: datetime) -> Ending:
    if row.uncertain_since is None or _believed(view, row, now):
        looked = row._replace(looks=row.looks + 1)
        absent = looked._replace(observed=Observed.ABSENT, remote_id=None, sent=None, uncertain_since=None)
        return Ending(Certainty.SUCCEEDED, (_next(view, absent, now),), remote_id, "not there")
    return _looks_again(view, row, remote_id, now)


def _looks_again(view: View, row: SubscriptionRow, remote_id: str | None, now: datetime) -> Ending:
    at = max(now, _believed_at(view, row, now))
    wait = row._replace(looks=row.looks + 1, phase=Phase.WAITING, due_at=at, cause=_LOOKS_AGAIN)
    return Ending(Certainty.SUCCEEDED, (wait,), remote_id, "not there yet")


_LOOKS_AGAIN = "the outcome of the last call is not known; it was not found yet and is looked up once more"


def _next(view: View, row: SubscriptionRow, now: datetime) -> SubscriptionRow:
    after = rested(view, row, now)
    return after if after.phase is Phase.SETTLED else after._replace(tries=row.tries)


def unlinked(view: View, row: SubscriptionRow, user: str, now: datetime, adopt: Adopt) -> Ending:
    """Return what follows when the provider has the same person, as user `user`, and not by our reference."""
    if adopt is Adopt.LINK:
        linked = row._replace(observed=Observed.ABSENT, remote_id=None, sent=None, uncertain_since=None, looks=1)
        return Ending(Certainty.SUCCEEDED, (due(linked, now),), user, "linked by the adopt policy")
    cause = f"the provider has this person already as user {user}, without our reference"
    discard = "`svahub operations discard ID --note WHY`"
    asked = f"if it is the same customer: `svahub operations retry ID --adopt`, else {discard}"
    refused = f"the integration's adopt policy refuses to link it: {discard}"
    advice, candidate = (asked, user) if adopt is Adopt.ASK else (refused, None)
    waits = parked(row._replace(observed=Observed.ABSENT, uncertain_since=None, looks=1), cause, advice, candidate)
    return Ending(Certainty.REJECTED, (waits,), view.account.remote_id, cause)
