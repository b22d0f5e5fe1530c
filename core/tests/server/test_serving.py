"""The server itself: what it reads no further, what it answers when it is told to end, where it cannot listen."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from svahub.errors import Refused
from svahub.server.bodies import body_of
from svahub.server.connections import Connection
from svahub.server.serving import Serving, bound


async def measured(request: Request) -> Response:
    """Tell how long the body is; no longer than ten bytes, nor slower than a tenth of a second."""
    return JSONResponse(len(await body_of(request, limit=10, seconds=0.1)))


@pytest.fixture
def url() -> Iterator[str]:
    with Serving(Starlette(routes=[Route("/", measured, methods=["POST"])]), bound("127.0.0.1", 0)) as serving:
        yield serving.url


@contextmanager
def sent(url: str, text: bytes) -> Iterator[socket.socket]:
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), 10) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: here\r\n" + text)
        yield connection


def answer(connection: socket.socket) -> bytes:
    """Return all that comes until the other side ends the connection."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"Connection: close\r\nContent-Length: 10\r\n\r\n0123456789", b"200"),
        (b"Content-Length: 11\r\n\r\n", b"413"),
        (b"Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n", b"413"),
        (b"Content-Length: 10\r\n\r\n01234", b"408"),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n", b"408"),
    ],
)
def test_a_body_is_read_up_to_a_limit_of_length_and_time_then_nobody_listens(
    url: str, text: bytes, status: bytes
) -> None:
    with sent(url, text) as connection:
        assert answer(connection).startswith(b"HTTP/1.1 " + status)


def test_a_head_without_end_is_cut_off(url: str) -> None:
    with sent(url, b"") as connection:
        assert not _takes_all(connection, b"X-More: " + b"x" * 0x10000 + b"\r\n", 1000)


def _takes_all(connection: socket.socket, text: bytes, times: int) -> bool:
    try:
        for _ in range(times):
            connection.sendall(text)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def test_a_head_may_be_long(url: str) -> None:
    with sent(url, b"Content-Length: 10\r\nX-Long: " + b"x" * 50_000) as connection:
        connection.sendall(b"\r\nConnection: close\r\n\r\n0123456789")
        assert answer(connection).startswith(b"HTTP/1.1 200")


def test_a_connection_serves_one_request_after_another(url: str) -> None:
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=10)) as connection:
        for _ in range(3):
            connection.request("POST", "/", b"012")
            assert connection.getresponse().read() == b"3"


class Impatient(Connection):
    """Waits for no request longer than a moment."""

    head_seconds = 0.05


def test_a_connection_on_which_nothing_is_asked_is_ended() -> None:
    with Serving(Starlette(), bound("127.0.0.1", 0), connection=Impatient) as serving:
        there = urlsplit(serving.url)
        for begun in (b"", b"POST / HTTP/1.1\r\nHost: he", b"\r\n"):
            with socket.create_connection((there.hostname, there.port), 10) as connection:
                connection.sendall(begun)
                assert answer(connection) == b""


def test_where_somebody_listens_already_it_is_said_and_nothing_is_served() -> None:
    with bound("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Refused, match=f"Nobody can listen at 127.0.0.1, port {port}: Address already in use"):
            bound("127.0.0.1", port)


def test_a_host_that_there_is_not_is_said() -> None:
    with pytest.raises(Refused, match=r"Nobody can listen at nowhere\.invalid"):
        bound("nowhere.invalid", 0)


def test_what_has_begun_when_it_is_told_to_end_is_answered_first() -> None:
    begun, may_end = Event(), Event()

    def slow(_request: Request) -> Response:
        begun.set()
        may_end.wait(10)
        return JSONResponse("done")

    application = Starlette(routes=[Route("/", slow, methods=["POST"])])
    with (
        Serving(application, bound("127.0.0.1", 0)) as serving,
        sent(serving.url, b"Content-Length: 0\r\n\r\n") as connection,
    ):
        assert begun.wait(10)
        serving.stop()
        threading.Timer(0.2, may_end.set).start()
        serving.wait()
        assert answer(connection).endswith(b'"done"')


def test_an_application_that_cannot_begin_ends_the_server_and_it_is_told() -> None:
    @contextmanager
    def broken(_app: Any) -> Iterator[None]:
        raise RuntimeError
        yield

    ended = Event()
    with (
        pytest.raises(Refused, match="ended by itself"),
        Serving(Starlette(lifespan=broken), bound("127.0.0.1", 0), ended.set),
    ):
        assert ended.wait(10)
