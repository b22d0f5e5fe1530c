"""What a call's result means for the account it was made for: pure, from view and result to new rows.

The rules are those of the design's "certainty": what adds is looked up before it is repeated, a level is sent again,
only our reference means ours, and an empty look is believed only after the provider's settle time and twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from svahub import errors
from svahub.decisions import Decision, View, due, freed, is_held, live_others, parked, rested, wanted
from svahub.endings import Ending, Result, Rules, linked, status, vanished
from svahub.lifecycle import Step
from svahub.looks import found
from svahub.models import (
    Applied,
    Aspect,
    BlockScope,
    Observed,
    RemoteSubscription,
    RemoteUser,
)
from svahub.store.rows import AttemptRow, SubscriptionRow, applied_column
from svahub.store.states import Certainty, Phase

POLL_SECONDS = 15.0
ADDING = frozenset({Step.CREATE_USER, Step.CHANGE})
LEVELS = frozenset({Step.BLOCK, Step.UNBLOCK})
READING = frozenset({Step.FIND, Step.POLL})
_OR_DISCARD = "; or `svahub operations discard ID --note WHY`"


def ending(view: View, done: Decision, result: Result, now: datetime, rules: Rules, *, wrote: bool = False) -> Ending:
    """Return what the result of a decision's step changes; siblings that waited for it may go on.

    `wrote` says that the provider did something in this step, or may have, before whatever failed.
    """
    assert done.row is not None
    row = done.row
    if isinstance(result, errors.ProviderError):
        end = _failed(view, done, row, result, now, rules)
        end = _begun(view, done, row, end, now) if wrote else end
    elif done.step is Step.FIND:
        end = found(view, row, result, now, rules)
    elif done.step is Step.POLL:
        end = _succeeded(view, _accepted_before(view, row), row._replace(handle=None), result, now)
    else:
        answered = (
            row if done.step in LEVELS else row._replace(sent=None)
        )  # a level says nothing of what was to be added
        end = _succeeded(view, done, answered, result, now)
    freed_rows = tuple(freed(view, row, now))
    return replace(end, rows=_merged(end.rows, freed_rows)) if freed_rows else end


def crashed(view: View, row: SubscriptionRow, attempt: AttemptRow, now: datetime) -> tuple[SubscriptionRow, ...]:
    """Return the rows after an attempt that nobody closed: its outcome is not known.

    Its last call may have been made just `now`, however long ago the attempt was recorded: it had to wait its turn.
    """
    return _unknown(view, attempt.step, row, now, attempt.sent)


def told_by_task(view: View, subscriptions: Iterable[RemoteSubscription], now: datetime) -> Iterator[SubscriptionRow]:
    """Return the subscriptions of which a task's result tells another number than was applied: that is what is there.

    What a call of unknown outcome may have added to is left to the look that follows.
    """
    told = {one.reference: one.quantity for one in subscriptions if one.quantity is not None}
    for row in view.rows:
        applied, there = row.what_was_applied(), told.get(row.key)
        if there is not None and applied is not None and applied.quantity != there and row.uncertain_since is None:
            yield _again(view, row._replace(applied=applied_column(replace(applied, quantity=there))), now)


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
            changed = linked(view, sure, user, user.subscription(row.key))
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


def _merged(rows: tuple[SubscriptionRow, ...], more: Iterable[SubscriptionRow]) -> tuple[SubscriptionRow, ...]:
    by_key = {row.key: row for row in more} | {row.key: row for row in rows}
    return tuple(by_key.values())


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
            return found(view, row, None, now, rules)
        case errors.Pending():
            return _accepted(view, done, row, error, now)
        case errors.Partial():
            return _partial(view, done, row, error, now, rules)
        case _:
            return _refused(view, done.step, row, error, now, rules)


def _begun(view: View, done: Decision, row: SubscriptionRow, end: Ending, now: datetime) -> Ending:
    """Return how a step ended whose first calls were answered: what failed then was not applied, but they were.

    Where the provider has told meanwhile what there is, that holds.
    """
    own = end.rows[0]
    is_told = own.observed is not row.observed or end.certainty not in {Certainty.NOT_APPLIED, Certainty.REJECTED}
    polled_in_vain = done.step is Step.POLL and own.handle is None
    step = _accepted_before(view, row).step if polled_in_vain else done.step
    if is_told or step in READING:
        return end
    own, *siblings = _unknown(view, step, own, now, _sent(view, step, row))
    if own.observed is Observed.UNKNOWN and own.advice is not None:  # nobody knows what a discard would leave there
        own = own._replace(advice=own.advice.removesuffix(_OR_DISCARD))
    return replace(end, certainty=Certainty.UNKNOWN, rows=_merged((own, *siblings), end.rows))


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
    if rules.silent_until is not None:
        return row._replace(phase=Phase.WAITING, due_at=rules.silent_until, cause=cause, advice=None)
    tries = row.tries + 1
    if tries >= rules.retry_budget:
        advice = "when the provider answers again: `svahub operations retry ID`"
        return parked(row._replace(tries=tries), f"given up after {tries} tries: {cause}", advice)
    at = now + rules.backoff(row.tries)
    return row._replace(tries=tries, phase=Phase.WAITING, due_at=at, cause=cause, advice=None)


def _uncertain(view: View, step: Step, row: SubscriptionRow, cause: str, now: datetime, rules: Rules) -> Ending:
    changed, *siblings = _unknown(view, step, row, now, _sent(view, step, row))
    waits = _retried(changed, cause, now, rules)
    if step is Step.CREATE_USER and waits.phase is Phase.WAITING and rules.silent_until is None:
        waits = waits._replace(due_at=now)  # look at once: most of the time it is there
    return Ending(Certainty.UNKNOWN, (waits, *siblings), view.account.remote_id, cause)


def _sent(view: View, step: Step, row: SubscriptionRow) -> dict[str, Any] | None:
    """Return what a call gave the provider, if it was one that adds; what an earlier one may have given comes first."""
    return (row.sent or applied_column(wanted(view, row))) if step in ADDING else None


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
    return (unsure, *(due(s, began) if s.phase is Phase.SETTLED or is_held(s) else s for s in siblings))


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
    user = error.remote_user
    entry = user.subscription(row.key)
    if entry is not None and entry.quantity is not None:
        own = _in_part(view, own, user, entry)
    elif done.step is Step.CREATE_USER:
        own = own._replace(observed=Observed.UNKNOWN, uncertain_since=now, looks=0)
    else:
        own, *siblings = _begun(view, done, row, inner, now).rows
    rows = (own, *siblings)
    return replace(inner, certainty=Certainty.PARTIAL, rows=rows, remote_id=user.remote_id, cause=str(error))


def _in_part(view: View, row: SubscriptionRow, user: RemoteUser, entry: RemoteSubscription) -> SubscriptionRow:
    """Return the row with as many as the provider has: what is missing is what differs from what is wanted."""
    given = replace(row.what_was_applied() or wanted(view, row), quantity=entry.quantity or 0)
    id = entry.remote_id or user.remote_id
    return row._replace(observed=status(user, entry), remote_id=id, applied=applied_column(given))


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
        return _was_gone(view, row, now) if step is Step.CANCEL else vanished(view, row, now)
    if isinstance(error, errors.AlreadyExists) and creates and view.facts.can_find:
        unsure = row._replace(observed=Observed.UNKNOWN, sent=None, uncertain_since=now, looks=0)
        look = _retried(unsure, str(error), now, rules)
        look = look._replace(due_at=now) if look.phase is Phase.WAITING else look
        return Ending(Certainty.REJECTED, (look,), view.account.remote_id, str(error))
    return _parked(view, row, error)


def _was_gone(view: View, row: SubscriptionRow, now: datetime) -> Ending:
    remote_id = view.account.remote_id if live_others(view, row) else None
    gone = row._replace(observed=Observed.CANCELLED, uncertain_since=None)
    return Ending(Certainty.SUCCEEDED, (rested(view, gone, now),), remote_id, "was not there any more")


def _parked(view: View, row: SubscriptionRow, error: errors.ProviderError) -> Ending:
    cause = f"{type(error).__name__}: {error}"
    return Ending(Certainty.REJECTED, (parked(row, cause, _advice(error)),), view.account.remote_id, cause)


def _advice(error: errors.ProviderError) -> str:
    match error:
        case errors.NoLicences():
            return "buy more licences, then `svahub operations retry ID`"
        case errors.PluginBug():
            return "tell the plugin's author; after the update `svahub operations retry ID`"
        case errors.NeedsPerson(url=str()):
            return f"act at {error.url}, then `svahub operations retry ID`"
        case _:
            return f"mend what the provider refuses, then `svahub operations retry ID`{_OR_DISCARD}"
