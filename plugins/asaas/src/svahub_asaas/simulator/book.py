"""What the account holds of one kind: newest first, found by some of its fields without reading all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from svahub.testing import Records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from svahub.clock import Clock
    from svahub.testing import Request

T = TypeVar("T")


class Book(Generic[T]):
    """Frozen values by id; a write that lags is true at once and shown later."""

    def __init__(self, clock: Clock, filters: Mapping[str, Callable[[T], str | None]]) -> None:
        self._records: Records[T] = Records(clock)
        self._filters = filters
        self._ids: dict[str, dict[str, set[str]]] = {name: {} for name in filters}
        self._turns: dict[str, int] = {}

    def write(self, key: str, value: T, lag: float = 0.0) -> T:
        """Store the value and return it."""
        for name, read in self._filters.items():
            if (word := read(value)) is not None:
                self._ids[name].setdefault(word, set()).add(key)
        self._turns.setdefault(key, len(self._turns))
        return self._records.write(key, value, lag)

    def true(self, key: str) -> T | None:
        """Return the value as it is."""
        return self._records.truth.get(key)

    def seen(self, key: str) -> T | None:
        """Return the value as readers see it."""
        return self._records.seen(key)

    def true_ones(self, name: str, word: str) -> list[T]:
        """Return what bears a word, as it is, oldest first."""
        keys = sorted(self._ids[name].get(word, ()), key=self._turns.__getitem__)
        return [value for key in keys if self._filters[name](value := self._records.truth[key]) == word]

    def asked_for(self, request: Request) -> Iterator[T]:
        """Iterate, newest first, over what the query's filters of this book let through."""
        return self.newest({name: word for name, word in request.query.items() if name in self._filters})

    def newest(self, wanted: Mapping[str, str]) -> Iterator[T]:
        """Iterate, newest first, over what bears these words, as readers see it."""
        for key in self._candidates(wanted):
            value = self._records.seen(key)
            if value is not None and all(self._filters[name](value) == word for name, word in wanted.items()):
                yield value

    def _candidates(self, wanted: Mapping[str, str]) -> Iterable[str]:
        if not wanted:
            return reversed(self._turns)
        # What bore a word once stays under it: who asks looks at the value itself.
        fewest = min((self._ids[name].get(word, set()) for name, word in wanted.items()), key=len)
        return sorted(fewest, key=self._turns.__getitem__, reverse=True)

    def __iter__(self) -> Iterator[T]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)
