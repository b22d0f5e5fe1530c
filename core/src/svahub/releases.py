"""Accounts given back: their rows written, their operations ended, and when each is due again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from svahub import reporting, taskdesk
from svahub.attempts import Work
from svahub.decisions import View
from svahub.endings import Ending
from svahub.lifecycle import Step
from svahub.news import heard
from svahub.store import queue, results, sales
from svahub.store.journal import Event
from svahub.store.queue import Release
from svahub.store.results import Fresh, OperationEnd
from svahub.store.rows import SubscriptionRow, TaskRow
from svahub.store.states import Certainty, Outcome, Phase, Priority
from svahub.telling import newly_parked, of_parked


@dataclass(frozen=True, slots=True)
class Written:
    """Rows to write for one account that is given back, and the user's id to keep with it."""

    view: View
    rows: Sequence[SubscriptionRow]
    remote_id: str | None

    @property
    def key(self) -> str:
        """The account's key."""
        return self.view.account.key


def give_back(
    connection: Connection, written: Sequence[Written], done: Sequence[tuple[Work, Ending]], now: datetime
) -> None:
    """Write rows, and let accounts go: each is due when its next step or task is."""
    fresh = keep(connection, written, done, now)
    waiting = taskdesk.waiting(connection, [w.view.account.key for w in written]) if written else {}
    queue.release(connection, [_released(w, fresh[w.key], waiting.get(w.key, ())) for w in written], now)


def keep(
    connection: Connection, written: Sequence[Written], done: Sequence[tuple[Work, Ending]], now: datetime
) -> dict[str, list[Fresh]]:
    """Write rows and end their operations; return what is then in the store, by account."""
    results.write_subscriptions(connection, [heard(row) for w in written for row in w.rows], now)
    fresh: dict[str, list[Fresh]] = defaultdict(list)
    for state in results.fresh(connection, [w.view.account.key for w in written]) if written else ():
        fresh[state.account_key].append(state)
    ends = [end for w in written for end in _ended(w.rows, fresh[w.view.account.key])]
    ends += [end for work, ending in done for end in _overtaken(work, ending, fresh[work.view.account.key])]
    results.end_operations(connection, ends, now)
    return fresh


def told_of(connection: Connection, written: Iterable[Written], now: datetime) -> list[tuple[str, Event]]:
    """Tell sources of what was parked, where nobody has changed what is desired meanwhile; return its events."""
    rows = [row for w in written for row in newly_parked(w.view.rows, w.rows)]
    if not rows:
        return []
    current = {(s.key, s.generation) for s in results.fresh(connection, {row.account_key for row in rows})}
    rows = [row for row in rows if (row.key, row.generation) in current]
    reporting.failed(connection, rows, now)
    newest: dict[str, int] = {}
    for tenant in {row.tenant for row in rows}:
        newest |= sales.last_operation_ids(connection, tenant, {row.key for row in rows})
    return [(r.tenant, of_parked(r, newest.get(r.key))) for r in rows]


def _ended(rows: Iterable[SubscriptionRow], fresh: Iterable[Fresh]) -> Iterable[OperationEnd]:
    now = {state.key: state for state in fresh}
    for row in rows:
        state = now[row.key]
        if state.generation == row.generation and state.phase in {Phase.SETTLED, Phase.PARKED}:
            outcome = Outcome.SUCCEEDED if state.phase is Phase.SETTLED else Outcome.PARKED
            yield OperationEnd(row.key, row.generation, outcome)


def _overtaken(work: Work, ending: Ending, fresh: Iterable[Fresh]) -> Iterable[OperationEnd]:
    """End the operation that ran while a newer intention came: it did succeed, or the newer one stands for it."""
    row = work.row
    for state in fresh:
        if state.key == row.key and state.generation > row.generation:
            reached = ending.certainty is Certainty.SUCCEEDED and work.decision.step is not Step.FIND
            outcome = Outcome.SUCCEEDED if reached else Outcome.SUPERSEDED
            yield OperationEnd(row.key, row.generation, outcome, exactly=True)


def _released(written: Written, fresh: Iterable[Fresh], heads: Iterable[TaskRow]) -> Release:
    steps = [(state.due_at, state.priority) for state in fresh if state.due_at is not None]
    tries = [(task.due_at, task.priority) for task in heads if task.due_at is not None]
    return Release(
        written.key,
        min((due_at for due_at, _ in (*steps, *tries)), default=None),
        min((priority for _, priority in (*steps, *tries)), default=Priority.BULK.value),
        written.remote_id,
        linked=written.remote_id != written.view.account.remote_id,
    )
