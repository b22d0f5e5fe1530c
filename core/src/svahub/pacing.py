"""The limits of an integration that hold across workers: calls a second, and accounts that are called for at once.

A bucket that is never full: its row says from when on the next call may be made. Whoever leases moves that on by one
call for each, under the row's lock, and its threads begin at the instants that it was given so. What a step called
beyond that is added when its result is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from math import ceil
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from svahub.store import integrations, paces
from svahub.store.queue import Lane, Room

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from svahub.attempts import Undertaken
    from svahub.breaker import Asked
    from svahub.clock import Clock
    from svahub.fleet import Held
    from svahub.settings import IntegrationSettings
    from svahub.store import Store

    SettingsOf = Callable[[Lane], IntegrationSettings | None]

AHEAD = timedelta(seconds=0.4)
"""So far ahead a worker is given instants: longer than between two looks, and hardly more, as a worker that is late
makes its calls beside those of others."""


class Pacing:
    """What a worker's calls cost of the limits; `settings_of` says what these are, as far as that is known."""

    def __init__(self, settings_of: SettingsOf) -> None:
        self._settings_of = settings_of
        self._calls_each: dict[Lane, float] = {}

    # -- leasing -------------------------------------------------------------------------------------------------------

    def narrow(self, connection: Connection, rooms: dict[Lane, Room], now: datetime) -> None:
        """Leave no more room than limits do, and lock those for this transaction, in one order for all workers."""
        limited = [lane for lane, room in rooms.items() if room.accounts and self._is_limited(lane)]
        free_at = {lane: paces.lock(connection, lane, now) for lane in _in_order(limited)}
        held = paces.held(connection, now) if any(map(self._at_once, limited)) else Counter()
        for lane in limited:
            most = min(self._beginning(lane, free_at[lane], now), self._left(lane, held))
            rooms[lane] = rooms[lane]._replace(accounts=min(rooms[lane].accounts, max(0, most)))

    def _is_limited(self, lane: Lane) -> bool:
        return self._rate(lane) is not None or self._at_once(lane) is not None

    def _rate(self, lane: Lane) -> float | None:
        settings = self._settings_of(lane)
        return settings.calls_per_second if settings else None

    def _at_once(self, lane: Lane) -> int | None:
        settings = self._settings_of(lane)
        return settings.calls_at_once if settings else None

    def _left(self, lane: Lane, held: Counter[Lane]) -> int:
        limit = self._at_once(lane)
        return _MANY if limit is None else limit - held[lane]

    def _beginning(self, lane: Lane, free_at: datetime, now: datetime) -> int:
        """Return for how many accounts a call may begin soon."""
        rate = self._rate(lane)
        if rate is None:
            return _MANY
        return ceil((now + AHEAD - max(free_at, now)) / self._span(lane, rate))

    def _span(self, lane: Lane, rate: float) -> timedelta:
        """Return what the calls for one account take of the time that there is for calls."""
        return timedelta(seconds=self._calls_each.get(lane, 1.0) / rate)

    def give(self, connection: Connection, work: Sequence[Undertaken], now: datetime, monotonic: float) -> None:
        """Give each work that a limit is for an instant to begin at, by the monotonic clock."""
        free_at: dict[Lane, datetime] = {}
        for one in work:
            rate = one.opened.settings.calls_per_second
            if rate is not None:
                if one.lane not in free_at:
                    free_at[one.lane] = max(paces.lock(connection, one.lane, now), now)
                one.held.begins = monotonic + (free_at[one.lane] - now).total_seconds()
                one.held.reserved = self._span(one.lane, rate)
                free_at[one.lane] += one.held.reserved
        for lane in _in_order(free_at):
            paces.put(connection, lane, free_at[lane])

    # -- writing -------------------------------------------------------------------------------------------------------

    def settle(self, connection: Connection, ended: Iterable[tuple[Asked, Any]], now: datetime) -> None:
        """Add what was called beyond what was reserved; what was not used is lost, as its time has passed."""
        held: dict[Lane, list[Held]] = {}
        for asked, _ in ended:
            if self._rate(asked.lane) is not None:
                held.setdefault(asked.lane, []).append(asked.held)
        for lane in _in_order(held):
            self._settle(connection, lane, held[lane], now)

    def _settle(self, connection: Connection, lane: Lane, held: Sequence[Held], now: datetime) -> None:
        calls, one = sum(each.calls for each in held), timedelta(seconds=1 / (self._rate(lane) or _MANY))
        more = calls * one - sum((each.reserved for each in held), timedelta())
        if more > timedelta():
            paces.put(connection, lane, max(paces.lock(connection, lane, now), now) + more)
        each = self._calls_each.get(lane, 1.0)
        self._calls_each[lane] = max(1.0, each + (calls / len(held) - each) / 10)


_MANY = 1_000_000


def _in_order(lanes: Iterable[Lane]) -> list[Lane]:
    return sorted(lanes, key=attrgetter("tenant", "integration"))


def await_turn(store: Store, clock: Clock, lane: Lane, rate: float) -> None:
    """Wait until a call that no lease is for may be made; it is counted with all others."""
    with store.write() as connection:
        now = store.now(connection)
        if integrations.one(connection, lane.tenant, lane.integration) is None:
            return  # it is tried before it is registered
        begins = max(paces.lock(connection, lane, now), now)
        paces.put(connection, lane, begins + timedelta(seconds=1 / rate))
    if begins > now:
        clock.sleep((begins - now).total_seconds())
