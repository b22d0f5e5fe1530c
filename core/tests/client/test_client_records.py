"""What is kept of each exchange: everything needed to explain it, nothing personal."""

from __future__ import annotations

import contextlib
import json
import os
from datetime import UTC, datetime
from threading import Thread

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr
from svahub import errors
from svahub.client import Exchange, ProviderClient, recording
from svahub.exchange import SHOWN_BYTES, current_attempt, shown_body
from svahub.settings import BasicAuth

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CPF, EMAIL, NAME, PHONE = "52998224725", "maria@example.com", "Maria Silva", "+5511987654321"
SECRET_WORD = "-".join(("segredo", "1234"))
PERSON = {"name": NAME, "cpf": CPF, "email": EMAIL, "phone": PHONE}


class Kept(list[Exchange]):
    """A recorder that is a list."""

    def record(self, exchange: Exchange) -> None:
        """Keep it."""
        self.append(exchange)


class User(BaseModel):
    """An answer."""

    id: str


def client(response: httpx.Response | Exception, kept: Kept) -> ProviderClient:
    def handler(_: httpx.Request) -> httpx.Response:
        if isinstance(response, Exception):
            raise response
        return response

    ticks = iter([10.0, 10.25])
    return ProviderClient(
        base_url="http://127.0.0.1:9/v1",
        auth=BasicAuth("isp", SecretStr("segredo-1234")),
        recorder=kept,
        transport=httpx.MockTransport(handler),
        monotonic=lambda: next(ticks),
        now=lambda: AT,
    )


def test_an_exchange_is_kept_whole_and_masked() -> None:
    kept = Kept()
    answer = httpx.Response(201, json={"id": "u1", "login": "maria", **PERSON}, headers={"set-cookie": "a=b"})
    client(answer, kept).post("/users", PERSON, params={"cpf": CPF}, returns=User)
    (exchange,) = kept
    assert (exchange.method, exchange.path, exchange.status) == ("POST", "/users?cpf=***.982.247-**", 201)
    assert (exchange.milliseconds, exchange.at, exchange.error) == (250.0, AT, None)
    assert json.loads(exchange.request_body or "") == {
        "name": "M*** S***",
        "cpf": "***.982.247-**",
        "email": "m***@example.com",
        "phone": "+55 11 *****-4321",
    }
    assert json.loads(exchange.response_body or "")["login"] == "***"
    assert exchange.request_headers["authorization"] == exchange.response_headers["set-cookie"] == "***"


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (httpx.ReadTimeout("x"), None, "OutcomeUnknown"),
        (httpx.ConnectError("x"), None, "Unreachable"),
        (httpx.Response(500, text="oops"), 500, "OutcomeUnknown"),
        (httpx.Response(422, json={"error": {"code": "c"}}), 422, "Rejected: c"),
        (httpx.Response(200, text="{"), 200, "OutcomeUnknown"),
    ],
)
def test_a_failed_exchange_is_kept_with_its_error(
    answer: httpx.Response | Exception, status: int | None, error: str
) -> None:
    kept = Kept()
    with pytest.raises(errors.ProviderError):
        client(answer, kept).post("/users", returns=User)
    assert kept[0].status == status
    assert (kept[0].error or "").startswith(error)


@pytest.mark.parametrize(
    ("answer", "wrote"),
    [
        (httpx.Response(200, json={"id": "u1"}), True),
        (httpx.Response(500), True),
        (httpx.Response(200, text="{"), True),
        (httpx.ReadTimeout("x"), True),
        (httpx.ConnectError("x"), False),
        (httpx.Response(403), False),
        (httpx.Response(422), False),
        (httpx.Response(429), False),
        (httpx.Response(302), False),
    ],
)
def test_an_exchange_tells_whether_a_change_was_made_or_may_have_been(
    answer: httpx.Response | Exception, wrote: bool
) -> None:
    kept = Kept()
    for verb in ("post", "get", "ask"):
        with contextlib.suppress(errors.ProviderError):
            getattr(client(answer, kept), verb)("/users", returns=User)
    assert [exchange.wrote for exchange in kept] == [wrote, False, False]


def test_an_exchange_knows_its_attempt() -> None:
    kept = Kept()
    with recording(("account", 7)):
        client(httpx.Response(200), kept).get("/users")
    assert kept[0].attempt == ("account", 7)
    assert current_attempt() is None


def test_attempts_of_other_threads_do_not_mix() -> None:
    seen: list[object] = []
    with recording(("account", 7)):
        thread = Thread(target=lambda: seen.append(current_attempt()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_an_exchange_outside_of_any_attempt_has_none() -> None:
    kept = Kept()
    client(httpx.Response(200), kept).get("/users")
    assert kept[0].attempt is None


# -- bodies


def test_no_body_is_none() -> None:
    assert shown_body(b"") is None


def test_a_long_body_is_cut_and_still_masked() -> None:
    body = json.dumps({"data": [{"id": f"u{n}", **PERSON} for n in range(1000)]}).encode()
    shown = shown_body(body) or ""
    assert len(shown) <= SHOWN_BYTES + 1
    assert shown.endswith("…")
    assert not any(value in shown for value in PERSON.values())


@given(st.integers(0, 400))
def test_a_body_that_ends_early_shows_nothing_personal(end: int) -> None:
    body = json.dumps({"data": [{"password": SECRET_WORD, **PERSON, "ção": "é"} for _ in range(4)]}, ensure_ascii=False)
    shown = shown_body(body.encode()[:end]) or ""
    assert not any(value in shown for value in (*PERSON.values(), "segredo-1234"))


@pytest.mark.parametrize("body", [b'{"name": Maria Silva}', b'{"a": \xff}', b"[1, Maria]"])
def test_what_only_looks_like_json_is_not_shown(body: bytes) -> None:
    assert shown_body(body) == f"[{len(body)} bytes that are no JSON]"


def test_other_text_is_shown_without_documents() -> None:
    assert shown_body(f"{CPF} exists".encode()) == "***.982.247-** exists"


def test_of_html_and_xml_the_title_is_shown() -> None:
    page = b"<html><title>502 Bad Gateway</title><b>Maria Inventada</b></html>"
    assert shown_body(page) == f"[{len(page)} bytes of HTML or XML] 502 Bad Gateway"


def test_a_form_is_masked_by_its_fields() -> None:
    form = b"grant_type=client_credentials&client_id=c1&client_secret=segredo"
    shown = shown_body(form, "application/x-www-form-urlencoded")
    assert shown == "grant_type=client_credentials&client_id=c1&client_secret=***"


def test_any_bytes_can_be_shown() -> None:
    assert isinstance(shown_body(os.urandom(64)), str)


@pytest.mark.parametrize("status", [200, 409])
def test_what_answers_a_confidential_call_is_not_kept(status: int) -> None:
    kept = Kept()
    answer = httpx.Response(status, json={"id": "door-that-opens", "message": "door-that-opens"})
    with contextlib.suppress(errors.Conflict):
        client(answer, kept).get("/users/u1/link", returns=User, confidential=True)
    (exchange,) = kept
    assert (exchange.status, exchange.response_body) == (status, "***")
