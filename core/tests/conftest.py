"""An ISP on an empty store with invented providers beside it: no plugin, no network.

`office` has two that are only looked at; `open_isp` opens one that is driven, made up of what a test wants it to do.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from svahub import Aspect, BlockScope, DocumentKind, Environment, RemoteUser, Subscription, hookimpl, points
from svahub.hub import Hub, TenantHub
from svahub.points import Point
from svahub.registry import ProviderKind, Registry
from svahub.store import Store, catalogue, integrations, versions
from svahub.store.rows import LinkRow
from svahub.store.states import IntegrationState
from svahub.testing.clocks import HandClock

from .driven import Basic, ByKey, Finding, Installed, Isp, Later, Remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sqlalchemy.engine import URL


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
