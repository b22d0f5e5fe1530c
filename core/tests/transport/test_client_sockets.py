"""The client against real sockets: deadlines, broken connections, reuse of good ones."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from contextlib import suppress

import pytest
from svahub import errors
from svahub.client import ProviderClient
from svahub.errors import Cause
from svahub.testing.clocks import HandClock
from svahub.tls import ssl_context
from svahub.transport import DeadlineTransport

from .conftest import GOOD, HEAD, Script, Server, Thing, always, client, dripping, once, serving, silent


def test_calls_share_a_connection() -> None:
    with serving(always(GOOD)) as server, client(server.url) as calls:
        for _ in range(5):
            assert calls.get("/things", returns=Thing) == Thing(id="t1")
        assert (server.connections, server.requests) == (1, 5)


@pytest.mark.parametrize(
    "script",
    [silent, dripping(b""), dripping(b"HTTP/1.1 200 OK\r\nX-Slow: "), dripping(HEAD.replace(b"11", b"99999"))],
    ids=["silence", "drip from the start", "drip in a header", "drip in the body"],
)
@pytest.mark.parametrize(("method", "kind"), [("get", errors.Unreachable), ("post", errors.OutcomeUnknown)])
def test_the_timeout_limits_the_whole_call(script: Script, method: str, kind: type[Exception]) -> None:
    with serving(script) as server, client(server.url, 0.2, monotonic=server.clock.monotonic) as calls:
        started = time.monotonic()
        with pytest.raises(kind):
            getattr(calls, method)("/things", returns=Thing)
        assert time.monotonic() - started < 20


BROKEN = {
    "closed without an answer": b"",
    "closed in the head": b"HTTP/1.1 200 OK\r\nContent",
    "closed in the body": HEAD + b'{"id"',
    "no HTTP": b"hello\r\n\r\n",
    "an absurd length": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
    "no gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize(("method", "kind"), [("get", errors.Unreachable), ("post", errors.OutcomeUnknown)])
def test_a_broken_answer_leaves_a_write_unknown(answer: bytes, method: str, kind: type[Exception]) -> None:
    with serving(once(answer)) as server, client(server.url) as calls, pytest.raises(kind):
        getattr(calls, method)("/things", returns=Thing)


def test_a_client_recovers_from_a_broken_connection() -> None:
    answers = iter([GOOD, b"oops\r\n\r\n", GOOD])

    def script(server: Server, connection: socket.socket) -> None:
        while server.request(connection):
            connection.sendall(next(answers))

    with serving(script) as server, client(server.url) as calls:
        calls.get("/things", returns=Thing)
        with pytest.raises(errors.OutcomeUnknown):
            calls.post("/things")
        assert calls.get("/things", returns=Thing) == Thing(id="t1")
        assert server.connections == 2


def test_a_connection_that_the_server_closed_while_idle_is_replaced() -> None:
    closed = threading.Event()

    def script(server: Server, connection: socket.socket) -> None:
        server.request(connection)
        connection.sendall(GOOD)
        connection.shutdown(socket.SHUT_RDWR)
        closed.set()

    with serving(script) as server, client(server.url) as calls:
        for _ in range(3):
            calls.post("/things", returns=Thing)
            assert closed.wait(5)
            closed.clear()
        assert server.connections == 3


def test_a_port_where_nobody_listens_refuses() -> None:
    with serving(always(GOOD)) as server:
        url = server.url
    with client(url) as calls, pytest.raises(errors.Unreachable) as caught:
        calls.post("/things")
    assert caught.value.cause is Cause.REFUSED


def test_a_server_that_speaks_no_tls_is_told_apart() -> None:
    def plain(server: Server, connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with serving(plain) as server:
        url = server.url.replace("http:", "https:")
        with client(url) as calls, pytest.raises(errors.Unreachable) as caught:
            calls.post("/things")
    assert caught.value.cause is Cause.TLS


def test_a_name_that_does_not_exist_is_told_apart() -> None:
    unknown = ProviderClient(base_url="https://nobody.invalid", hosts=frozenset({"nobody.invalid"}))
    with unknown, pytest.raises(errors.Unreachable) as caught:
        unknown.post("/things")
    assert caught.value.cause is Cause.NAME


def test_a_call_that_gets_no_connection_in_time_is_not_sent() -> None:
    entered = threading.Event()

    def script(server: Server, connection: socket.socket) -> None:
        server.request(connection)
        entered.set()
        server.stopping.wait(30)

    with serving(script) as server, client(server.url, timeout=0.5, connections=1) as calls:
        first = threading.Thread(target=_until_it_fails, args=(calls,))
        first.start()
        assert entered.wait(5)
        quick = ProviderClient(base_url=server.url, timeout=0.05, transport=calls._sender.transport)
        with pytest.raises(errors.NotSent):
            quick.post("/things")
        first.join()
        assert server.requests == 1


def _until_it_fails(calls: ProviderClient) -> None:
    with suppress(errors.ProviderError):
        calls.get("/things")


def test_a_name_that_resolves_too_late_sends_nothing() -> None:
    clock = HandClock()

    def slow(host: str, port: int) -> list[str]:
        clock.advance(seconds=99)
        return [host]

    with serving(always(GOOD)) as server:
        transport = DeadlineTransport(connections=1, monotonic=clock.monotonic, resolve=slow)
        late = ProviderClient(base_url=server.url, timeout=5, monotonic=clock.monotonic, transport=transport)
        with late, pytest.raises(errors.Unreachable) as caught:
            late.post("/things")
        assert caught.value.cause is Cause.TIMEOUT
        assert server.requests == 0


def test_a_compressed_answer_is_measured_by_what_it_becomes() -> None:
    bomb = gzip.compress(b"0" * 1_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    too_long = pytest.raises(errors.Unreachable, match="longer than 100000 bytes")
    with serving(always(head + bomb)) as server, client(server.url) as calls, too_long:
        calls.get("/things", returns=Thing, max_bytes=100_000)


def test_the_process_has_one_tls_context() -> None:
    assert ssl_context() is ssl_context()
    assert ssl_context().verify_mode is ssl.CERT_REQUIRED


def test_threads_share_a_client() -> None:
    with serving(always(GOOD)) as server, client(server.url) as calls:
        failures: list[BaseException] = []

        def call() -> None:
            try:
                for _ in range(20):
                    calls.post("/things", returns=Thing)
            except errors.ProviderError as error:
                failures.append(error)

        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert server.requests == 160
        assert server.connections == 4


def test_head_and_body_of_a_call_go_out_together() -> None:
    first: list[bytes] = []

    def script(_server: Server, connection: socket.socket) -> None:
        first.append(connection.recv(65536))
        connection.sendall(GOOD)

    with serving(script) as server, client(server.url) as caller:
        caller.post("/things", {"name": "a"}, returns=Thing)
    assert first[0].endswith(b'\r\n\r\n{"name":"a"}')


def test_an_answer_that_came_before_the_server_stopped_reading_counts() -> None:
    def script(_server: Server, connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with serving(script) as server, client(server.url) as caller, pytest.raises(errors.Rejected):
        caller.post("/things", {"name": "a" * 16_000_000}, returns=Thing)
