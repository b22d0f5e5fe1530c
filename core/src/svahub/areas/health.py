"""How it stands with what a tenant has sold: counts by integration and state, what is stuck, what comes next."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from svahub import presence
from svahub.areas.bench import Bench
from svahub.areas.integrations import Integrations
from svahub.areas.subscriptions import Subscriptions
from svahub.store import breakers, health, integrations, messages, sales, tasks
from svahub.store.health import Unread
from svahub.store.queue import Lane
from svahub.store.rows import BreakerRow
from svahub.store.states import BreakerState, Phase, State
from svahub.waiting import Stop

PARKED = "svahub operations list --outcome parked"
PARKED_TASKS = "svahub tasks list --outcome parked"
FAILED = "svahub inbox list --state failed"
PERSONAL = frozenset({State.PARKED, State.QUARANTINED, State.MISSING_PLUGIN, State.DUE})
"""What stands still in these states waits for a person; what is due stands still where something keeps it from here."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many subscriptions of an integration are in which state; every state has its number."""

    tenant: str
    integration: str
    total: int
    states: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Beside:
    """What waits at an integration beside its subscriptions: tasks by state, and deliveries that are not read.

    `unread_since` is when the oldest of them came; `failed` are those that could not be read.
    """

    tenant: str
    integration: str
    tasks: Mapping[str, int]
    unread: int
    unread_since: datetime | None
    unread_seconds: float | None
    failed: int


@dataclass(frozen=True, slots=True)
class Stuck:
    """What stands still at an integration, why, and the next command; `person`: only a person brings it on.

    What another system has not taken stands still at `outbox NAME`.
    """

    tenant: str
    integration: str
    state: State
    subscriptions: int
    cause: str | None
    next: str
    person: bool
    tasks: int = 0
    deliveries: int = 0
    messages: int = 0

    @property
    def what(self) -> str:
        """Say how many of what stand still."""
        counts = (
            (self.subscriptions, "subscription"), (self.tasks, "task"), (self.deliveries, "delivery"),
            (self.messages, "message"),
        )  # fmt: skip
        told = [f"{count} {_plural(name) if count != 1 else name}" for count, name in counts if count]
        return " and ".join(told) or "0 subscriptions"


@dataclass(frozen=True, slots=True)
class Silence:
    """A provider that answers nobody, since when and why; `state` is open, or probing while a probe is under way."""

    tenant: str
    integration: str
    state: BreakerState
    since: datetime
    cause: str
    probes: int
    next_probe_at: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """How it stands: `oldest_due_at` is since when something is due that nobody has in hand; so many `workers` live."""

    integrations: tuple[Tally, ...]
    beside: tuple[Beside, ...]
    stuck: tuple[Stuck, ...]
    oldest_due_at: datetime | None
    oldest_due_seconds: float | None
    next_retry_at: datetime | None
    needs_person: bool
    silent: tuple[Silence, ...] = ()
    workers: int = 0


def together(statuses: Sequence[Status]) -> Status:
    """Return how it stands with several tenants."""
    return Status(
        tuple(tally for status in statuses for tally in status.integrations),
        tuple(beside for status in statuses for beside in status.beside),
        tuple(stuck for status in statuses for stuck in status.stuck),
        min((s.oldest_due_at for s in statuses if s.oldest_due_at), default=None),
        max((s.oldest_due_seconds for s in statuses if s.oldest_due_seconds is not None), default=None),
        min((s.next_retry_at for s in statuses if s.next_retry_at), default=None),
        any(status.needs_person for status in statuses),
        tuple(silence for status in statuses for silence in status.silent),
        max((status.workers for status in statuses), default=0),
    )


@dataclass(frozen=True, slots=True)
class Health:
    """How it stands with one tenant."""

    bench: Bench

    def status(self) -> Status:
        """Return the counts, what is stuck, how long the oldest is due, and when the next retry is."""
        areas = Subscriptions(self.bench), Integrations(self.bench)
        obstacles = areas[1].obstacles()
        with self.bench.store.read() as connection:
            now = self.bench.store.now(connection)
            stopped = areas[0].stopped(connection, now)
            counts = self._counts(connection, stopped)
            beside = self._beside(connection, stopped, now)
            runs = [lane for lane in self._lanes(connection) if lane.integration not in stopped]
            oldest = health.first_due(connection, runs, now)
            retry = health.first_due(connection, runs, now, later=True)
            untold = messages.tallies(connection, [self.bench.tenant])
            silent = tuple(map(_silence, breakers.opened(connection, self.bench.tenant).values()))
            living = len(presence.living(connection, now, self.bench.tenant))
        tallies = tuple(self._tally(name, counts[name]) for name in sorted(counts))
        stuck = (*self._stuck(counts, beside, stopped, obstacles), *self._untold(untold))
        age = None if oldest is None else (now - oldest).total_seconds()
        person = any(s.person for s in stuck)
        return Status(tallies, tuple(beside.values()), stuck, oldest, age, retry, person, silent, living)

    def beside(self) -> tuple[Beside, ...]:
        """Return what waits beside subscriptions, of integrations where something does."""
        with self.bench.store.read() as connection:
            now = self.bench.store.now(connection)
            stopped = Subscriptions(self.bench).stopped(connection, now)
            return tuple(self._beside(connection, stopped, now).values())

    def _beside(self, connection: Connection, stopped: Mapping[str, Stop], now: datetime) -> dict[str, Beside]:
        counted: dict[str, Counter[str]] = defaultdict(Counter)
        for (name, phase), count in tasks.counts(connection, self.bench.tenant).items():
            counted[name][_state(phase, stopped.get(name)).value] += count
        names = [lane.integration for lane in self._lanes(connection)]
        unread = health.deliveries(connection, self.bench.tenant, names)
        found = {}
        for name in sorted(counted.keys() | unread.keys()):
            one = unread.get(name, Unread())
            age = None if one.since is None else (now - one.since).total_seconds()
            told = dict(sorted(counted[name].items()))
            found[name] = Beside(self.bench.tenant, name, told, one.waiting, one.since, age, one.failed)
        return found

    def _lanes(self, connection: Connection) -> list[Lane]:
        return [Lane(row.tenant, row.name) for row in integrations.of_tenant(connection, self.bench.tenant)]

    def _counts(self, connection: Connection, stopped: Mapping[str, Stop]) -> dict[str, Counter[State]]:
        """Count by integration and state as people see it; an integration without subscriptions has none."""
        counts: dict[str, Counter[State]] = {lane.integration: Counter() for lane in self._lanes(connection)}
        running = health.running(connection, self.bench.tenant)
        for (_, name, phase), count in sales.phase_counts(connection, [self.bench.tenant]).items():
            under_way = min(running[name, phase], count)
            of_it = counts.setdefault(name, Counter())
            of_it[State.RUNNING] += under_way
            of_it[_state(phase, stopped.get(name))] += count - under_way
        return counts

    def _tally(self, name: str, counts: Counter[State]) -> Tally:
        return Tally(self.bench.tenant, name, counts.total(), {state.value: counts[state] for state in State})

    def _stuck(
        self,
        counts: Mapping[str, Counter[State]],
        beside: Mapping[str, Beside],
        stopped: Mapping[str, Stop],
        obstacles: Mapping[str, str],
    ) -> Iterable[Stuck]:
        for name in sorted(counts.keys() | beside.keys() | stopped.keys()):
            here, also = counts.get(name, Counter()), beside.get(name)
            if here[State.PARKED]:
                yield self._line(name, State.PARKED, here, None, "each waits for a person", f"`{PARKED}`")
            if also and also.tasks.get(State.PARKED):
                yield self._line(name, State.PARKED, Counter(), also, "each waits for a person", f"`{PARKED_TASKS}`")
            if also and also.failed:
                yield self._failed(name, also.failed)
            if stop := stopped.get(name):
                yield self._line(name, stop.state, here, also, stop.cause, _next(stop))
            elif obstacle := obstacles.get(name):
                next_ = f"mend it where `svahub work` runs, then `svahub integration test {name}`"
                yield self._line(name, State.DUE, here, also, obstacle, next_)

    def _line(
        self, name: str, state: State, here: Counter[State], also: Beside | None, cause: str | None, next_: str
    ) -> Stuck:
        tasks = also.tasks.get(state.value, 0) if also else 0
        unread = also.unread if also and state is not State.PARKED else 0
        person = bool(here[state] + tasks + unread) and state in PERSONAL
        return Stuck(self.bench.tenant, name, state, here[state], cause, next_, person, tasks, unread)

    def _failed(self, name: str, count: int) -> Stuck:
        cause, next_ = "each could not be read", f"`{FAILED}`, then `svahub inbox replay ID` once its cause is mended"
        return Stuck(self.bench.tenant, name, State.PARKED, 0, cause, next_, person=True, deliveries=count)

    def _untold(self, tallies: Mapping[tuple[str, str], messages.Tally]) -> Iterable[Stuck]:
        for (tenant, name), tally in sorted(tallies.items()):
            if tally.parked:
                cause, next_ = "each was not taken for three days", f"`svahub outbox status --target {name}`"
                where, count = f"outbox {name}", tally.parked
                yield Stuck(tenant, where, State.PARKED, 0, cause, next_, person=True, messages=count)


def _plural(name: str) -> str:
    return "deliveries" if name == "delivery" else f"{name}s"


def _silence(row: BreakerRow) -> Silence:
    return Silence(row.tenant, row.integration, row.state, row.since, row.cause, row.probes, row.probe_at)


def _next(stop: Stop) -> str:
    if stop.state is State.MISSING_PLUGIN:
        return (stop.cause or "").removeprefix("missing: ")
    return stop.remedy or "it goes on by itself"


def _state(phase: Phase, stop: Stop | None) -> State:
    return State(phase.value) if stop is None or phase in {Phase.SETTLED, Phase.PARKED} else stop.state
