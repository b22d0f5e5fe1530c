"""An ISP on an empty store with two invented providers beside it: no plugin, no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest
from svahub import Aspect, BlockScope, DocumentKind, Environment, RemoteUser, Subscription, hookimpl
from svahub.hub import Hub, TenantHub
from svahub.registry import ProviderKind, Registry
from svahub.store import Store, catalogue, integrations, versions
from svahub.store.rows import LinkRow
from svahub.store.states import IntegrationState
from svahub.testing.clocks import HandClock

if TYPE_CHECKING:
    from collections.abc import Iterator


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
