"""The façade that the command line, the API and programs use: one installation, and one tenant's part of it.

What only some commands need is imported when it is asked for: areas, workers, and with them the HTTP client.
"""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from svahub import entries, logbook
from svahub.areas.area import Area
from svahub.areas.bench import NOBODY, Bench
from svahub.errors import Refused, UnknownName
from svahub.extension import Transaction
from svahub.registry import Registry
from svahub.store import Store, integrations, journal, sales, versions, workers
from svahub.store.rows import TenantRow
from svahub.store.states import AuditKind, Phase, State

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from types import TracebackType

    from svahub.areas.activation_links import ActivationLinks
    from svahub.areas.audit import Audit
    from svahub.areas.bills import Bills
    from svahub.areas.campaigns import Campaigns
    from svahub.areas.catalogue import Catalogue
    from svahub.areas.contracts import Contracts
    from svahub.areas.debts import Debts
    from svahub.areas.events import Events
    from svahub.areas.explain import Explanations
    from svahub.areas.health import Health
    from svahub.areas.holders import Holders
    from svahub.areas.inbox import Inbox
    from svahub.areas.integrations import Integrations
    from svahub.areas.keys import Bearer, Keys
    from svahub.areas.offering import Offering
    from svahub.areas.operations import Operations
    from svahub.areas.outbox import Outbox
    from svahub.areas.privacy import Privacy
    from svahub.areas.reconciling import Reconciling
    from svahub.areas.schedules import Schedules
    from svahub.areas.secrets import Secrets
    from svahub.areas.sources import Sources
    from svahub.areas.subscriptions import Subscriptions, SubscriptionView
    from svahub.areas.tasks import Tasks
    from svahub.areas.terms import Terms
    from svahub.areas.users import Users
    from svahub.campaigning.rounds import Campaigning
    from svahub.clock import Clock
    from svahub.converge import Converge, Progress
    from svahub.dispatching import Dispatching
    from svahub.presence import WorkerView
    from svahub.receiving import Receiving
    from svahub.shards import Shards
    from svahub.timekeeper import Timekeeper
    from svahub.verbs import Verbs
    from svahub.watching import Ended, Watching

P = TypeVar("P")

DEFAULT_TENANT = "default"
DEFAULT_ZONE = "America/Sao_Paulo"
STUCK = frozenset({State.PARKED, State.QUARANTINED, State.MISSING_PLUGIN})


@dataclass(frozen=True, slots=True)
class Counts:
    """How many subscriptions are in which state, and what stands against calling an integration."""

    states: dict[State, int]
    problems: dict[str, str]

    @property
    def stuck(self) -> bool:
        """Whether something waits for a person."""
        return any(self.states.get(state) for state in STUCK)


class Hub:
    """One installation: a store, what is installed beside it, a clock. To be closed."""

    def __init__(
        self, store: Store, registry: Registry | None = None, *, draw: Callable[[], float] = random.random
    ) -> None:
        self.store, self.registry, self.clock, self._draw = store, registry or Registry(), store.clock, draw

    @classmethod
    def open(
        cls,
        url: str,
        registry: Registry | None = None,
        *,
        clock: Clock | None = None,
        draw: Callable[[], float] = random.random,
    ) -> Hub:
        """Open a store, making it when it is empty; without a `registry`, with what is installed.

        Raises StoreUnavailable, StoreTooOld, StoreTooNew or StoreClosed when it cannot be used as it is.
        """
        hub = cls(Store(url, clock), registry, draw=draw)
        try:
            for standing in versions.ready(hub.store):
                logbook.tables_not_made(standing.plugin, standing.package, standing.problem or "")
            hub._make_default_tenant()
        except BaseException:
            hub.close()
            raise
        return hub

    def __enter__(self) -> Hub:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give every connection back."""
        self.store.close()

    def _make_default_tenant(self) -> None:
        with self.store.read() as connection:
            if integrations.tenant(connection, DEFAULT_TENANT):
                return
        with self.store.write() as connection:
            integrations.add_tenant(connection, TenantRow(DEFAULT_TENANT, DEFAULT_ZONE, self.store.now(connection)))

    def tenants(self) -> list[TenantRow]:
        """Return every tenant."""
        with self.store.read() as connection:
            return integrations.all_tenants(connection)

    def add_tenant(self, name: str, zone: str = DEFAULT_ZONE, actor: str = NOBODY) -> TenantRow:
        """Add an ISP; `zone` is the IANA name of where its days begin. Refused when it is there already."""
        from svahub.areas.integrations import checked_name

        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise Refused(f"{zone!r} is no time zone: write one such as {DEFAULT_ZONE}.") from error
        with self.store.write() as connection:
            row = TenantRow(checked_name("tenant", name), zone, self.store.now(connection))
            if not integrations.add_tenant(connection, row):
                raise Refused(f"There is a tenant {name!r} already.")
            told = entries.entry(AuditKind.COMMAND, actor, "tenant add", f"tenant {row.name}", zone=zone)
            journal.append(connection, row.name, row.created_at, [told])
        return row

    def tenant(self, name: str, actor: str = NOBODY) -> TenantHub:
        """Return one tenant's part, for `actor` to work with; UnknownName when there is none of that name."""
        with self.store.read() as connection:
            row = integrations.tenant(connection, name)
        if row is None:
            raise UnknownName("tenant", name, [t.name for t in self.tenants()], "Add one: svahub tenant add")
        return TenantHub(self, row, actor)

    def bearer(self, secret: str) -> Bearer | None:
        """Return whose an API key is, of whatever tenant; None when it is none, or a revoked one."""
        from svahub.areas.keys import bearer_of

        return bearer_of(self.store, secret)

    def offering(self, id: str) -> Offering | None:
        """Return the offers of the tenant whose activation link bears this id; None when it is not kept here."""
        from svahub.areas.offering import tenant_of_link

        tenant = tenant_of_link(self.store, id)
        return self.tenant(tenant).offering if tenant is not None else None

    def work(
        self,
        *,
        threads: int = 32,
        tenants: Collection[str] = (),
        progress: Progress = lambda _ended: None,
        shards: Shards | None = None,
    ) -> Converge:
        """Return a worker for some tenants (none named: for all), everywhere or in `shards` only; to be closed."""
        from svahub.converge import Converge
        from svahub.fleet import Fleet

        fleet = Fleet(self.registry, self.clock, tenants, self.store)
        return Converge(
            self.store, fleet, self.clock, threads=threads, draw=self._draw, progress=progress, shards=shards
        )

    def workers(self) -> list[WorkerView]:
        """Return who works on this store, and who has been lost since a day."""
        from svahub.presence import seen

        with self.store.read() as connection:
            now = self.store.now(connection)
            return [seen(row, now) for row in workers.every(connection)]

    def receiving(self, *, tenants: Collection[str] = (), threads: int = 8) -> Receiving:
        """Return what reads the deliveries of some tenants (none named: of all); to be closed."""
        from svahub.receiving import Receiving

        return Receiving(self, tenants, threads=threads, draw=self._draw)

    def dispatching(self, *, tenants: Collection[str] = (), threads: int = 16) -> Dispatching:
        """Return what sends the messages of some tenants (none named: of all) to other systems; to be closed."""
        from svahub.dispatching import Dispatching

        return Dispatching(self, tenants, threads=threads, draw=self._draw)

    def watching(
        self,
        *,
        tenants: Collection[str] = (),
        once: bool = False,
        heed: Callable[[Ended], None] = lambda _ended: None,
    ) -> Watching:
        """Return what pulls the sources of some tenants (none named: of all) and tells them; to be closed.

        With `once`, it pulls each at most once. `heed` hears of each pull that has ended.
        """
        from svahub.watching import Watching

        return Watching(self, tenants, once=once, heed=heed)

    def campaigning(self, *, tenants: Collection[str] = (), only: int | None = None) -> Campaigning:
        """Return what feeds the campaigns of some tenants (none named: of all), or only one of them; to be closed."""
        from svahub.campaigning.rounds import Campaigning

        return Campaigning(self, tenants, only=only)

    def timekeeper(self, *, tenants: Collection[str] = ()) -> Timekeeper:
        """Return what runs the schedules of some tenants (none named: of all)."""
        from svahub.timekeeper import Timekeeper

        return Timekeeper(self, tenants)


class TenantHub:
    """One tenant's part of an installation."""

    def __init__(self, hub: Hub, row: TenantRow, actor: str = NOBODY) -> None:
        self.hub, self.row, self.name = hub, row, row.name
        self.bench = Bench(hub.store, hub.registry, hub.clock, row.name, ZoneInfo(row.zone), actor)

    integrations: Area[Integrations] = Area("integrations:Integrations")
    """Its accounts at providers."""

    sources: Area[Sources] = Area("sources:Sources")
    """Where its contracts come from."""

    catalogue: Area[Catalogue] = Area("catalogue:Catalogue")
    """Its plans and product links."""

    audit: Area[Audit] = Area("audit:Audit")
    """Who did what, and what was said to its providers."""

    contracts: Area[Contracts] = Area("contracts:Contracts")
    """Its contracts and customers."""

    activation_links: Area[ActivationLinks] = Area("activation_links:ActivationLinks")
    """Its links by which customers buy with one press."""

    offering: Area[Offering] = Area("offering:Offering")
    """What customers see behind those links."""

    terms: Area[Terms] = Area("terms:Terms")
    """The texts that customers agree to."""

    subscriptions: Area[Subscriptions] = Area("subscriptions:Subscriptions")
    """What it has sold."""

    operations: Area[Operations] = Area("operations:Operations")
    """What was asked."""

    debts: Area[Debts] = Area("debts:Debts")
    """Who owes, and what follows."""

    tasks: Area[Tasks] = Area("tasks:Tasks")
    """What plugins asked for beside the lifecycle."""

    bills: Area[Bills] = Area("bills:Bills")
    """What its providers bill, against what was there."""

    reconciling: Area[Reconciling] = Area("reconciling:Reconciling")
    """What its providers have, compared with what it knows of that."""

    campaigns: Area[Campaigns] = Area("campaigns:Campaigns")
    """What is asked of many of its contracts at once."""

    @cached_property
    def schedules(self) -> Schedules:
        """What it has done by the clock."""
        from svahub.areas.schedules import Schedules

        return Schedules(self.bench, self.row)

    privacy: Area[Privacy] = Area("privacy:Privacy")
    """What is held about a person, given out and erased."""

    secrets: Area[Secrets] = Area("secrets:Secrets")
    """Where its secrets are kept."""

    users: Area[Users] = Area("users:Users")
    """What its providers have."""

    events: Area[Events] = Area("events:Events")
    """What happened that somebody may want to hear of."""

    health: Area[Health] = Area("health:Health")
    """How it stands with what it has sold."""

    inbox: Area[Inbox] = Area("inbox:Inbox")
    """What its providers told."""

    outbox: Area[Outbox] = Area("outbox:Outbox")
    """Which other systems it tells what happens, and what they have not taken."""

    keys: Area[Keys] = Area("keys:Keys")
    """Who may use its API."""

    def partner_keys(self, partner: str) -> Keys:
        """Return who may read what a plugin serves to its partner."""
        from svahub.areas.keys import Keys

        return Keys(self.bench, partner)

    def holders(self, provider: str) -> Holders:
        """Return who holds something of a provider."""
        from svahub.areas.holders import Holders

        return Holders(self.bench, provider)

    explanations: Area[Explanations] = Area("explain:Explanations")
    """Why its contracts are as they are."""

    @cached_property
    def verbs(self) -> Verbs:
        """What can be asked."""
        from svahub.verbs import Verbs

        return Verbs(self.hub.store, self.hub.registry, self.name)

    @contextmanager
    def transaction(
        self, command: str, subject: str, *, dry_run: bool = False, **details: Any
    ) -> Iterator[Transaction]:
        """Open a transaction for what somebody asked of a plugin; the audit keeps who asked what.

        `details` are masked by their names. With `dry_run`, or when it raises, nothing is kept.
        """
        with self.bench.writing(command, subject, dry_run=dry_run, **details) as connection:
            yield Transaction(connection, self.name, self.hub.store.now(connection))

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Open a transaction that only reads."""
        with self.hub.store.read() as connection:
            yield Transaction(connection, self.name, self.hub.store.now(connection))

    def looked(self, command: str, subject: str, **details: Any) -> None:
        """Keep in the audit that somebody was shown what is known of customers; `details` are masked by their names."""
        with self.hub.store.write() as connection:
            self.bench.record(connection, AuditKind.LOOK, command, subject, **details)

    @contextmanager
    def provider(self, integration: str, kind: type[P]) -> Iterator[P]:
        """Open an integration's provider for calls that change nothing; its exchanges are recorded when the block ends.

        Refused when the integration is of another provider.
        """
        with self.bench.calling(integration) as opened:
            provider = opened.relay.provider
            if not isinstance(provider, kind):
                title = opened.kind.title
                raise Refused(f"The integration {integration!r} is of {title}, not of {kind.__name__}: name another.")
            yield provider

    def counts(self) -> Counts:
        """Count subscriptions by state."""
        with self.hub.store.read() as connection:
            phases = sales.phase_counts(connection, [self.name])
            stopped = self.subscriptions.stopped(connection)
        states: dict[State, int] = {}
        for (_, name, phase), count in phases.items():
            free = name not in stopped or phase in {Phase.SETTLED, Phase.PARKED}
            state = State(phase.value) if free else stopped[name].state
            states[state] = states.get(state, 0) + count
        problems = {name: stop.cause or stop.state.value for name, stop in stopped.items()}
        return Counts(states, problems | self.integrations.obstacles())

    def settle(self, keys: Collection[str], *, timeout: float = 60.0) -> Sequence[SubscriptionView]:
        """Do what `work` does for some subscriptions only, until nothing more can be done for them now, or `timeout`.

        `timeout` is in seconds. Returns the subscriptions as they then are.
        """
        with self.hub.store.read() as connection:
            accounts = {row.account_key for row in sales.by_keys(connection, self.name, keys)}
        deadline = self.hub.clock.monotonic() + timeout

        def finished() -> bool:
            return self.hub.clock.monotonic() >= deadline or all(map(_rests, self.subscriptions.of_keys(keys)))

        if accounts and not finished():
            with self.hub.work(threads=min(8, len(accounts)), tenants=[self.name]) as worker:
                worker.work_until(finished, accounts)
        return self.subscriptions.of_keys(keys)


def _rests(view: SubscriptionView) -> bool:
    """Whether waiting brings nothing: it is settled, needs a person, or hangs on something else than time."""
    at_rest = view.state in {State.SETTLED, *STUCK}
    return at_rest or (view.state is State.WAITING and view.due_at is None)
