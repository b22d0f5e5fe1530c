"""One tenant's part of an installation: its areas, its verbs, its transactions.

What only some commands need is imported when it is asked for.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from svahub.areas.area import Area
from svahub.areas.bench import NOBODY, Bench
from svahub.errors import Refused
from svahub.extension import Transaction
from svahub.store import sales
from svahub.store.rows import TenantRow
from svahub.store.states import AuditKind, Phase, State
from svahub.waiting import STUCK

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

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
    from svahub.areas.keys import Keys
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
    from svahub.hub import Hub
    from svahub.verbs import Verbs

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Counts:
    """How many subscriptions are in which state, and what stands against calling an integration."""

    states: dict[State, int]
    problems: dict[str, str]

    @property
    def stuck(self) -> bool:
        """Whether something waits for a person."""
        return any(self.states.get(state) for state in STUCK)


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
            return self.hub.clock.monotonic() >= deadline or all(v.rests for v in self.subscriptions.of_keys(keys))

        if accounts and not finished():
            with self.hub.work(threads=min(8, len(accounts)), tenants=[self.name]) as worker:
                worker.work_until(finished, accounts)
        return self.subscriptions.of_keys(keys)
