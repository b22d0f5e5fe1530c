"""The jobs that say at which shard to look: Procrastinate's, in a schema of their own beside the store's tables.

One thread with an event loop. A job that runs means that this process looks at a shard now; it ends when nothing is due
there any more, or after a second, and is then put behind the others. A job that is lost, or runs twice, hurts nobody:
who may act on an account is said by its lease alone, and what is due without a job gets a new one within seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from typing import TYPE_CHECKING, Any

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status
from psycopg import sql

from svahub import logbook
from svahub.runners import jobs_schema
from svahub.store import sharding
from svahub.store.states import Priority

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from svahub.shards import Shards

AT_ONCE = 16
"""So many shards a worker looks at: enough for its threads to have work, and few enough to leave the others some."""
SLICE_SECONDS = 1.0
GATHER_SECONDS = 0.02
BEAT_SECONDS = 2.0
LOST_SECONDS = 8.0
"""A worker that was not heard of for so long is lost: its jobs are taken away, and what is due gets new ones."""
LONGEST_WAIT_SECONDS = 10.0
_DEFER_LOCK = 7_364_826  # any number of ours: who looks what waits, and adds to it, must be alone

BROKEN = (ConnectorException, psycopg.Error, OSError)
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, OSError)
_NOISY = ("procrastinate", "psycopg.pool", "asyncio")
"""Who tells of each of our jobs, or that the server is away, which we tell in one line."""


class Jobs:
    """Looks where jobs of one queue say; `conninfo` tells where the store is."""

    def __init__(self, conninfo: str, queue: str, shards: Shards) -> None:
        self._conninfo, self._queue, self._shards = conninfo, queue, shards
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending = asyncio.Event()
        self._wanted: dict[int, int] = {}
        self._news = asyncio.Event()

    # -- from other threads --------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Look where jobs say until `stop`; raises what cannot be mended by connecting anew."""
        with _hushed(), asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            self._loop = runner.get_loop()
            self._shards.due = self._heard_of_due
            runner.run(self._serve_on())

    def stop(self) -> None:
        """End every look; safe in a signal handler."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._ending.set)

    def _heard_of_due(self, due: Mapping[int, int]) -> None:
        assert self._loop is not None
        if due:
            self._loop.call_soon_threadsafe(self._want, dict(due))

    # -- in the loop ---------------------------------------------------------------------------------------------------

    async def _serve_on(self) -> None:
        refusals = 0
        while not self._ending.is_set():
            try:
                await self._serve()
                refusals = 0
            except BROKEN as error:
                if not _is_away(error):
                    raise
                refusals += 1
                logbook.jobs_away(refusals, error)
                await self._pause(min(0.2 * 2.0 ** min(refusals, 10), LONGEST_WAIT_SECONDS))

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), seconds)

    async def _serve(self) -> None:
        """Take jobs until it is to end; raises what ends it otherwise."""
        options = {"options": f"-c search_path={jobs_schema.NAME}"}
        app = App(connector=PsycopgConnector(conninfo=self._conninfo, kwargs=options, min_size=1, max_size=4))
        look = app.task(name="look", queue=self._queue)(self._look)
        async with app.open_async():
            taking = app.run_worker_async(
                queues=[self._queue], concurrency=AT_ONCE, install_signal_handlers=False, delete_jobs="always",
                fetch_job_polling_interval=SLICE_SECONDS, update_heartbeat_interval=BEAT_SECONDS,
                stalled_worker_timeout=LOST_SECONDS,
            )  # fmt: skip
            await _first_ended(self._ending.wait(), taking, self._listen(), self._defer_on(app, look), self._bury(app))

    async def _look(self, shard: int) -> None:
        loop, nothing_due = asyncio.get_running_loop(), asyncio.Event()
        with self._shards.looking(shard, lambda: loop.call_soon_threadsafe(nothing_due.set)):
            await _either(nothing_due, self._ending, seconds=SLICE_SECONDS)
        if not nothing_due.is_set():
            self._want({shard: Priority.BULK})

    async def _listen(self) -> None:
        """Hear of what others make due."""
        async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(sharding.CHANNEL)))
            while True:
                async for told in connection.notifies(timeout=BEAT_SECONDS):
                    self._want(sharding.heard(told.payload))
                await connection.execute("SELECT 1")

    def _want(self, due: Mapping[int, int]) -> None:
        for shard, priority in due.items():
            self._wanted[shard] = min(priority, self._wanted.get(shard, priority))
        self._news.set()

    async def _defer_on(self, app: App, look: Any) -> None:
        while True:
            await self._news.wait()
            await asyncio.sleep(GATHER_SECONDS * (1 + random.random()))  # noqa: S311  # others hear of the same
            self._news.clear()
            wanted, self._wanted = self._wanted, {}
            try:
                await self._defer(app, look, wanted)
            except BaseException:
                self._want(wanted)
                raise

    async def _defer(self, app: App, look: Any, wanted: Mapping[int, int]) -> None:
        """Add the jobs that do not wait already."""
        connector: Any = app.connector
        async with connector.pool.connection() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_DEFER_LOCK])
            found = await connection.execute("SELECT queueing_lock FROM procrastinate_jobs WHERE status = 'todo'")
            waiting = {name for (name,) in await found.fetchall()}
            for shard, priority in wanted.items():
                urgent = priority < Priority.ORDINARY
                name = f"{self._queue} {shard}{' urgent' if urgent else ''}"
                if name not in waiting:
                    job = look.configure(lock=name, queueing_lock=name, priority=-priority, connection=connection)
                    await job.defer_async(shard=shard)

    async def _bury(self, app: App) -> None:
        """Take away the jobs of workers that are lost."""
        while True:
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=LOST_SECONDS):
                assert job.id is not None  # it was read from the table
                with contextlib.suppress(ConnectorException):  # another did it
                    await app.job_manager.finish_job_by_id_async(job.id, Status.FAILED, delete_job=True)
            await asyncio.sleep(BEAT_SECONDS)


def _is_away(error: BaseException) -> bool:
    """Say whether it is the server that cannot be reached now: what it refuses would be refused again."""
    return isinstance(error.__cause__ if isinstance(error, ConnectorException) else error, _AWAY)


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    before = {noisy: noisy.level for noisy in map(logging.getLogger, _NOISY)}
    try:
        for noisy in before:
            noisy.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for noisy, level in before.items():
            noisy.setLevel(level)


async def _either(*events: asyncio.Event, seconds: float) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


async def _first_ended(*coroutines: Any) -> None:
    """Run several until the first ends; end the others, then raise what ended it."""
    tasks = [asyncio.ensure_future(one) for one in coroutines]
    done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for task in done:
        task.result()
