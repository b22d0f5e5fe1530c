"""The threads that call providers: work goes in, results come out, and what nobody has begun can be taken back."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Generic, TypeVar

W = TypeVar("W")
R = TypeVar("R")
GATHER_SECONDS = 0.05
WAKE_SECONDS = 0.02
"""Where there is enough to do for everybody, results are looked for so often: to wake for each takes turns away."""


class Crew(Generic[W, R]):
    """`threads` threads that apply one function; quicker than an executor's futures when there are thousands."""

    def __init__(self, threads: int, call: Callable[[W], R]) -> None:
        self._call = call
        self._waiting: queue.SimpleQueue[W | None] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[tuple[W, R]] = queue.SimpleQueue()
        self._threads = [Thread(target=self._work, name=f"svahub-{n}", daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def _work(self) -> None:
        while (work := self._waiting.get()) is not None:
            self._ended.put((work, self._call(work)))

    def begin(self, work: W) -> None:
        """Have some thread do it."""
        self._waiting.put(work)

    @property
    def not_begun(self) -> int:
        """How much waits for a thread, about."""
        return self._waiting.qsize()

    def take_back(self) -> Iterator[W]:
        """Return, and forget, what no thread has begun."""
        while True:
            try:
                work = self._waiting.get_nowait()
            except queue.Empty:
                return
            if work is not None:
                yield work

    def ended(self, seconds: float) -> Iterator[tuple[W, R]]:
        """Return what has ended; the first is waited for so many seconds."""
        if self.not_begun > len(self._threads):
            time.sleep(min(max(0.0, seconds), WAKE_SECONDS))
            seconds = 0.0
        try:
            yield self._ended.get(timeout=max(0.0, seconds))
            while True:
                yield self._ended.get_nowait()
        except queue.Empty:
            return

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
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()
