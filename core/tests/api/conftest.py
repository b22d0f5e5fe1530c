"""The API of an ISP that nobody drives, on a real socket; clients that bear a key of it, by permission."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.server.api import RATE, Mounted
from svahub.store.states import Permission
from svahub.testing.server import HOST, Listener

CPF = "52998224725"
SSL = httpx.create_ssl_context()


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Return a loop that runs in a thread, for all servers of this process."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@dataclass
class Api:
    """A hub, and its API at an address."""

    hub: Hub
    url: str
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self, secret: str | None) -> httpx.Client:
        headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
        client = httpx.Client(base_url=f"{self.url}/v1", headers=headers, verify=SSL, timeout=60)
        self.clients.append(client)
        return client

    def bearer(self, permission: str = "operator", tenant: str = "default", name: str | None = None) -> httpx.Client:
        """Return a client with a new key."""
        made = self.hub.tenant(tenant).keys.create(name or f"{permission}-{len(self.clients)}", Permission(permission))
        return self.client(made.secret)


@pytest.fixture
def serve(loop: asyncio.AbstractEventLoop) -> Iterator[Callable[..., Api]]:
    """Return what serves the API of a hub, for the length of the test."""
    opened: list[Any] = []

    def start(hub: Hub, rate: str = RATE) -> Api:
        serving = serving_of(loop, hub, rate)
        opened.append(serving)
        return serving.__enter__()

    yield start
    for serving in opened:
        serving.__exit__(None, None, None)


@contextmanager
def serving_of(loop: asyncio.AbstractEventLoop, hub: Hub, rate: str) -> Iterator[Api]:
    app = Starlette(routes=[Mounted(hub, rate=rate)])
    listener = Listener(app)
    asyncio.run_coroutine_threadsafe(listener.listen(), loop).result()
    api = Api(hub, f"http://{HOST}:{listener.port}")
    try:
        yield api
    finally:
        for client in api.clients:
            client.close()
        asyncio.run_coroutine_threadsafe(listener.stop(), loop).result()


@pytest.fixture
def api(office: TenantHub, serve: Callable[..., Api]) -> Api:
    """Return the API of two tenants, `default` and `other`."""
    return serve(office.hub)


@pytest.fixture
def sign() -> Callable[..., None]:
    """Return what brings a contract in; TM and CAM are served, NET is not."""

    def signed(office: TenantHub, id: str = "C1", product: str = "TM", person: str = "P1", **more: Any) -> None:
        customer = {"id": person, "name": "Pessoa Inventada", "document": CPF, "email": "pessoa@example.com"}
        level = {"contract_id": id, "customer": customer, "items": [{"code": "1", "product_code": product}]} | more
        assert not office.contracts.take_in([ContractRow.model_validate(level)]).errors

    return signed
