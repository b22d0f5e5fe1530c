"""What to do next about an account's tasks, and what the result of a try means: pure.

Tasks of one stream are done in the order in which they were asked; one that waits for a person holds nobody. What adds
is looked up before it is repeated, as the design's "certainty" says; a level is sent again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from svahub import errors
from svahub.models import RemoteSubscription, TaskResult
from svahub.store.rows import LOST, TaskRow
from svahub.store.states import Certainty, Outcome, Phase, TaskStep

if TYPE_CHECKING:
    from svahub.endings import Rules

Result = TaskResult | errors.ProviderError | None

POLL_SECONDS = 15.0
LOOK_THERE = (
    "look there: if it was not done, `svahub tasks retry ID`; if it was, `svahub tasks confirm ID --remote-id X`, "
    "with what the provider calls it"
)
REFUSED = "mend what the provider refuses, then `svahub tasks retry ID`; or `svahub tasks discard ID --note WHY`"
BROKEN = "tell the plugin's author; after the update `svahub tasks retry ID`"
UNREACHED = "when the provider answers again: `svahub tasks retry ID`"


@dataclass(frozen=True, slots=True)
class Done:
    """How a try ended: the task as it is now, what it told of user and subscriptions, a pause in seconds."""

    certainty: Certainty
    row: TaskRow
    cause: str | None = None
    pause: float | None = None
    account_remote_id: str | None = None
    subscriptions: tuple[RemoteSubscription, ...] = ()


def heads(rows: Iterable[TaskRow]) -> Iterator[TaskRow]:
    """Return of each stream the task that is next; `rows` are what is open, the oldest first."""
    seen: set[str] = set()
    for row in rows:
        if row.stream not in seen:
            seen.add(row.stream)
            yield row


def next_task(rows: Iterable[TaskRow], held: Collection[str], now: datetime) -> TaskRow | None:
    """Return the most urgent task that is due and not held."""
    due = [row for row in heads(rows) if row.key not in held and row.due_at is not None and row.due_at <= now]
    return min(due, key=lambda row: (row.priority, row.due_at, row.id), default=None)


def step_for(row: TaskRow, *, can_find: bool) -> TaskStep | None:
    """Return how to go on with a task; None: only a person can tell what the last try came to."""
    if row.uncertain_since is None or (not row.adds and row.phase is not Phase.PENDING):
        return TaskStep.PERFORM
    return TaskStep.FIND if can_find else None


def lost(row: TaskRow) -> TaskRow:
    """Return a task of which nobody but a person can tell whether it was done."""
    return _parked(row, LOST, LOOK_THERE)


def ending(
    row: TaskRow,
    step: TaskStep,
    result: Result,
    now: datetime,
    settle_seconds: float,
    rules: Rules,
    *,
    wrote: bool = False,
) -> Done:
    """Return what the result of a try means; `wrote`: the provider did something in it, or may have, before it failed.

    Then nobody knows what is there, unless the plugin has told by Partial.
    """
    done = _ended(row, step, result, now, settle_seconds, rules)
    if not wrote or step is TaskStep.FIND or done.certainty not in {Certainty.NOT_APPLIED, Certainty.REJECTED}:
        return done
    return replace(done, certainty=Certainty.UNKNOWN, row=done.row._replace(uncertain_since=now, looks=0))


def _ended(row: TaskRow, step: TaskStep, result: Result, now: datetime, settle_seconds: float, rules: Rules) -> Done:
    match result:
        case TaskResult():
            return Done(
                Certainty.SUCCEEDED, _succeeded(row, result),
                account_remote_id=result.account_remote_id, subscriptions=result.subscriptions,
            )  # fmt: skip
        case None:
            return _not_there(row, now, settle_seconds, rules)
        case errors.Partial():
            done = _ended(row, step, result.failed, now, settle_seconds, rules)
            user, sure = result.remote_user, done.row.uncertain_since is None
            told = user.subscriptions if sure else ()
            return Done(Certainty.PARTIAL, done.row, str(result), done.pause, user.remote_id, told)
        case errors.NotApplied():
            return _not_applied(row, result, now, rules)
        case errors.Pending():
            at = now + timedelta(seconds=POLL_SECONDS)
            waits = row._replace(phase=Phase.PENDING, due_at=at, uncertain_since=now, looks=0, cause=str(result))
            return Done(Certainty.PENDING, waits, str(result))
    return (
        _found_nothing_out(row, result, now, settle_seconds, rules)
        if step is TaskStep.FIND
        else _failed(row, result, now, rules)
    )


def crashed(row: TaskRow, now: datetime) -> TaskRow:
    """Return a task whose try nobody closed: its outcome is not known, and its last call may have been made just now.

    When it was recorded tells nothing of that: it had to wait its turn.
    """
    return row._replace(uncertain_since=row.uncertain_since or now, looks=0)


def _succeeded(row: TaskRow, result: TaskResult) -> TaskRow:
    return row._replace(
        outcome=Outcome.SUCCEEDED, phase=Phase.SETTLED, due_at=None, uncertain_since=None, looks=0, cause=None,
        advice=None, remote_id=result.remote_id or row.remote_id, details=dict(result.details),
    )  # fmt: skip


def not_recorded(row: TaskRow, error: errors.ProviderError, now: datetime, rules: Rules, *, passing: bool) -> TaskRow:
    """Return a task that was done and that its plugin could not note: it is looked up and noted again.

    It waits for a person, unless the trouble is `passing`.
    """
    unsure = row._replace(uncertain_since=now, looks=0)
    if passing:
        return _retried(unsure, str(error), now, rules)
    return _parked(unsure, f"{type(error).__name__}: {error}", BROKEN)


def broken(row: TaskRow, error: errors.ProviderError) -> TaskRow:
    """Return a task that was not tried, as its plugin could not even say what it needs."""
    return _parked(row, f"{type(error).__name__}: {error}", BROKEN)


def _failed(row: TaskRow, error: errors.ProviderError, now: datetime, rules: Rules) -> Done:
    """Return what follows when what was tried failed, surely or not."""
    cause = str(error)
    match error:
        case errors.OutcomeUnknown():
            unsure = row._replace(uncertain_since=now, looks=0)
            waits = _retried(unsure, cause, now, rules)
            look_at_once = row.adds and waits.phase is Phase.WAITING and rules.silent_until is None
            return Done(Certainty.UNKNOWN, waits._replace(due_at=now) if look_at_once else waits, cause)
        case errors.PluginBug():
            unsure = row._replace(uncertain_since=now, looks=0)
            return Done(Certainty.UNKNOWN, _parked(unsure, f"PluginBug: {cause}", BROKEN), cause)
        case _:
            refused = row._replace(uncertain_since=None, looks=0)
            return Done(Certainty.REJECTED, _parked(refused, f"{type(error).__name__}: {cause}", _advice(error)), cause)


def _found_nothing_out(
    row: TaskRow, error: errors.ProviderError, now: datetime, settle_seconds: float, rules: Rules
) -> Done:
    """Return what follows when a look failed: it tells nothing of what was tried."""
    match error:
        case errors.NotFound():
            return _not_there(row, now, settle_seconds, rules)
        case errors.OutcomeUnknown():
            return Done(Certainty.NOT_APPLIED, _retried(row, str(error), now, rules), str(error))
        case errors.Unsupported():
            return Done(Certainty.REJECTED, lost(row), str(error))
        case _:
            advice = BROKEN if isinstance(error, errors.PluginBug) else _advice(error)
            cause = f"{type(error).__name__}: {error}"
            return Done(Certainty.REJECTED, _parked(row, cause, advice), cause)


def _not_there(row: TaskRow, now: datetime, settle_seconds: float, rules: Rules) -> Done:
    """Return what follows when the provider has nothing of it: believed the second time, and after its settle time."""
    since = row.uncertain_since or now
    believed_at = since + timedelta(seconds=settle_seconds)
    if row.looks >= 1 and now >= believed_at:
        again = now + rules.backoff(row.tries - 1) if row.tries else now
        certain = row._replace(uncertain_since=None, looks=0, phase=Phase.DUE, due_at=again)
        return Done(Certainty.SUCCEEDED, certain, "not there")
    at = max(now, believed_at)
    waits = row._replace(uncertain_since=since, looks=row.looks + 1, phase=Phase.WAITING, due_at=at)
    return Done(Certainty.SUCCEEDED, waits, "not there yet")


def _not_applied(row: TaskRow, error: errors.NotApplied, now: datetime, rules: Rules) -> Done:
    cause = str(error)
    match error:
        case errors.NotSent() | errors.AuthenticationFailed():
            return Done(Certainty.NOT_APPLIED, row._replace(phase=Phase.DUE, due_at=now), cause)
        case errors.RateLimited():
            seconds = max(error.retry_after or 0.0, rules.backoff(row.tries).total_seconds())
            at = now + timedelta(seconds=seconds)
            waits = row._replace(tries=row.tries + 1, phase=Phase.WAITING, due_at=at, cause=cause)
            return Done(Certainty.NOT_APPLIED, waits, cause, pause=seconds)
        case _:
            return Done(Certainty.NOT_APPLIED, _retried(row, cause, now, rules), cause)


def _retried(row: TaskRow, cause: str, now: datetime, rules: Rules) -> TaskRow:
    if rules.silent_until is not None:
        return row._replace(phase=Phase.WAITING, due_at=rules.silent_until, cause=cause, advice=None)
    tries = row.tries + 1
    if tries >= rules.retry_budget:
        return _parked(row._replace(tries=tries), f"given up after {tries} tries: {cause}", UNREACHED)
    at = now + rules.backoff(row.tries)
    return row._replace(tries=tries, phase=Phase.WAITING, due_at=at, cause=cause, advice=None)


def _parked(row: TaskRow, cause: str, advice: str) -> TaskRow:
    told = advice.replace(" ID", f" {row.id}")
    return row._replace(outcome=Outcome.PARKED, phase=Phase.PARKED, due_at=None, cause=cause, advice=told)


def _advice(error: errors.ProviderError) -> str:
    if isinstance(error, errors.NeedsPerson) and error.url:
        return f"act at {error.url}, then `svahub tasks retry ID`"
    return REFUSED
