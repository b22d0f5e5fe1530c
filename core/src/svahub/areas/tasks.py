"""Tasks: what plugins ask for beside the lifecycle, how it stands, and what a person decides about what is parked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid5

from sqlalchemy import Connection

from svahub import entries
from svahub.areas.bench import Bench
from svahub.areas.subscriptions import Subscriptions
from svahub.converge import Converge
from svahub.errors import Refused, UnknownName
from svahub.extension import Transaction
from svahub.fleet import Fleet
from svahub.intentions import NAMESPACE, account_key
from svahub.masking import mask_actor, mask_json, mask_text
from svahub.store import contracts, integrations, queue, tables
from svahub.store import tasks as store
from svahub.store.rows import LOST, TaskAttemptRow, TaskRow
from svahub.store.states import IntegrationState, Outcome, Phase, Priority, State
from svahub.waiting import Stop

STUCK = frozenset({State.PARKED, State.QUARANTINED, State.MISSING_PLUGIN})


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task as people see it, `details` masked; `new` says whether this very call has asked for it."""

    id: int
    key: str
    integration: str
    kind: str
    name: str
    contract_id: str | None
    state: State
    outcome: Outcome
    cause: str | None
    advice: str | None
    remote_id: str | None
    details: Mapping[str, Any] = field(repr=False)
    tries: int
    actor: str
    note: str | None
    due_at: datetime | None
    created_at: datetime
    changed_at: datetime
    new: bool = False


@dataclass(frozen=True, slots=True)
class TaskHistory:
    """A task with every try."""

    task: TaskView
    attempts: tuple[TaskAttemptRow, ...]


def task_key(tenant: str, integration: str, kind: str, name: str) -> str:
    """Return the reference of a task: deterministic, without personal data."""
    return str(uuid5(NAMESPACE, "\x1f".join(("task", tenant, integration, kind, name))))


@dataclass(frozen=True, slots=True)
class Tasks:
    """The tasks of one tenant."""

    bench: Bench

    def submit(
        self,
        transaction: Transaction,
        integration: str,
        kind: str,
        name: str,
        payload: Mapping[str, Any],
        *,
        customer_id: str | None = None,
        contract_id: str | None = None,
        adds: bool = True,
        priority: Priority = Priority.ORDINARY,
        note: str | None = None,
        look_first: bool = False,
    ) -> TaskView:
        """Ask for a task in a plugin's own transaction; the same name again brings the one that is there.

        `kind` begins with the stream in which tasks of one customer are done one after another ("charge.create").
        `payload` holds no personal data. What does not add (`adds` false) is a level, and may be sent again blindly.
        What may have been done already, unknown to this store, is looked up first (`look_first`).
        """
        connection, now = transaction.connection, transaction.now
        account = self._account(connection, integration, customer_id)
        asked = {
            "account_key": account,
            "contract_id": contract_id,
            "payload": dict(payload),
            "adds": adds,
            "actor": mask_actor(entries.fitted(self.bench.actor)),
            "note": mask_text(note) if note else None,
            "priority": priority,
            "uncertain_since": now if look_first else None,
        }
        row, new = store.add(connection, self._named(integration, kind, name) | asked, now)
        if new:
            queue.wake(connection, {account: priority}, now)
        return _view(row, {}, new=new)

    def _named(self, integration: str, kind: str, name: str) -> dict[str, Any]:
        tenant = self.bench.tenant
        key = task_key(tenant, integration, kind, name)
        return {"key": key, "tenant": tenant, "integration": integration, "kind": kind, "name": name}

    def _account(self, connection: Connection, integration: str, customer: str | None) -> str:
        """Return the account that a task is for, making it where there is none yet."""
        row = integrations.one(connection, self.bench.tenant, integration)
        if row is None or row.state is IntegrationState.REMOVED:
            raise UnknownName("integration", integration, [], "All: svahub integration list")
        key = account_key(self.bench.tenant, integration, customer or "")
        new = {
            "key": key,
            "tenant": self.bench.tenant,
            "integration": integration,
            "customer_id": customer,
            "priority": Priority.BULK,
            "lease_number": 0,
        }
        contracts.insert_missing(connection, tables.accounts, [new])
        queue.lock(connection, key)  # whoever gives it back sees the task, or this sees that they did
        return key

    def list(
        self,
        *,
        integration: str | None = None,
        kind: str | None = None,
        contract: str | None = None,
        outcome: Outcome | None = None,
    ) -> Iterator[TaskView]:
        """Stream tasks, the oldest first."""
        with self.bench.store.read() as connection:
            stopped = Subscriptions(self.bench).stopped(connection)
            only = {"integration": integration, "kind": kind, "contract_id": contract, "outcome": outcome}
            for row in store.pages(connection, self.bench.tenant, **only):
                yield _view(row, stopped)

    def of_contract(self, connection: Connection, contract: str, *, whole: bool = False) -> Sequence[TaskView]:
        """Return the tasks about a contract that have not ended, or with `whole` all; the oldest first."""
        stopped = Subscriptions(self.bench).stopped(connection)
        rows = store.pages(connection, self.bench.tenant, contract_id=contract)
        return [_view(row, stopped) for row in rows if whole or row.phase is not Phase.SETTLED]

    def show(self, id: int) -> TaskView:
        """Return one task."""
        return self.history(id).task

    def history(self, id: int) -> TaskHistory:
        """Return one task with every try."""
        with self.bench.store.read() as connection:
            row = self._found(connection, id)
            stopped = Subscriptions(self.bench).stopped(connection)
            return TaskHistory(_view(row, stopped), tuple(store.attempts_of(connection, row.key)))

    def _found(self, connection: Connection, id: int) -> TaskRow:
        row = store.one(connection, self.bench.tenant, id)
        if row is None:
            raise UnknownName("task", str(id), [], "All: svahub tasks list")
        return row

    def retry(self, id: int) -> TaskView:
        """Give a task that waits a fresh budget, now; one of which nobody knows is looked up first, if it can be.

        Where nothing tells whether it was done, a person has looked by now, and asks for it again.
        """
        return self._decided("tasks retry", id, self._again)

    def _again(self, row: TaskRow, now: datetime) -> TaskRow:
        if row.phase is Phase.PARKED and row.cause == LOST:
            row = row._replace(uncertain_since=None)
        return row._replace(
            outcome=Outcome.QUEUED, phase=Phase.DUE, due_at=now, tries=0, looks=0, cause=None, advice=None
        )

    def discard(self, id: int, note: str) -> TaskView:
        """Let a task go: it is not done any more; what was done of it stays."""

        def let_go(row: TaskRow, now: datetime) -> TaskRow:  # noqa: ARG001
            return row._replace(outcome=Outcome.DISCARDED, phase=Phase.SETTLED, due_at=None, advice=None)

        return self._decided("tasks discard", id, let_go, note=mask_text(note))

    def confirm(self, id: int, remote_id: str) -> TaskView:
        """Go on from what a person has seen at the provider: the task was done, and is known there as `remote_id`."""

        def was_done(row: TaskRow, now: datetime) -> TaskRow:  # noqa: ARG001
            if row.uncertain_since is None:
                raise Refused(f"Task {id} has nothing to confirm: `svahub tasks show {id}` tells what to do.")
            return row._replace(
                outcome=Outcome.SUCCEEDED, phase=Phase.SETTLED, due_at=None, uncertain_since=None, cause=None,
                advice=None, remote_id=remote_id,
            )  # fmt: skip

        return self._decided("tasks confirm", id, was_done, remote_id=remote_id)

    def _decided(
        self, command: str, id: int, change: Callable[[TaskRow, datetime], TaskRow], **details: Any
    ) -> TaskView:
        """Write what a person decides about a task that is neither done nor under way."""
        with self.bench.writing(command, f"task {id}", **details) as connection:
            row = self._free(connection, id)
            now = self.bench.store.now(connection)
            after = change(row, now)
            store.write(connection, [after], now)
            queue.wake(connection, {row.account_key: Priority.ACTIVATION}, now)
        return self.show(id)

    def _free(self, connection: Connection, id: int) -> TaskRow:
        row = self._found(connection, id)
        queue.lock(connection, row.account_key)
        row = self._found(connection, id)
        if row.phase is Phase.SETTLED:
            raise Refused(f"Task {id} has ended ({row.outcome.value}): there is nothing to decide.")
        if any(a.task_key == row.key for a in store.open_attempts(connection, [row.account_key])):
            raise Refused(f"Task {id} is under way: wait a moment.")
        return row

    def settle(self, ids: Collection[int], *, timeout: float = 60.0) -> Sequence[TaskView]:
        """Do what `work` does for some tasks' accounts only, until they have ended or need a person, or `timeout`.

        `timeout` is in seconds. Returns the tasks as they then are.
        """
        deadline = self.bench.clock.monotonic() + timeout
        accounts = {row.account_key for row in self._rows(ids)}

        def finished() -> bool:
            return self.bench.clock.monotonic() >= deadline or all(map(_rests, self._views(ids)))

        if accounts and not finished():
            self._work(accounts, finished, deadline)
        return self._views(ids)

    def _work(self, accounts: Collection[str], finished: Callable[[], bool], deadline: float) -> None:
        fleet = Fleet(self.bench.registry, self.bench.clock, [self.bench.tenant], self.bench.store)

        def heard(_ended: int) -> None:  # a worker that is busy does not ask whether it has finished
            if self.bench.clock.monotonic() >= deadline:
                worker.stop()

        threads = min(16, len(accounts))
        with Converge(self.bench.store, fleet, self.bench.clock, threads=threads, progress=heard) as worker:
            worker.work_until(finished, accounts)

    def _rows(self, ids: Collection[int]) -> Sequence[TaskRow]:
        with self.bench.store.read() as connection:
            return store.by_ids(connection, self.bench.tenant, ids)

    def _views(self, ids: Collection[int]) -> Sequence[TaskView]:
        with self.bench.store.read() as connection:
            stopped = Subscriptions(self.bench).stopped(connection)
            return [_view(row, stopped) for row in store.by_ids(connection, self.bench.tenant, ids)]


def _rests(view: TaskView) -> bool:
    return view.state in {State.SETTLED, *STUCK}


def _view(row: TaskRow, stopped: Mapping[str, Stop], *, new: bool = False) -> TaskView:
    free = row.integration not in stopped or row.phase in {Phase.SETTLED, Phase.PARKED}
    state = State(row.phase.value) if free else stopped[row.integration].state
    cause = row.cause if free else stopped[row.integration].cause
    return TaskView(
        row.id, row.key, row.integration, row.kind, row.name, row.contract_id, state, row.outcome, cause, row.advice,
        row.remote_id, mask_json(row.details), row.tries, row.actor, row.note, row.due_at, row.created_at,
        row.changed_at, new,
    )  # fmt: skip
