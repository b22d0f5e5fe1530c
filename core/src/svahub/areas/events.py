"""What happened that somebody may want to hear of: what was told lately, and what is told from now on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from svahub.areas.bench import Bench
from svahub.store import StoreUnavailable, events
from svahub.store.rows import EventRow
from svahub.store.states import EventKind

PAGE = 500
POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Events:
    """The events of one tenant. Their numbers have no gaps and stand in the order of the commits."""

    bench: Bench

    def start(self, since: date | int | None, kinds: Collection[EventKind] = (), last: int | None = None) -> int:
        """Return the number after which to read: from a day of the tenant's on, or after a number.

        With `last`, only so many of the newest follow it.
        """
        with self.bench.store.read() as connection:
            after = since if isinstance(since, int) else 0
            if isinstance(since, date):
                after = events.number_before(connection, self.bench.tenant, self._midnight(since))
            if last is None:
                return after
            return events.number_before_last(connection, self.bench.tenant, kinds, last, after)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.bench.zone).astimezone(UTC)

    def until_now(self, after: int, kinds: Collection[EventKind] = ()) -> Iterator[Sequence[EventRow]]:
        """Yield what follows a number, in batches, up to the newest there is."""
        with self.bench.store.read() as connection:
            last = events.last_number(connection, self.bench.tenant)
        while after < last:
            batch, after = self._news(after, kinds)
            yield batch

    def follow(
        self,
        after: int,
        kinds: Collection[EventKind] = (),
        away: Callable[[StoreUnavailable | None], None] = lambda _error: None,
    ) -> Iterator[Sequence[EventRow]]:
        """Yield what follows a number, in batches, without end; an empty one whenever a second has brought nothing.

        A store that cannot be read is waited for: `away` hears of its error once, and None when it is back.
        """
        lost = False
        while True:
            batch: Sequence[EventRow] = ()
            try:
                batch, after = self._news(after, kinds)
                if lost:
                    away(None)
                lost = False
            except StoreUnavailable as error:
                if not lost:
                    away(error)
                lost = True
            yield batch
            if len(batch) < PAGE:
                self.bench.clock.sleep(POLL_SECONDS)

    def _news(self, after: int, kinds: Collection[EventKind]) -> tuple[Sequence[EventRow], int]:
        """Return a batch of what follows a number, and the number up to which all has been seen."""
        with self.bench.store.read() as connection:
            last = events.last_number(connection, self.bench.tenant)
            if last <= after:
                return (), after
            batch = events.following(connection, self.bench.tenant, kinds, after, PAGE)
        if len(batch) == PAGE:
            return batch, batch[-1].number
        return batch, max([last, *(event.number for event in batch[-1:])])
