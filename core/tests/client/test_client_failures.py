"""What each failure and each error answer becomes: was it sent, may it be repeated, how long to wait."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub import errors
from svahub.answers import retry_after
from svahub.errors import Cause

from .provider import NOW, SECRET, Handler, Thing, answering, client

WRITES = ["post", "put", "patch", "delete"]


def failing(error: Exception) -> Handler:
    def handler(_: httpx.Request) -> httpx.Response:
        raise error

    return handler


def outcome(handler: Handler, method: str = "post") -> errors.ProviderError:
    with pytest.raises(errors.ProviderError) as caught:
        getattr(client(handler), method)("/things", params={"cpf": SECRET}, returns=Thing)
    assert SECRET not in str(caught.value)
    return caught.value


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


def test_what_only_asks_by_post_may_be_asked_again() -> None:
    for failure in (failing(httpx.ReadTimeout("late")), answering(504), answering(200, b"{")):
        assert isinstance(outcome(failure, "ask"), errors.Unreachable)


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
