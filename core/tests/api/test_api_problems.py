"""Whatever is not answered is a problem document, and tells nothing that was sent or that is a person's."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from svahub.hub import TenantHub
from svahub.server.api.problems import Kind, problem_of
from svahub.server.api.reception import LARGEST_BODY
from svahub.store import Store

CPF = "52998224725"
JSON = {"content-type": "application/json"}


def told(answer: Any) -> tuple[int, str]:
    """Return status and kind of a problem, of which the document is whole."""
    document = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(document) == {"type", "title", "status", "detail", "errors"}
    assert document["status"] == answer.status_code
    return answer.status_code, document["type"].removeprefix("urn:svahub:problem:")


BAD = {
    "a path that leads nowhere": ("GET", "/nowhere", {}, (404, "not-found")),
    "a slash too many": ("GET", "/contracts/", {}, (404, "not-found")),
    "a method that is not taken": ("DELETE", "/contracts/C1", {}, (405, "no-such-method")),
    "a contract that is not there": ("GET", "/contracts/C9", {}, (404, "not-found")),
    "a verb on it": ("POST", "/contracts/C9/block", {}, (404, "not-found")),
    "a line break": ("GET", "/contracts/a%0Ab", {}, (404, "not-found")),
    "a name that nothing has": ("GET", "/contracts/%00", {}, (404, "not-found")),
    "bytes that are no text": ("GET", "/contracts/%ff%fe", {}, (404, "not-found")),
    "a number that is none": ("GET", "/operations/1e3", {}, (404, "not-found")),
    "a number no store has": ("GET", f"/operations/{2**70}", {}, (404, "not-found")),
    "a key that is none": ("GET", "/subscriptions/C1%2F1", {}, (404, "not-found")),
    "an integration that is not there": ("GET", "/integrations/nobody", {}, (404, "not-found")),
    "an unknown parameter": ("GET", "/contracts?colour=red", {}, (422, "invalid")),
    "a parameter where there is none": ("GET", "/contracts/C1?limit=1", {}, (422, "invalid")),
    "a parameter twice": ("GET", "/contracts?limit=1&limit=2", {}, (422, "invalid")),
    "a limit too high": ("GET", "/contracts?limit=201", {}, (422, "invalid")),
    "a limit that is no number": ("GET", "/contracts?limit=1_0", {}, (422, "invalid")),
    "a cursor that is none": ("GET", "/contracts?cursor=%F0%9F%90%99", {}, (422, "invalid")),
    "a cursor of another list": ("GET", "/operations?cursor=IkMxIg", {}, (422, "invalid")),
    "a status that is none": ("GET", "/contracts?status=null", {}, (422, "invalid")),
    "no JSON": ("POST", "/contracts/C1/block", {"content": b"{", "headers": JSON}, (422, "invalid")),
    "bytes": ("POST", "/contracts/C1/block", {"content": b"\xff\xfe", "headers": JSON}, (422, "invalid")),
    "a list": ("POST", "/contracts/C1/block", {"json": []}, (422, "invalid")),
    "a field that is not known": ("POST", "/contracts/C1/block", {"json": {"dry_run": True}}, (422, "invalid")),
    "a number as text": ("POST", "/contracts/C1/change", {"json": {"quantity": "2"}}, (422, "invalid")),
    "half a character": ("POST", "/contracts/C1/block", {"content": b'{"note":"\\ud800"}', "headers": JSON},
                         (422, "invalid")),
    "a NUL": ("POST", "/contracts/C1/block", {"json": {"item": "a\0"}}, (422, "invalid")),
    "no change": ("POST", "/contracts/C1/change", {"json": {}}, (422, "invalid")),
    "an item that is not there": ("POST", "/contracts/C1/block", {"json": {"item": "9"}}, (409, "refused")),
    "a wait too long": ("POST", "/contracts/C1/block", {"json": {"wait": 6}}, (422, "invalid")),
    "a key with a blank": ("POST", "/contracts/C1/block", {"headers": {"idempotency-key": "a b"}}, (422, "invalid")),
    "a form": ("POST", "/contracts/C1/block", {"data": {"reason": "staff"}}, (415, "not-json")),
    "a body too large": ("POST", "/contracts/C1/block", {"content": b" " * (LARGEST_BODY + 1), "headers": JSON},
                         (413, "too-large")),
    "what cannot be": ("POST", "/contracts/C1/block", {"json": {"until": "2020-01-01"}}, (409, "refused")),
    "a day before all others": ("POST", "/contracts/C1/block", {"json": {"until": "0001-01-01"}}, (409, "refused")),
}  # fmt: skip


def test_every_error_is_a_problem_document(api: Any, office: TenantHub, sign: Any) -> None:
    sign(office)
    client, met = api.bearer(), {}
    for name, (method, path, request, _) in BAD.items():
        met[name] = told(client.request(method, path, **request))
    assert met == {name: expected for name, (*_, expected) in BAD.items()}
    assert len(list(office.operations.list())) == 1


def test_without_a_key_it_is_a_problem_too(api: Any) -> None:
    assert told(api.client(None).get("/contracts")) == (401, "no-key")


def test_a_method_that_is_not_taken_is_answered_with_those_that_are(api: Any) -> None:
    assert set(api.bearer().put("/contracts").headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_each_field_that_is_wrong_is_named(api: Any, office: TenantHub, sign: Any) -> None:
    sign(office)
    answer = api.bearer().post("/contracts/C1/block", json={"reason": "debt", "until": "soon", "wait": -1})
    assert [error["field"] for error in answer.json()["errors"]] == ["wait", "reason", "until"]


def test_no_problem_repeats_what_was_sent(api: Any, office: TenantHub, sign: Any) -> None:
    sign(office)
    client = api.bearer()
    answers = [
        client.get(f"/contracts/{CPF}"),
        client.get("/contracts", params={"status": CPF, CPF: "1"}),
        client.post("/contracts/C1/block", json={"reason": CPF, CPF: CPF, "item": CPF}),
        client.post("/contracts/C1/block", json={"item": CPF}),
        client.post("/contracts/C1/block", content=f'{{"note": "{CPF}', headers=JSON),
    ]
    assert [CPF in answer.text for answer in answers] == [False] * 5


def test_a_body_that_announces_too_much_is_not_waited_for(api: Any, office: TenantHub, sign: Any) -> None:
    secret = api.bearer().headers["authorization"]
    with socket.create_connection((urlsplit(api.url).hostname, urlsplit(api.url).port), timeout=30) as connection:
        head = f"POST /v1/contracts/C1/block HTTP/1.1\r\nHost: x\r\nAuthorization: {secret}\r\n"
        connection.sendall(f"{head}Content-Length: 10000000\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_store_that_is_not_there_is_unavailable_for_now(
    office: TenantHub, serve: Callable[..., Any], tmp_path: Any
) -> None:
    client = serve(office.hub).bearer()
    office.hub.store.close()
    office.hub.store.engine = Store(f"sqlite:///{tmp_path / 'no' / 'such.db'}").engine
    answer = client.get("/contracts")
    assert (told(answer), answer.headers["retry-after"]) == ((503, "unavailable"), "10")
    assert "such.db" not in answer.text


def test_an_error_of_a_program_is_a_problem_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    answer = problem_of(KeyError(CPF)).response()
    assert (answer.status_code, CPF in bytes(answer.body).decode()) == (Kind.FAILED.status, False)
    assert "a request failed" in caplog.text
