"""Queries on tasks: asking for one, what is open, what was tried, how it ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from svahub.store.among import one_of
from svahub.store.inserting import Upsert, for_each_database
from svahub.store.results import Closed
from svahub.store.rows import TaskAttemptRow, TaskRow
from svahub.store.states import Outcome, Phase
from svahub.store.tables import task_attempts, tasks

OPEN = (Phase.DUE, Phase.WAITING, Phase.PENDING)
PAGE = 500


UNTRIED: dict[str, Any] = {"outcome": Outcome.QUEUED, "phase": Phase.DUE, "tries": 0, "looks": 0, "details": {}}


def _unless_there(new: Upsert) -> Any:
    return new.on_conflict_do_nothing(index_elements=["key"]).returning(tasks)


_ADD = for_each_database(tasks, _unless_there)
_OF_KEY = select(tasks).where(tasks.c.key == bindparam("key"))


def add(connection: Connection, asked: dict[str, Any], now: datetime) -> tuple[TaskRow, bool]:
    """Keep a task, due now, and return it and whether it is new: one of that key that is there stays as it is."""
    values = UNTRIED | asked | {"due_at": now, "created_at": now, "changed_at": now}
    row = connection.execute(_ADD[connection.dialect.name], values).first()
    if row is not None:
        return TaskRow(*row), True
    return TaskRow(*connection.execute(_OF_KEY, {"key": asked["key"]}).one()), False


def one(connection: Connection, tenant: str, id: int) -> TaskRow | None:
    """Return one task."""
    row = connection.execute(select(tasks).where(tasks.c.tenant == tenant, tasks.c.id == id)).first()
    return TaskRow(*row) if row else None


def by_ids(connection: Connection, tenant: str, ids: Collection[int]) -> list[TaskRow]:
    """Return some tasks in the order in which they were asked for."""
    query = select(tasks).where(tasks.c.tenant == tenant, tasks.c.id.in_(ids)).order_by(tasks.c.id)
    return [TaskRow(*row) for row in connection.execute(query)]


def pages(connection: Connection, tenant: str, **only: Any) -> Iterator[TaskRow]:
    """Stream a tenant's tasks, the oldest first; `only` maps columns to the value that they are to have."""
    where = [tasks.c[name] == value for name, value in only.items() if value is not None]
    query = select(tasks).where(tasks.c.tenant == tenant, *where).order_by(tasks.c.id)
    for row in connection.execute(query, execution_options={"yield_per": PAGE}):
        yield TaskRow(*row)


_OPEN = select(tasks).where(one_of(tasks.c.account_key, "accounts"), tasks.c.phase.in_(OPEN)).order_by(tasks.c.id)


def open_of(connection: Connection, accounts: Collection[str]) -> dict[str, list[TaskRow]]:
    """Return what of some accounts' tasks is not done and waits for no person, the oldest first."""
    found: dict[str, list[TaskRow]] = defaultdict(list)
    for row in connection.execute(_OPEN, {"accounts": accounts}):
        found[row.account_key].append(TaskRow(*row))
    return found


def begin_attempts(connection: Connection, rows: Sequence[TaskAttemptRow]) -> None:
    """Record what is about to be tried."""
    if rows:
        names = ("account_key", "lease_number", "tenant", "task_key", "step", "started_at")
        connection.execute(insert(task_attempts), [{name: getattr(row, name) for name in names} for row in rows])


_CLOSE = (
    update(task_attempts)
    .where(task_attempts.c.account_key == bindparam("b_key"), task_attempts.c.lease_number == bindparam("b_number"))
    .values(ended_at=bindparam("b_at"), certainty=bindparam("b_certainty"), cause=bindparam("b_cause"))
)


def close_attempts(connection: Connection, closed: Iterable[Closed], now: datetime) -> None:
    """Record how attempts ended."""
    rows = [
        {
            "b_key": c.account_key,
            "b_number": c.lease_number,
            "b_at": now,
            "b_certainty": c.certainty,
            "b_cause": c.cause,
        }
        for c in closed
    ]
    if rows:
        connection.execute(_CLOSE, rows)


_OPEN_ATTEMPTS = select(task_attempts).where(
    one_of(task_attempts.c.account_key, "accounts"), task_attempts.c.ended_at.is_(None)
)


def open_attempts(connection: Connection, accounts: Collection[str]) -> list[TaskAttemptRow]:
    """Return what a former holder of the lease began and never closed."""
    return [TaskAttemptRow(*row) for row in connection.execute(_OPEN_ATTEMPTS, {"accounts": accounts})]


def attempts_of(connection: Connection, key: str) -> list[TaskAttemptRow]:
    """Return what was tried for a task, the oldest first."""
    c = task_attempts.c
    query = select(task_attempts).where(c.task_key == key).order_by(c.started_at, c.lease_number)
    return [TaskAttemptRow(*row) for row in connection.execute(query)]


_STATE = (
    "outcome", "phase", "due_at", "priority", "tries", "uncertain_since", "looks", "cause", "advice", "remote_id",
    "details",
)  # fmt: skip
_WRITE = (
    update(tasks)
    .where(tasks.c.key == bindparam("b_key"))
    .values({name: bindparam(f"b_{name}") for name in _STATE} | {"changed_at": bindparam("b_now")})
)


def write(connection: Connection, rows: Collection[TaskRow], now: datetime) -> None:
    """Write how tasks now stand."""
    if rows:
        values = [{f"b_{name}": getattr(row, name) for name in (*_STATE, "key")} | {"b_now": now} for row in rows]
        connection.execute(_WRITE, values)


def counts(connection: Connection, tenant: str) -> dict[tuple[str, Phase], int]:
    """Count a tenant's tasks that are not done, by integration and phase."""
    c = tasks.c
    where = (c.tenant == tenant, c.phase != Phase.SETTLED)
    query = select(c.integration, c.phase, func.count()).where(*where).group_by(c.integration, c.phase)
    return {(integration, phase): many for integration, phase, many in connection.execute(query)}
