"""The transport on real sockets: what is sent again and what never is, what is streamed, what serves another call."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest
from svahub import errors
from svahub.testing.clocks import HandClock
from svahub.transport import DeadlineTransport

from .conftest import GOOD, HEAD, Script, Server, Thing, always, client, serving


def request(server: Server, method: str = "GET", seconds: float = 5.0, **more: object) -> httpx.Request:
    timeout = dict.fromkeys(("connect", "read", "write", "pool"), seconds)
    return httpx.Request(method, f"{server.url}/things", extensions={"timeout": timeout}, **more)  # type: ignore[arg-type]


def transport(connections: int = 1) -> DeadlineTransport:
    return DeadlineTransport(connections=connections)


def answering_then(end: Callable[[Server, socket.socket], None]) -> Script:
    """Answer the first request of each connection; read the second, and end as told."""

    def script(server: Server, connection: socket.socket) -> None:
        server.request(connection)
        connection.sendall(GOOD)
        if server.request(connection):
            end(server, connection)

    return script


def closing(_server: Server, _connection: socket.socket) -> None:
    """Return, and close with that."""


def resetting(_server: Server, connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def begun(_server: Server, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200")


@pytest.mark.parametrize("end", [closing, resetting, begun])
@pytest.mark.parametrize(("method", "kind"), [("get", errors.Unreachable), ("post", errors.OutcomeUnknown)])
def test_what_a_server_may_have_seen_is_never_sent_again(
    end: Callable[..., None], method: str, kind: type[Exception]
) -> None:
    with serving(answering_then(end)) as server, client(server.url) as calls:
        getattr(calls, method)("/things", returns=Thing)
        with pytest.raises(kind):
            getattr(calls, method)("/things", returns=Thing)
        assert (server.connections, server.requests) == (1, 2)


class _Late(httpx.ByteStream):
    """A body that has something happen between the look at an idle connection and the first byte that is sent."""

    def __init__(self, content: bytes, happens: Callable[[], object]) -> None:
        super().__init__(content)
        self._content, self._happens = content, happens

    def __iter__(self) -> Iterator[bytes]:
        self._happens()
        yield self._content


def test_a_write_of_which_no_byte_was_taken_is_sent_by_another_connection() -> None:
    reset, done = threading.Event(), threading.Event()

    def script(server: Server, connection: socket.socket) -> None:
        server.request(connection)
        connection.sendall(GOOD)
        if server.connections == 1:
            assert reset.wait(5)
            resetting(server, connection)
            connection.close()
            done.set()

    def now() -> None:
        reset.set()
        assert done.wait(5)

    with serving(script) as server, transport() as carrier:
        carrier.handle_request(request(server, "POST")).read()
        late = request(server, "POST", headers={"Content-Length": "2"}, stream=_Late(b"{}", now))
        assert carrier.handle_request(late).status_code == 200
        assert (server.connections, server.requests) == (2, 2)


def test_an_answer_to_nobody_is_not_taken_for_the_next_calls() -> None:
    with serving(always(GOOD + GOOD.replace(b"t1", b"t9"))) as server, client(server.url) as calls:
        for _ in range(3):
            assert calls.get("/things", returns=Thing) == Thing(id="t1")
        assert server.connections == 3


def test_an_answer_that_came_while_nobody_asked_is_not_taken_for_the_next_calls() -> None:
    later, there = threading.Event(), threading.Event()

    def script(server: Server, connection: socket.socket) -> None:
        server.request(connection)
        connection.sendall(GOOD)
        if server.connections == 1:
            assert later.wait(5)
            connection.sendall(GOOD.replace(b"t1", b"t9"))
            there.set()
            server.stopping.wait(5)

    with serving(script) as server, client(server.url) as calls:
        calls.get("/things", returns=Thing)
        later.set()
        assert there.wait(5)
        assert calls.get("/things", returns=Thing) == Thing(id="t1")
        assert server.connections == 2


def test_heads_and_answers_without_a_body_leave_the_connection_fit() -> None:
    with serving(always(HEAD)) as server, transport() as carrier:
        for _ in range(3):
            assert carrier.handle_request(request(server, "HEAD")).read() == b""
        assert server.connections == 1


def test_a_body_is_read_as_it_comes_and_its_connection_serves_again() -> None:
    more = threading.Event()

    def script(server: Server, connection: socket.socket) -> None:
        while server.request(connection):
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n")
            assert more.wait(5)
            connection.sendall(b"3\r\nllo\r\n0\r\n\r\n")

    with serving(script) as server, transport() as carrier:
        for _ in range(2):
            more.clear()
            parts = carrier.handle_request(request(server)).iter_raw()
            first = next(parts)
            more.set()
            assert (first, b"".join(parts)) == (b"he", b"llo")
        assert server.connections == 1


def test_a_body_that_is_not_read_to_its_end_takes_its_connection_with_it() -> None:
    def script(server: Server, connection: socket.socket) -> None:
        server.request(connection)
        connection.sendall(HEAD if server.connections == 1 else GOOD)
        server.request(connection)

    with serving(script) as server, transport() as carrier:
        carrier.handle_request(request(server)).close()
        assert carrier.handle_request(request(server)).read() == b'{"id":"t1"}'
        assert server.connections == 2


def test_a_body_without_a_told_length_is_sent_in_chunks() -> None:
    heard: list[bytes] = []

    def script(_server: Server, connection: socket.socket) -> None:
        received = b""
        while not received.endswith(b"0\r\n\r\n"):
            received += connection.recv(65536)
        heard.append(received)
        connection.sendall(GOOD)

    with serving(script) as server, transport() as carrier:
        carrier.handle_request(request(server, "POST", content=iter([b"he", b"llo"]))).read()
    assert heard[0].endswith(b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")


def test_a_server_that_does_not_read_holds_a_call_until_its_deadline_only() -> None:
    def script(server: Server, _connection: socket.socket) -> None:
        server.stopping.wait(30)

    with serving(script) as server:
        carrier = DeadlineTransport(connections=1, monotonic=server.clock.monotonic)
        with carrier, pytest.raises(httpx.WriteTimeout):
            carrier.handle_request(request(server, "POST", 0.2, content=b"a" * 16_000_000))


def test_a_header_that_would_add_another_sends_nothing() -> None:
    with serving(always(GOOD)) as server, client(server.url) as calls:
        with pytest.raises(errors.NotSent, match="HTTP does not allow"):
            calls.post("/things", headers={"X-Name": "a\r\nX-Admin: 1"})
        assert server.requests == 0


def test_a_process_that_stood_still_past_the_deadline_sends_nothing() -> None:
    clock = HandClock()
    with serving(always(GOOD)) as server:
        carrier = DeadlineTransport(connections=1, monotonic=clock.monotonic)
        carrier.handle_request(request(server, "POST")).read()
        still = request(server, "POST", headers={"Content-Length": "0"}, stream=_Late(b"", lambda: clock.sleep(3600)))
        with pytest.raises(httpx.PoolTimeout):
            carrier.handle_request(still)
        carrier.close()
        assert server.requests == 1


def test_an_endless_head_ends_the_call_before_its_deadline() -> None:
    def script(server: Server, connection: socket.socket) -> None:
        server.request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X-More: again and again\r\n" * 1000)

    with serving(script) as server, client(server.url, timeout=30) as calls, pytest.raises(errors.OutcomeUnknown):
        calls.post("/things")


def test_a_closed_transport_keeps_no_connection() -> None:
    gone = threading.Event()

    def script(server: Server, connection: socket.socket) -> None:
        always(GOOD)(server, connection)
        gone.set()

    with serving(script) as server:
        carrier = transport()
        carrier.handle_request(request(server)).read()
        carrier.close()
        assert gone.wait(5)
