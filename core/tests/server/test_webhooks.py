"""`POST /webhooks/…` over real sockets: what is answered 200 is kept, and nothing else is."""

from __future__ import annotations

import json
import logging
import secrets
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import event
from svahub.server.bodies import LARGEST_BODY
from svahub.server.letterbox import MOST_WAITING, Letterbox, Unkeepable
from svahub.store import StoreUnavailable, inbox, integrations
from svahub.store.inbox import Delivery
from svahub.store.queue import Lane
from svahub.store.states import InboxState

HEADER, NEXT_VARIABLE = "x-bell-token", "NEXT_TOKEN_OF_THE_BELL"


def test_a_delivery_is_kept_as_it_came_and_answered_with_200(doorbell_on_each: Any) -> None:
    doorbell = doorbell_on_each
    body = b'{"id": "e1",  "kind": "caf\xc3\xa9", "about": "c1"}\n'
    status, _ = doorbell.post(doorbell.endpoint, body, {HEADER: doorbell.token, "X-Other": "seen"})
    (row,) = doorbell.kept
    assert (status, row.body, row.headers) == (200, body, {"content-type": "application/json"})
    assert (row.event_id, row.kind, row.subject, row.state) == ("e1", "café", "c1", InboxState.WAITING)


def test_the_same_event_again_is_counted_and_kept_once(doorbell_on_each: Any) -> None:
    assert [doorbell_on_each.ring("e1") for _ in range(3)] == [200, 200, 200]
    assert [(row.event_id, row.deliveries) for row in doorbell_on_each.kept] == [("e1", 3)]


def test_an_event_that_comes_again_after_it_was_read_is_not_read_again(doorbell: Any) -> None:
    doorbell.ring("e1")
    doorbell.read()
    doorbell.ring("e1")
    doorbell.read()
    assert doorbell.isp.remote.calls == ["plans", "e1"][-1:]
    assert [(row.deliveries, row.state) for row in doorbell.kept] == [(2, InboxState.UNKNOWN)]


def test_a_delivery_without_the_token_is_refused_and_not_kept(doorbell: Any) -> None:
    wrong = ("", "wrong", "é", doorbell.token[:-1], f"{doorbell.token}x")
    assert [doorbell.ring("e1", token=token) for token in wrong] == [401] * 5
    assert doorbell.kept == []


def test_where_no_token_is_set_nothing_is_authentic(doorbell: Any) -> None:
    doorbell.office.integrations.set("basic", unset=["webhook_token"])
    doorbell.office.integrations.test("basic")
    doorbell.isp.clock.advance(seconds=2)
    assert [doorbell.ring("e1", token=token) for token in ("", "None")] == [401, 401]


def test_an_endpoint_that_nobody_has_is_not_found(doorbell: Any) -> None:
    paths = [f"/webhooks/{secrets.token_hex(16)}", "/webhooks/", "/webhooks", f"{doorbell.endpoint}/more"]
    assert [doorbell.post(path, b"{}", {HEADER: doorbell.token})[0] for path in paths] == [404] * 4


def test_an_endpoint_that_cannot_be_one_is_not_found_either(doorbell_on_each: Any) -> None:
    paths = ["/webhooks/%00", "/webhooks/%ed%a0%80", f"{doorbell_on_each.endpoint}%00"]
    assert [doorbell_on_each.post(path, b"{}", {})[0] for path in paths] == [404] * 3


def test_who_hangs_up_before_the_end_of_a_body_fills_no_log(doorbell: Any, caplog: pytest.LogCaptureFixture) -> None:
    server = urlsplit(doorbell.url)
    with socket.create_connection((server.hostname, server.port)) as connection:
        connection.sendall(f"POST {doorbell.endpoint} HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{{".encode())
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)
    assert doorbell.ring("e1") == 200
    assert caplog.text == ""


def test_the_endpoint_of_an_integration_that_was_removed_is_not_found(doorbell: Any) -> None:
    endpoint = doorbell.endpoint
    doorbell.ring("e1")
    doorbell.office.integrations.remove("basic")
    doorbell.isp.clock.advance(seconds=2)
    assert doorbell.post(endpoint, b"{}", {HEADER: doorbell.token})[0] == 404


def test_what_was_not_read_when_its_integration_is_removed_waits_no_more(doorbell: Any) -> None:
    doorbell.ring("e1")
    doorbell.office.integrations.remove("basic")
    (row,) = doorbell.kept
    assert (row.state, row.due_at, row.cause) == (InboxState.DONE, None, inbox.REMOVED)


def test_an_endpoint_is_posted_to_and_not_read(doorbell: Any) -> None:
    assert doorbell.get(doorbell.endpoint)[0] == 405


@pytest.mark.parametrize("stopped", ["disable", "quarantine"])
def test_what_comes_for_an_integration_that_is_stopped_is_kept_and_read_when_it_is_free(
    doorbell: Any, stopped: str
) -> None:
    if stopped == "disable":
        doorbell.office.integrations.disable("basic")
    else:
        _quarantine(doorbell)
    doorbell.isp.clock.advance(seconds=2)
    doorbell.isp.remote.calls.clear()
    assert doorbell.ring("e1") == 200
    doorbell.read()
    assert doorbell.isp.remote.calls == []
    doorbell.office.integrations.enable("basic")
    doorbell.read()
    assert doorbell.isp.remote.calls == ["e1"]


def _quarantine(doorbell: Any) -> None:
    with doorbell.hub.store.write() as connection:
        row = integrations.one(connection, "default", "basic")
        assert integrations.quarantine(connection, row, "the provider refuses our credentials")


# -- what is too much --------------------------------------------------------------------------------------------------


def test_a_body_that_says_it_is_of_10_megabytes_is_refused_before_it_comes(doorbell: Any) -> None:
    answer = _exchanged(doorbell, b"Content-Length: 10485760\r\n\r\n", b"")
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_body_that_does_not_say_how_large_it_is_is_cut_off_when_it_is_too_large(doorbell: Any) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    answer = _exchanged(doorbell, b"Transfer-Encoding: chunked\r\n\r\n", chunk * 160)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert doorbell.kept == []


def test_the_largest_body_is_kept(doorbell: Any) -> None:
    start = json.dumps({"id": "e1", "kind": "chat"})[:-1] + ', "text": "'
    body = f'{start}{"x" * (LARGEST_BODY - len(start) - 2)}"}}'.encode()
    assert len(body) == LARGEST_BODY
    assert doorbell.post(doorbell.endpoint, body, {HEADER: doorbell.token})[0] == 200
    longer = f"Content-Length: {LARGEST_BODY + 1}\r\n\r\n".encode()
    assert _exchanged(doorbell, longer, body).startswith(b"HTTP/1.1 413 ")


def _exchanged(doorbell: Any, head: bytes, body: bytes) -> bytes:
    """Send a request until nobody listens; return what was answered by then."""
    first = f"POST {doorbell.endpoint} HTTP/1.1\r\nHost: here\r\n{HEADER}: {doorbell.token}\r\n".encode()
    with socket.create_connection((urlsplit(doorbell.url).hostname, urlsplit(doorbell.url).port), 10) as connection:
        try:
            connection.sendall(first + head + body)
        except (BrokenPipeError, ConnectionResetError):
            assert body  # it was cut off
        return connection.recv(65536)


# -- a store that takes nothing ----------------------------------------------------------------------------------------


@contextmanager
def _locked(doorbell: Any) -> Iterator[None]:
    """Let nobody else write; whoever would waits for a moment only."""
    store = doorbell.hub.store
    event.listen(store.engine, "connect", lambda one, _record: one.execute("PRAGMA busy_timeout=50"))
    store.engine.dispose()
    file = sqlite3.connect(store.url.database, isolation_level=None)
    try:
        file.execute("BEGIN IMMEDIATE")
        yield
    finally:
        file.close()


def test_while_the_store_is_locked_deliveries_are_refused_and_told_to_come_again(doorbell: Any) -> None:
    with _locked(doorbell):
        status, headers = doorbell.post(doorbell.endpoint, b'{"id": "e1", "kind": "chat"}', {HEADER: doorbell.token})
        assert (status, "retry-after" in headers) == (503, True)
    assert doorbell.kept == []
    assert doorbell.ring("e1") == 200
    assert [row.deliveries for row in doorbell.kept] == [1]


def test_a_notice_of_a_plugin_that_no_store_takes_is_not_answered_with_200(doorbell: Any) -> None:
    assert [doorbell.ring(id, kind=kind) for id, kind in (("e1", "\0"), ("e" * 201, "chat"), ("", "chat"))] == [500] * 3
    assert doorbell.kept == []


def test_one_that_no_store_takes_takes_no_other_along(doorbell: Any) -> None:
    letterbox = Letterbox(doorbell.hub.store)
    names = ("basic", "nobody's", "basic")
    letters = [Delivery(Lane("default", name), f"e{n}", "chat", None, {}, b"") for n, name in enumerate(names)]
    kept = [letterbox.put(letter) for letter in letters]
    letterbox.open()
    letterbox.close()
    assert [type(one.exception()) for one in kept] == [type(None), Unkeepable, type(None)]
    assert [row.event_id for row in doorbell.kept] == ["e0", "e2"]


def test_what_is_given_up_before_it_is_written_is_not_kept(doorbell: Any) -> None:
    letterbox = Letterbox(doorbell.hub.store)
    letters = [Delivery(Lane("default", "basic"), id, "chat", None, {}, b"") for id in ("e0", "e1")]
    first, _ = [letterbox.put(letter) for letter in letters]
    first.cancel()
    letterbox.open()
    letterbox.close()
    assert [row.event_id for row in doorbell.kept] == ["e1"]


def test_when_too_much_waits_for_the_store_the_rest_is_to_come_again(doorbell: Any) -> None:
    letterbox, large = Letterbox(doorbell.hub.store), b"x" * (MOST_WAITING + 1)
    for id, body in (("e0", large), ("e1", b"")):
        kept = letterbox.put(Delivery(Lane("default", "basic"), id, "chat", None, {}, body))
    assert isinstance(kept.exception(), StoreUnavailable)


def test_a_store_that_is_not_there_is_no_reason_to_answer_200(doorbell: Any, tmp_path: Path) -> None:
    endpoint = doorbell.endpoint
    doorbell.hub.store.engine.dispose()
    for file in tmp_path.glob("svahub.db*"):
        file.rename(file.with_suffix(".away"))
    doorbell.isp.clock.advance(seconds=2)
    assert doorbell.post(endpoint, b'{"id": "e1", "kind": "chat"}', {HEADER: doorbell.token})[0] >= 500


# -- the token ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def next_token(monkeypatch: pytest.MonkeyPatch) -> str:
    token = secrets.token_urlsafe(32)
    monkeypatch.setenv(NEXT_VARIABLE, token)
    return token


def test_while_the_token_is_changed_both_are_taken(doorbell: Any, next_token: str) -> None:
    assert doorbell.ring("e0", token=next_token) == 401
    doorbell.set_token(NEXT_VARIABLE)
    assert [doorbell.ring("e1"), doorbell.ring("e2", token=next_token)] == [200, 200]


def test_a_new_token_is_taken_at_once(doorbell: Any, next_token: str) -> None:
    doorbell.ring("e1")
    doorbell.office.integrations.set("basic", secret={"webhook_token": f"env:{NEXT_VARIABLE}"})
    assert doorbell.ring("e2", token=next_token) == 200


def test_once_the_change_has_ended_the_former_token_is_refused(doorbell: Any, next_token: str) -> None:
    doorbell.set_token(NEXT_VARIABLE)
    assert doorbell.ring("e1") == 200
    assert doorbell.office.integrations.test("basic").ok
    doorbell.isp.clock.advance(seconds=2)
    assert [doorbell.ring("e2"), doorbell.ring("e3", token=next_token)] == [401, 200]


def test_a_token_whose_variable_was_changed_is_seen(doorbell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    doorbell.ring("e1")
    other = secrets.token_urlsafe(32)
    monkeypatch.setenv("TOKEN_OF_THE_BELL", other)
    assert doorbell.ring("e2", token=other) == 200


def test_a_token_that_cannot_be_read_lets_deliveries_come_again_later(
    doorbell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOKEN_OF_THE_BELL")
    assert doorbell.ring("e1") == 503


def test_the_token_is_neither_in_the_store_nor_in_the_log(
    doorbell: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    doorbell.ring("e1")
    doorbell.ring("e2", token=f"{doorbell.token}x")
    doorbell.post(doorbell.endpoint, b"{", {HEADER: doorbell.token, "Authorization": doorbell.token})
    with _locked(doorbell):
        doorbell.ring("e3")
    doorbell.read()
    files = b"".join(file.read_bytes() for file in tmp_path.glob("svahub.db*"))
    assert b"e1" in files
    assert doorbell.token.encode() not in files
    assert doorbell.token not in caplog.text
