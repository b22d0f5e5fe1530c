"""OAuth2 client credentials: one token for all, renewed in time, by one at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Barrier

import httpx
import pytest
from pydantic import SecretStr
from svahub import errors
from svahub.client import Exchange, ProviderClient
from svahub.settings import ClientCredentials
from svahub.tokens import MemoryTokens, Token, TokenCache

CREDENTIALS = ClientCredentials("/oauth/token", "c1", SecretStr("segredo"), scope="all")


@dataclass
class Provider:
    """A provider with a token endpoint; `accepted` are the tokens that it takes."""

    expires_in: float = 3600
    refusal: httpx.Response | None = None
    now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)
    takes_tokens: bool = True
    accepted: set[str] = field(default_factory=set)
    given: Iterator[int] = field(default_factory=lambda: count(1))
    forms: list[str] = field(default_factory=list)
    things: list[str] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)

    def record(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/oauth/token":
            return self._token(request)
        self.things.append(request.headers["authorization"])
        return httpx.Response(200 if self.things[-1].removeprefix("Bearer ") in self.accepted else 401)

    def _token(self, request: httpx.Request) -> httpx.Response:
        self.forms.append(request.content.decode())
        if self.refusal:
            return self.refusal
        token = f"token-{next(self.given)}"
        if self.takes_tokens:
            self.accepted.add(token)
        return httpx.Response(200, json={"access_token": token, "expires_in": self.expires_in})

    def client(self, tokens: TokenCache, auth: ClientCredentials = CREDENTIALS) -> ProviderClient:
        return ProviderClient(
            base_url="http://127.0.0.1:9/v1",
            auth=auth,
            transport=httpx.MockTransport(self),
            now=lambda: self.now,
            tokens=tokens,
            recorder=self,
        )


def test_a_token_is_fetched_once_and_used_by_all_clients() -> None:
    provider, tokens = Provider(), MemoryTokens()
    for client in (provider.client(tokens), provider.client(tokens)):
        client.get("/things")
        client.post("/things")
    assert provider.things == ["Bearer token-1"] * 4
    assert provider.forms == ["grant_type=client_credentials&client_id=c1&client_secret=segredo&scope=all"]


def test_another_secret_is_another_token() -> None:
    provider, tokens = Provider(), MemoryTokens()
    provider.client(tokens).get("/things")
    provider.client(tokens, ClientCredentials("/oauth/token", "c1", SecretStr("outro"))).get("/things")
    assert len(provider.forms) == 2


@pytest.mark.parametrize(("expires_in", "age", "fetched"), [(3600, 3539, 1), (3600, 3541, 2), (10, 7, 1), (10, 9, 2)])
def test_a_token_is_renewed_before_it_expires(expires_in: float, age: float, fetched: int) -> None:
    provider = Provider(expires_in=expires_in)
    client = provider.client(MemoryTokens())
    client.get("/things")
    provider.now += timedelta(seconds=age)
    client.get("/things")
    assert len(provider.forms) == fetched


def test_a_token_that_is_no_longer_taken_is_renewed_once_and_the_call_sent_again() -> None:
    provider = Provider()
    client = provider.client(MemoryTokens())
    client.get("/things")
    provider.accepted.clear()
    client.post("/things")
    assert provider.things == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


def test_a_new_token_that_is_refused_is_a_matter_of_credentials() -> None:
    provider = Provider(takes_tokens=False)
    with pytest.raises(errors.AuthenticationFailed) as caught:
        provider.client(MemoryTokens()).post("/things")
    assert caught.value.cause is errors.AuthenticationCause.CREDENTIALS
    assert len(provider.things) == 2


def test_threads_that_need_a_token_at_once_fetch_one() -> None:
    provider = Provider()
    client, together = provider.client(MemoryTokens()), Barrier(8)

    def call() -> None:
        together.wait()
        client.get("/things")

    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(call) for _ in range(8)]:
            done.result()
    assert len(provider.forms) == 1


def test_who_waits_too_long_for_anothers_token_has_sent_nothing() -> None:
    provider = Provider()
    with pytest.raises(errors.Unreachable):
        provider.client(_Taken()).post("/things")
    assert provider.things == []


class _Taken:
    """A cache in which somebody else fetches."""

    def token(self, *_: object) -> Token:
        raise TimeoutError


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (httpx.Response(400, json={"error": "invalid_client"}), errors.AuthenticationFailed),
        (httpx.Response(401), errors.AuthenticationFailed),
        (httpx.Response(403), errors.AuthenticationFailed),
        (httpx.Response(404, json={}), errors.AuthenticationFailed),
        (httpx.Response(302), errors.AuthenticationFailed),
        (httpx.Response(429, headers={"retry-after": "3"}), errors.RateLimited),
        (httpx.Response(500), errors.Unreachable),
        (httpx.Response(200, text="no JSON"), errors.Unreachable),
        (httpx.Response(200, json={"access_token": "t", "expires_in": -1}), errors.Unreachable),
    ],
)
def test_without_a_token_nothing_was_applied(refusal: httpx.Response, kind: type[Exception]) -> None:
    provider = Provider(refusal=refusal)
    with pytest.raises(kind):
        provider.client(MemoryTokens()).delete("/things/1")
    assert provider.things == []


@pytest.mark.parametrize(
    ("status", "code", "cause"),
    [
        (400, "invalid_client", "credentials"),
        (401, "invalid_client", "credentials"),
        (403, "invalid_client", "credentials"),
        (400, "unauthorized_client", "permission"),
        (401, "access_denied", "permission"),
        (400, "invalid_scope", "permission"),
        (403, "whatever", "permission"),
        (400, "whatever", "credentials"),
    ],
)
def test_a_token_that_is_refused_tells_credentials_from_permission(status: int, code: str, cause: str) -> None:
    provider = Provider(refusal=httpx.Response(status, json={"error": code}))
    with pytest.raises(errors.AuthenticationFailed, match=code) as caught:
        provider.client(MemoryTokens()).get("/things")
    assert caught.value.cause.value == cause


def test_neither_secret_nor_token_is_recorded() -> None:
    provider = Provider()
    provider.client(MemoryTokens()).get("/things")
    kept = json.dumps([str(exchange) for exchange in provider.exchanges])
    assert len(provider.exchanges) == 2
    assert "segredo" not in kept
    assert "token-1" not in kept


def test_the_token_endpoint_may_only_be_where_the_provider_is() -> None:
    with pytest.raises(errors.Refused):
        Provider().client(MemoryTokens(), ClientCredentials("https://evil.example.com/token", "c1", SecretStr("s")))
