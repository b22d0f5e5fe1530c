"""The paperwork of tasks: which is done under a lease, and what becomes of it, in the transactions of the desk."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from svahub import taskwork
from svahub.attempts import TaskWork
from svahub.errors import Partial, PluginBug, ProviderError
from svahub.extension import Transaction
from svahub.masking import mask_text
from svahub.models import Account, RemoteUser, Task, TaskResult
from svahub.store import tasks
from svahub.store.engine import is_of_the_store
from svahub.store.journal import Event
from svahub.store.results import Closed
from svahub.store.rows import CUT_OFF, TaskAttemptRow, TaskRow
from svahub.store.states import Certainty, EventKind, Phase, TaskStep
from svahub.taskwork import Done, Result

if TYPE_CHECKING:
    from svahub.decisions import Decision, View
    from svahub.opening import Opened


def close_orphans(connection: Connection, accounts: Collection[str], now: datetime) -> None:
    """Close what a dead process left open: nobody knows what it came to."""
    attempts = tasks.open_attempts(connection, accounts)
    if not attempts:
        return
    rows = {row.key: row for of_one in tasks.open_of(connection, accounts).values() for row in of_one}
    known = [(rows[attempt.task_key], attempt) for attempt in attempts if attempt.task_key in rows]
    changed = [taskwork.crashed(row, now) for row, attempt in known if attempt.step is TaskStep.PERFORM]
    tasks.write(connection, changed, now)
    closed = [Closed(a.account_key, a.lease_number, Certainty.UNKNOWN, CUT_OFF) for a in attempts]
    tasks.close_attempts(connection, closed, now)


def chosen(decision: Decision, rows: Sequence[TaskRow], held: Collection[str], now: datetime) -> TaskRow | None:
    """Return the task that is done under a lease in place of a subscription's step, None where that goes first.

    Those that are `held`, by their keys, wait, and so do those that follow them.
    """
    task = taskwork.next_task(rows, held, now)
    if task is None or decision.row is None:
        return task
    step = (decision.row.priority, decision.row.due_at or now)
    return task if (task.priority, task.due_at or now) < step else None


def step_of(row: TaskRow, opened: Opened) -> TaskStep | None:
    """Return how to go on with a task at its provider; None: only a person can."""
    return taskwork.step_for(row, can_find=opened.relay.can("find_task"))


def task_of(view: View, row: TaskRow) -> Task:
    """Return a task as its plugin sees it."""
    account = None
    if view.customer is not None:
        account = Account(view.account.key, view.customer.customer(), view.account.remote_id)
    return Task(row.key, row.kind, row.name, row.payload, account, row.contract_id)


def recalled(connection: Connection, opened: Opened, task: Task, now: datetime) -> Mapping[str, object] | ProviderError:
    """Return what the plugin's tables hold that the task needs, or how the plugin failed to say."""
    row = opened.row
    try:
        with connection.begin_nested():
            return opened.relay.recall(Transaction(connection, row.tenant, now, row.name), task)
    except ProviderError as error:
        return error


def attempt_of(work: TaskWork, now: datetime) -> TaskAttemptRow:
    """Return the record of a try that is about to be made."""
    key, number = work.attempt
    return TaskAttemptRow(key, number, work.row.tenant, work.row.key, work.step, now, None, None, None)


def end(connection: Connection, tried: Iterable[tuple[TaskWork, Result]], now: datetime) -> list[tuple[TaskWork, Done]]:
    """Write how tries ended, and have the plugins note what was done."""
    ended = [(work, _ended(connection, work, result, now)) for work, result in tried]
    tasks.close_attempts(connection, [Closed(*w.attempt, d.certainty, d.cause) for w, d in ended], now)
    tasks.write(connection, [done.row for _, done in ended], now)
    return ended


def _ended(connection: Connection, work: TaskWork, result: Result, now: datetime) -> Done:
    done = _meaning(work, result, now)
    came_to = _to_record(done, result)
    if came_to is None:
        return done
    row = work.opened.row
    try:
        with connection.begin_nested():
            work.relay.recorded(Transaction(connection, row.tenant, now, row.name), work.task, came_to)
    except ProviderError as error:
        passing = is_of_the_store(error.__cause__)
        unnoted = taskwork.not_recorded(work.row, error, now, work.rules, passing=passing)
        return Done(done.certainty, unnoted, str(error), account_remote_id=done.account_remote_id)
    return done


def _to_record(done: Done, result: Result) -> TaskResult | RemoteUser | None:
    """Return what the plugin is to note: what the task came to, or what there is after a part of it."""
    if isinstance(result, Partial):
        return result.remote_user if done.certainty is Certainty.PARTIAL else None
    return result if isinstance(result, TaskResult) and done.row.phase is Phase.SETTLED else None


def _meaning(work: TaskWork, result: Result, now: datetime) -> Done:
    """Return what a result means; one that makes no sense is the plugin's bug and takes nobody else with it."""
    settle = work.opened.facts.settle_seconds
    try:
        return taskwork.ending(work.row, work.step, result, now, settle, work.rules, wrote=work.held.wrote)
    except Exception as error:  # noqa: BLE001  # whatever it is, the other results of the batch must be written
        bug = PluginBug(f"its result makes no sense ({type(error).__name__})")
        return taskwork.ending(work.row, work.step, bug, now, settle, work.rules)


def waiting(connection: Connection, accounts: Collection[str]) -> dict[str, list[TaskRow]]:
    """Return of each account the tasks that are next, with when they are due."""
    return {key: list(taskwork.heads(rows)) for key, rows in tasks.open_of(connection, accounts).items()}


def of_parked(rows: Iterable[TaskRow]) -> list[tuple[str, Event]]:
    """Return an event for each task that waits for a person, with its tenant."""
    return [(row.tenant, _of_parked(row)) for row in sorted(rows, key=attrgetter("id"))]


def _of_parked(row: TaskRow) -> Event:
    details = {
        "cause": mask_text(row.cause or ""),
        "advice": mask_text(row.advice or ""),
        "operation": None,
        "task": row.id,
        "kind": row.kind,
    }
    return Event(EventKind.PARKED, row.integration, row.contract_id, details=details)
