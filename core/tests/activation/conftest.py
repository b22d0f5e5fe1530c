"""An ISP that offers one product by links, and a server on a real socket that answers them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from http.client import HTTPConnection
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select
from starlette.applications import Starlette
from svahub.areas.activation_links import NewActivationLink
from svahub.hub import Hub, TenantHub
from svahub.secrets import KEY_VARIABLE
from svahub.server.activation import Activation
from svahub.server.callers import Callers
from svahub.server.serving import Serving, bound
from svahub.store import tables

TERMS = "Vale a pena.\nO serviço é <b>mensal</b> & custa o que se vê."
TITLE = "Filmes & Séries"
PRICE = Decimal("1234.50")
IP = "203.0.113.7"
PRESS = "aceite=sim"
OFTEN = "9999/minute"


@dataclass(frozen=True)
class Seen:
    """What the server answered."""

    status: int
    text: str
    headers: Mapping[str, str]


@dataclass
class Shop:
    """An ISP whose contract C1 has internet, and which offers its product X by links."""

    isp: Any

    @property
    def hub(self) -> Hub:
        hub: Hub = self.isp.hub
        return hub

    @property
    def office(self) -> TenantHub:
        office: TenantHub = self.isp.office
        return office

    def path(self, contract: str = "C1", product: str = "X", expires: timedelta = timedelta(days=7)) -> str:
        """Make a link and return the path that opens it."""
        return self._made(contract, product, expires).path

    def id(self, expires: timedelta = timedelta(days=7)) -> str:
        """Make a link and return its id."""
        return self._made("C1", "X", expires).view.id

    def _made(self, contract: str, product: str, expires: timedelta) -> NewActivationLink:
        return self.office.activation_links.make(contract, product, price=PRICE, title=TITLE, expires=expires)

    @property
    def item(self) -> Any:
        """What was bought, on its contract."""
        (item,) = (i for i in self.office.contracts.show("C1").items if i.product_code == "X")
        return item

    @property
    def sold(self) -> list[Any]:
        """What was sold of the contract."""
        return list(self.office.subscriptions.list(contract="C1"))

    def books(self) -> list[list[Any]]:
        """Return what every change of the business leaves something in."""
        books = (tables.audit, tables.items, tables.subscriptions, tables.activation_links)
        with self.hub.store.read() as connection:
            return [list(connection.execute(select(book))) for book in books]

    def everything(self) -> dict[str, list[Any]]:
        """Return every row of every table."""
        with self.hub.store.read() as connection:
            return {name: list(connection.execute(select(t))) for name, t in tables.metadata.tables.items()}


@dataclass(frozen=True)
class Door:
    """Where the server answers for a shop's links."""

    shop: Shop
    url: str

    def get(self, path: str, method: str = "GET", **headers: str) -> Seen:
        """Open a link."""
        return self._asked(method, path, None, headers)

    def press(self, path: str, body: str = PRESS, **headers: str) -> Seen:
        """Press the button."""
        return self._asked("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"} | headers)

    def _asked(self, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> Seen:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Seen(answer.status, answer.read().decode(), named)
        finally:
            connection.close()


def furnished(isp: Any) -> Shop:
    isp.sell(product="NET")
    isp.office.terms.set("anything", "2026-11", TERMS)
    return Shop(isp)


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, Fernet.generate_key().decode())


@pytest.fixture
def shop(open_isp: Callable[..., Any], finding: type) -> Shop:
    """Return a shop on SQLite."""
    return furnished(open_isp(finding))


@pytest.fixture
def shop_on_each(open_isp_on_each: Callable[..., Any], finding: type) -> Shop:
    """Return a shop, once on each database."""
    return furnished(open_isp_on_each(finding))


@contextmanager
def answering(
    shop: Shop, *, patience: float = 0, proxies: Sequence[str] = (), rate: str = OFTEN, rate_of_all: str = OFTEN
) -> Iterator[Door]:
    callers = Callers([ip_network(proxy) for proxy in proxies])
    activation = Activation(shop.hub, callers, patience=patience, rate=rate, rate_of_all=rate_of_all)
    app = Starlette(routes=[activation.route()])
    with Serving(app, bound("127.0.0.1", 0)) as serving:
        yield Door(shop, serving.url)


@pytest.fixture
def serve() -> Iterator[Callable[..., Door]]:
    """Return what answers for a shop's links, for the length of the test."""
    with ExitStack() as stack:
        yield lambda shop, **how: stack.enter_context(answering(shop, **how))


@pytest.fixture
def door(shop: Shop, serve: Callable[..., Door]) -> Door:
    """Return where a shop on SQLite answers, as often as one asks."""
    return serve(shop)
