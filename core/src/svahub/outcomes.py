"""What a call's result means for the account it was made for: pure, from view and result to new rows.

The rules are those of the design's "certainty": what adds is looked up before it is repeated, a level is sent again,
only our reference means ours, and an empty look is believed only after the provider's settle time and twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from svahub import errors
from svahub.decisions import Decision, View, drift, due, freed, live_others, parked, rested, wanted
from svahub.lifecycle import Step
from svahub.models import (
    Adopt,
    Applied,
    Aspect,
    BlockScope,
    Desired,
    Observed,
    RemoteSubscription,
    RemoteUser,
)
from svahub.store.rows import AttemptRow, SubscriptionRow, applied_column
from svahub.store.states import Certainty, Phase

Result = RemoteUser | errors.ProviderError | None
POLL_SECONDS = 15.0
ADDING = frozenset({Step.CREATE_USER, Step.CHANGE})
READING = frozenset({Step.FIND, Step.POLL})


@dataclass(frozen=True, slots=True)
class Rules:
    """How an integration retries and adopts; times in seconds. `random` draws from 0 to 1."""

    adopt: Adopt
    retry_budget: int
    retry_base: float
    retry_cap: float
    random: Callable[[], float]

    def backoff(self, tries: int) -> timedelta:
        """Draw the wait before the next try: exponential with full jitter."""
        ceiling = min(self.retry_cap, self.retry_base * 2.0 ** min(tries, 30))
        return timedelta(seconds=self.random() * ceiling)


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended: the new rows, the user's id at the provider, and what it means for the integration."""

    certainty: Certainty
    rows: tuple[SubscriptionRow, ...]
    remote_id: str | None
    cause: str | None = None
    pause: float | None = None


def ending(view: View, done: Decision, result: Result, now: datetime, rules: Rules) -> Ending:
    """Return what the result of a decision's step changes; siblings that waited for it may go on."""
    assert done.row is not None
    row = done.row
    if isinstance(result, errors.ProviderError):
        end = _failed(view, done, row, result, now, rules)
    elif done.step is Step.FIND:
        end = _found(view, row, result, now, rules)
    elif done.step is Step.POLL:
        end = _succeeded(view, _accepted_before(view, row), row._replace(handle=None), result, now)
    else:
        end = _succeeded(view, done, row._replace(sent=None), result, now)
    return replace(end, rows=_merged(end.rows, freed(view, row, now)))


def crashed(view: View, row: SubscriptionRow, attempt: AttemptRow) -> tuple[SubscriptionRow, ...]:
    """Return the rows after an attempt that nobody closed: its outcome is not known."""
    return _unknown(view, attempt.step, row, attempt.started_at, attempt.sent)


def _accepted_before(view: View, row: SubscriptionRow) -> Decision:
    """Return the decision whose result a poll has brought."""
    step = Step((row.handle or Step.FIND.value).partition(":")[0])
    return Decision(step, row, view.facts.changes if step is Step.CHANGE else frozenset())


# -- the step succeeded ------------------------------------------------------------------------------------------------


def _succeeded(view: View, done: Decision, row: SubscriptionRow, user: RemoteUser | None, now: datetime) -> Ending:
    sure = row._replace(uncertain_since=None, looks=0) if done.step in ADDING else row
    remote_id = view.account.remote_id
    match done.step:
        case Step.CREATE_USER if user is not None:
            remote_id = user.remote_id
            changed = _linked(view, sure, user, user.subscription(row.key))
        case Step.BLOCK:
            changed = sure._replace(observed=Observed.BLOCKED)
        case Step.UNBLOCK:
            changed = sure._replace(observed=Observed.ACTIVE)
        case Step.CANCEL:
            changed = sure._replace(observed=Observed.CANCELLED)
            remote_id = remote_id if live_others(view, row) else None
        case Step.CHANGE:
            changed = _changed(view, sure, done.what)
        case _:
            bug = errors.PluginBug(f"{done.step.value} brought no user")
            return _parked(view, row, bug)
    rows = (rested(view, changed, now), *_alike(view, done, changed, now))
    return Ending(Certainty.SUCCEEDED, rows, remote_id)


def _linked(view: View, row: SubscriptionRow, user: RemoteUser, entry: RemoteSubscription | None) -> SubscriptionRow:
    remote_id = (entry.remote_id if entry else None) or user.remote_id
    given = applied_column(row.what_was_sent() or wanted(view, row))
    return row._replace(observed=_status(user, entry), remote_id=remote_id, applied=given, sent=None)


def _status(user: RemoteUser, entry: RemoteSubscription | None) -> Observed:
    if entry is None or user.status in {Observed.BLOCKED, Observed.CANCELLED}:
        return user.status
    return entry.status


def _changed(view: View, row: SubscriptionRow, what: frozenset[Aspect]) -> SubscriptionRow:
    want = row.what_was_sent() or wanted(view, row)
    given = replace(row.what_was_applied() or Applied(), **{a.value: getattr(want, a.value) for a in what})
    return row._replace(applied=applied_column(given), sent=None)


def _alike(view: View, done: Decision, changed: SubscriptionRow, now: datetime) -> list[SubscriptionRow]:
    """Return the siblings that the same call changed: a blocked user, a user's data."""
    whole_user = view.facts.block_scope is BlockScope.ACCOUNT and done.step in {Step.BLOCK, Step.UNBLOCK}
    siblings = live_others(view, changed)
    if whole_user:
        return [_again(view, s._replace(observed=changed.observed), now) for s in siblings]
    if done.step is Step.CHANGE and Aspect.CUSTOMER in done.what:
        given = frozenset({Aspect.CUSTOMER})
        return [
            _again(view, _changed(view, s._replace(sent=None), given), now) for s in siblings if s.applied is not None
        ]
    return []


def _again(view: View, row: SubscriptionRow, now: datetime) -> SubscriptionRow:
    return row if row.phase in {Phase.PARKED, Phase.PENDING} else rested(view, row, now)


def _merged(rows: tuple[SubscriptionRow, ...], more: Any) -> tuple[SubscriptionRow, ...]:
    by_key = {row.key: row for row in more} | {row.key: row for row in rows}
    return tuple(by_key.values())


# -- a look ------------------------------------------------------------------------------------------------------------


def _found(view: View, row: SubscriptionRow, user: RemoteUser | None, now: datetime, rules: Rules) -> Ending:
    if user is None:
        return _not_there(view, row, view.account.remote_id, now)
    ours = user.reference == view.account.key or user.remote_id == view.account.remote_id
    if not ours:
        # somebody else's user may hide ours, which a lookup does not see yet
        hidden = row.sent is not None and not _believed(view, row, now)
        return _not_there(view, row, None, now) if hidden else _unlinked(view, row, user, now, rules)
    entry = user.subscription(row.key)
    gone = user.status is Observed.CANCELLED
    if entry is None and not gone and _left_over(view, row, user):
        bare = row._replace(observed=user.status, remote_id=user.remote_id, sent=None, uncertain_since=None, looks=0)
        return Ending(Certainty.SUCCEEDED, (rested(view, bare, now),), user.remote_id)
    if entry is None:
        return _not_there(view, row, None if gone else user.remote_id, now)
    return _seen(view, row, user, entry, now, rules)


def _seen(
    view: View, row: SubscriptionRow, user: RemoteUser, entry: RemoteSubscription, now: datetime, rules: Rules
) -> Ending:
    """Return what follows when the subscription is there: what a look does not tell is as it was last known."""
    last = row.what_was_applied() or row.what_was_sent() or Applied(quantity=row.quantity)
    sent = row.what_was_sent()
    if entry.quantity is None and sent is not None and sent.quantity != last.quantity:
        return Ending(Certainty.REJECTED, (parked(row, *drift(row)),), user.remote_id, "the look tells no quantity")
    given = replace(last, plan=entry.plan, quantity=entry.quantity or last.quantity)
    seen = _linked(view, row, user, entry)._replace(uncertain_since=None, looks=0, applied=applied_column(given))
    found = _next(view, seen, now)
    if found.phase is Phase.DUE and row.tries:
        found = found._replace(phase=Phase.WAITING, due_at=now + rules.backoff(row.tries - 1), cause=row.cause)
    return Ending(Certainty.SUCCEEDED, (found,), user.remote_id)


def _left_over(view: View, row: SubscriptionRow, user: RemoteUser) -> bool:
    """Whether a user that we made has nothing left that is wanted: it goes with the subscription that made it."""
    made_by_us = user.reference == view.account.key
    return made_by_us and row.desired is Desired.CANCELLED and not live_others(view, row)


def _believed_at(view: View, row: SubscriptionRow, now: datetime) -> datetime:
    return (row.uncertain_since or now) + timedelta(seconds=view.facts.settle_seconds)


def _believed(view: View, row: SubscriptionRow, now: datetime) -> bool:
    """Whether one more empty look is to be believed: it is the second at least, and the settle time has passed."""
    return row.looks >= 1 and now >= _believed_at(view, row, now)


def _not_there(view: View, row: SubscriptionRow, remote_id: str | None, now: datetime) -> Ending:
    looked = row._replace(looks=row.looks + 1)
    if row.uncertain_since is None or _believed(view, row, now):
        absent = looked._replace(observed=Observed.ABSENT, remote_id=None, sent=None, uncertain_since=None)
        return Ending(Certainty.SUCCEEDED, (_next(view, absent, now),), remote_id, "not there")
    at = max(now, _believed_at(view, row, now))
    wait = looked._replace(phase=Phase.WAITING, due_at=at, cause=_LOOKS_AGAIN)
    return Ending(Certainty.SUCCEEDED, (wait,), remote_id, "not there yet")


_LOOKS_AGAIN = "the outcome of the last call is not known; it was not found yet and is looked up once more"


def _next(view: View, row: SubscriptionRow, now: datetime) -> SubscriptionRow:
    after = rested(view, row, now)
    return after if after.phase is Phase.SETTLED else after._replace(tries=row.tries)


def _unlinked(view: View, row: SubscriptionRow, user: RemoteUser, now: datetime, rules: Rules) -> Ending:
    if rules.adopt is Adopt.LINK:
        linked = row._replace(observed=Observed.ABSENT, remote_id=None, sent=None, uncertain_since=None, looks=1)
        return Ending(Certainty.SUCCEEDED, (due(linked, now),), user.remote_id, "linked by the adopt policy")
    cause = f"the provider has this person already as user {user.remote_id}, without our reference"
    asked = "if it is the same customer: `svahub operations retry ID --adopt`, else `svahub operations discard ID`"
    refused = "the integration's adopt policy refuses to link it: `svahub operations discard ID`"
    advice, candidate = (asked, user.remote_id) if rules.adopt is Adopt.ASK else (refused, None)
    waits = parked(row._replace(observed=Observed.ABSENT, uncertain_since=None, looks=1), cause, advice, candidate)
    return Ending(Certainty.REJECTED, (waits,), view.account.remote_id, cause)


# -- the step failed ---------------------------------------------------------------------------------------------------


def _failed(
    view: View, done: Decision, row: SubscriptionRow, error: errors.ProviderError, now: datetime, rules: Rules
) -> Ending:
    if done.step is Step.POLL and isinstance(error, errors.Refusal):
        return _lost(view, row, error, now, rules)
    if isinstance(error, errors.NotApplied):
        return _not_applied(view, row, error, now, rules)
    match error:
        case errors.OutcomeUnknown() if done.step in READING:
            return _wait(view, row, str(error), now, rules)
        case errors.OutcomeUnknown():
            return _uncertain(view, done.step, row, str(error), now, rules)
        case errors.PluginBug() if done.step not in READING:
            return _bungled(view, done.step, row, error, now)
        case errors.NotFound() if done.step is Step.FIND:
            return _found(view, row, None, now, rules)
        case errors.Pending():
            return _accepted(view, done, row, error, now)
        case errors.Partial():
            return _partial(view, done, row, error, now, rules)
        case _:
            return _refused(view, done.step, row, error, now, rules)


def _not_applied(view: View, row: SubscriptionRow, error: errors.NotApplied, now: datetime, rules: Rules) -> Ending:
    cause, remote_id = str(error), view.account.remote_id
    match error:
        case errors.NotSent():
            return Ending(Certainty.NOT_APPLIED, (due(row, now),), remote_id, cause)
        case errors.RateLimited():
            seconds = max(error.retry_after or 0.0, rules.backoff(row.tries).total_seconds())
            later = now + timedelta(seconds=seconds)
            rest = row._replace(tries=row.tries + 1, phase=Phase.WAITING, due_at=later, cause=cause)
            return Ending(Certainty.NOT_APPLIED, (rest,), remote_id, cause, pause=seconds)
        case errors.AuthenticationFailed():
            return Ending(Certainty.NOT_APPLIED, (due(row, now),), remote_id, cause)
        case _:
            return _wait(view, row, cause, now, rules)


def _wait(view: View, row: SubscriptionRow, cause: str, now: datetime, rules: Rules) -> Ending:
    return Ending(Certainty.NOT_APPLIED, (_retried(row, cause, now, rules),), view.account.remote_id, cause)


def _retried(row: SubscriptionRow, cause: str, now: datetime, rules: Rules) -> SubscriptionRow:
    tries = row.tries + 1
    if tries >= rules.retry_budget:
        advice = "when the provider answers again: `svahub operations retry ID`"
        return parked(row._replace(tries=tries), f"given up after {tries} tries: {cause}", advice)
    at = now + rules.backoff(row.tries)
    return row._replace(tries=tries, phase=Phase.WAITING, due_at=at, cause=cause, advice=None)


def _uncertain(view: View, step: Step, row: SubscriptionRow, cause: str, now: datetime, rules: Rules) -> Ending:
    sent = (row.sent or applied_column(wanted(view, row))) if step in ADDING else None
    changed, *siblings = _unknown(view, step, row, now, sent)
    waits = _retried(changed, cause, now, rules)
    if step is Step.CREATE_USER and waits.phase is Phase.WAITING:
        waits = waits._replace(due_at=now)  # look at once: most of the time it is there
    return Ending(Certainty.UNKNOWN, (waits, *siblings), view.account.remote_id, cause)


def _unknown(
    view: View, step: Step, row: SubscriptionRow, began: datetime, sent: dict[str, Any] | None
) -> tuple[SubscriptionRow, ...]:
    """Return the rows when a call may or may not have been applied; the subscription's own comes first."""
    if step in READING:
        return (row,)
    if step is Step.CREATE_USER:
        return (row._replace(observed=Observed.UNKNOWN, sent=sent, uncertain_since=began, looks=0),)
    if step is Step.CHANGE:
        return (row._replace(sent=sent, uncertain_since=began, looks=0, applied=_without_customer(row)),)
    unsure = row._replace(observed=Observed.UNKNOWN)
    if step is Step.CANCEL or view.facts.block_scope is not BlockScope.ACCOUNT:
        return (unsure,)
    siblings = (s._replace(observed=Observed.UNKNOWN) for s in live_others(view, row))
    return (unsure, *(due(s, began) if s.phase is Phase.SETTLED else s for s in siblings))


def _without_customer(row: SubscriptionRow) -> dict[str, Any] | None:
    """Return what was applied, the customer's data unknown: a look does not tell of them, so they are sent again."""
    applied = row.what_was_applied()
    return applied_column(replace(applied, customer=None)) if applied else None


def _accepted(view: View, done: Decision, row: SubscriptionRow, error: errors.Pending, now: datetime) -> Ending:
    step = row.handle.partition(":")[0] if done.step is Step.POLL and row.handle else done.step.value
    at = now + timedelta(seconds=POLL_SECONDS)
    sent = applied_column(wanted(view, row)) if done.step in ADDING else row.sent
    waits = row._replace(
        sent=sent, phase=Phase.PENDING, due_at=at, handle=f"{step}:{error.handle}", cause=str(error), advice=None
    )
    return Ending(Certainty.PENDING, (waits,), view.account.remote_id, str(error))


def _partial(
    view: View, done: Decision, row: SubscriptionRow, error: errors.Partial, now: datetime, rules: Rules
) -> Ending:
    """Return what follows when a part was applied: the user is there, so that a cancel has to look for it."""
    inner = _failed(view, done, row, error.failed, now, rules)
    own, *siblings = inner.rows
    if done.step is Step.CREATE_USER:
        own = own._replace(observed=Observed.UNKNOWN, uncertain_since=now, looks=0)
    user = error.remote_user.remote_id
    return replace(inner, certainty=Certainty.PARTIAL, rows=(own, *siblings), remote_id=user, cause=str(error))


def _bungled(view: View, step: Step, row: SubscriptionRow, error: errors.PluginBug, now: datetime) -> Ending:
    """Return what follows when the plugin broke down: nobody knows what it had sent before."""
    sent = applied_column(wanted(view, row)) if step in ADDING else None
    own, *siblings = _unknown(view, step, row, now, sent)
    end = _parked(view, own, error)
    return replace(end, certainty=Certainty.UNKNOWN, rows=(*end.rows, *siblings))


def _lost(view: View, row: SubscriptionRow, error: errors.Refusal, now: datetime, rules: Rules) -> Ending:
    """Return what follows when the provider refuses to tell of a step that it had accepted."""
    if isinstance(error, errors.PluginBug | errors.Unsupported):
        return _parked(view, row, error)  # the handle stays: `retry` asks again
    step = Step((row.handle or Step.FIND.value).partition(":")[0])
    alone = row._replace(handle=None)
    if isinstance(error, errors.NotFound):
        return _uncertain(view, step, alone, str(error), now, rules)
    return _refused(view, step, alone, error, now, rules)


def _refused(
    view: View, step: Step, row: SubscriptionRow, error: errors.ProviderError, now: datetime, rules: Rules
) -> Ending:
    creates = step is Step.CREATE_USER
    if isinstance(error, errors.NotFound) and not (creates and view.account.remote_id is None):
        return _vanished(view, step, row, now)
    if isinstance(error, errors.AlreadyExists) and creates and view.facts.can_find:
        unsure = row._replace(observed=Observed.UNKNOWN, sent=None, uncertain_since=now, looks=0)
        look = _retried(unsure, str(error), now, rules)
        look = look._replace(due_at=now) if look.phase is Phase.WAITING else look
        return Ending(Certainty.REJECTED, (look,), view.account.remote_id, str(error))
    return _parked(view, row, error)


def _parked(view: View, row: SubscriptionRow, error: errors.ProviderError) -> Ending:
    cause = f"{type(error).__name__}: {error}"
    return Ending(Certainty.REJECTED, (parked(row, cause, _advice(error)),), view.account.remote_id, cause)


def _vanished(view: View, step: Step, row: SubscriptionRow, now: datetime) -> Ending:
    remote_id = view.account.remote_id if live_others(view, row) else None
    if step is Step.CANCEL:
        gone = row._replace(observed=Observed.CANCELLED, uncertain_since=None)
        return Ending(Certainty.SUCCEEDED, (rested(view, gone, now),), remote_id, "was not there any more")
    absent = row._replace(observed=Observed.ABSENT, remote_id=None, applied=None, uncertain_since=None)
    if view.facts.recreate:
        return Ending(Certainty.REJECTED, (rested(view, absent, now),), remote_id, "vanished; created again")
    cause = "the user has vanished at the provider"
    advice = "`svahub operations retry ID` creates it again; `svahub operations discard ID` lets it go"
    return Ending(Certainty.REJECTED, (parked(absent, cause, advice),), remote_id, cause)


def _advice(error: errors.ProviderError) -> str:
    match error:
        case errors.NoLicences():
            return "buy more licences, then `svahub operations retry ID`"
        case errors.PluginBug():
            return "tell the plugin's author; after the update `svahub operations retry ID`"
        case errors.NeedsPerson(url=str()):
            return f"act at {error.url}, then `svahub operations retry ID`"
        case _:
            return (
                "mend what the provider refuses, then `svahub operations retry ID`; or `svahub operations discard ID`"
            )
