"""What each integration has to itself in a worker: threads, and room for what it can call within a second.

However slow a provider is, whatever hangs there takes no thread and no room from another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING

from svahub.crew import Crew, Results
from svahub.store.queue import Lane, Room
from svahub.store.states import Priority

if TYPE_CHECKING:
    from svahub.attempts import Undertaken
    from svahub.clock import Clock
    from svahub.exchange import AttemptKey
    from svahub.fleet import Held

    Call = Callable[[Undertaken], object]

BATCH_SECONDS = 1.0
MOST = 2_000
FIRST_GUESS = 0.05
"""So many seconds a call is taken to last before any has ended."""
IDLE_SWEEPS = 30
"""So often in a row an integration is found without work before its threads end."""
NOTHING = Room(0)


class Bulkhead:
    """One integration's threads, what they have in hand or will have, and how long a call takes on average."""

    def __init__(self, threads: int, call: Call, results: Results[Undertaken, object]) -> None:
        self.crew = Crew(threads, call, urgencies=len(Priority), results=results)
        self.running: dict[AttemptKey, Undertaken] = {}
        self.idle = 0
        self._turns: deque[Held] = deque()
        self._in_turn, self._next = Lock(), float("-inf")
        self._threads, self._call_seconds = threads, FIRST_GUESS

    @property
    def room(self) -> Room:
        """How much it takes on now: the rest of a batch when half is done; until then what overtakes what waits."""
        batch = batch_of(self._threads, self._call_seconds)
        left = batch - len(self.running)
        if left >= batch // 2:
            return Room(left)
        least_urgent = self.crew.least_urgent
        return Room(left + batch, range(least_urgent)) if least_urgent is not None else NOTHING

    def begin(self, work: Undertaken) -> None:
        """Have a thread carry it out."""
        self.running[work.attempt] = work
        if work.held.begins is not None:
            self._turns.append(work.held)
        self.crew.begin(work, work.priority)

    def await_turn(self, work: Undertaken, clock: Clock) -> None:
        """Wait for the next instant at which a limit lets a call begin.

        Who comes late makes those who wait already as late: calls that a busy machine has kept up are not made at once.
        """
        if work.held.begins is None:
            return
        with self._in_turn:
            if not self._turns:
                return
            turn, now = self._turns.popleft(), clock.monotonic()
            begins = max(now, self._next, turn.begins or now)
            self._next = begins + turn.reserved.total_seconds()
            if begins > now:
                clock.sleep(begins - now)

    def done(self, work: Undertaken) -> None:
        """Note that a call has ended."""
        self.crew.done()
        self._call_seconds += (work.held.seconds - self._call_seconds) / 50


class Bulkheads:
    """Every integration's, made with its first work; `threads` for each, at most. To be dismissed."""

    def __init__(self, threads: int, call: Call) -> None:
        self._threads, self._call = threads, call
        self._results: Results[Undertaken, object] = Results()
        self._each: dict[Lane, Bulkhead] = {}

    def __len__(self) -> int:
        """Return how many attempts are in hand."""
        return sum(len(each.running) for each in self._each.values())

    def __iter__(self) -> Iterator[Undertaken]:
        """Iterate over what is in hand."""
        return chain.from_iterable(each.running.values() for each in self._each.values())

    def room(self, lane: Lane) -> Room:
        """Return how much an integration takes on now."""
        each = self._each.get(lane)
        return each.room if each else Room(batch_of(self._threads, FIRST_GUESS))

    def begin(self, work: Undertaken) -> None:
        """Have a thread of its integration carry it out."""
        each = self._each.get(work.lane)
        if each is None:
            threads = min(self._threads, work.opened.settings.connections)
            each = self._each[work.lane] = Bulkhead(threads, self._call, self._results)
        each.begin(work)

    def await_turn(self, work: Undertaken, clock: Clock) -> None:
        """Wait, in the thread that has begun a work, until its integration's limit lets a call begin."""
        self._each[work.lane].await_turn(work, clock)

    def ended(self, seconds: float) -> Iterator[tuple[Undertaken, object]]:
        """Return what has ended, of whatever integration; the first is waited for so many seconds."""
        plenty = any(each.crew.plenty for each in self._each.values())
        for work, result in self._results.ended(seconds, plenty=plenty):
            self._each[work.lane].done(work)
            yield work, result

    def forget(self, work: Undertaken) -> None:
        """Forget what is written."""
        self._each[work.lane].running.pop(work.attempt, None)

    def take_back(self) -> Iterator[Undertaken]:
        """Return what no thread has begun; nobody will."""
        return chain.from_iterable(each.crew.take_back() for each in self._each.values())

    def dismiss_idle(self) -> None:
        """Let the threads of integrations end that have had no work for a while; to be called regularly."""
        for lane, each in list(self._each.items()):
            each.idle = 0 if each.running else each.idle + 1
            if each.idle >= IDLE_SWEEPS:
                self._each.pop(lane).crew.dismiss()

    def dismiss(self) -> None:
        """Let every thread end once nothing waits."""
        for each in self._each.values():
            each.crew.dismiss()


def batch_of(threads: int, call_seconds: float) -> int:
    """Return how many calls are a second's work."""
    return max(2 * threads, min(MOST, round(threads * BATCH_SECONDS / call_seconds)))
