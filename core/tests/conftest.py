"""An ISP on an empty store with invented providers beside it: no plugin, no network.

`office` has two that are only looked at; `open_isp` opens one that is driven, made up of what a test wants it to do.
"""

from __future__ import annotations

import shutil
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from svahub import (
    Aspect,
    BlockReason,
    BlockScope,
    ChangesSubscriptions,
    Deduplication,
    DocumentKind,
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
    points,
)
from svahub.desk import Desk
from svahub.fleet import Fleet
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.points import Point
from svahub.registry import ProviderKind, Registry
from svahub.store import Store, catalogue, integrations, versions
from svahub.store.rows import LinkRow
from svahub.store.states import IntegrationState, Outcome
from svahub.testing.clocks import HandClock
from svahub.verbs import Action, Command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from sqlalchemy.engine import URL
    from svahub.areas.subscriptions import SubscriptionView


class Clinic:
    """Blocks whole users, sells one of each to persons, and can be asked who is there."""

    title = "Clinic"
    block_scope = BlockScope.ACCOUNT
    changes = frozenset({Aspect.PLAN, Aspect.CUSTOMER})
    documents = frozenset({DocumentKind.CPF})

    @hookimpl
    def change(self, subscription: Subscription, what: frozenset[Aspect]) -> None: ...

    @hookimpl
    def find_user(self, subscription: Subscription) -> RemoteUser | None: ...


class Cameras:
    """Blocks single subscriptions, sells any number to anybody, and never changes a plan."""

    title = "Cameras"
    block_scope = BlockScope.SUBSCRIPTION
    changes = frozenset({Aspect.QUANTITY})

    @hookimpl
    def change(self, subscription: Subscription, what: frozenset[Aspect]) -> None: ...


class Beside(Registry):
    """The two, installed."""

    kinds: ClassVar = {"clinic": ProviderKind("clinic", Clinic), "cameras": ProviderKind("cameras", Cameras)}

    def installed(self, provider: str) -> bool:
        return provider in self.kinds

    def provider(self, name: str) -> ProviderKind:
        return self.kinds[name]


def _opened(url: str, clock: HandClock) -> Hub:
    store = Store(url, clock)
    versions.ready(store)
    hub = Hub(store, Beside())
    for name in ("default", "other"):
        hub.add_tenant(name)
        _furnish(hub.tenant(name))
    return hub


def _furnish(office: TenantHub) -> None:
    """Register both providers, with two plans each; TM and CAM are linked, NET is not."""
    with office.hub.store.write() as connection:
        now = office.hub.store.now(connection)
        for name in ("clinic", "cameras"):
            row = {"tenant": office.name, "name": name, "provider": name, "environment": Environment.STAGING}
            state = {"state": IntegrationState.ENABLED, "created_at": now}
            integrations.add(connection, row | state | {"base_url": "", "settings": {}, "secrets": {}})
            plans = [
                {"tenant": office.name, "integration": name, "remote_id": f"{name}-{n}", "name": f"Plan {n}"}
                | {"description": "", "version": 1, "synced_at": now}
                for n in (1, 2)
            ]
            catalogue.add_plans(connection, plans)
        catalogue.put_link(connection, LinkRow(office.name, "TM", "telemedicine", "clinic", "clinic-1"))
        catalogue.put_link(connection, LinkRow(office.name, "CAM", "cameras", "cameras", "cameras-1"))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def office(sqlite_url: str, clock: HandClock) -> Iterator[TenantHub]:
    """Return the tenant `default` on SQLite; `other` is there too, furnished alike."""
    with _opened(sqlite_url, clock) as hub:
        yield hub.tenant("default")


@pytest.fixture
def office_on_each(database_url: str, clock: HandClock) -> Iterator[TenantHub]:
    """Return the same, once on each database."""
    with _opened(database_url, clock) as hub:
        yield hub.tenant("default")


@pytest.fixture
def office_on_postgresql(postgresql_url: str, clock: HandClock) -> Iterator[TenantHub]:
    """Return the same on PostgreSQL, for what there is on that only."""
    with _opened(postgresql_url, clock) as hub:
        yield hub.tenant("default")


@pytest.fixture
def office_on_the_usual(usual_database_url: str, clock: HandClock) -> Iterator[TenantHub]:
    """Return the same on SQLite, and in the long proofs on PostgreSQL too."""
    with _opened(usual_database_url, clock) as hub:
        yield hub.tenant("default")


class Snapshots:
    """The store as it was after each of its transactions: what a process that is killed there leaves behind."""

    def __init__(self, url: URL, folder: Path) -> None:
        self._folder, self._file, self.kept = folder, url.database or "", list[str]()

    def __call__(self, point: Point) -> None:
        if point is Point.WRITTEN:
            here = self._folder / f"killed-{len(self.kept)}.db"
            for ending in ("", "-wal"):
                shutil.copy(f"{self._file}{ending}", f"{here}{ending}")
            self.kept.append(f"sqlite:///{here}")


@pytest.fixture
def killed_in(tmp_path: Path) -> Callable[[URL, Callable[[], object]], list[str]]:
    """Return what does something, and returns the stores that it would leave if it were killed, in turn."""

    def kill(url: URL, what: Callable[[], object]) -> list[str]:
        snapshots = Snapshots(url, tmp_path)
        points.watch(snapshots)
        try:
            what()
        finally:
            points.watch(None)
        return snapshots.kept

    return kill


# -- providers that are driven -----------------------------------------------------------------------------------------


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


@pytest.fixture
def basic() -> type[Basic]:
    return Basic


@pytest.fixture
def by_key() -> type[ByKey]:
    return ByKey


@pytest.fixture
def finding() -> type[Finding]:
    return Finding


@pytest.fixture
def later() -> type[Later]:
    return Later


@pytest.fixture(scope="session")
def integrated_store(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Callable[..., Path]:
    """Return what gives a file with a store in which a provider is integrated already: made once, to be copied."""
    made: dict[str, Path] = {}

    def furnish(base: type[Basic], settings: Mapping[str, Any]) -> Path:
        key = f"{base.__module__}.{base.__qualname__} {sorted(settings.items())}"
        if key not in made:
            file = tmp_path_factory.mktemp("integrated") / "svahub.db"
            shutil.copy(sqlite_template, file)
            _isp(f"sqlite:///{file}", base, HandClock(), settings).hub.store.close()
            made[key] = file
        return made[key]

    return furnish


@pytest.fixture
def open_isp(sqlite_url: str, integrated_store: Callable[..., Path]) -> Iterator[Callable[..., Isp]]:
    """Return what opens an ISP at a made-up provider, integrated as `basic` with the settings given."""
    yield from _opening(sqlite_url, integrated_store)


@pytest.fixture
def open_isp_on_each(database_url: str, integrated_store: Callable[..., Path]) -> Iterator[Callable[..., Isp]]:
    """Return the same, once on each database."""
    yield from _opening(database_url, integrated_store)


def _opening(url: str, integrated_store: Callable[..., Path]) -> Iterator[Callable[..., Isp]]:
    opened: list[Store] = []

    def make(base: type[Basic], clock: HandClock | None = None, **settings: Any) -> Isp:
        copied = clock is None and not opened and url.startswith("sqlite")
        if copied:
            shutil.copy(integrated_store(base, settings), url.removeprefix("sqlite:///"))
        isp = _isp(url, base, clock or HandClock(), None if copied else settings)
        opened.append(isp.hub.store)
        return isp

    yield make
    for store in opened:
        store.close()


def _isp(url: str, base: type[Basic], clock: HandClock, settings: Mapping[str, Any] | None) -> Isp:
    """Open an ISP; with settings None its provider is integrated already."""
    store, remote = Store(url, clock), Remote()
    versions.ready(store)
    hub = Hub(store, Installed(type("Made", (base,), {"remote": remote})), draw=lambda: 0.5)
    if settings is not None:
        hub.add_tenant("default")
    isp = Isp(hub, hub.tenant("default"), remote, clock)
    if settings is not None:
        isp.integrate("basic", "X", **settings)
    return isp
