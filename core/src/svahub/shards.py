"""In which of 64 parts an account lies, and at which of them a worker looks now. Who says where: `runners`."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Event, Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

SHARDS = 64


def shard_of(account_key: str) -> int:
    """Return where an account lies: its key is a hash already."""
    return int(account_key[-2:], 16) % SHARDS


class Look:
    """One look of a worker at a shard, until it ends."""

    def __init__(self, shard: int, nothing_due: Callable[[], object]) -> None:
        self.shard, self.nothing_due = shard, nothing_due


class Shards:
    """Where a worker looks: one thread leases there, another begins looks and ends them.

    `due` hears now and then which shards have something due, and how urgent the most urgent of it is.
    """

    def __init__(self) -> None:
        self._lock, self._news = Lock(), Event()
        self._looks: dict[Look, None] = {}
        self.due: Callable[[Mapping[int, int]], None] = lambda _due: None

    @contextmanager
    def looking(self, shard: int, nothing_due: Callable[[], object]) -> Iterator[None]:
        """Have the worker look at a shard until the block ends; `nothing_due` is called in the worker's thread."""
        look = Look(shard, nothing_due)
        with self._lock:
            self._looks[look] = None
        self._news.set()
        try:
            yield
        finally:
            with self._lock:
                del self._looks[look]

    @property
    def looks(self) -> tuple[Look, ...]:
        """What the worker looks at now."""
        with self._lock:
            return tuple(self._looks)

    @property
    def held(self) -> frozenset[int]:
        """The shards that it looks at now."""
        return frozenset(look.shard for look in self.looks)

    def looked(self, looks: Collection[Look], due: Collection[int]) -> None:
        """Tell those looks at whose shards nothing is `due` any more."""
        with self._lock:
            for look in looks:
                if look in self._looks and look.shard not in due:
                    look.nothing_due()

    def rest(self, seconds: float) -> None:
        """Wait for a new look, so long at most."""
        self._news.wait(seconds)
        self._news.clear()
