"""The client for plugins: what each answer and each failure becomes, where it calls, and what it sends."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr
from svahub import errors
from svahub.answers import retry_after
from svahub.client import Answer, ProviderClient, checked_url
from svahub.errors import Cause
from svahub.settings import BasicAuth, HeaderToken

BASE = "https://api.example.com/v1"
HOSTS = frozenset({"api.example.com"})
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WRITES = ["post", "put", "patch", "delete"]
SECRET = "52998224725"  # noqa: S105  # a document number that no message may repeat


class Thing(BaseModel):
    """What the provider answers."""

    id: str


class Draft(BaseModel):
    """What we send."""

    plan_id: str = Field(serialization_alias="planId")
    price: Decimal = Decimal("1.50")
    note: str | None = None


Handler = Callable[[httpx.Request], httpx.Response]


def client(handler: Handler, **options: object) -> ProviderClient:
    return ProviderClient(
        base_url=BASE, hosts=HOSTS, transport=httpx.MockTransport(handler), now=lambda: NOW, **options
    )  # type: ignore[arg-type]  # options are the constructor's own


def answering(status: int, body: object = None, **headers: str) -> Handler:
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda _: httpx.Response(
        status, content=content, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def failing(error: Exception) -> Handler:
    def handler(_: httpx.Request) -> httpx.Response:
        raise error

    return handler


def outcome(handler: Handler, method: str = "post") -> errors.ProviderError:
    with pytest.raises(errors.ProviderError) as caught:
        getattr(client(handler), method)("/things", params={"cpf": SECRET}, returns=Thing)
    assert SECRET not in str(caught.value)
    return caught.value


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


# -- failures: was it sent?


@pytest.mark.parametrize("method", ["get", *WRITES])
@pytest.mark.parametrize("error", [httpx.ConnectError("no"), httpx.ConnectTimeout("no")])
def test_what_never_left_is_unreachable(error: httpx.HTTPError, method: str) -> None:
    assert isinstance(outcome(failing(error), method), errors.Unreachable)


@pytest.mark.parametrize("method", ["get", *WRITES])
def test_without_a_free_connection_nothing_is_sent(method: str) -> None:
    assert isinstance(outcome(failing(httpx.PoolTimeout("no")), method), errors.NotSent)


AFTER_SENDING = [
    httpx.ReadError("x"),
    httpx.WriteError("x"),
    httpx.ReadTimeout("x"),
    httpx.WriteTimeout("x"),
    httpx.RemoteProtocolError("Server disconnected without sending a response."),
    httpx.DecodingError("x"),
]


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("error", AFTER_SENDING, ids=lambda e: type(e).__name__)
def test_a_write_that_broke_after_sending_has_an_unknown_outcome(error: httpx.HTTPError, method: str) -> None:
    assert isinstance(outcome(failing(error), method), errors.OutcomeUnknown)


@pytest.mark.parametrize("error", AFTER_SENDING, ids=lambda e: type(e).__name__)
def test_a_read_that_broke_may_be_repeated(error: httpx.HTTPError) -> None:
    assert isinstance(outcome(failing(error), "get"), errors.Unreachable)


def test_no_foreign_error_is_chained_as_it_may_quote_the_provider() -> None:
    error = outcome(failing(httpx.RemoteProtocolError(f"illegal status line {SECRET}")))
    assert error.__cause__ is None
    assert error.__context__ is None


# -- error answers


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, errors.Rejected),
        (302, errors.Rejected),
        (400, errors.Rejected),
        (401, errors.AuthenticationFailed),
        (403, errors.AuthenticationFailed),
        (404, errors.NotFound),
        (408, errors.Busy),
        (409, errors.Conflict),
        (418, errors.Rejected),
        (422, errors.Rejected),
        (429, errors.RateLimited),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_refusal_means_the_same_for_reads_and_writes(status: int, kind: type[Exception], method: str) -> None:
    assert type(outcome(answering(status), method)) is kind


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_leaves_a_write_unknown_and_a_read_undone(status: int) -> None:
    assert isinstance(outcome(answering(status), "post"), errors.OutcomeUnknown)
    read = outcome(answering(status), "get")
    assert isinstance(read, errors.Unreachable)
    assert read.cause is Cause.SERVER_ERROR


def test_401_is_about_credentials_and_403_about_permission() -> None:
    causes = [getattr(outcome(answering(status)), "cause", None) for status in (401, 403)]
    assert causes == [errors.AuthenticationCause.CREDENTIALS, errors.AuthenticationCause.PERMISSION]


def test_a_404_that_is_not_the_apis_own_is_no_proof_of_absence() -> None:
    assert isinstance(outcome(answering(404, b"<html>no such page</html>"), "delete"), errors.Rejected)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "bad_plan", "message": "no such plan"}},
        {"code": "bad_plan", "message": "no such plan"},
        {"errors": [{"code": "bad_plan", "description": "no such plan"}]},
        {"error": "bad_plan", "error_description": "no such plan"},
    ],
)
def test_a_rejection_bears_the_providers_code_and_sentence(body: object) -> None:
    assert str(outcome(answering(422, body))) == "bad_plan: no such plan"


def test_a_rejection_repeats_nothing_personal_that_was_sent() -> None:
    told = {"error": {"code": "x", "message": f"Maria Silva ({SECRET}) has no age"}}
    with pytest.raises(errors.Rejected) as caught:
        client(answering(422, told)).post("/things", {"name": "Maria Silva", "cpf": SECRET})
    assert str(caught.value) == "x: *** (***) has no age"


@pytest.mark.parametrize("body", [b"[]", b"null", b"3", b"oops", b'{"error": null, "errors": 3}', b"\xff{"])
def test_an_error_body_of_any_shape_is_survived(body: bytes) -> None:
    assert str(outcome(answering(400, body))) == "http_400"


def test_a_redirect_is_told_without_its_query_and_not_followed() -> None:
    calls: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        calls.append(str(request.url))
        return httpx.Response(302, headers={"location": f"https://elsewhere.example.com/x?cpf={SECRET}"})

    error = outcome(handler, "get")
    assert "https://elsewhere.example.com/x" in str(error)
    assert len(calls) == 1


# -- answers that are no use


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"id": "t1"', b'{"id": 3}', b"[]", f'{{"id": [{SECRET}]}}'.encode()]
)
def test_a_success_that_cannot_be_understood_is_an_unknown_write(body: bytes) -> None:
    assert isinstance(outcome(answering(200, body), "post"), errors.OutcomeUnknown)
    read = outcome(answering(200, body), "get")
    assert isinstance(read, errors.Unreachable)
    assert read.cause is Cause.MALFORMED
    assert read.__context__ is None


def test_a_body_that_is_too_long_is_not_read() -> None:
    long = client(answering(200, {"id": "t" * 2000}))
    with pytest.raises(errors.OutcomeUnknown, match="longer than 1000 bytes"):
        long.post("/things", returns=Thing, max_bytes=1000)
    with pytest.raises(errors.Unreachable, match="longer than 1000 bytes"):
        long.get("/things", returns=Thing, max_bytes=1000)


# -- Retry-After


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("999999999", 3600.0),
        ("inf", 3600.0),
        ("nan", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sun, 01 Mar 2099 11:00:00 GMT", 3600.0),
        ("Sun, 01 Mar 2026 12:00:30 +99999999999999", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_within_reason(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


@given(st.text(max_size=40))
def test_no_retry_after_is_absurd(header: str) -> None:
    assert 0 <= (retry_after(header, NOW) or 0) <= 3600


def test_a_429_says_how_long_to_pause() -> None:
    error = outcome(answering(429, Retry_After="12"))
    assert isinstance(error, errors.RateLimited)
    assert error.retry_after == 12


# -- a plugin's own meaning


def test_a_plugin_may_say_what_an_error_answer_means() -> None:
    def busy(answer: Answer) -> errors.ProviderError | None:
        return errors.Busy(answer.json["state"]) if answer.status == 503 and answer.method == "POST" else None

    plain = client(answering(503, {"state": "closed"}))
    with pytest.raises(errors.Busy, match="closed"):
        plain.translating(busy).post("/things")
    with pytest.raises(errors.Unreachable):
        plain.translating(busy).get("/things")
    with pytest.raises(errors.OutcomeUnknown):
        plain.post("/things")


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


def test_what_only_asks_by_post_may_be_asked_again() -> None:
    for failure in (failing(httpx.ReadTimeout("late")), answering(504), answering(200, b"{")):
        assert isinstance(outcome(failure, "ask"), errors.Unreachable)


def refusing(answer: Answer) -> errors.ProviderError | None:
    said = answer.json.get("message") if isinstance(answer.json, dict) else answer.text
    return errors.Rejected("refused", answer.repeatable(said)) if said else None


@pytest.mark.parametrize("body", [{"message": f"no {SECRET}"}, f"<p>no {SECRET}</p>".encode()])
def test_a_success_that_is_doubted_may_be_a_refusal_and_tells_nobodys_data(body: object) -> None:
    doubting = client(answering(200, body)).translating(refusing, successes=True)
    with pytest.raises(errors.Rejected, match=r"no \*\*\*") as caught:
        doubting.post("/things", {"cpf": SECRET})
    assert SECRET not in str(caught.value)


def test_a_success_that_says_nothing_amiss_is_one_though_it_is_doubted() -> None:
    doubting = client(answering(200, {"id": "t1"})).translating(refusing, successes=True)
    assert doubting.get("/things", returns=Thing) == Thing(id="t1")


def test_a_success_is_not_doubted_unasked() -> None:
    client(answering(200, {"message": "no"})).translating(refusing).post("/things")
