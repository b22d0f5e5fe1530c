"""The paperwork of converge: leasing with attempts in one transaction, results with releases in another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection

from svahub import entries, logbook, records, taskdesk, taskwork
from svahub.announcing import announce, changes_of, of_subscriptions
from svahub.attempts import TaskWork, Undertaken, Work
from svahub.clock import Clock
from svahub.decisions import Decision, View, decide, wanted
from svahub.endings import Ending, Result
from svahub.errors import AuthenticationFailed, PluginBug, ProviderError
from svahub.fleet import Fleet, Held
from svahub.lifecycle import Step
from svahub.models import BlockReason, Plan
from svahub.news import News, heard
from svahub.outcomes import ADDING, crashed, ending
from svahub.owners import Owner, dead
from svahub.steps import subscription_of
from svahub.store import Store, catalogue, integrations, journal, queue, results, sales, setback, tasks
from svahub.store.journal import Event
from svahub.store.queue import Lane, Release, Terms
from svahub.store.results import Closed, Fresh, OperationEnd
from svahub.store.rows import (
    AccountRow,
    AttemptRow,
    IntegrationRow,
    ReasonRow,
    SubscriptionRow,
    TaskRow,
    applied_column,
)
from svahub.store.states import AuditKind, Certainty, Outcome, Phase, Priority
from svahub.taskwork import Done
from svahub.telling import cause_of_quarantine, newly_parked, of_parked, of_quarantined

LEASE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Written:
    """Rows to write for one account that is given back, and the user's id to keep with it."""

    view: View
    rows: Sequence[SubscriptionRow]
    remote_id: str | None

    @property
    def key(self) -> str:
        """The account's key."""
        return self.view.account.key


class Desk:
    """Leases, writes and gives back under one owner's name."""

    def __init__(self, store: Store, fleet: Fleet, clock: Clock, draw: Callable[[], float]) -> None:
        self._store, self._fleet, self._clock, self._draw = store, fleet, clock, draw
        owner = Owner.this_process()
        self.owner, self._process = str(owner), owner.process

    @property
    def lease_seconds(self) -> float:
        """How long a lease is: never shorter than twice the longest call."""
        return max(LEASE_SECONDS, 2 * self._fleet.longest_timeout().total_seconds())

    def take(self, limit: int, only: Collection[str] = ()) -> tuple[list[Undertaken], int]:
        """Lease due accounts and record their attempts.

        Returns what is to be called, and how many accounts were leased, those included that need no call.
        """
        deadline = self._clock.monotonic() + self.lease_seconds
        with self._store.write() as connection:
            now = self._store.now(connection)
            self._fleet.refresh(connection, now)
            lanes = self._fleet.lanes(now)
            leased = queue.lease(connection, lanes, self._terms(now), limit, only)
            return (self._decided(connection, leased, deadline, now), len(leased)) if leased else ([], 0)

    def _terms(self, now: datetime) -> Terms:
        until = now + timedelta(seconds=self.lease_seconds)
        return Terms(self.owner, now, until, until + self._fleet.longest_timeout())

    def _decided(
        self, connection: Connection, leased: Sequence[AccountRow], deadline: float, now: datetime
    ) -> list[Undertaken]:
        views = self._views(connection, leased)
        changed = self._close_orphans(connection, views, now)
        taskdesk.close_orphans(connection, list(views), now)
        decided = {key: (view, decide(view, now)) for key, view in views.items()}
        tries, parked = self._tries(connection, decided, deadline, now)
        idle, busy = [], []
        for key, (view, decision) in decided.items():
            rows = {row.key: row for row in (*changed.get(key, ()), *decision.updated)}
            written = _Written(view, tuple(rows.values()), view.account.remote_id)
            if decision.row is None and key not in tries:
                idle.append(written)
            elif rows:
                busy.append(written)
        self._give_back(connection, idle, [], now)
        self._keep(connection, busy, [], now)
        steps = [(_after(view, d), d) for key, (view, d) in decided.items() if d.row is not None and key not in tries]
        work = self._prepared(connection, steps, deadline, now)
        results.begin_attempts(connection, [_attempt(w, now) for w in work])
        tasks.begin_attempts(connection, [taskdesk.attempt_of(t, now) for t in tries.values()])
        told = [*self._told(connection, [*idle, *busy]), *taskdesk.of_parked(parked)]
        news = self._news(connection, [*idle, *busy])
        journal.lock(connection, [tenant for tenant, _ in (*told, *news)])
        journal.tell_each(connection, now, told)
        announce(connection, news, now)
        logbook.happened(told, self._fleet.is_sensitive)
        return [*work, *tries.values()]

    def _tries(
        self, connection: Connection, decided: Mapping[str, tuple[View, Decision]], deadline: float, now: datetime
    ) -> tuple[dict[str, TaskWork], list[TaskRow]]:
        """Return the task that each account is to do, if it goes before the account's step; and those only for people.

        These are written as they are.
        """
        tries, parked = {}, []
        waiting = tasks.open_of(connection, list(decided))
        for key, rows in waiting.items():
            view, decision = decided[key]
            row = taskdesk.chosen(decision, rows, now)
            if row is None:
                continue
            tried = self._try(connection, view, row, deadline, now)
            if isinstance(tried, TaskWork):
                tries[key] = tried
            else:
                parked.append(tried)
        tasks.write(connection, parked, now)
        return tries, parked

    def _try(
        self, connection: Connection, view: View, row: TaskRow, deadline: float, now: datetime
    ) -> TaskWork | TaskRow:
        """Return the try of a task, or the task as it is when only a person can bring it further."""
        opened = self._fleet.opened(Lane(row.tenant, row.integration))
        step = taskdesk.step_of(row, opened)
        if step is None:
            return taskwork.lost(row)
        task = taskdesk.task_of(view, row)
        kept = taskdesk.recalled(connection, opened, task, now)
        if isinstance(kept, ProviderError):
            return taskwork.broken(row, kept)
        held = Held(deadline)
        return TaskWork(view, opened, opened.rules(self._draw), held, row, step, replace(task, kept=kept))

    def _views(self, connection: Connection, leased: Sequence[AccountRow]) -> dict[str, View]:
        rows: dict[str, list[SubscriptionRow]] = defaultdict(list)
        for row in queue.subscriptions_of(connection, [a.key for a in leased]):
            rows[row.account_key].append(row)
        whom = {(a.tenant, a.customer_id) for a in leased if a.customer_id is not None}
        customers = {(c.tenant, c.id): c for c in queue.customers_of(connection, whom)}
        facts = {lane: self._fleet.opened(lane).facts for lane in {Lane(a.tenant, a.integration) for a in leased}}
        return {
            a.key: View(
                a,
                customers.get((a.tenant, a.customer_id or "")),
                tuple(rows[a.key]),
                facts[Lane(a.tenant, a.integration)],
            )
            for a in leased
        }

    def _close_orphans(
        self, connection: Connection, views: dict[str, View], now: datetime
    ) -> dict[str, list[SubscriptionRow]]:
        """Close what a dead process left open: its outcome is not known. Puts the changed rows into the views."""
        changed: dict[str, list[SubscriptionRow]] = defaultdict(list)
        closed: list[Closed] = []
        overtaken: list[OperationEnd] = []
        for attempt in queue.open_attempts(connection, list(views)):
            view = views[attempt.account_key]
            row = next(r for r in view.rows if r.key == attempt.subscription_key)
            new = {r.key: r for r in crashed(view, row, attempt)}
            views[attempt.account_key] = replace(view, rows=tuple(new.get(r.key, r) for r in view.rows))
            changed[attempt.account_key] += new.values()
            cause = "the process that made it ended before the answer"
            closed.append(Closed(attempt.account_key, attempt.lease_number, Certainty.UNKNOWN, cause))
            if attempt.generation < row.generation:
                overtaken.append(OperationEnd(row.key, attempt.generation, Outcome.SUPERSEDED, exactly=True))
        results.close_attempts(connection, closed, now)
        results.end_operations(connection, overtaken, now)
        return changed

    def _prepared(
        self, connection: Connection, pairs: Sequence[tuple[View, Decision]], deadline: float, now: datetime
    ) -> list[Work]:
        plans = self._plans(connection, [view for view, _ in pairs])
        reasons = _reasons(connection, [d.row for _, d in pairs if d.step is Step.BLOCK and d.row is not None])
        work = []
        for view, decision in pairs:
            assert decision.row is not None
            lane = Lane(view.account.tenant, view.account.integration)
            subscription = subscription_of(view, decision.row, plans.get(lane, {}))
            why = frozenset(reasons.get(decision.row.key, ()))
            opened = self._fleet.opened(lane)
            rules, held = opened.rules(self._draw), Held(deadline)
            prepared = Work(view, opened, rules, held, decision, subscription, why)
            work.append(records.recalled(connection, prepared, now))
        return work

    def _plans(self, connection: Connection, views: Iterable[View]) -> dict[Lane, dict[str, Plan]]:
        wanted = {(row.tenant, row.integration, row.plan) for view in views for row in view.rows if row.plan}
        plans: dict[Lane, dict[str, Plan]] = defaultdict(dict)
        for row in catalogue.plans_of(connection, wanted):
            plans[Lane(row.tenant, row.integration)][row.remote_id] = row.plan()
        return plans

    def put(self, results_of: Sequence[tuple[Undertaken, Any]]) -> None:
        """Write the results of attempts and give their accounts back; what was leased away meanwhile is not written."""
        with self._fleet.log.writing(self._store) as (connection, exchanges):
            now = self._store.now(connection)
            mine = queue.still_mine(connection, self.owner, dict(work.attempt for work, _ in results_of))
            ours = [(work, result) for work, result in results_of if work.view.account.key in mine]
            kept = [(w, _end(w, result, now), result) for w, result in ours if isinstance(w, Work)]
            results.close_attempts(connection, [Closed(*w.attempt, e.certainty, e.cause) for w, e, _ in kept], now)
            done = taskdesk.end(connection, [(w, r) for w, r in ours if isinstance(w, TaskWork)], now)
            told = records.note(connection, kept, now)
            ended = [(w, e) for w, e, _ in kept]
            written = [_Written(w.view, e.rows, e.remote_id) for w, e in ended]
            written += [_Written(w.view, (), d.account_remote_id or w.view.account.remote_id) for w, d in done]
            self._give_back(connection, written, ended, now)
            told += self._stop_integrations(connection, results_of, [*ended, *done], now)
            told += self._told(connection, written)
            told += taskdesk.of_parked(d.row for _, d in done if d.row.phase is Phase.PARKED)
            news = self._news(connection, written)
            told_to = [tenant for tenant, _ in (*told, *news)]
            journal.lock(connection, [*(tenant for tenant, *_ in exchanges), *told_to] if told_to else ())
            journal.write_exchanges(connection, exchanges, now)
            journal.tell_each(connection, now, told)
            announce(connection, news, now)
        logbook.attempts_ended(ended)
        logbook.tries_ended(done)
        logbook.happened(told, self._fleet.is_sensitive)

    def _give_back(
        self, connection: Connection, written: Sequence[_Written], done: Sequence[tuple[Work, Ending]], now: datetime
    ) -> None:
        fresh = self._keep(connection, written, done, now)
        waiting = taskdesk.waiting(connection, [w.view.account.key for w in written]) if written else {}
        queue.release(connection, [_released(w, fresh[w.key], waiting.get(w.key, ())) for w in written])

    def _keep(
        self, connection: Connection, written: Sequence[_Written], done: Sequence[tuple[Work, Ending]], now: datetime
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

    def _told(self, connection: Connection, written: Iterable[_Written]) -> list[tuple[str, Event]]:
        """Return the events of what was parked, where nobody has changed what is desired meanwhile."""
        rows = [row for w in written for row in newly_parked(w.view.rows, w.rows)]
        if not rows:
            return []
        current = {(s.key, s.generation) for s in results.fresh(connection, {row.account_key for row in rows})}
        newest: dict[str, int] = {}
        for tenant in {row.tenant for row in rows}:
            newest |= sales.last_operation_ids(connection, tenant, {row.key for row in rows})
        return [(r.tenant, of_parked(r, newest.get(r.key))) for r in rows if (r.key, r.generation) in current]

    def _news(self, connection: Connection, written: Iterable[_Written]) -> list[tuple[str, News]]:
        """Return what other systems are to be told of what was written."""
        changes = (change for w in written for change in changes_of(w.view.rows, w.rows, w.view.account))
        return of_subscriptions(connection, changes, self._fleet.is_sensitive)

    def _stop_integrations(
        self,
        connection: Connection,
        results_of: Sequence[tuple[Undertaken, Any]],
        kept: Sequence[tuple[Undertaken, Ending | Done]],
        now: datetime,
    ) -> list[tuple[str, Event]]:
        """Quarantine and pause what was told to be, in one order for all workers; return what to tell of it."""
        judges = self._fleet.judges
        refused = {
            w.lane: (w.opened.row, r) for w, r in results_of if isinstance(r, AuthenticationFailed) and judges(w.opened)
        }
        proven = {Lane(row.tenant, row.name): row for row in self._fleet.proven()}
        pauses = {work.lane: end.pause for work, end in kept if end.pause is not None}
        told = []
        for lane in sorted({*refused, *proven, *pauses}, key=attrgetter("tenant", "integration")):
            if lane in refused and (cause := self._quarantined(connection, *refused[lane])):
                told.append((lane.tenant, of_quarantined(lane.integration, cause)))
            if lane in proven:
                integrations.forget_former(connection, proven[lane])
            if lane in pauses:
                integrations.pause(connection, lane.tenant, lane.integration, now + timedelta(seconds=pauses[lane]))
                self._fleet.pause(lane, pauses[lane])
                logbook.paused(lane, pauses[lane])
        return told

    def _quarantined(self, connection: Connection, row: IntegrationRow, refusal: AuthenticationFailed) -> str | None:
        """Quarantine an integration; return the cause, or None where it is not to be."""
        cause = cause_of_quarantine(row, refusal, self._process)
        return cause if integrations.quarantine(connection, row, cause) else None

    def flush(self) -> None:
        """Write the exchanges that belong to no result."""
        if self._fleet.log.waiting():
            with self._fleet.log.writing(self._store) as (connection, exchanges):
                journal.write_exchanges(connection, exchanges, self._store.now(connection))

    def renew(self, work: Sequence[Undertaken]) -> None:
        """Lengthen the leases of attempts under way; one that was lost meanwhile lets nothing out any more."""
        deadline = self._clock.monotonic() + self.lease_seconds
        with self._store.write() as connection:
            numbers = dict(w.attempt for w in work)
            mine = queue.renew(connection, numbers, self._terms(self._store.now(connection)))
        for w in work:
            w.held.deadline = deadline if w.view.account.key in mine else float("-inf")

    def release_dead(self) -> None:
        """Make due at once what processes of this host held that have ended."""
        with self._store.read() as connection:
            gone = dead(queue.owners(connection))
        if gone:
            with self._store.write() as connection:
                queue.release_dead(connection, gone, self._store.now(connection))

    def mind_the_clock(self) -> None:
        """Let nothing wait for a clock that was set back to come where it was; the audit then tells of it."""
        with self._store.read() as connection:
            behind = setback.noticed(connection, self._store.now(connection))
        for tenant, span in sorted(behind.items()):
            self._store.transact(partial(self._bring_back, tenant, span))

    def _bring_back(self, tenant: str, span: timedelta, connection: Connection) -> None:
        now = self._store.now(connection)
        setback.bring_back(connection, tenant, now)
        told = entries.entry(AuditKind.COMMAND, "svahub", "clock set back", "clock", seconds=span.total_seconds())
        journal.append(connection, tenant, now, [told])

    def more_urgent_than(self, priority: int) -> bool:
        """Say whether an account waits that is more urgent."""
        with self._store.read() as connection:
            now = self._store.now(connection)
            most = queue.most_urgent(connection, self._fleet.lanes(now), now)
        return most is not None and most < priority

    def nothing_left(self, only: Collection[str] = ()) -> bool:
        """Say whether nothing is due now and no other worker holds an account."""
        with self._store.read() as connection:
            now = self._store.now(connection)
            tenants = {lane.tenant for lane in self._fleet.every_lane()}
            others = queue.leased_by_others(connection, self.owner, tenants, now, only)
            return not others and not queue.is_due(connection, self._fleet.lanes(now), now, only)


def _after(view: View, decision: Decision) -> View:
    """Return the view as it is written with a decision: a result has to know which siblings it holds."""
    updated = {row.key: heard(row) for row in decision.updated}
    return replace(view, rows=tuple(updated.get(row.key, row) for row in view.rows))


def _end(work: Work, result: Result, now: datetime) -> Ending:
    """Return what a result means; one that makes no sense is the plugin's bug and takes nobody else with it."""
    try:
        return ending(work.view, work.decision, result, now, work.rules)
    except Exception as error:  # noqa: BLE001  # whatever it is, the other results of the batch must be written
        bug = PluginBug(f"its result makes no sense ({type(error).__name__})")
        return ending(work.view, work.decision, bug, now, work.rules)


def _attempt(work: Work, now: datetime) -> AttemptRow:
    row, step = work.row, work.decision.step
    key, number = work.attempt
    sent = applied_column(wanted(work.view, row)) if step in ADDING else None
    return AttemptRow(key, number, row.tenant, row.key, step, row.generation, sent, now, None, None, None)


def _reasons(connection: Connection, rows: Sequence[SubscriptionRow]) -> dict[str, list[BlockReason]]:
    if not rows:
        return {}
    kept: dict[tuple[str, str], list[ReasonRow]] = defaultdict(list)
    for reason in queue.reasons_of(connection, {(row.tenant, row.contract_id) for row in rows}):
        kept[reason.tenant, reason.contract_id].append(reason)
    return {
        row.key: [r.block_reason() for r in kept[row.tenant, row.contract_id] if r.item_code in {"", row.item_code}]
        for row in rows
    }


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


def _released(written: _Written, fresh: Iterable[Fresh], heads: Iterable[TaskRow]) -> Release:
    steps = [(state.due_at, state.priority) for state in fresh if state.due_at is not None]
    tries = [(task.due_at, task.priority) for task in heads if task.due_at is not None]
    return Release(
        written.key,
        min((due_at for due_at, _ in (*steps, *tries)), default=None),
        min((priority for _, priority in (*steps, *tries)), default=Priority.BULK.value),
        written.remote_id,
        linked=written.remote_id != written.view.account.remote_id,
    )
