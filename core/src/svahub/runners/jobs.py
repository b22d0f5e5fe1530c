"""The jobs that say at which shard to look: one thread with an event loop, in which Procrastinate runs.

A job that runs means that this process looks at a shard now. It ends when nothing is due there any more, or after a
second, and is then put behind the others. A job that is lost, or runs twice, hurts nobody: who may act on an account is
said by its lease alone, and what is due without a job gets a new one within seconds.
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
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from svahub import logbook
from svahub.runners.jobs_table import JobsTable, Manager
from svahub.store import sharding
from svahub.store.states import Priority

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from svahub.shards import Shards

AT_ONCE = 16
"""So many shards a worker looks at: enough for its threads to have work, and few enough to leave the others some."""
SLICE_SECONDS = 1.0
FETCH_SECONDS = 0.2
"""So often jobs are looked for of which nothing is heard: that one may be taken as another of its shard has ended, or
what Procrastinate hears just while it looks. Each step of an account may need a job anew.
"""
GATHER_SECONDS = 0.02
BEAT_SECONDS = 2.0
LOST_SECONDS = 8.0
"""A worker that was not heard of for so long is lost, whatever became of its machine."""
LONGEST_WAIT_SECONDS = 10.0

BROKEN = (ConnectorException, psycopg.Error, OSError)
_AWAY = (
    psycopg.OperationalError, psycopg.InterfaceError, OSError,
    psycopg.errors.ForeignKeyViolation, psycopg.errors.IdleInTransactionSessionTimeout,
)  # fmt: skip
"""Also what meets a worker that was frozen: others have taken its number away, or the server its connection."""
_NOISY = ("procrastinate", "psycopg.pool", "asyncio")
"""Who tells of each of our jobs, or that the server is away, which we tell in one line."""


class Jobs:
    """Looks where jobs of one queue say; `conninfo` tells where the store is."""

    def __init__(self, conninfo: str, queue: str, shards: Shards) -> None:
        self._conninfo, self._queue, self._shards = conninfo, queue, shards
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending, self._news = asyncio.Event(), asyncio.Event()
        self._stopped = False
        self._wanted: dict[int, int] = {}

    # -- for other threads ---------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Look where jobs say until `stop`; raises what connecting anew does not mend."""
        with _hushed(), asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            self._loop = runner.get_loop()
            self._shards.due = self._heard_of_due
            runner.run(self._serve_on())

    def stop(self) -> None:
        """End every look."""
        self._stopped = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._ending.set)

    def _heard_of_due(self, due: Mapping[int, int]) -> None:
        assert self._loop is not None
        if due:
            with contextlib.suppress(RuntimeError):  # it has just ended
                self._loop.call_soon_threadsafe(self._want, dict(due))

    # -- in the loop ---------------------------------------------------------------------------------------------------

    async def _serve_on(self) -> None:
        refusals, loop = 0, asyncio.get_running_loop()
        while not (self._stopped or self._ending.is_set()):
            began = loop.time()
            try:
                await self._serve()
            except BROKEN as error:
                if not _is_away(error):
                    raise
                refusals = refusals + 1 if loop.time() - began < LONGEST_WAIT_SECONDS else 1
                logbook.jobs_away(refusals, error)
            await _either(self._ending, seconds=min(0.1 * 2.0 ** min(refusals, 10), LONGEST_WAIT_SECONDS))

    async def _serve(self) -> None:
        """Take jobs until it is to end; raises what ends it otherwise."""
        given = conninfo_to_dict(self._conninfo).get("options") or ""
        where = make_conninfo(self._conninfo, options=f"{given} {JobsTable.OPTIONS}".strip())
        app = App(connector=PsycopgConnector(conninfo=where, min_size=1, max_size=4))
        look = app.task(name="look", queue=self._queue)(self._look)
        async with (
            app.open_async(),
            await psycopg.AsyncConnection.connect(where, autocommit=True) as own,
        ):
            app.job_manager = Manager(app.connector, own)
            table = JobsTable(app, look, own)
            taking = app.run_worker_async(
                queues=[self._queue], concurrency=AT_ONCE, install_signal_handlers=False, delete_jobs="always",
                fetch_job_polling_interval=FETCH_SECONDS, update_heartbeat_interval=BEAT_SECONDS,
                stalled_worker_timeout=LOST_SECONDS,
            )  # fmt: skip
            listening, adding, burying = self._listen(), self._add_on(table), _bury_on(table)
            await _first_ended(self._ending.wait(), taking, listening, adding, burying)

    async def _look(self, shard: int) -> None:
        loop, nothing_due = asyncio.get_running_loop(), asyncio.Event()
        with self._shards.looking(shard, lambda: loop.call_soon_threadsafe(nothing_due.set)):
            await _either(nothing_due, self._ending, seconds=SLICE_SECONDS)
        if not nothing_due.is_set():
            self._want({shard: Priority.BULK})

    async def _listen(self) -> None:
        """Hear of what others make due."""
        async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
            await connection.execute(f"LISTEN {sharding.CHANNEL}")
            while True:
                async for told in connection.notifies(timeout=BEAT_SECONDS):
                    self._want(sharding.heard(told.payload))
                await connection.execute("SELECT 1")

    def _want(self, due: Mapping[int, int]) -> None:
        for shard, priority in due.items():
            self._wanted[shard] = min(priority, self._wanted.get(shard, priority))
        self._news.set()

    async def _add_on(self, table: JobsTable) -> None:
        """Add the jobs that are wanted, gathered for a moment; others hear of the same, at a moment of their own."""
        while True:
            await self._news.wait()
            await asyncio.sleep(GATHER_SECONDS * (1 + random.random()))  # noqa: S311
            self._news.clear()
            wanted, self._wanted = self._wanted, {}
            await table.add(self._queue, wanted)


async def _bury_on(table: JobsTable) -> None:
    while True:
        await table.bury(LOST_SECONDS)
        await asyncio.sleep(BEAT_SECONDS)


def _is_away(error: BaseException) -> bool:
    """Say whether connecting anew may mend it: what the server refuses otherwise would be refused again."""
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
    """Wait for the first of some events, so long at most."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


async def _first_ended(*coroutines: Any) -> None:
    """Run several until the first ends; end the others, then raise what ended it."""
    tasks = [asyncio.ensure_future(one) for one in coroutines]
    _, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error
