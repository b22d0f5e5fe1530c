"""What the client sends, by whose leave, and where it calls."""

from __future__ import annotations

import json
from decimal import Decimal

import httpx
import pytest
from pydantic import BaseModel, Field, SecretStr
from svahub import errors
from svahub.client import ProviderClient, checked_url
from svahub.settings import BasicAuth, HeaderToken

from .provider import BASE, HOSTS, Thing, answering, client


class Draft(BaseModel):
    """What we send."""

    plan_id: str = Field(serialization_alias="planId")
    price: Decimal = Decimal("1.50")
    note: str | None = None


def test_an_answer_comes_as_the_type_that_was_asked_for() -> None:
    assert client(answering(200, {"id": "t1", "new": 1})).get("/things/t1", returns=Thing) == Thing(id="t1")


def test_without_a_type_the_body_does_not_matter() -> None:
    client(answering(204)).delete("/things/t1")
    client(answering(200, b"gone")).delete("/things/t1")


def test_a_model_is_sent_by_alias_without_what_is_none() -> None:
    sent: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(201, json={"id": "t1"})

    client(handler).post("/things", Draft(plan_id="p1"), params={"a": "é&", "b": None, "c": True}, returns=Thing)
    assert json.loads(sent[0].content) == {"planId": "p1", "price": "1.50"}
    assert sent[0].headers["content-type"] == "application/json"
    assert str(sent[0].url) == f"{BASE}/things?a=%C3%A9%26&c=true"


@pytest.mark.parametrize(
    ("auth", "name", "value"),
    [
        (BasicAuth("isp", SecretStr("segredo")), "authorization", "Basic aXNwOnNlZ3JlZG8="),
        (HeaderToken(SecretStr("t")), "authorization", "Bearer t"),
        (HeaderToken(SecretStr("t"), "access_token", ""), "access_token", "t"),
    ],
)
def test_each_request_bears_the_credentials(auth: BasicAuth | HeaderToken, name: str, value: str) -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers[name])
        return httpx.Response(200)

    client(handler, auth=auth).get("/things")
    assert seen == [value]


# -- the gate


def test_the_gate_is_asked_with_the_timeout_before_each_send() -> None:
    asked: list[float] = []
    client(answering(200), gate=asked.append, timeout=3.0).get("/things")
    assert asked == [3.0]


def test_a_closed_gate_sends_nothing() -> None:
    def gate(_: float) -> None:
        raise errors.NotSent("the lease ends too soon")

    def handler(_: httpx.Request) -> httpx.Response:
        raise AssertionError("sent")

    with pytest.raises(errors.NotSent):
        client(handler, gate=gate).post("/things")


# -- where it calls


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/v1",
        "https://other.example.com/v1",
        "https://api.example.com.evil.example.com",
        "https://user" + ":word@api.example.com",
        "https://api.example.com/?x=1",
        "ftp://api.example.com",
        "file:///etc/passwd",
        "api.example.com",
        "https://",
        "http://192.168.0.1/v1",
        "http://localhost.example.com",
        "",
        "https://[",
    ],
)
def test_only_the_providers_hosts_may_be_called(url: str) -> None:
    with pytest.raises(errors.Refused):
        ProviderClient(base_url=url, hosts=HOSTS)


@pytest.mark.parametrize(
    "url", ["https://API.example.com/v1", "http://127.0.0.1:8080/v1", "http://localhost:1", "http://[::1]:80/x"]
)
def test_the_providers_hosts_and_this_machine_may_be_called(url: str) -> None:
    assert checked_url(url, HOSTS) == url


@pytest.mark.parametrize(
    "path",
    [
        "things",
        "@evil.example.com",
        "//evil.example.com",
        "/a/../b",
        "/a/..",
        "/a//b",
        "/a?x",
        "/a#x",
        "/a b",
        "/a\n",
        "",
    ],
)
def test_a_path_stays_below_the_base_url(path: str) -> None:
    with pytest.raises(errors.PluginBug):
        client(answering(200)).get(path)


@pytest.mark.parametrize("path", ["/things", "/things/", "/a/..b/c.d", "/a/%2F%3F/b", "/a/t_1-2~3:4"])
def test_an_ordinary_path_is_taken_as_it_is(path: str) -> None:
    seen: list[bytes] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path)
        return httpx.Response(200)

    client(handler).get(path)
    assert seen == [f"/v1{path}".encode()]
