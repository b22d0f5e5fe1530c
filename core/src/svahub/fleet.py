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
from svahub.breaker import Breakers
from svahub.clock import Clock
from svahub.errors import AuthenticationFailed, NotSent, ProviderError, RateLimited, Refused
from svahub.exchange import Exchange, Recorder
from svahub.opening import Opened, configured, open_integration
from svahub.pacing import Pacing
from svahub.registry import Registry
from svahub.settings import Auth, IntegrationSettings
from svahub.shared_tokens import SharedTokens
from svahub.store import Store, breakers, integrations, journal
from svahub.store.queue import Lane
from svahub.store.rows import IntegrationRow
from svahub.store.states import IntegrationState
from svahub.tokens import TOKENS

LEASE_SECONDS = 10.0
LOOK_AGAIN_SECONDS = 30.0
"""After so long it is tried again to open an integration that could not be: its plugin or secret may be back."""


@dataclass(slots=True)
class Held:
    """Until when, by the monotonic clock, a lease surely holds; renewing moves it. And what came of it.

    That is how long it took, how often it called, and whether the provider did something, or may have (`wrote`). A
    `probe` may call a provider that answers nobody. Where calls are limited, it `begins` at an instant of that clock,
    and as much time was `reserved` for its calls.
    """

    deadline: float
    seconds: float = 0.0
    calls: int = 0
    wrote: bool = False
    probe: bool = False
    begins: float | None = None
    reserved: timedelta = timedelta()


_held: ContextVar[Held | None] = ContextVar("svahub_held", default=None)


@contextmanager
def holding(held: Held) -> Iterator[None]:
    """Let this thread send only while `held` outlasts its calls."""
    token = _held.set(held)
    try:
        yield
    finally:
        _held.reset(token)


Waiting = tuple[str, str, Exchange]
"""An exchange that is not written yet, with its tenant and integration."""


class ExchangeLog:
    """Exchanges that wait to be written with the next batch, so that recording costs no transaction of its own."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._unanswered = 0

    def recorder(self, lane: Lane, *, sensitive: bool = True) -> Recorder:
        """Return what a client of that integration records to."""
        return _LaneRecorder(lane, self._waiting, sensitive)

    def waiting(self) -> list[Waiting]:
        """Return what has been recorded and is not written yet."""
        return list(self._waiting)

    @contextmanager
    def writing(self, store: Store) -> Iterator[tuple[Connection, list[Waiting]]]:
        """Open a transaction that writes what waits; that is forgotten once it is durable.

        If the store did not answer the last time, it may have kept that: it is not written once more.
        """
        with store.write() as connection:
            if self._unanswered and journal.holds(connection, *self._waiting[0]):
                self._forget(self._unanswered)
            waiting = self.waiting()
            self._unanswered = len(waiting)
            yield connection, waiting
        self._forget(len(waiting))

    def _forget(self, count: int) -> None:
        for _ in range(count):
            self._waiting.popleft()
        self._unanswered = 0


@dataclass(frozen=True, slots=True)
class _LaneRecorder:
    lane: Lane
    waiting: deque[Waiting]
    sensitive: bool

    def record(self, exchange: Exchange) -> None:
        logbook.exchanged(self.lane, exchange, sensitive=self.sensitive)
        self.waiting.append((self.lane.tenant, self.lane.integration, exchange))
        if exchange.wrote and (held := _held.get()):
            held.wrote = True


class Fleet:
    """What can be called, what cannot and why; `tenants` restricts it (empty: all).

    With a `store`, a call whose credentials are refused looks there for newer ones before it fails, and its token is
    shared with other processes.
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
        self._paused: dict[Lane, float] = {}
        self._told: dict[Lane, str] = {}
        self.log = ExchangeLog()
        self.problems: dict[Lane, str] = {}
        self._looked: dict[Lane, float] = {}
        self.breakers, self.pacing = Breakers(), Pacing(self._settings_of)

    @property
    def tenants(self) -> Collection[str]:
        """Whose integrations these are; none named: everybody's."""
        return self._tenants

    def refresh(self, connection: Connection, now: datetime) -> None:
        """Read the rows anew; what has changed is opened anew when it is next used. `now` is the store's instant."""
        rows = {Lane(r.tenant, r.name): r for r in integrations.every(connection) if self._serves(r)}
        for lane in [lane for lane, row in self._rows.items() if _configuration(rows.get(lane)) != _configuration(row)]:
            self._retire(lane)
        while self._outdated:
            self._retire(self._outdated.pop())
        self._rows = rows
        self.breakers.know(breakers.every(connection))
        began = self._clock.monotonic()
        until = ((lane, row.paused_until) for lane, row in rows.items() if row.paused_until is not None)
        self._paused = {lane: began + (end - now).total_seconds() for lane, end in until if end > now}

    def _retire(self, lane: Lane) -> None:
        """Forget what was known of a lane: what it was stopped for may be mended."""
        self.problems.pop(lane, None)
        self._stopped.pop(lane, None)
        if opened := self._opened.pop(lane, None):
            self._retired.append(opened)  # calls may be under way

    def close_retired(self, used: Collection[Opened]) -> None:
        """Close what is out of date, but for what calls under way use."""
        under_way = set(map(id, used))
        unused = [opened for opened in self._retired if id(opened) not in under_way]
        self._retired = [opened for opened in self._retired if id(opened) in under_way]
        for opened in unused:
            opened.client.close()

    def _serves(self, row: IntegrationRow) -> bool:
        return not self._tenants or row.tenant in self._tenants

    def lanes(self, now: datetime, among: Collection[Lane] | None = None, *, also_silent: bool = False) -> list[Lane]:
        """Return the integrations, or those `among` some, that may be called now; `also_silent` that do not answer."""
        lanes = (lane for lane, row in self._rows.items() if self._may_run(row, now) and not self._is_stopped(lane))
        if not also_silent:
            lanes = (lane for lane in lanes if self.breakers.may_be_called(lane, now))
        return [lane for lane in lanes if (among is None or lane in among) and self._usable(lane)]

    def every_lane(self) -> list[Lane]:
        """Return all integrations, also those that cannot be called."""
        return list(self._rows)

    def _may_run(self, row: IntegrationRow, now: datetime) -> bool:
        return row.state is IntegrationState.ENABLED and (row.paused_until is None or row.paused_until <= now)

    def _usable(self, lane: Lane) -> bool:
        now = self._clock.monotonic()
        amiss = lane in self.problems or (lane in self._opened and self._opened[lane].unreadable)
        if not amiss or now - self._looked.get(lane, now) >= LOOK_AGAIN_SECONDS:
            self._look(lane, anew=bool(amiss))
        return lane not in self.problems

    def _look(self, lane: Lane, *, anew: bool) -> None:
        """Open a lane if that can be done, and tell where it has changed what stands against it."""
        self._looked[lane] = self._clock.monotonic()
        if anew:
            self._retire(lane)
        try:
            self._tell(lane, self.opened(lane).unreadable)
        except (Refused, ProviderError) as error:
            self.problems[lane] = str(error)
            self._tell(lane, str(error))

    def _tell(self, lane: Lane, problem: str | None) -> None:
        before = self._told.pop(lane, None)
        if problem is None:
            if before is not None:
                logbook.usable_again(lane)
            return
        self._told[lane] = problem
        if problem != before:
            logbook.unusable(lane, problem, instead=lane in self._opened)

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
                tokens=SharedTokens(self._store, lane) if self._store else TOKENS,
            )
        return self._opened[lane]

    def _settings_of(self, lane: Lane) -> IntegrationSettings | None:
        opened = self._opened.get(lane)
        return opened.settings if opened else None

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
            settings, auths, _ = configured(self._registry.provider(row.provider), row)
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

    def judges(self, opened: Opened) -> bool:
        """Say whether what its provider takes and refuses tells of the secrets that are kept now."""
        return self.uses(opened) and opened.unreadable is None

    def proven(self) -> list[IntegrationRow]:
        """Return the rows whose former secrets are no longer needed: the provider has taken the new ones."""
        opened = [self._opened.get(lane) for lane, row in self._rows.items() if row.former_secrets is not None]
        return [one.row for one in opened if one is not None and self.judges(one) and one.client.proven]

    def _gate(self, lane: Lane) -> Callable[[float], None]:
        def gate(timeout: float) -> None:
            held = _held.get()
            if self._is_stopped(lane) or not self._enabled(lane):
                raise NotSent("the integration is paused, quarantined or disabled")
            if self.breakers.hold_back(lane) and (held is None or not held.probe):
                raise NotSent("the provider answers nobody: it is only probed")
            if held is not None and self._clock.monotonic() + timeout > held.deadline:
                raise NotSent("the lease does not outlast the call")
            if held is not None:
                held.calls += 1

        return gate

    def _is_stopped(self, lane: Lane) -> bool:
        now = self._clock.monotonic()
        return self._stopped.get(lane, now) > now or self._paused.get(lane, now) > now

    def _enabled(self, lane: Lane) -> bool:
        row = self._rows.get(lane)
        return row is not None and row.state is IntegrationState.ENABLED

    def heed(self, opened: Opened, result: object) -> None:
        """Let no further call out as soon as one has told that it would be in vain; the store hears of it later."""
        if isinstance(result, AuthenticationFailed) and self.uses(opened):
            self.pause(opened.lane, LOOK_AGAIN_SECONDS)
        elif isinstance(result, RateLimited) and result.retry_after is not None:
            self.pause(opened.lane, result.retry_after)
        held = _held.get()
        if held is None or held.calls:
            self.breakers.heed(opened.lane, result, opened.settings.breaker_failures)

    def pause(self, lane: Lane, seconds: float) -> None:
        """Let no call of this integration out for so long."""
        until = self._clock.monotonic() + seconds
        self._stopped[lane] = max(until, self._stopped.get(lane, until))

    @property
    def lease_seconds(self) -> float:
        """How long a lease is: never shorter than twice the longest call."""
        return max(LEASE_SECONDS, 2 * self.longest_timeout().total_seconds())

    def longest_timeout(self) -> timedelta:
        """Return how long a call of any opened integration may take."""
        return timedelta(seconds=max((o.settings.timeout for o in self._opened.values()), default=5.0))

    def close(self) -> None:
        """Close every connection to a provider."""
        for lane in list(self._opened):
            self._retire(lane)
        self.close_retired(())


def _configuration(row: IntegrationRow | None) -> tuple[object, ...] | None:
    if row is None:
        return None
    return row.provider, row.environment, row.base_url, row.settings, row.secrets_at, row.state
