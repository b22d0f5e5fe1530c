"""ISPs that sell Campsoft's products and one of somebody else's, and a server that Campsoft reads from."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Router
from svahub import Environment
from svahub.extension.api import Permission, routes_of
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.server.app import application
from svahub.server.below import Below
from svahub.server.serving import Serving, bound
from svahub.store import Store, catalogue, integrations
from svahub.store.rows import LinkRow
from svahub.store.states import IntegrationState
from svahub.testing.clocks import HandClock
from svahub_campsoft.partner import PREFIX
from svahub_campsoft.partner.api import API

PLANS = {"filmes": "Filmes e séries", "esportes": "Esportes ao vivo"}
PRODUCTS = {"FILMES": ("tv", "filmes"), "ESPORTES": ("tv", "esportes"), "MUSICA": ("radio", "filmes"),
            "CONSULTA": ("clinic", "filmes")}  # fmt: skip
"""What the ISP sells: where, and which plan there."""
CPF, CNPJ = "52998224725", "11222333000181"
ONE_CONTEXT = ssl.create_default_context()

Clients = Callable[..., httpx.Client]


@pytest.fixture
def hub(sqlite_url: str) -> Iterator[Hub]:
    with Hub(Store(sqlite_url, HandClock())) as hub:
        yield hub


@pytest.fixture
def furnish(hub: Hub) -> Callable[[str], TenantHub]:
    """Return what adds an ISP with two accounts at Campsoft and one elsewhere."""

    def added(name: str) -> TenantHub:
        hub.add_tenant(name)
        with hub.store.write() as connection:
            for integration, provider in (("tv", "campsoft"), ("radio", "campsoft"), ("clinic", "teleclinica")):
                _integrate(connection, name, integration, provider, hub.store.now(connection))
            for code, (integration, plan) in PRODUCTS.items():
                catalogue.put_link(connection, LinkRow(name, code, "any", integration, plan))
        return hub.tenant(name)

    return added


def _integrate(connection: Any, tenant: str, name: str, provider: str, now: Any) -> None:
    row = {"tenant": tenant, "name": name, "provider": provider, "environment": Environment.STAGING}
    state = {"state": IntegrationState.ENABLED, "created_at": now, "base_url": "", "settings": {}, "secrets": {}}
    integrations.add(connection, row | state)
    plans = [
        {"tenant": tenant, "integration": name, "remote_id": id, "name": title, "description": ""}
        | {"version": 1, "synced_at": now}
        for id, title in PLANS.items()
    ]
    catalogue.add_plans(connection, plans)


@pytest.fixture
def office(furnish: Callable[[str], TenantHub]) -> TenantHub:
    return furnish("default")


@pytest.fixture
def sign() -> Callable[..., None]:
    """Return what brings a contract for some products in."""

    def signed(office: TenantHub, contract: str, *products: str, person: str = "P1", **customer: Any) -> None:
        someone = {"id": person, "name": "Pessoa Inventada", "document": CPF, "email": f"{office.name}@example.com"}
        items = [{"code": f"{number}", "product_code": code} for number, code in enumerate(products, start=1)]
        level = {"contract_id": contract, "status": "active", "customer": someone | customer, "items": items}
        take_in(office, [level])

    return signed


def take_in(office: TenantHub, levels: list[dict[str, Any]]) -> None:
    report = office.contracts.take_in([ContractRow.model_validate(level) for level in levels])
    assert not report.errors, report.errors


@pytest.fixture
def populate(furnish: Callable[[str], TenantHub]) -> Callable[..., TenantHub]:
    """Return what adds an ISP with a customer for each set of products, each with a contract that bears its name."""

    def made(name: str, world: dict[str, set[str]]) -> TenantHub:
        office = furnish(name)
        levels = [
            {
                "contract_id": f"{name}-{person}", "status": "active",
                "customer": {"id": person, "name": "Pessoa", "document": CPF, "email": f"{name}@example.com"},
                "items": [{"code": code, "product_code": code} for code in sorted(codes)],
            } for person, codes in world.items()
        ]  # fmt: skip
        take_in(office, levels)
        return office

    return made


@pytest.fixture
def client(hub: Hub) -> Iterator[Clients]:
    """Return what opens a client of the server: with a new key of an ISP's for Campsoft, or with the headers given."""
    opened: list[Any] = []
    urls: dict[str | None, str] = {}

    def url(rate: str | None) -> str:
        if rate not in urls:
            own = Starlette(routes=[Below(PREFIX, Router(routes_of(hub, API, rate=rate)))]) if rate else None
            opened.append(serving := Serving(own or application(hub), bound("127.0.0.1", 0)))
            urls[rate] = serving.__enter__().url
        return urls[rate]

    def made(tenant: str = "default", *, rate: str | None = None, **headers: str) -> httpx.Client:
        keys = hub.tenant(tenant).partner_keys("campsoft")
        if not headers:
            secret = keys.create(f"k{len(keys.list())}", Permission.PARTNER).secret
            headers = {"authorization": f"Bearer {secret}"}
        client = httpx.Client(base_url=url(rate) + PREFIX, headers=headers, verify=ONE_CONTEXT, timeout=60)
        opened.append(client)
        return client

    yield made
    for one in reversed(opened):
        one.__exit__(None, None, None)
