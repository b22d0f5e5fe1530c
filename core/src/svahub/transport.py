"""Connections to one provider: reused, TLS shared by the process, and one deadline for all that a call does.

httpx limits each single read, so that a server which drips a byte at a time holds a call for ever. Here the timeout
of a request is the time until its last byte. Known limit: the system's resolver cannot be interrupted, but nothing is
sent when it comes back too late.

httpcore's own pool hands one idle connection to several threads and closes connections under others: eight threads on
four connections break one call in a thousand, which for a write is an unknown outcome. Here a call owns its connection.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

import httpcore
import httpx

from svahub.deadlines import DeadlineBackend
from svahub.tls import SYSTEM, ssl_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from svahub.settings import Trust

    Origin = tuple[bytes, bytes, int]
    Idle = deque[httpcore.HTTPConnection]

IDLE_SECONDS = 4.0
"""Shorter than the usual 5 s after which servers close an idle connection: a write must not meet that close."""

_FAILURES = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


class DeadlineTransport(httpx.BaseTransport):
    """Makes at most `connections` calls at once.

    A request's `deadline` is an instant of `monotonic` by which it ends in all; without one, its `read` timeout counts
    from now. `backend` opens the connections, `trust` says to which servers.
    """

    def __init__(
        self,
        *,
        connections: int,
        monotonic: Callable[[], float] = time.monotonic,
        backend: DeadlineBackend | None = None,
        trust: Trust = SYSTEM,
    ) -> None:
        self._monotonic = monotonic
        self._backend = backend or DeadlineBackend(monotonic)
        self._trust = trust
        self._free = BoundedSemaphore(connections)
        self._idle: defaultdict[Origin, Idle] = defaultdict(deque)
        self._closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and return the answer, its body still to be read before the same deadline."""
        seconds: float = request.extensions["timeout"]["read"]
        timed = _timed(request, request.extensions.get("deadline", self._monotonic() + seconds))
        if not self._free.acquire(timeout=seconds):
            raise httpx.PoolTimeout("all connections are in use")
        lease = self._lease(timed.url.origin)
        try:
            with _httpx_failures():
                answer = lease.connection.handle_request(timed)
        except BaseException:
            lease.end(fit=False)
            raise
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer, lease))

    def _lease(self, origin: httpcore.Origin) -> _Lease:
        idle = self._idle[origin.scheme, origin.host, origin.port]
        while idle:
            connection = idle.pop()
            if not connection.has_expired():
                return _Lease(self, connection, idle)
            connection.close()
        return _Lease(self, self._new(origin), idle)

    def _new(self, origin: httpcore.Origin) -> httpcore.HTTPConnection:
        tls = ssl_context(self._trust) if origin.scheme == b"https" else None
        return httpcore.HTTPConnection(
            origin, ssl_context=tls, keepalive_expiry=IDLE_SECONDS, network_backend=self._backend
        )

    def take_back(self, connection: httpcore.HTTPConnection, idle: Idle, *, fit: bool) -> None:
        """Keep the connection for another call if it is fit for one."""
        if fit and not self._closed:
            idle.append(connection)
        else:
            connection.close()
        self._free.release()

    def close(self) -> None:
        """Close all connections; those in use close with their call."""
        self._closed = True
        for idle in list(self._idle.values()):
            while idle:
                idle.pop().close()


@dataclass(frozen=True, slots=True)
class _Lease:
    """A connection that one call owns until `end`."""

    transport: DeadlineTransport
    connection: httpcore.HTTPConnection
    idle: Idle

    def end(self, *, fit: bool) -> None:
        self.transport.take_back(self.connection, self.idle, fit=fit)


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response, lease: _Lease) -> None:
        self._answer, self._lease = answer, lease
        self._open = True

    def __iter__(self) -> Iterator[bytes]:
        with _httpx_failures():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        if self._open:
            self._open = False
            try:
                self._answer.close()
            finally:
                self._lease.end(fit=self._lease.connection.is_idle())


def _timed(request: httpx.Request, deadline: float) -> httpcore.Request:
    url = request.url
    return httpcore.Request(
        method=request.method,
        url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        # httpcore hands these on untouched, and the streams of `deadlines` read them as instants
        extensions={"timeout": dict.fromkeys(("connect", "read", "write"), deadline)},
    )


@contextmanager
def _httpx_failures() -> Iterator[None]:
    try:
        yield
    except _FAILURES as error:
        # both libraries name their failures alike, and fakes of a transport raise httpx's
        failure: type[httpx.HTTPError] = getattr(httpx, type(error).__name__)
        raise failure(str(error)) from error
