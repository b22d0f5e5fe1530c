"""Drives due accounts until the provider has what is desired: the only place where providers are changed.

One thread leases, decides and writes; each integration has threads of its own that call. Each batch of attempts is
durable before its calls, each batch of results is written in one transaction after them; between two steps of one
account lies always a commit.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

from svahub import intentions, logbook
from svahub.attempts import Undertaken
from svahub.bulkheads import Bulkheads
from svahub.clock import Clock
from svahub.desk import Desk
from svahub.errors import NotSent, PluginBug
from svahub.exchange import recording
from svahub.fleet import Fleet, holding
from svahub.garbage import rarely_looked_for
from svahub.presence import Presence
from svahub.shards import Shards
from svahub.store import Store, StoreUnavailable
from svahub.store.engine import is_of_a_value

GATHER_SECONDS = 0.1
LEASED_AT_ONCE = 500
"""So many accounts one transaction leases, of all integrations together: what is urgent waits for no greater one."""
SWEEP_SECONDS = 1.0
IDLE_SECONDS = 0.2
LONGEST_SLEEP_SECONDS = 2.0
REFUSALS = 5
"""So often the store may refuse in a row before a worker that has an end gives up; the next looks results up."""
PATIENCE_SECONDS = 60.0
"""So long the store may refuse before any worker gives up: a server restarts in less."""

Progress = Callable[[int], None]
T = TypeVar("T")


@dataclass(slots=True)
class Refusals:
    """How often in a row the store has refused something, and by the monotonic clock since when."""

    many: int = 0
    since: float | None = None

    def end(self) -> None:
        """Begin anew: it has not refused."""
        self.many, self.since = 0, None


class Converge:
    """One worker; to be closed. `threads` calls are under way at once at each integration, at most.

    It looks everywhere, or in `shards` only.
    """

    def __init__(
        self,
        store: Store,
        fleet: Fleet,
        clock: Clock,
        *,
        threads: int = 32,
        draw: Callable[[], float] = random.random,
        progress: Progress = lambda _ended: None,
        shards: Shards | None = None,
    ) -> None:
        self._store, self._fleet, self._clock = store, fleet, clock
        self._desk = Desk(store, fleet, clock, draw, shards)
        self._rest = clock.sleep if shards is None else shards.rest
        owner, tenants = self._desk.owner, fleet.tenants
        self._presence = Presence(store, clock, owner, threads=threads, tenants=tenants, shards=shards)
        self._progress = progress
        self._bulkheads = Bulkheads(threads, self._carry_out)
        self._unwritten: list[tuple[Undertaken, Any]] = []
        self._round, self._ending, self._results = Refusals(), Refusals(), Refusals()
        self._patient = False
        self._stopping = False
        self._swept = self._renewed = float("-inf")
        self._until_closed = ExitStack()
        self._until_closed.enter_context(rarely_looked_for())
        logbook.worker_started(threads)

    def __enter__(self) -> Converge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the calls under way end and write their results; what has not begun is given back."""
        try:
            self._give_back_unstarted()
            while len(self._bulkheads):
                self._collect()
            self._desk.flush()
        finally:
            self._bulkheads.dismiss()
            self._presence.leave()
            self._fleet.close()
            self._until_closed.close()
            logbook.worker_stopped()

    def stop(self) -> None:
        """Ask the worker to take nothing more; safe in a signal handler. `close` then lets what has begun end."""
        self._stopping = True

    def drain(self, only: Collection[str] = ()) -> None:
        """Work until nothing is due any more, having waited out other workers' leases."""
        self.work_until(lambda: self._desk.nothing_left(only), only)

    def work_until(self, finished: Callable[[], bool], only: Collection[str] = ()) -> None:
        """Work on due accounts, of `only` those keys if any are given, until `finished` says so in an idle moment."""
        while not self._stopping:
            taken = self.turn(only)
            if not len(self._bulkheads) and not self._round.many:
                if self._asked(self._ending, finished):
                    return
                if not taken:
                    self._rest(IDLE_SECONDS)

    def work_on(self, finished: Callable[[], bool] = lambda: False) -> None:
        """Work on until told to stop; a store that is away for a while, as its server restarts, is waited for."""
        self._patient = True
        self.work_until(finished)

    def turn(self, only: Collection[str] = ()) -> int:
        """Do one round: sweep, lease what there is room for, collect what has ended; return how much was leased.

        What the store refuses is done in the next; raises StoreUnavailable when it has refused for too long.
        """
        taken = self._asked(self._round, lambda: self._taken(only)) or 0
        self._collect()
        return taken

    def _taken(self, only: Collection[str]) -> int:
        self._renew()
        self._sweep()
        if not only:  # one that waits for what was asked works for nobody else
            self._presence.tell(len(self._bulkheads))
        return self._lease(only)

    def _asked(self, refusals: Refusals, ask: Callable[[], T]) -> T | None:
        """Return what asking the store brings, None while it refuses."""
        try:
            brought = ask()
        except StoreUnavailable as error:
            self._bear(refusals, error)
            return None
        refusals.end()
        return brought

    def _bear(self, refusals: Refusals, error: StoreUnavailable) -> None:
        """Wait a moment, and longer each time, for a store that refuses; raises its error when that is too much."""
        now = self._clock.monotonic()
        refusals.since = now if refusals.since is None else refusals.since
        refusals.many += 1
        logbook.store_refused(len(self._unwritten), refusals.many, error)
        often, long = refusals.many > REFUSALS, now - refusals.since >= PATIENCE_SECONDS
        if (often and long) if self._patient and not self._stopping else (often or long):
            raise error
        longer = 2 ** min(refusals.many - 1, 10) if self._patient else 1
        self._clock.sleep(min(IDLE_SECONDS * longer, LONGEST_SLEEP_SECONDS))

    def _sweep(self) -> None:
        now = self._clock.monotonic()
        if now - self._swept < SWEEP_SECONDS:
            return
        self._fleet.close_retired([work.opened for work in self._bulkheads])
        self._bulkheads.dismiss_idle()
        self._desk.release_dead()
        self._desk.mind_the_clock()
        self._desk.look_around()
        intentions.expire_reasons(self._store)
        self._swept = now

    def _lease(self, only: Collection[str]) -> int:
        work, leased = self._desk.take(LEASED_AT_ONCE, only, self._bulkheads.room)
        logbook.leased(leased, len(work))
        for one in work:
            self._bulkheads.begin(one)
        return leased

    def _carry_out(self, work: Undertaken) -> object:
        began = self._clock.monotonic()
        try:
            self._bulkheads.await_turn(work, self._clock)
            began = self._clock.monotonic()
            with recording(work.attempt, work.customer), holding(work.held):
                result: object = work.carried_out()
                self._fleet.heed(work.opened, result)
        except BaseException as error:  # noqa: BLE001  # a thread must bring something back, whatever happens
            result = PluginBug(f"the step raised {type(error).__name__}")
        work.held.seconds = self._clock.monotonic() - began
        return result

    def _collect(self) -> None:
        """Write what has ended, gathered for a moment so that many results share one commit."""
        deadline = self._clock.monotonic() + GATHER_SECONDS
        ended: list[tuple[Undertaken, Any]] = []
        while (
            len(ended) + len(self._unwritten) < len(self._bulkheads)
            and (left := deadline - self._clock.monotonic()) > 0
        ):
            ended += self._bulkheads.ended(left)
        self._write(ended)

    def _write(self, ended: Sequence[tuple[Undertaken, Any]]) -> None:
        """Write results; while the store does not take them they are kept, and their leases renewed."""
        self._unwritten += ended
        if not self._unwritten:
            return
        try:
            self._put(self._unwritten)
        except StoreUnavailable as error:
            self._bear(self._results, error)
            return
        for work, _ in self._unwritten:
            self._bulkheads.forget(work)
        self._progress(len(self._unwritten))
        self._unwritten = []
        self._results.end()

    def _put(self, ended: Sequence[tuple[Undertaken, Any]]) -> None:
        """Write results together; if one of them cannot be kept at all, each alone, so that it takes no other along."""
        try:
            self._desk.put(ended)
        except Exception as error:
            if not is_of_a_value(error):
                raise
            for work, result in ended:
                self._put_alone(work, result)

    def _put_alone(self, work: Undertaken, result: Any) -> None:
        try:
            self._desk.put([(work, result)])
        except Exception as error:
            if not is_of_a_value(error):
                raise
            logbook.cannot_keep(work, error)
            self._desk.put([(work, PluginBug(f"what it brought cannot be kept ({type(error).__name__})"))])

    def _renew(self) -> None:
        now = self._clock.monotonic()
        if len(self._bulkheads) and now - self._renewed > self._fleet.lease_seconds / 4:
            self._desk.renew(list(self._bulkheads))
            self._renewed = now

    def _give_back_unstarted(self) -> None:
        """Withdraw the calls that no thread has begun."""
        given_back = NotSent("given back before it began")
        self._write([(work, given_back) for work in self._bulkheads.take_back()])
