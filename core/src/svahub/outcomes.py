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
from svahub.decisions import Decision, View, due, freed, live_others, parked, rested, wanted
from svahub.lifecycle import Step
from svahub.models import Adopt, Applied, Aspect, BlockScope, Observed, RemoteSubscription, RemoteUser
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
    quarantine: str | None = None


def ending(view: View, done: Decision, result: Result, now: datetime, rules: Rules) -> Ending:
    """Return what the result of a decision's step changes; siblings that waited for it may go on."""
    assert done.row is not None
    row = done.row
    if isinstance(result, errors.ProviderError):
        end = _failed(view, done, row, result, now, rules)
    elif done.step is Step.FIND:
        end = _found(view, row, result, now, rules)
    else:
        step = Step(row.handle.partition(":")[0]) if done.step is Step.POLL and row.handle else done.step
        end = _succeeded(view, replace(done, step=step), row._replace(handle=None), result, now)
    return replace(end, rows=_merged(end.rows, freed(view, row, now)))


def crashed(view: View, row: SubscriptionRow, attempt: AttemptRow) -> tuple[SubscriptionRow, ...]:
    """Return the rows after an attempt that nobody closed: its outcome is not known."""
    return _unknown(view, attempt.step, row, attempt.started_at, attempt.sent)


# -- the step succeeded ------------------------------------------------------------------------------------------------


def _succeeded(view: View, done: Decision, row: SubscriptionRow, user: RemoteUser | None, now: datetime) -> Ending:
    sure = row._replace(uncertain_since=None, sent=None, looks=0) if done.step in ADDING else row
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
    return row._replace(observed=_status(user, entry), remote_id=remote_id, applied=applied_column(wanted(view, row)))


def _status(user: RemoteUser, entry: RemoteSubscription | None) -> Observed:
    if entry is None or user.status in {Observed.BLOCKED, Observed.CANCELLED}:
        return user.status
    return entry.status


def _changed(view: View, row: SubscriptionRow, what: frozenset[Aspect]) -> SubscriptionRow:
    want = wanted(view, row)
    given = replace(row.what_was_applied() or Applied(), **{a.value: getattr(want, a.value) for a in what})
    return row._replace(applied=applied_column(given))


def _alike(view: View, done: Decision, changed: SubscriptionRow, now: datetime) -> list[SubscriptionRow]:
    """Return the siblings that the same call changed: a blocked user, a user's data."""
    whole_user = view.facts.block_scope is BlockScope.ACCOUNT and done.step in {Step.BLOCK, Step.UNBLOCK}
    siblings = live_others(view, changed)
    if whole_user:
        return [_again(view, s._replace(observed=changed.observed), now) for s in siblings]
    if done.step is Step.CHANGE and Aspect.CUSTOMER in done.what:
        given = frozenset({Aspect.CUSTOMER})
        return [_again(view, _changed(view, s, given), now) for s in siblings if s.applied is not None]
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
        return _unlinked(view, row, user, now, rules)
    entry = user.subscription(row.key)
    if entry is None:
        gone = user.status is Observed.CANCELLED
        return _not_there(view, row, None if gone else user.remote_id, now)
    seen = _linked(view, row, user, entry)._replace(uncertain_since=None, sent=None, looks=0)
    last = row.what_was_applied() or row.what_was_sent() or Applied(quantity=row.quantity)
    given = replace(last, plan=entry.plan, quantity=entry.quantity or last.quantity)
    found = rested(view, seen._replace(applied=applied_column(given)), now)
    return Ending(Certainty.SUCCEEDED, (found,), user.remote_id)


def _not_there(view: View, row: SubscriptionRow, remote_id: str | None, now: datetime) -> Ending:
    looks = row.looks + 1
    believed_at = (row.uncertain_since or now) + timedelta(seconds=view.facts.settle_seconds)
    first_look_of_all = row.uncertain_since is None
    if first_look_of_all or (looks >= 2 and now >= believed_at):
        absent = row._replace(
            observed=Observed.ABSENT, remote_id=None, sent=None, uncertain_since=None, looks=looks, tries=row.tries
        )
        return Ending(Certainty.SUCCEEDED, (_next(view, absent, now),), remote_id, "not there")
    wait = row._replace(looks=looks, phase=Phase.WAITING, due_at=max(now, believed_at), cause=_LOOKS_AGAIN)
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
    cause = str(error)
    if done.step is Step.POLL and isinstance(error, errors.Refusal):
        return _lost(view, row, error, now, rules)
    match error:
        case errors.OutcomeUnknown() if done.step not in READING:
            return _uncertain(view, done.step, row, cause, now, rules)
        case errors.OutcomeUnknown():
            return _wait(view, row, cause, now, rules)
        case errors.NotSent():
            return Ending(Certainty.NOT_APPLIED, (due(row, now),), view.account.remote_id, cause)
        case errors.RateLimited():
            seconds = error.retry_after if error.retry_after is not None else rules.backoff(row.tries).total_seconds()
            rest = row._replace(phase=Phase.WAITING, due_at=now + timedelta(seconds=seconds), cause=cause)
            return Ending(Certainty.NOT_APPLIED, (rest,), view.account.remote_id, cause, pause=seconds)
        case errors.AuthenticationFailed():
            waits = due(row, now)
            return Ending(Certainty.NOT_APPLIED, (waits,), view.account.remote_id, cause, quarantine=cause)
        case errors.NotApplied():
            return _wait(view, row, cause, now, rules)
        case errors.Pending():
            return _accepted(view, done, row, error, now)
        case errors.Partial():
            return _partial(view, done, row, error, now, rules)
        case _:
            return _refused(view, done.step, row, error, now, rules)


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
    sent = applied_column(wanted(view, row)) if step in ADDING else None
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
    waits = row._replace(phase=Phase.PENDING, due_at=at, handle=f"{step}:{error.handle}", cause=str(error), advice=None)
    return Ending(Certainty.PENDING, (waits,), view.account.remote_id, str(error))


def _partial(
    view: View, done: Decision, row: SubscriptionRow, error: errors.Partial, now: datetime, rules: Rules
) -> Ending:
    inner = _failed(view, done, row, error.failed, now, rules)
    return replace(inner, certainty=Certainty.PARTIAL, remote_id=error.remote_user.remote_id, cause=str(error))


def _lost(view: View, row: SubscriptionRow, error: errors.Refusal, now: datetime, rules: Rules) -> Ending:
    """Return what follows when the provider refuses to tell of a step that it had accepted."""
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
