"""What a simulated provider stores: the truth, and what readers see of it, which may lag behind."""

from __future__ import annotations

import heapq
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from svahub.clock import Clock

T = TypeVar("T")


class Records(Generic[T]):
    """Frozen values by key; a page costs what it holds, however many there are.

    `truth` is what there is, by key, and iterating brings its values, seen or not; `seen` and `page` are for readers.
    `group` (a status, say) is what listings can be narrowed by. A write that lags shows only when its time has come,
    and a later one never shows before an earlier one of the same key.
    """

    def __init__(self, clock: Clock, group: Callable[[T], str] = lambda _value: "") -> None:
        self.truth: dict[str, T] = {}
        self._clock, self._group = clock, group
        self._seen: dict[str, T] = {}
        self._order: list[str] = []
        self._groups: dict[str, list[str]] = {}
        self._waiting: list[tuple[datetime, int, str, T]] = []
        self._turns = count()
        self._shown_turn: dict[str, int] = {}

    def write(self, key: str, value: T, lag: float = 0.0) -> T:
        """Store the value now and show it to readers `lag` seconds later; return it."""
        self.truth[key] = value
        if lag:
            due = self._clock.now() + timedelta(seconds=lag)
            heapq.heappush(self._waiting, (due, next(self._turns), key, value))
        elif self._waiting:
            self._show_in_turn(next(self._turns), key, value)
        else:
            self._show(key, value)
        return value

    def forget(self, key: str) -> None:
        """Lose a record without a trace, as if it had never been there."""
        del self.truth[key]
        self._waiting = [waiting for waiting in self._waiting if waiting[2] != key]
        heapq.heapify(self._waiting)
        if key in self._seen:
            self._groups.pop(self._group(self._seen.pop(key)), None)
            self._order.remove(key)

    def seen(self, key: str) -> T | None:
        """Return the value that readers see."""
        self._reveal()
        return self._seen.get(key)

    def page(self, number: int, limit: int, group: str | None = None) -> tuple[list[T], int]:
        """Return the rows of one page, counted from 1, and how many rows there are in all."""
        self._reveal()
        keys = self._order if group is None else self._keys_of(group)
        return [self._seen[key] for key in keys[(number - 1) * limit : number * limit]], len(keys)

    def __iter__(self) -> Iterator[T]:
        """Iterate over everything that there is, in the order in which it came, whether readers see it yet or not."""
        return iter(list(self.truth.values()))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.truth)

    def _reveal(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._clock.now():
            _, turn, key, value = heapq.heappop(self._waiting)
            self._show_in_turn(turn, key, value)
        if not self._waiting:
            self._shown_turn.clear()

    def _show_in_turn(self, turn: int, key: str, value: T) -> None:
        if turn > self._shown_turn.get(key, -1):
            self._shown_turn[key] = turn
            self._show(key, value)

    def _show(self, key: str, value: T) -> None:
        before = self._seen.get(key)
        self._seen[key] = value
        group = self._group(value)
        if before is None:
            self._order.append(key)
            if group in self._groups:
                self._groups[group].append(key)
        elif self._group(before) != group:
            self._groups.pop(group, None)
            self._groups.pop(self._group(before), None)

    def _keys_of(self, group: str) -> list[str]:
        if group not in self._groups:
            self._groups[group] = [key for key in self._order if self._group(self._seen[key]) == group]
        return self._groups[group]
