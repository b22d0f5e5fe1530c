"""Procrastinate's table of jobs: adding those that do not wait already, and taking away those of workers that are gone.

A worker holds a lock of the database under its number as long as its connection stands. When its process ends, however,
it is free at once; when its machine does, the beat of its heart stops.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status
from procrastinate.manager import JobManager

from svahub.runners import jobs_schema
from svahub.store.states import Priority

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg
    from procrastinate import App
    from procrastinate.connector import BaseConnector

_ALIVE = 7_364_828  # any number of ours: the first half of the locks by which workers are known to live
_WAITING = "SELECT queueing_lock FROM procrastinate_jobs WHERE status = 'todo'"
_LIVING = (
    "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = %s"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class Manager(JobManager):
    """Registers a worker as living as long as a connection stands, before it takes its first job."""

    def __init__(self, connector: BaseConnector, own: psycopg.AsyncConnection) -> None:
        super().__init__(connector)
        self._own = own

    async def register_worker(self) -> int:
        """Return the number of a new worker."""
        number = await super().register_worker()
        await self._own.execute("SELECT pg_advisory_lock(%s, %s)", [_ALIVE, number])
        return number


class JobsTable:
    """What waits and what runs; `look` is the task, `own` the connection of this worker.

    Each statement is a transaction of its own: a worker that freezes here keeps nobody waiting.
    """

    OPTIONS = f"-c search_path={jobs_schema.NAME} -c lock_timeout=3000 -c idle_in_transaction_session_timeout=10000"
    """Of every connection to this table; Procrastinate's own have transactions that a frozen worker might leave."""

    def __init__(self, app: App, look: Any, own: psycopg.AsyncConnection) -> None:
        self._app, self._look, self._own = app, look, own

    async def add(self, queue: str, wanted: Mapping[int, int]) -> None:
        """Add jobs for shards, with the priority of the most urgent that is due there, unless they wait already.

        What is urgent has a job of its own, which overtakes those that wait.
        """
        waiting = {name for (name,) in await (await self._own.execute(_WAITING)).fetchall()}
        for shard, priority in wanted.items():
            name = f"{queue} {shard}{' urgent' if priority < Priority.ORDINARY else ''}"
            if name not in waiting:
                job = self._look.configure(lock=name, queueing_lock=name, priority=-priority, connection=self._own)
                with contextlib.suppress(AlreadyEnqueued):  # another was quicker
                    await job.defer_async(shard=shard)

    async def bury(self, lost_seconds: float) -> None:
        """Take away the jobs of workers that are gone; what is due there gets new ones."""
        manager = self._app.job_manager
        lost = {job.id for job in await manager.get_stalled_jobs(seconds_since_heartbeat=lost_seconds)}
        running = await manager.list_jobs_async(status=Status.DOING.value)  # before the locks: theirs were taken before
        living = {number for (number,) in await (await self._own.execute(_LIVING, [_ALIVE])).fetchall()}
        for id in lost | {job.id for job in running if job.worker_id not in living}:
            assert id is not None  # it was read from the table
            with contextlib.suppress(ConnectorException):  # another took it away
                await manager.finish_job_by_id_async(id, Status.FAILED, delete_job=True)
