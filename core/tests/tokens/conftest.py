"""A provider that gives tokens for credentials in three ways, and does one thing for whoever bears a token."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from svahub import Auth, ClientCredentials, KeysForToken
from svahub.client import Exchange, ProviderClient
from svahub.clock import Clock
from svahub.hub import Hub
from svahub.secrets import KEY_VARIABLE
from svahub.shared_tokens import SharedTokens
from svahub.store import Store, tokens
from svahub.store.queue import Lane
from svahub.store.tokens import TokenRow
from svahub.testing import Answer, BearerTokens, Problem, Request, Simulator, route
from svahub.testing.clocks import HandClock
from svahub.tokens import MemoryTokens

ENDPOINTS = frozenset({"/oauth/token", "/oauth/json", "/authentication"})


class Issuer(Simulator):
    """The provider; `things` counts what was done."""

    def __init__(self, clock: HandClock | None = None, **tokens: Any) -> None:
        super().__init__(seed=1, clock=clock)
        self.tokens = BearerTokens(self.clock, **tokens)
        self.add_controls(self.tokens)
        self.bodies: list[Any] = []
        self.things = 0

    def make_credentials(self) -> dict[str, str]:
        return {"client_id": "issuer.client", "client_secret": secrets.token_urlsafe(24)}

    def authorize(self, request: Request) -> None:
        if request.path not in ENDPOINTS:
            self.tokens.require(request)

    def error(self, problem: Problem) -> dict[str, Any]:
        return {"error": problem.code, "error_description": problem.message}

    def state(self) -> dict[str, Any]:
        return {"things": self.things}

    @route("POST", "/oauth/token")
    def by_form(self, request: Request) -> Answer:
        return self._oauth(request.form())

    @route("POST", "/oauth/json")
    def by_json(self, request: Request) -> Answer:
        return self._oauth(request.object())

    def _oauth(self, sent: dict[str, Any]) -> Answer:
        self.bodies.append(sent)
        given = self.tokens.give(sent, self.accepted)
        return Answer(200, {"access_token": given.value, "token_type": "Bearer", "expires_in": given.life_seconds})

    @route("POST", "/authentication")
    def by_keys(self, request: Request) -> Answer:
        sent = request.object()
        self.bodies.append(sent)
        known = [{"ApiKey": one["client_id"], "ApiSecret": one["client_secret"]} for one in self.accepted]
        given = self.tokens.give(sent, known)
        return Answer(200, {"AccessToken": given.value, "ExpiresIn": int(given.expires_at.timestamp())})

    @route("POST", "/things")
    def do(self, _request: Request) -> Answer:
        self.things += 1
        return Answer(200, {})


def by_form(issuer: Issuer) -> Auth:
    given = issuer.credentials
    return ClientCredentials("/oauth/token", given["client_id"], SecretStr(given["client_secret"]))


def by_json(issuer: Issuer) -> Auth:
    given = issuer.credentials
    return ClientCredentials("/oauth/json", given["client_id"], SecretStr(given["client_secret"]), "all", json=True)


def by_keys(issuer: Issuer) -> Auth:
    keys = {"ApiKey": issuer.credentials["client_id"], "ApiSecret": issuer.credentials["client_secret"]}
    secret = {name: SecretStr(key) for name, key in keys.items()}
    return KeysForToken("/authentication", secret, "AccessToken", "ExpiresIn", expiry_is_instant=True)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def issuer(clock: HandClock) -> Iterator[Issuer]:
    """Return a running provider that goes by the test's clock."""
    with Issuer(clock).running() as issuer:
        yield issuer


@pytest.fixture
def keys(issuer: Issuer) -> Auth:
    """Return the credentials that bring a token with an instant."""
    return by_keys(issuer)


class Kept:
    """A recorder that keeps what was exchanged."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    def record(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)


@pytest.fixture
def exchanges() -> Kept:
    return Kept()


@pytest.fixture(params=[by_form, by_json, by_keys])
def auth(request: pytest.FixtureRequest, issuer: Issuer) -> Auth:
    """Return the provider's credentials, in each of the three ways."""
    made: Auth = request.param(issuer)
    return made


Connect = Callable[..., ProviderClient]


@pytest.fixture
def connect(issuer: Issuer, clock: HandClock, exchanges: Kept) -> Iterator[Connect]:
    """Return what opens a client of the provider, with tokens of its own unless some are given."""
    opened: list[ProviderClient] = []

    def open_client(auth: Auth, **options: Any) -> ProviderClient:
        options = {"tokens": MemoryTokens(), "recorder": exchanges, "now": clock.now} | options
        opened.append(ProviderClient(base_url=issuer.url, auth=auth, **options))
        return opened[-1]

    yield open_client
    for client in opened:
        client.close()


# -- processes that share a store --------------------------------------------------------------------------------------


@dataclass
class Household:
    """Processes of one installation: a store of each, with a memory of its own, and one key."""

    url: str
    clock: HandClock
    connect: Connect
    auth: Auth
    stores: list[Store] = field(default_factory=list)

    def process(self, integration: str = "it", **options: Any) -> ProviderClient:
        """Return the client of one more process."""
        return self.process_by(self.clock, integration, **options)

    def process_by(self, clock: Clock, integration: str = "it", **options: Any) -> ProviderClient:
        """Return the client of a process with a clock of its own."""
        self.stores.append(Store(self.url, clock))
        tokens = SharedTokens(self.stores[-1], Lane("default", integration), MemoryTokens())
        return self.connect(self.auth, tokens=tokens, now=clock.now, **options)

    def rows(self) -> list[TokenRow]:
        """Return what the store keeps."""
        with self.stores[0].read() as connection:
            return tokens.of_tenant(connection, "default")

    def close(self) -> None:
        for store in self.stores:
            store.close()


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the installation's key, which is set."""
    made = Fernet.generate_key().decode()
    monkeypatch.setenv(KEY_VARIABLE, made)
    return made


@pytest.fixture
def household(sqlite_url: str, clock: HandClock, connect: Connect, issuer: Issuer, key: str) -> Iterator[Household]:
    """Return an installation with a key, whose integration's credentials are OAuth2's."""
    with closing(_household(sqlite_url, clock, connect, issuer)) as household:
        yield household


@pytest.fixture
def household_on_each(
    database_url: str, clock: HandClock, connect: Connect, issuer: Issuer, key: str
) -> Iterator[Household]:
    """Return the same, once on each database."""
    with closing(_household(database_url, clock, connect, issuer)) as household:
        yield household


def _household(url: str, clock: HandClock, connect: Connect, issuer: Issuer) -> Household:
    Hub.open(url, clock=clock).close()
    return Household(url, clock, connect, by_form(issuer))
