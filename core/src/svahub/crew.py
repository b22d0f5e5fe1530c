"""The threads that call providers: work goes in, results come out, and what nobody has begun can be taken back."""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Generic, TypeVar

W = TypeVar("W")
R = TypeVar("R")
GATHER_SECONDS = 0.05
WAKE_SECONDS = 0.02
"""Where there is enough to do for everybody, results are looked for so often: to wake for each takes turns away."""


class Results(Generic[W, R]):
    """What one or several crews have brought, in the order in which it ended."""

    def __init__(self) -> None:
        self._ended: queue.SimpleQueue[tuple[W, R]] = queue.SimpleQueue()
        self.put = self._ended.put

    def ended(self, seconds: float, *, plenty: bool) -> Iterator[tuple[W, R]]:
        """Return what has ended; the first is waited for so many seconds, for a moment where there is `plenty`."""
        if plenty:
            time.sleep(min(max(0.0, seconds), WAKE_SECONDS))
            seconds = 0.0
        try:
            yield self._ended.get(timeout=max(0.0, seconds))
            while True:
                yield self._ended.get_nowait()
        except queue.Empty:
            return


class Crew(Generic[W, R]):
    """Up to `threads` threads that apply one function; quicker than an executor's futures when there are thousands.

    A thread is made when there is work for it. What is more urgent, of `urgencies` from 0 on, is begun first. The
    `results` may be shared with other crews; who reads them there says of each that it has `done`.
    """

    def __init__(
        self, threads: int, call: Callable[[W], R], *, urgencies: int = 1, results: Results[W, R] | None = None
    ) -> None:
        self._call, self._most = call, threads
        self._turns: queue.SimpleQueue[bool] = queue.SimpleQueue()  # True for each work that waits, False ends a thread
        self._waiting: tuple[deque[W], ...] = tuple(deque() for _ in range(urgencies))
        self._results: Results[W, R] = Results() if results is None else results
        self._threads: list[Thread] = []
        self._under_way = 0

    def _work(self) -> None:
        while self._turns.get():
            work = self._most_urgent()
            self._results.put((work, self._call(work)))

    def _most_urgent(self) -> W:
        """Take what waits: there is some for whoever was given a turn."""
        while True:
            for waiting in self._waiting:
                if waiting:
                    try:
                        return waiting.popleft()
                    except IndexError:  # another thread was quicker
                        continue

    def begin(self, work: W, urgency: int = 0) -> None:
        """Have some thread do it."""
        self._waiting[urgency].append(work)
        self._turns.put(True)
        self._under_way += 1
        if len(self._threads) < min(self._most, self._under_way):
            self._start()

    def _start(self) -> None:
        thread = Thread(target=self._work, name=f"svahub-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    @property
    def not_begun(self) -> int:
        """How much waits for a thread, about."""
        return self._turns.qsize()

    @property
    def plenty(self) -> bool:
        """Whether there is more to do for every thread."""
        return self.not_begun > self._most

    @property
    def least_urgent(self) -> int | None:
        """How urgent the least urgent is that waits for a thread."""
        return next((u for u in reversed(range(len(self._waiting))) if self._waiting[u]), None)

    def take_back(self) -> Iterator[W]:
        """Return, and forget, what no thread has begun."""
        while True:
            try:
                self._turns.get_nowait()
            except queue.Empty:
                return
            self.done()
            yield self._most_urgent()

    def done(self) -> None:
        """Note that the result of one work was read, or that it was taken back."""
        self._under_way -= 1

    def ended(self, seconds: float) -> Iterator[tuple[W, R]]:
        """Return what has ended; the first is waited for so many seconds."""
        for pair in self._results.ended(seconds, plenty=self.plenty):
            self.done()
            yield pair

    def gather(self, ended: list[tuple[W, R]], many: int, monotonic: Callable[[], float]) -> None:
        """Add what has ended until there are so `many`, for a moment, so that many results share one commit."""
        deadline = monotonic() + GATHER_SECONDS
        while len(ended) < many and (left := deadline - monotonic()) > 0:
            before = len(ended)
            ended += self.ended(left)
            if len(ended) == before:
                break

    def dismiss(self) -> None:
        """Let every thread end once nothing waits."""
        for _ in self._threads:
            self._turns.put(False)
        for thread in self._threads:
            thread.join()
        self._threads = []
