"""Connections to one provider: reused, TLS shared by the process, and one deadline for all that a call does.

httpx limits each single read, so that a server which drips a byte at a time holds a call for ever. Here the timeout
of a request is the time until its last byte. Known limit: the system's resolver cannot be interrupted, but nothing is
sent when it comes back too late.

httpx's own transport takes longer than all the rest of a call (benchmarks/transports.py), and its pool hands one idle
connection to several threads and closes connections under others: eight threads on four connections break one call in
a thousand, which for a write is an unknown outcome. Here a call owns its connection.
"""

from __future__ import annotations

import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

import httpx

from svahub.deadlines import DeadlineSocket, resolved
from svahub.incoming import Incoming
from svahub.outgoing import packets
from svahub.proxies import from_environment, proxy_for
from svahub.reaching import Opener, Server
from svahub.tls import SYSTEM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from svahub.proxies import Proxies
    from svahub.reaching import Resolve
    from svahub.settings import Trust

IDLE_SECONDS = 4.0
"""Shorter than the usual 5 s after which servers close an idle connection: a write must not meet that close."""

_PORTS = {"http": 80, "https": 443}


class DeadlineTransport(httpx.BaseTransport):
    """Makes at most `connections` calls at once.

    A request's `deadline` is an instant of `monotonic` by which it ends in all; without one, its `read` timeout counts
    from now. `resolve` returns the addresses of a name, `trust` says which servers are taken for whom they say they
    are; `proxies` are those of the environment unless others are given.
    """

    def __init__(
        self,
        *,
        connections: int,
        monotonic: Callable[[], float] = time.monotonic,
        resolve: Resolve = resolved,
        trust: Trust = SYSTEM,
        proxies: Proxies | None = None,
    ) -> None:
        self._monotonic = monotonic
        self._opener = Opener(monotonic, resolve, trust)
        self._proxies = from_environment() if proxies is None else proxies
        self._free: SimpleQueue[None] = SimpleQueue()  # a semaphore's lock is Python's own, and slower
        for _ in range(connections):
            self._free.put(None)
        self._servers: dict[tuple[bytes, bytes, int | None], Server] = {}
        self._closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and return the answer, its body still to be read before the same deadline."""
        seconds: float = request.extensions["timeout"]["read"]
        deadline: float = request.extensions.get("deadline") or self._monotonic() + seconds
        try:
            self._free.get(timeout=seconds)
        except Empty:
            raise httpx.PoolTimeout("all connections are in use") from None
        try:
            call = self._asked(request, deadline)
        except BaseException:
            self._free.put(None)
            raise
        stream = call if not call.answer.complete else httpx.ByteStream(b"".join(call))
        return httpx.Response(call.answer.status, headers=call.answer.headers, stream=stream)

    def _asked(self, request: httpx.Request, deadline: float) -> _Call:
        server = self._server_of(request.url)
        for connection in self._connections(server, deadline):
            call = _Call(self, server, connection, Incoming(request.method), deadline)
            try:
                call.ask(request)
            except (httpx.NetworkError, httpx.RemoteProtocolError):
                connection.close()
                if not connection.is_reused or not _unseen(connection, request):
                    raise
            except BaseException:
                connection.close()
                raise
            else:
                return call
        raise AssertionError("a new connection is never in doubt")

    def _server_of(self, url: httpx.URL) -> Server:
        key = url.raw_scheme, url.raw_host, url.port
        found = self._servers.get(key)
        if found is None:
            scheme, host = url.scheme, url.raw_host.decode("ascii")
            made = Server(scheme, host, url.port or _PORTS[scheme], proxy_for(scheme, url.host, self._proxies))
            found = self._servers.setdefault(key, made)
        return found

    def _connections(self, server: Server, deadline: float) -> Iterator[DeadlineSocket]:
        """Yield an idle connection, if one is there, and a new one in case that one proves to be closed."""
        while server.idle:
            connection, until = server.idle.pop()
            if self._monotonic() < until and connection.is_quiet():
                yield connection
                break
            connection.close()
        yield self._opener.opened(server, deadline)

    def take_back(self, server: Server, connection: DeadlineSocket, *, fit: bool) -> None:
        """Keep the connection for another call if it is fit for one."""
        if fit and not self._closed:
            server.idle.append((connection, self._monotonic() + IDLE_SECONDS))
        else:
            connection.close()
        self._free.put(None)

    def close(self) -> None:
        """Close all connections; those in use close with their call."""
        self._closed = True
        for server in list(self._servers.values()):
            while server.idle:
                server.idle.pop()[0].close()


class _Call(httpx.SyncByteStream):
    """One call and the connection that it owns; iterated over, it is the answer's body."""

    def __init__(
        self,
        transport: DeadlineTransport,
        server: Server,
        connection: DeadlineSocket,
        answer: Incoming,
        deadline: float,
    ) -> None:
        self.answer = answer
        self._transport, self._server, self._connection, self._deadline = transport, server, connection, deadline
        self._open = self._whole = True

    def ask(self, request: httpx.Request) -> None:
        """Send the request, and read until the answer's head is there."""
        self._connection.begin()
        self._whole = self._send(packets(request, self._server.target(request.url.raw_path), self._server.headers))
        while not self.answer.known:
            self.answer.feed(self._connection.receive(self._deadline))

    def _send(self, parts: Iterator[bytes]) -> bool:
        """Send the parts and say whether all went: who stops reading early may have answered before."""
        try:
            for part in parts:
                self._connection.send(part, self._deadline)
        except httpx.WriteError:
            if not self._connection.sent:
                raise
            return False
        except httpx.LocalProtocolError as error:
            if not self._connection.sent:
                raise
            raise httpx.WriteError(str(error)) from error
        return True

    def __iter__(self) -> Iterator[bytes]:
        yield from self.answer.body()
        while not self.answer.complete:
            self.answer.feed(self._connection.receive(self._deadline))
            yield from self.answer.body()
        self.close()

    def close(self) -> None:
        if self._open:
            self._open = False
            self._transport.take_back(self._server, self._connection, fit=self.answer.fit and self._whole)


def _unseen(connection: DeadlineSocket, request: httpx.Request) -> bool:
    """Say whether a call surely was not seen, and may be made on another connection.

    The server closed an idle one meanwhile, as it may. What it has taken a byte of may have been done; reads are as
    little repeated, that is for the core to decide.
    """
    return not connection.sent and isinstance(request.stream, httpx.ByteStream)
