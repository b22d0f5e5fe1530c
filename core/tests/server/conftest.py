"""An ISP whose invented provider tells by webhooks, and a server on a real socket that takes them in."""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr
from svahub import (
    Alert,
    ChecksConnection,
    Debt,
    DebtSettled,
    IntegrationSettings,
    Notice,
    Received,
    ReceivesWebhooks,
    Webhook,
    hookimpl,
)
from svahub.hub import Hub, TenantHub
from svahub.server.app import application
from svahub.server.serving import Serving, bound
from svahub.store import inbox
from svahub.store.rows import InboxRow

VARIABLE, NEXT_VARIABLE = "TOKEN_OF_THE_BELL", "NEXT_TOKEN_OF_THE_BELL"
HEADER = "x-bell-token"
OWED_SINCE = date(2026, 11, 1)


class BellSettings(IntegrationSettings):
    """With the token that deliveries bear."""

    webhook_token: SecretStr | None = None


class Rings(ReceivesWebhooks, ChecksConnection):
    """Tells by webhooks; what a delivery says is in it, what goes wrong in reading is in `remote.troubles`."""

    Settings = BellSettings
    settings: BellSettings
    remote: Any

    @hookimpl
    def check_connection(self) -> None: ...

    @hookimpl
    def authenticate_webhook(self, webhook: Webhook) -> Notice | None:
        token = self.settings.webhook_token
        given = webhook.headers.get(HEADER, "")
        if token is None or not hmac.compare_digest(given.encode(), token.get_secret_value().encode()):
            return None
        told = json.loads(webhook.body)
        return Notice(told["id"], told["kind"], told.get("about"))

    @hookimpl
    def receive_webhook(self, webhook: Webhook) -> Received:
        told = json.loads(webhook.body)
        received: Received = self.remote.asked(told["id"], lambda: _received(told))
        return received


def _received(told: Mapping[str, str]) -> Received:
    match told["kind"]:
        case "owed":
            debt = Debt(told["contract"], told["about"], OWED_SINCE, Decimal("49.90"))
            return Received((debt,), {"status": "owed"})
        case "paid":
            return Received((DebtSettled(told["contract"], told["about"]),), {"status": "paid"})
        case "alarm":
            return Received((Alert("The key expires: svahub integration rotate"),))
    return Received(understood=False)


@dataclass
class Doorbell:
    """The ISP and where its provider rings."""

    isp: Any
    url: str
    token: str

    @property
    def hub(self) -> Hub:
        hub: Hub = self.isp.hub
        return hub

    @property
    def office(self) -> TenantHub:
        office: TenantHub = self.isp.office
        return office

    @property
    def endpoint(self) -> str:
        """The path that `integration show` tells."""
        path = self.office.integrations.show("basic").endpoint
        assert path is not None
        return path

    def ring(self, id: str, kind: str = "chat", token: str | None = None, **told: str) -> int:
        """Deliver an event; return the answer's status."""
        body = json.dumps({"id": id, "kind": kind, **told}).encode()
        return self.post(self.endpoint, body, {HEADER: self.token if token is None else token})[0]

    def post(self, path: str, body: Any, headers: Mapping[str, str]) -> tuple[int, dict[str, str]]:
        """Send a body; return status and headers of the answer."""
        with connected(self.url) as connection:
            connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            answer.read()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}

    def get(self, path: str) -> tuple[int, str]:
        """Return status and text of what is there."""
        with connected(self.url) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    @property
    def kept(self) -> list[InboxRow]:
        """Every delivery in the store, whole."""
        with self.hub.store.read() as connection:
            listed = inbox.listed(connection, "default")
            return [row for one in listed if (row := inbox.one(connection, "default", one.id))]

    def read(self) -> None:
        """Read what is due."""
        with self.hub.receiving(threads=1) as receiving:
            receiving.drain()

    def set_token(self, variable: str) -> None:
        """Have another token taken, and time pass until every server has seen it."""
        self.office.integrations.set("basic", secret={"webhook_token": f"env:{variable}"})
        self.isp.clock.advance(seconds=2)


@contextmanager
def connected(url: str) -> Iterator[HTTPConnection]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        yield connection
    finally:
        connection.close()


@pytest.fixture
def bell(basic: type) -> type:
    """Return the provider that tells by webhooks."""
    return type("Bell", (Rings, basic), {})


@pytest.fixture
def doorbell(open_isp: Callable[..., Any], bell: type, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doorbell]:
    """Return an ISP that is served, on SQLite."""
    yield from _served(open_isp(bell), monkeypatch)


@pytest.fixture
def doorbell_on_each(
    open_isp_on_each: Callable[..., Any], bell: type, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Doorbell]:
    """Return the same, once on each database."""
    yield from _served(open_isp_on_each(bell), monkeypatch)


def _served(isp: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doorbell]:
    token = secrets.token_urlsafe(32)
    monkeypatch.setenv(VARIABLE, token)
    isp.office.integrations.set("basic", secret={"webhook_token": f"env:{VARIABLE}"})
    isp.clock.advance(minutes=1)
    with Serving(application(isp.hub), bound("127.0.0.1", 0)) as serving:
        yield Doorbell(isp, serving.url, token)
