"""How a server is reached: directly or by a proxy, and over TLS where the address says so."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from svahub.deadlines import DeadlineSocket, connected
from svahub.incoming import Incoming
from svahub.outgoing import head
from svahub.tls import ssl_context

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from svahub.outgoing import Headers
    from svahub.proxies import Proxy
    from svahub.settings import Trust

    Resolve = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Server:
    """A server as URLs name it, with its idle connections and until when each may serve, the freshest last."""

    scheme: str
    host: str
    port: int
    proxy: Proxy | None = None
    idle: deque[tuple[DeadlineSocket, float]] = field(default_factory=deque, repr=False)

    @property
    def authority(self) -> str:
        """The host and the port, as a proxy is asked for them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def target(self, path: bytes) -> bytes:
        """Return what a request names: the path, and before a proxy that reads it the whole address."""
        return b"http://" + self.authority.encode() + path if self.proxy and self.scheme == "http" else path

    @property
    def headers(self) -> Headers:
        """What the proxy is to know of us, where it reads the requests."""
        return self.proxy.headers if self.proxy and self.scheme == "http" else ()


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens connections; `resolve` returns the addresses of a name, `trust` says to which servers."""

    monotonic: Callable[[], float]
    resolve: Resolve
    trust: Trust

    def opened(self, server: Server, deadline: float) -> DeadlineSocket:
        """Return a connection on which the server can be asked; ConnectError, ConnectTimeout or ProxyError."""
        near = server.proxy or server
        connection = connected(self._addresses(near.host, near.port), near.port, deadline, self.monotonic)
        try:
            if server.scheme == "https":
                self._secure(connection, server, deadline)
        except BaseException:
            connection.close()
            raise
        return connection

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            return self.resolve(host, port)
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is none"
            raise httpx.ConnectError(f"the name cannot be resolved: {why or error}") from error

    def _secure(self, connection: DeadlineSocket, server: Server, deadline: float) -> None:
        if server.proxy:
            _tunnel(connection, server, server.proxy.headers, deadline)
        connection.secure(ssl_context(self.trust), server.host, deadline)


def _tunnel(connection: DeadlineSocket, server: Server, headers: Headers, deadline: float) -> None:
    answer = Incoming("CONNECT")
    host = (b"Host", server.authority.encode())
    try:
        connection.send(head("CONNECT", server.authority.encode(), [host, *headers]), deadline)
        while not answer.known:
            answer.feed(connection.receive(deadline))
    except httpx.TimeoutException as error:
        raise httpx.ConnectTimeout("the proxy does not answer") from error
    except httpx.HTTPError as error:
        raise httpx.ProxyError("the proxy does not answer as one") from error
    if answer.surplus or not 200 <= answer.status < 300:
        raise httpx.ProxyError(f"the proxy answers {answer.status} when asked for {server.authority}")
