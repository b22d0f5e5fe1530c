"""What is to be done for accounts that were just leased, found in the transaction that leases them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from svahub import records, taskdesk, taskwork
from svahub.attempts import TaskWork, Work
from svahub.decisions import Decision, View, wanted
from svahub.errors import ProviderError
from svahub.fleet import Fleet, Held
from svahub.lifecycle import Step
from svahub.models import BlockReason, Plan
from svahub.news import heard
from svahub.outcomes import ADDING, READING, crashed
from svahub.precedence import UnderWay, tasks_in_turn
from svahub.steps import subscription_of
from svahub.store import catalogue, queue, results, tasks
from svahub.store.queue import Lane
from svahub.store.results import Closed, OperationEnd
from svahub.store.rows import CUT_OFF, AccountRow, AttemptRow, ReasonRow, SubscriptionRow, TaskRow, applied_column
from svahub.store.states import Certainty, Outcome


@dataclass(frozen=True, slots=True)
class Undertaking:
    """One batch of leases, good until `deadline` of the monotonic clock; `now` is the store's."""

    connection: Connection
    fleet: Fleet
    draw: Callable[[], float]
    deadline: float
    now: datetime

    def views(self, leased: Sequence[AccountRow]) -> dict[str, View]:
        """Return what there is to know of each account, by its key."""
        rows: dict[str, list[SubscriptionRow]] = defaultdict(list)
        for row in queue.subscriptions_of(self.connection, [a.key for a in leased]):
            rows[row.account_key].append(row)
        whom = {(a.tenant, a.customer_id) for a in leased if a.customer_id is not None}
        customers = {(c.tenant, c.id): c for c in queue.customers_of(self.connection, whom)}
        facts = {lane: self.fleet.opened(lane).facts for lane in {Lane(a.tenant, a.integration) for a in leased}}
        return {
            a.key: View(
                a,
                customers.get((a.tenant, a.customer_id or "")),
                tuple(rows[a.key]),
                facts[Lane(a.tenant, a.integration)],
            )
            for a in leased
        }

    def close_orphans(self, views: dict[str, View]) -> dict[str, list[SubscriptionRow]]:
        """Close what a dead process left open: its outcome is not known. Puts the changed rows into the views."""
        changed: dict[str, list[SubscriptionRow]] = defaultdict(list)
        closed: list[Closed] = []
        overtaken: list[OperationEnd] = []
        for attempt in results.open_attempts(self.connection, list(views)):
            view = views[attempt.account_key]
            row = next(r for r in view.rows if r.key == attempt.subscription_key)
            new = {r.key: r for r in crashed(view, row, attempt, self.now)}
            views[attempt.account_key] = replace(view, rows=tuple(new.get(r.key, r) for r in view.rows))
            changed[attempt.account_key] += new.values()
            closed.append(Closed(attempt.account_key, attempt.lease_number, Certainty.UNKNOWN, CUT_OFF))
            if attempt.generation < row.generation:
                overtaken.append(OperationEnd(row.key, attempt.generation, Outcome.SUPERSEDED, exactly=True))
        results.close_attempts(self.connection, closed, self.now)
        results.end_operations(self.connection, overtaken, self.now)
        return changed

    def under_way(self, views: Mapping[str, View], closed: Collection[str]) -> dict[str, UnderWay]:
        """Return which call that changes something, of a process that has ended, may be under way yet, by its account.

        That is looked up where a row has changed since, as one does when it is closed, or where it was closed just now.
        """
        since = self.now - self.fleet.longest_timeout()
        fresh = [k for k, v in views.items() if k in closed or any(row.changed_at >= since for row in v.rows)]
        cut = results.cut_off(self.connection, fresh, since, but=READING) if fresh else ()
        return {one.account_key: self._under_way(views[one.account_key], one) for one in cut}

    def _under_way(self, view: View, attempt: AttemptRow) -> UnderWay:
        """Return until when: it was made before its attempt was closed; how often its lease was renewed is unknown."""
        opened = self.fleet.opened(Lane(view.account.tenant, view.account.integration))
        return UnderWay(attempt, (attempt.ended_at or self.now) + timedelta(seconds=opened.settings.timeout))

    def tries(
        self, decided: Mapping[str, tuple[View, Decision]], waiting: Mapping[str, Sequence[TaskRow]]
    ) -> tuple[dict[str, TaskWork], list[TaskRow]]:
        """Return the task that each account is to do, if it goes before the account's step; and those only for people.

        These, and those that wait for a step, are written as they are.
        """
        tries: dict[str, TaskWork] = {}
        parked: list[TaskRow] = []
        held: list[TaskRow] = []
        for key, rows in waiting.items():
            view, decision = decided[key]
            later = tasks_in_turn(view, rows)
            held += later
            row = taskdesk.chosen(decision, rows, {task.key for task in later}, self.now)
            if row is None:
                continue
            tried = self._try(after(view, decision), row)
            if isinstance(tried, TaskWork):
                tries[key] = tried
            else:
                parked.append(tried)
        tasks.write(self.connection, [*parked, *held], self.now)
        return tries, parked

    def _try(self, view: View, row: TaskRow) -> TaskWork | TaskRow:
        """Return the try of a task, or the task as it is when only a person can bring it further."""
        opened = self.fleet.opened(Lane(row.tenant, row.integration))
        step = taskdesk.step_of(row, opened)
        if step is None:
            return taskwork.lost(row)
        task = taskdesk.task_of(view, row)
        kept = taskdesk.recalled(self.connection, opened, task, self.now)
        if isinstance(kept, ProviderError):
            return taskwork.broken(row, kept)
        held = Held(self.deadline)
        return TaskWork(view, opened, opened.rules(self.draw), held, row, step, replace(task, kept=kept))

    def steps(self, pairs: Sequence[tuple[View, Decision]]) -> list[Work]:
        """Return the steps that were decided, each with all that its call needs."""
        plans = self._plans([view for view, _ in pairs])
        reasons = _reasons(self.connection, [d.row for _, d in pairs if d.step is Step.BLOCK and d.row is not None])
        work = []
        for view, decision in pairs:
            assert decision.row is not None
            lane = Lane(view.account.tenant, view.account.integration)
            subscription = subscription_of(view, decision.row, plans.get(lane, {}))
            why = frozenset(reasons.get(decision.row.key, ()))
            opened = self.fleet.opened(lane)
            rules, held = opened.rules(self.draw), Held(self.deadline)
            prepared = Work(view, opened, rules, held, decision, subscription, why)
            work.append(records.recalled(self.connection, prepared, self.now))
        return work

    def _plans(self, views: Iterable[View]) -> dict[Lane, dict[str, Plan]]:
        wanted = {(row.tenant, row.integration, row.plan) for view in views for row in view.rows if row.plan}
        plans: dict[Lane, dict[str, Plan]] = defaultdict(dict)
        for row in catalogue.plans_of(self.connection, wanted):
            plans[Lane(row.tenant, row.integration)][row.remote_id] = row.plan()
        return plans


def after(view: View, decision: Decision) -> View:
    """Return the view as it is written with a decision: a result has to know which siblings it holds."""
    if not decision.updated:
        return view
    updated = {row.key: heard(row) for row in decision.updated}
    return replace(view, rows=tuple(updated.get(row.key, row) for row in view.rows))


def attempt_of(work: Work, now: datetime) -> AttemptRow:
    """Return the attempt that a step is, as it begins."""
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
