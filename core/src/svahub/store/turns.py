"""Turns at writing: the threads of one process write in the order in which they come.

SQLite itself lets in whoever asks at the right moment, so that one thread that writes without a pause would keep the
others waiting until they give up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class TooLong(Exception):
    """The turn did not come in time."""


class Turns:
    """One turn at a time, handed on from thread to thread."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._guard, self._taken = Lock(), False
        self._queue: deque[Lock] = deque()

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._queue)

    @contextmanager
    def mine(self) -> Iterator[None]:
        """Wait for the turn and keep it until the block ends; raises TooLong when it does not come."""
        self._take()
        try:
            yield
        finally:
            self._hand_on()

    def _take(self) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            turn = Lock()
            turn.acquire()
            self._queue.append(turn)
        try:
            came = turn.acquire(timeout=self._seconds)
        except BaseException:  # Ctrl-C: the turn of who waits no more is not to be lost to the others
            if not self._leave(turn):
                self._hand_on()
            raise
        if not came and self._leave(turn):
            raise TooLong

    def _leave(self, turn: Lock) -> bool:
        """Wait no more; return False when the turn has come meanwhile."""
        with self._guard:
            if turn not in self._queue:
                return False
            self._queue.remove(turn)
            return True

    def _hand_on(self) -> None:
        with self._guard:
            if self._queue:
                self._queue.popleft().release()
            else:
                self._taken = False
