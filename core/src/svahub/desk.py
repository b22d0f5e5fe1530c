"""The paperwork of converge: leasing with attempts in one transaction, results with releases in another."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection

from svahub import entries, logbook, records, reporting, taskdesk
from svahub.announcing import announce, changes_of, of_subscriptions
from svahub.attempts import TaskWork, Undertaken, Work
from svahub.breaker import Noted
from svahub.clock import Clock
from svahub.decisions import decide
from svahub.endings import Ending, Result
from svahub.errors import AuthenticationFailed, PluginBug
from svahub.fleet import Fleet
from svahub.news import News
from svahub.outcomes import ending, told_by_task
from svahub.owners import Owner, dead
from svahub.precedence import step_after_a_cut, step_in_turn
from svahub.releases import Written, give_back, keep, told_of
from svahub.shards import SHARDS, Shards
from svahub.store import Store, breakers, integrations, journal, queue, results, setback, sharding, tasks
from svahub.store.journal import Event
from svahub.store.queue import Lane, Room, Terms
from svahub.store.results import Closed
from svahub.store.rows import AccountRow, IntegrationRow
from svahub.store.states import AuditKind, Phase
from svahub.taskwork import Done
from svahub.telling import cause_of_quarantine, of_quarantined
from svahub.undertaking import Undertaking, after, attempt_of


class Desk:
    """Leases, writes and gives back under one owner's name: everywhere, or in `shards` only."""

    def __init__(
        self, store: Store, fleet: Fleet, clock: Clock, draw: Callable[[], float], shards: Shards | None = None
    ) -> None:
        self._store, self._fleet, self._clock, self._draw, self._shards = store, fleet, clock, draw, shards
        owner = Owner.this_process()
        self.owner, self._process = str(owner), owner.process

    def take(
        self, limit: int, only: Collection[str] = (), room: Callable[[Lane], Room] | None = None
    ) -> tuple[list[Undertaken], int]:
        """Lease up to `limit` due accounts, of each integration as it has `room`, and record their attempts.

        Returns what is to be called, and how many accounts were leased, those included that need no call.
        """
        deadline = self._clock.monotonic() + self._fleet.lease_seconds
        looks = () if self._shards is None else self._shards.looks
        shards = None if self._shards is None else {look.shard for look in looks}
        with self._store.write() as connection:
            now = self._store.now(connection)
            self._fleet.refresh(connection, now)
            rooms = {lane: room(lane) if room else Room(limit) for lane in self._fleet.lanes(now)}
            probes = self._probes(connection, rooms, now, only)
            self._fleet.pacing.narrow(connection, rooms, now)
            leased = queue.lease(connection, rooms, self._terms(now), limit, only, shards)
            work = self._decided(connection, leased, deadline, now) if leased else []
            self._begin_probes(connection, [w for w in work if w.lane in probes], now)
            self._fleet.pacing.give(connection, work, now, self._clock.monotonic())
            left = sharding.due(connection, rooms, now, shards) if shards else {}
        if self._shards is not None:
            self._shards.looked(looks, left)
        return work, len(leased)

    def _probes(
        self, connection: Connection, rooms: dict[Lane, Room], now: datetime, only: Collection[str]
    ) -> set[Lane]:
        """Leave room for one account where a provider answers nobody, if this worker is to probe it; return where.

        That is whose turn it is: one that alone is never answered holds up nobody, however urgent it is.
        """
        silent = self._fleet.breakers.silent(rooms)
        probes = breakers.lock_for_probe(connection, silent, now)
        for lane in silent:
            rooms[lane] = queue.longest_due(connection, lane, now, only) if lane in probes else Room(0)
        return probes

    def _begin_probes(self, connection: Connection, probes: Sequence[Undertaken], now: datetime) -> None:
        for work in probes:
            work.held.probe = True
            breakers.begin_probe(connection, work.lane, self._terms(now).successor_at)

    def _terms(self, now: datetime) -> Terms:
        until = now + timedelta(seconds=self._fleet.lease_seconds)
        return Terms(self.owner, now, until, until + self._fleet.longest_timeout())

    def _decided(
        self, connection: Connection, leased: Sequence[AccountRow], deadline: float, now: datetime
    ) -> list[Undertaken]:
        batch = Undertaking(connection, self._fleet, self._draw, deadline, now)
        views = batch.views(leased)
        changed = batch.close_orphans(views)
        taskdesk.close_orphans(connection, list(views), now)
        waiting = tasks.open_of(connection, list(views))
        decided = {k: (v, step_in_turn(decide(v, now), waiting.get(k, ()))) for k, v in views.items()}
        for key, cut in batch.under_way(views, changed).items():
            decided[key] = (views[key], step_after_a_cut(*decided[key], cut, now))
        tries, parked = batch.tries(decided, waiting)
        idle, busy = [], []
        for key, (view, decision) in decided.items():
            rows = {row.key: row for row in (*changed.get(key, ()), *decision.updated)}
            written = Written(view, tuple(rows.values()), view.account.remote_id)
            if decision.row is None and key not in tries:
                idle.append(written)
            elif rows:
                busy.append(written)
        give_back(connection, idle, [], now)
        keep(connection, busy, [], now)
        steps = [(after(view, d), d) for key, (view, d) in decided.items() if d.row is not None and key not in tries]
        work = batch.steps(steps)
        results.begin_attempts(connection, [attempt_of(w, now) for w in work])
        tasks.begin_attempts(connection, [taskdesk.attempt_of(t, now) for t in tries.values()])
        told = [*told_of(connection, [*idle, *busy], now), *taskdesk.of_parked(parked)]
        news = self._news(connection, [*idle, *busy], now)
        journal.lock(connection, [tenant for tenant, _ in (*told, *news)])
        journal.tell_each(connection, now, told)
        announce(connection, news, now)
        logbook.happened(told, self._fleet.is_sensitive)
        return [*work, *tries.values()]

    def put(self, results_of: Sequence[tuple[Undertaken, Any]]) -> None:
        """Write the results of attempts and give their accounts back; what was leased away meanwhile is not written."""
        with self._fleet.log.writing(self._store) as (connection, exchanges):
            now = self._store.now(connection)
            mine = queue.still_mine(connection, self.owner, dict(work.attempt for work, _ in results_of))
            ours = [(work, result) for work, result in results_of if work.view.account.key in mine]
            noted = self._fleet.breakers.note(connection, results_of, now, self._draw)
            self._fleet.pacing.settle(connection, results_of, now)
            ours = [(_spared(w, noted), result) for w, result in ours]
            kept = [(w, _end(w, result, now), result) for w, result in ours if isinstance(w, Work)]
            results.close_attempts(connection, [Closed(*w.attempt, e.certainty, e.cause) for w, e, _ in kept], now)
            done = taskdesk.end(connection, [(w, r) for w, r in ours if isinstance(w, TaskWork)], now)
            told = records.note(connection, kept, now)
            ended = [(w, e) for w, e, _ in kept]
            written = [Written(w.view, e.rows, e.remote_id) for w, e in ended]
            written += [_of_task(w, d, now) for w, d in done]
            give_back(connection, written, ended, now)
            told += noted.told
            told += self._stop_integrations(connection, results_of, [*ended, *done], now)
            told += told_of(connection, written, now)
            told += taskdesk.of_parked(d.row for _, d in done if d.row.phase is Phase.PARKED)
            news = self._news(connection, written, now)
            told_to = [tenant for tenant, _ in (*told, *news)]
            journal.lock(connection, [*(tenant for tenant, *_ in exchanges), *told_to] if told_to else ())
            journal.write_exchanges(connection, exchanges, now)
            journal.tell_each(connection, now, told)
            announce(connection, news, now)
        logbook.attempts_ended(ended)
        logbook.tries_ended(done)
        logbook.happened(told, self._fleet.is_sensitive)

    def _news(self, connection: Connection, written: Iterable[Written], now: datetime) -> list[tuple[str, News]]:
        """Keep what sources are to be told of what was written, and return what other systems are."""
        changes = [change for w in written for change in changes_of(w.view.rows, w.rows, w.view.account)]
        reporting.changed(connection, changes, now)
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
        deadline = self._clock.monotonic() + self._fleet.lease_seconds
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

    def look_around(self) -> None:
        """Tell where something is due, so that this worker or another is sent there; one that looks everywhere is not.

        What may be called is learnt whenever something is taken, also where that is nothing.
        """
        if self._shards is None:
            return
        with self._store.read() as connection:
            now = self._store.now(connection)
            self._fleet.refresh(connection, now)
            due = sharding.due(connection, self._fleet.lanes(now), now, range(SHARDS))
        self._shards.due(due)

    def nothing_left(self, only: Collection[str] = ()) -> bool:
        """Say whether nothing is due now and no other worker holds an account."""
        with self._store.read() as connection:
            now = self._store.now(connection)
            self._fleet.refresh(connection, now)
            tenants = {lane.tenant for lane in self._fleet.every_lane()}
            others = queue.leased_by_others(connection, self.owner, tenants, now, only)
            return not others and not queue.is_due(connection, self._fleet.lanes(now), now, only)


def _spared(work: Undertaken, noted: Noted) -> Undertaken:
    """Return what was done so that its failure does not count where its provider answers nobody."""
    until = noted.until.get(work.lane)
    return work if until is None else replace(work, rules=replace(work.rules, silent_until=until))


def _of_task(work: TaskWork, done: Done, now: datetime) -> Written:
    rows = tuple(told_by_task(work.view, done.subscriptions, now))
    return Written(work.view, rows, done.account_remote_id or work.view.account.remote_id)


def _end(work: Work, result: Result, now: datetime) -> Ending:
    """Return what a result means; one that makes no sense is the plugin's bug and takes nobody else with it."""
    try:
        return ending(work.view, work.decision, result, now, work.rules, wrote=work.held.wrote)
    except Exception as error:  # noqa: BLE001  # whatever it is, the other results of the batch must be written
        bug = PluginBug(f"its result makes no sense ({type(error).__name__})")
        return ending(work.view, work.decision, bug, now, work.rules)
