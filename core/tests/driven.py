"""Providers that are driven, made up of what a test wants them to do, and an ISP at one of them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from svahub import (
    Aspect,
    BlockReason,
    BlockScope,
    ChangesSubscriptions,
    Deduplication,
    Environment,
    FindsUsers,
    IntegrationSettings,
    Lifecycle,
    Observed,
    Plan,
    Polls,
    RemoteSubscription,
    RemoteUser,
    Subscription,
    errors,
    hookimpl,
)
from svahub.desk import Desk
from svahub.fleet import Fleet
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.registry import ProviderKind, Registry
from svahub.store import catalogue
from svahub.store.rows import LinkRow
from svahub.store.states import Outcome
from svahub.testing.clocks import HandClock
from svahub.verbs import Action, Command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from svahub.areas.subscriptions import SubscriptionView


@dataclass
class Remote:
    """What the provider has, what was asked of it, and what it raises next."""

    users: dict[str, RemoteUser] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    troubles: deque[errors.ProviderError | None] = field(default_factory=deque)
    applies_before_trouble: bool = False

    def asked(self, call: str, apply: Callable[[], Any]) -> Any:
        self.calls.append(call)
        trouble = self.troubles.popleft() if self.troubles else None
        if trouble is None:
            return apply()
        if self.applies_before_trouble:
            apply()
        raise trouble


class Basic(Lifecycle):
    """The lifecycle and nothing else; a user for each subscription."""

    title = "Basic"
    contract_version = 1
    deduplication = Deduplication.NONE
    block_scope = BlockScope.SUBSCRIPTION
    settle_seconds = 10
    hosts: ClassVar = {Environment.STAGING: ("https://basic.example.com",)}
    Settings = IntegrationSettings
    remote: Remote

    def __init__(self, settings: IntegrationSettings, client: object) -> None:
        self.settings = settings

    def put(self, s: Subscription, status: Observed) -> RemoteUser:
        entry = RemoteSubscription(s.plan.remote_id if s.plan else None, status, s.key, quantity=s.quantity)
        user = RemoteUser(f"user-{len(self.remote.users) + 1}", status, s.account.key, (entry,))
        self.remote.users[s.key] = user
        return user

    @hookimpl
    def create_user(self, subscription: Subscription) -> RemoteUser:
        made: RemoteUser = self.remote.asked("create", lambda: self.put(subscription, Observed.ACTIVE))
        return made

    @hookimpl
    def block(self, subscription: Subscription, reasons: frozenset[BlockReason]) -> None:
        self.remote.asked(
            f"block {sorted(r.reason.value for r in reasons)}", lambda: self.put(subscription, Observed.BLOCKED)
        )

    @hookimpl
    def unblock(self, subscription: Subscription) -> None:
        self.remote.asked("unblock", lambda: self.put(subscription, Observed.ACTIVE))

    @hookimpl
    def cancel(self, subscription: Subscription) -> None:
        self.remote.asked("cancel", lambda: self.remote.users.pop(subscription.key))

    @hookimpl
    def sync_plans(self) -> Iterable[Plan]:
        return [Plan("p1", "One"), Plan("p2", "Two")]


class ByKey(Basic):
    """Deduplicates by an idempotency key: a create may be sent again."""

    deduplication = Deduplication.IDEMPOTENCY_KEY


class Finding(Basic, FindsUsers, ChangesSubscriptions):
    """Finds users, and changes quantities."""

    deduplication = Deduplication.REFERENCE
    changes = frozenset({Aspect.QUANTITY, Aspect.PLAN})

    @hookimpl
    def find_user(self, subscription: Subscription) -> RemoteUser | None:
        found: RemoteUser | None = self.remote.asked("find", lambda: self.remote.users.get(subscription.key))
        return found

    @hookimpl
    def change(self, subscription: Subscription, what: frozenset[Aspect]) -> None:
        self.remote.asked(f"change {sorted(w.value for w in what)}", lambda: self.put(subscription, Observed.ACTIVE))


class Later(Finding, Polls):
    """Accepts now and answers later."""

    @hookimpl
    def poll(self, subscription: Subscription, handle: str) -> RemoteUser | None:
        polled: RemoteUser | None = self.remote.asked(f"poll {handle}", lambda: self.put(subscription, Observed.ACTIVE))
        return polled


class Installed(Registry):
    """A registry in which one class is installed."""

    def __init__(self, cls: type[Any]) -> None:
        super().__init__()
        self._cls = cls

    def installed(self, provider: str) -> bool:
        return True

    def provider(self, name: str) -> ProviderKind:
        return ProviderKind(name, self._cls, "svahub-basic", "1")


@dataclass
class Isp:
    """One ISP at the made-up provider."""

    hub: Hub
    office: TenantHub
    remote: Remote
    clock: HandClock

    def integrate(self, name: str, product: str, **settings: Any) -> None:
        """Register the provider under a name and sell its first plan as a product."""
        self.office.integrations.add(name, "basic", Environment.STAGING, settings=settings)
        self.office.catalogue.sync(name)
        with self.hub.store.write() as connection:
            catalogue.put_link(connection, LinkRow("default", product, "anything", name, "p1"))

    def sell(self, contract: str = "C1", person: str = "P1", product: str = "X", **item: Any) -> None:
        level = {
            "contract_id": contract,
            "customer": {"id": person, "name": "Pessoa Inventada", "document": "52998224725"},
            "items": [{"code": "1", "product_code": product, "plan": "p1", "quantity": 1} | item],
        }
        assert not self.office.contracts.take_in([ContractRow.model_validate(level)]).errors

    def ask(self, action: Action, contract: str = "C1", **more: Any) -> None:
        self.office.verbs.issue(Command(action, contract, **more))

    def work(self) -> None:
        with self.hub.work(threads=1) as worker:
            worker.drain()

    def desk(self) -> Desk:
        """Open the desk of one more worker."""
        return Desk(self.hub.store, Fleet(self.hub.registry, self.clock), self.clock, lambda: 0.5)

    @property
    def one(self) -> SubscriptionView:
        *_, newest = self.office.subscriptions.list()
        return newest

    def of(self, contract: str) -> SubscriptionView:
        *_, newest = self.office.subscriptions.list(contract=contract)
        return newest

    def parked(self) -> Any:
        (operation,) = self.office.operations.list(Outcome.PARKED)
        return operation
