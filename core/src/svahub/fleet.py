"""The integrations that this process can call now: opened on first use, opened anew when their row changes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from svahub import logbook
from svahub.clock import Clock
from svahub.errors import AuthenticationFailed, NotSent, ProviderError, RateLimited, Refused
from svahub.exchange import Exchange
from svahub.opening import Opened, configured, open_integration
from svahub.registry import Registry
from svahub.settings import Auth
from svahub.store import Store, integrations
from svahub.store.queue import Lane
from svahub.store.rows import IntegrationRow
from svahub.store.states import IntegrationState

LOOK_AGAIN_SECONDS = 30.0
"""After so long it is tried again to open an integration that could not be: its plugin or secret may be back."""


@dataclass(slots=True)
class Held:
    """Until when, by the monotonic clock, a lease surely holds; renewing moves it. And how long its call took."""

    deadline: float
    seconds: float = 0.0


_held: ContextVar[Held | None] = ContextVar("svahub_held", default=None)


@contextmanager
def holding(held: Held) -> Iterator[None]:
    """Let this thread send only while `held` outlasts its calls."""
    token = _held.set(held)
    try:
        yield
    finally:
        _held.reset(token)


class ExchangeLog:
    """Exchanges that wait to be written with the next batch, so that recording costs no transaction of its own."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, str, Exchange]] = deque()

    def recorder(self, lane: Lane, *, sensitive: bool = True) -> _LaneRecorder:
        """Return what a client of that integration records to."""
        return _LaneRecorder(lane, self._waiting, sensitive)

    def waiting(self) -> list[tuple[str, str, Exchange]]:
        """Return what has been recorded; it waits on until it is forgotten."""
        return list(self._waiting)

    def forget(self, count: int) -> None:
        """Forget the oldest, once they are written."""
        for _ in range(count):
            self._waiting.popleft()


@dataclass(frozen=True, slots=True)
class _LaneRecorder:
    lane: Lane
    waiting: deque[tuple[str, str, Exchange]]
    sensitive: bool

    def record(self, exchange: Exchange) -> None:
        logbook.exchanged(self.lane, exchange, sensitive=self.sensitive)
        self.waiting.append((self.lane.tenant, self.lane.integration, exchange))


class Fleet:
    """What can be called, what cannot and why; `tenants` restricts it (empty: all).

    With a `store`, a call whose credentials are refused looks there for newer ones before it fails.
    """

    def __init__(
        self, registry: Registry, clock: Clock, tenants: Collection[str] = (), store: Store | None = None
    ) -> None:
        self._registry, self._clock, self._tenants, self._store = registry, clock, tenants, store
        self._opened: dict[Lane, Opened] = {}
        self._outdated: set[Lane] = set()
        self._rows: dict[Lane, IntegrationRow] = {}
        self._retired: list[Opened] = []
        self._stopped: dict[Lane, float] = {}
        self.log = ExchangeLog()
        self.problems: dict[Lane, str] = {}
        self._looked: dict[Lane, float] = {}

    def refresh(self, connection: Connection, now: datetime) -> None:
        """Read the rows anew; what has changed is opened anew when it is next used. `now` is the store's instant."""
        rows = {Lane(r.tenant, r.name): r for r in integrations.every(connection) if self._serves(r)}
        for lane in [lane for lane, row in self._rows.items() if _configuration(rows.get(lane)) != _configuration(row)]:
            self._retire(lane)
        while self._outdated:
            self._retire(self._outdated.pop())
        self._rows = rows
        for lane, row in rows.items():
            if row.paused_until is not None and row.paused_until > now:
                self.pause(lane, (row.paused_until - now).total_seconds())

    def _retire(self, lane: Lane) -> None:
        """Forget what was known of a lane: what it was stopped for may be mended."""
        self.problems.pop(lane, None)
        self._stopped.pop(lane, None)
        if opened := self._opened.pop(lane, None):
            self._retired.append(opened)  # calls may be under way

    def _serves(self, row: IntegrationRow) -> bool:
        return not self._tenants or row.tenant in self._tenants

    def lanes(self, now: datetime) -> list[Lane]:
        """Return the integrations that may be called now."""
        lanes = (lane for lane, row in self._rows.items() if self._may_run(row, now) and not self._is_stopped(lane))
        return [lane for lane in lanes if self._usable(lane)]

    def every_lane(self) -> list[Lane]:
        """Return all integrations, also those that cannot be called."""
        return list(self._rows)

    def _may_run(self, row: IntegrationRow, now: datetime) -> bool:
        return row.state is IntegrationState.ENABLED and (row.paused_until is None or row.paused_until <= now)

    def _usable(self, lane: Lane) -> bool:
        now = self._clock.monotonic()
        if lane in self.problems and now - self._looked[lane] < LOOK_AGAIN_SECONDS:
            return False
        self._looked[lane] = now
        self.problems.pop(lane, None)
        try:
            self.opened(lane)
        except (Refused, ProviderError) as error:
            self.problems[lane] = str(error)
        return lane not in self.problems

    def opened(self, lane: Lane) -> Opened:
        """Return an integration ready to be called; raises what `open_integration` raises."""
        if lane not in self._opened:
            self._opened[lane] = open_integration(
                self._rows[lane],
                self._registry,
                clock=self._clock,
                recorder=self.log.recorder(lane, sensitive=self.is_sensitive(lane)),
                gate=self._gate(lane),
                reread=lambda: self._reread(lane),
            )
        return self._opened[lane]

    def is_sensitive(self, lane: Lane) -> bool:
        """Say whether it tells something sensitive of a person that this integration serves them, or may."""
        row = self._rows.get(lane)
        try:
            return row is None or self._registry.provider(row.provider).sensitive
        except Refused:
            return True

    def _reread(self, lane: Lane) -> Sequence[Auth]:
        """Return the credentials as they are kept now, none when that cannot be told; runs in the thread of a call.

        What was opened with other secrets is opened anew when it is next used.
        """
        try:
            row = self._row(lane)
            if row is None or row.state is not IntegrationState.ENABLED:
                return ()
            settings, auths = configured(self._registry.provider(row.provider), row)
        except (Refused, ProviderError):
            return ()  # the provider's refusal is what is told
        opened = self._opened.get(lane)
        if opened is not None and opened.settings != settings:
            self._outdated.add(lane)
        return auths

    def _row(self, lane: Lane) -> IntegrationRow | None:
        if self._store is None:
            return self._rows.get(lane)
        with self._store.read() as connection:
            return integrations.one(connection, lane.tenant, lane.integration)

    def uses(self, opened: Opened) -> bool:
        """Say whether this is what is called now, opened with what its row and its secrets still say."""
        return self._opened.get(opened.lane) is opened and opened.lane not in self._outdated

    def proven(self) -> list[IntegrationRow]:
        """Return the rows whose former secrets are no longer needed: the provider has taken the new ones."""
        opened = [self._opened.get(lane) for lane, row in self._rows.items() if row.former_secrets is not None]
        return [one.row for one in opened if one is not None and one.client.proven]

    def _gate(self, lane: Lane) -> Callable[[float], None]:
        def gate(timeout: float) -> None:
            held = _held.get()
            if self._is_stopped(lane) or not self._enabled(lane):
                raise NotSent("the integration is paused, quarantined or disabled")
            if held is not None and self._clock.monotonic() + timeout > held.deadline:
                raise NotSent("the lease does not outlast the call")

        return gate

    def _is_stopped(self, lane: Lane) -> bool:
        return self._stopped.get(lane, float("-inf")) > self._clock.monotonic()

    def _enabled(self, lane: Lane) -> bool:
        row = self._rows.get(lane)
        return row is not None and row.state is IntegrationState.ENABLED

    def heed(self, opened: Opened, result: object) -> None:
        """Let no further call out as soon as one has told that it would be in vain; the store hears of it later."""
        if isinstance(result, AuthenticationFailed) and self.uses(opened):
            self.pause(opened.lane, LOOK_AGAIN_SECONDS)
        elif isinstance(result, RateLimited) and result.retry_after is not None:
            self.pause(opened.lane, result.retry_after)

    def pause(self, lane: Lane, seconds: float) -> None:
        """Let no call of this integration out for so long."""
        until = self._clock.monotonic() + seconds
        self._stopped[lane] = max(until, self._stopped.get(lane, until))

    def longest_timeout(self) -> timedelta:
        """Return how long a call of any opened integration may take."""
        return timedelta(seconds=max((o.settings.timeout for o in self._opened.values()), default=5.0))

    def close(self) -> None:
        """Close every connection to a provider."""
        for opened in (*self._opened.values(), *self._retired):
            opened.client.close()
        self._opened.clear()


def _configuration(row: IntegrationRow | None) -> tuple[object, ...] | None:
    if row is None:
        return None
    return row.provider, row.environment, row.base_url, row.settings, row.secrets_at, row.state
