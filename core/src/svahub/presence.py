"""That a worker is there: it tells the store so every two seconds, and takes that back at its end."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from svahub.clock import Clock
from svahub.owners import Owner
from svahub.shards import Shards
from svahub.store import Store, StoreUnavailable, workers
from svahub.store.rows import WorkerRow
from svahub.store.states import RunnerName

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

BEAT_SECONDS = 2.0
LOST = timedelta(seconds=10)
"""A worker that was not heard of for so long is lost."""
KEPT = timedelta(days=1)


class Presence:
    """One worker's."""

    def __init__(
        self, store: Store, clock: Clock, owner: str, *, threads: int, tenants: Collection[str], shards: Shards | None
    ) -> None:
        self._store, self._clock, self._shards = store, clock, shards
        self._owner, self._threads, self._tenants = owner, threads, sorted(tenants)
        self._row: WorkerRow | None = None
        self._told = clock.monotonic()

    def tell(self, under_way: int) -> None:
        """Tell how much is under way, if two seconds have passed; a worker of a moment never does."""
        now = self._clock.monotonic()
        if now - self._told < BEAT_SECONDS:
            return
        self._told = now
        with self._store.write() as connection:
            self._row = self._as_now(self._store.now(connection), under_way)
            workers.tell(connection, self._row)
            workers.forget(connection, self._row.seen_at - KEPT)

    def _as_now(self, at: datetime, under_way: int) -> WorkerRow:
        shards = None if self._shards is None else len(self._shards.held)
        if self._row is not None:
            return replace(self._row, seen_at=at, shards=shards, under_way=under_way)
        runner = RunnerName.IN_PROCESS if self._shards is None else RunnerName.PROCRASTINATE
        return WorkerRow(self._owner, runner, self._threads, self._tenants, at, at, shards, under_way)

    def leave(self) -> None:
        """Take back that it is there; where that cannot be written, it is found to be lost."""
        if self._row is not None:
            with suppress(StoreUnavailable), self._store.write() as connection:
                workers.leave(connection, self._owner)


@dataclass(frozen=True, slots=True)
class WorkerView:
    """A worker as people see it; `lost_since` is when one that is gone, or cannot write, was last heard of.

    `tenants`: none named means all. `shards`: at how many it looks now; None: it looks everywhere.
    """

    host: str
    pid: int | None
    runner: RunnerName
    threads: int
    tenants: tuple[str, ...]
    started_at: datetime
    seen_at: datetime
    shards: int | None
    under_way: int
    lost_since: datetime | None = field(default=None)


def seen(row: WorkerRow, now: datetime) -> WorkerView:
    """Return what people see of a worker at an instant of the store."""
    owner = Owner.parse(row.owner)
    lost = row.seen_at < now - LOST or (owner is not None and owner.dead)
    host, pid = (owner.host.partition("/")[0], owner.pid) if owner else (row.owner, None)
    told = (row.runner, row.threads, tuple(row.tenants), row.started_at, row.seen_at, row.shards)
    return WorkerView(host, pid, *told, 0 if lost else row.under_way, row.seen_at if lost else None)


def everybody(store: Store) -> list[WorkerView]:
    """Return who works on a store, and who was lost within a day."""
    with store.read() as connection:
        now = store.now(connection)
        return [seen(row, now) for row in workers.every(connection)]


def living(connection: Connection, now: datetime, tenant: str | None = None) -> list[WorkerView]:
    """Return who works now: for a tenant, or at all."""
    views = (seen(row, now) for row in workers.every(connection))
    serving = (view for view in views if tenant is None or not view.tenants or tenant in view.tenants)
    return [view for view in serving if view.lost_since is None]
