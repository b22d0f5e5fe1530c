"""Credentials in two slots: which a client presents, when it falls back, and when it reads them anew."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from threading import Barrier

import httpx
import pytest
from pydantic import SecretStr
from svahub import errors
from svahub.client import ProviderClient
from svahub.exchange import Exchange
from svahub.settings import Auth, ClientCredentials, HeaderToken
from svahub.slots import FORMER_SECONDS, READ_SECONDS
from svahub.testing.clocks import HandClock
from svahub.tokens import MemoryTokens


def token(word: str) -> HeaderToken:
    return HeaderToken(SecretStr(word), header="X-Word", scheme="")


@dataclass
class Provider:
    """Takes the words that it accepts, answers 403 to those that may not, and counts what it has done."""

    accepted: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)
    kept: list[Auth] = field(default_factory=list)
    clock: HandClock = field(default_factory=HandClock)
    met: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    reread: int = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        word = request.headers["x-word"]
        self.met.append(word)
        if word in self.forbidden:
            return httpx.Response(403)
        if word not in self.accepted:
            return httpx.Response(401)
        self.done.append(request.method)
        return httpx.Response(200, json={})

    def read(self) -> Sequence[Auth]:
        self.reread += 1
        return self.kept

    def client(self, current: str, *former: str) -> ProviderClient:
        return ProviderClient(
            base_url="http://127.0.0.1:9/v1",
            auth=token(current),
            former=[token(word) for word in former],
            reread=self.read,
            transport=httpx.MockTransport(self),
            monotonic=self.clock.monotonic,
        )


def test_the_current_one_is_presented_and_the_former_is_left_alone() -> None:
    provider = Provider({"new", "old"})
    provider.client("new", "old").get("/things")
    assert (provider.met, provider.reread) == (["new"], 0)


def test_a_write_that_the_current_one_may_not_yet_make_is_made_once_with_the_former() -> None:
    provider = Provider({"old"})
    provider.client("new", "old").post("/things")
    assert (provider.met, provider.done) == (["new", "old"], ["POST"])


def test_the_one_that_works_goes_first_for_a_while_so_that_no_provider_locks_us_out() -> None:
    provider = Provider({"old"})
    client = provider.client("new", "old")
    for _ in range(3):
        client.get("/things")
    assert provider.met == ["new", "old", "old", "old"]
    provider.clock.advance(seconds=FORMER_SECONDS)
    provider.accepted = {"new", "old"}
    client.get("/things")
    assert (provider.met[4:], client.proven) == (["new"], True)


def test_when_the_former_is_dropped_the_current_one_takes_over_at_once() -> None:
    provider = Provider({"old"})
    client = provider.client("new", "old")
    client.get("/things")
    provider.accepted = {"new"}
    client.get("/things")
    assert provider.met == ["new", "old", "old", "new"]


def test_only_a_call_that_worked_proves_the_current_one() -> None:
    provider = Provider({"old"})
    client = provider.client("new", "old")
    assert not client.proven
    client.get("/things")
    assert not client.proven


def test_when_both_are_refused_they_are_read_anew_and_the_call_made_with_what_is_kept_now() -> None:
    provider = Provider({"newest"}, kept=[token("newest")])
    client = provider.client("new", "old")
    client.post("/things")
    assert (provider.met, provider.done, provider.reread) == (["new", "old", "newest"], ["POST"], 1)
    client.get("/things")
    assert (provider.met[3:], provider.reread) == (["newest"], 1)


def test_the_former_one_that_is_read_anew_is_presented_too() -> None:
    provider = Provider({"older"}, kept=[token("newest"), token("older")])
    provider.client("new").get("/things")
    assert provider.met == ["new", "newest", "older"]


@pytest.mark.parametrize("kept", [[], ["new"], ["new", "old"]])
def test_when_nothing_else_is_kept_the_provider_is_believed(kept: list[str]) -> None:
    provider = Provider(kept=[token(word) for word in kept])
    with pytest.raises(errors.AuthenticationFailed) as caught:
        provider.client("new", "old").post("/things")
    assert (caught.value.cause, provider.met) == (errors.AuthenticationCause.CREDENTIALS, ["new", "old"])


def test_a_missing_permission_is_no_matter_of_slots() -> None:
    provider = Provider({"old"}, forbidden={"new"})
    with pytest.raises(errors.AuthenticationFailed) as caught:
        provider.client("new", "old").post("/things")
    assert (caught.value.cause, provider.met) == (errors.AuthenticationCause.PERMISSION, ["new"])


def test_another_error_is_no_matter_of_slots_either() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(422, json={}))
    client = ProviderClient(
        base_url="http://127.0.0.1:9", auth=token("new"), former=[token("old")], transport=transport
    )
    with pytest.raises(errors.Rejected):
        client.post("/things")


def test_threads_that_are_refused_together_read_once() -> None:
    provider = Provider({"newest"}, kept=[token("newest")])
    client, together = provider.client("old"), Barrier(8)

    def call() -> None:
        together.wait()
        client.post("/things")

    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(call) for _ in range(8)]:
            done.result()
    assert (len(provider.done), provider.reread) == (8, 1)


def test_what_was_read_in_vain_is_not_read_again_for_every_call() -> None:
    provider = Provider(kept=[token("new")])
    client = provider.client("new")
    for _ in range(5):
        with pytest.raises(errors.AuthenticationFailed):
            client.get("/things")
    assert provider.reread == 1
    provider.accepted, provider.kept = {"newest"}, [token("newest")]
    provider.clock.advance(seconds=READ_SECONDS)
    client.get("/things")
    assert (provider.met[-1], provider.reread) == ("newest", 2)


def test_what_translating_makes_shares_the_slots() -> None:
    provider = Provider({"old"})
    client = provider.client("new", "old")
    client.translating(lambda _: None).get("/things")
    client.get("/things")
    assert provider.met == ["new", "old", "old"]


# -- tokens ------------------------------------------------------------------------------------------------------------


@dataclass
class Issuer:
    """Gives tokens for the secrets that it accepts; a token works while its secret does."""

    accepted: set[str]
    given: dict[str, str] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=lambda: count(1))
    forms: list[str] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)

    def record(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return self._issue(httpx.QueryParams(request.content.decode())["client_secret"])
        secret = self.given.get(request.headers["authorization"].removeprefix("Bearer "))
        return httpx.Response(200 if secret in self.accepted else 401)

    def _issue(self, secret: str) -> httpx.Response:
        self.forms.append(secret)
        if secret not in self.accepted:
            return httpx.Response(401, json={"error": "invalid_client"})
        value = f"token-{next(self.numbers)}"
        self.given[value] = secret
        return httpx.Response(200, json={"access_token": value, "expires_in": 3600})

    def client(self, current: str, *former: str, tokens: MemoryTokens | None = None) -> ProviderClient:
        auths = [ClientCredentials("/token", "c1", SecretStr(word)) for word in (current, *former)]
        return ProviderClient(
            base_url="http://127.0.0.1:9",
            auth=auths[0],
            former=auths[1:],
            transport=httpx.MockTransport(self),
            tokens=tokens or MemoryTokens(),
            recorder=self,
        )


def test_new_secrets_fetch_a_token_of_their_own() -> None:
    issuer, tokens = Issuer({"old", "new"}), MemoryTokens()
    issuer.client("old", tokens=tokens).get("/things")
    issuer.client("new", "old", tokens=tokens).get("/things")
    assert issuer.forms == ["old", "new"]


def test_while_the_token_endpoint_refuses_the_new_secret_the_former_token_serves() -> None:
    issuer, tokens = Issuer({"old"}), MemoryTokens()
    issuer.client("old", tokens=tokens).get("/things")
    client = issuer.client("new", "old", tokens=tokens)
    client.post("/things")
    client.post("/things")
    assert (issuer.forms, client.proven) == (["old", "new"], False)


def test_a_former_token_that_stops_to_work_gives_way_to_the_new_secret() -> None:
    issuer = Issuer({"old"})
    client = issuer.client("new", "old")
    client.get("/things")
    issuer.accepted = {"new"}
    client.get("/things")
    assert (issuer.forms, client.proven) == (["new", "old", "old", "new"], True)


def test_neither_secret_of_two_nor_a_token_is_recorded() -> None:
    issuer = Issuer({"former-word"})
    issuer.client("current-word", "former-word").get("/things")
    kept = str([str(exchange) for exchange in issuer.exchanges])
    assert len(issuer.exchanges) == 3
    assert not [word for word in ("current-word", "former-word", "token-1") if word in kept]
