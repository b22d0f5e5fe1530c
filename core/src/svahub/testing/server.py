"""The socket of a simulator: uvicorn's HTTP protocol on a loopback port that can be made to refuse and to listen again.

uvicorn's own `Server` is not used: it takes over signals and cannot close its port for a while.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

HOST = "127.0.0.1"
TRANSPORT = "simulator.transport"
BACKLOG = 2048
GRACE = 0.25


class Corked:
    """A transport that can hold back what is written: uvicorn writes head and body apart, which costs a tenth."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held: list[bytes] | None = None

    @contextmanager
    def corked(self) -> Iterator[None]:
        """Send all that is written in the `with` block at once."""
        self._held = []
        try:
            yield
        finally:
            self._release()

    def write(self, content: bytes) -> None:
        """Send, or hold back."""
        if self._held is None:
            self._transport.write(content)
        else:
            self._held.append(content)

    def close(self) -> None:
        """Send what is held back, then close."""
        self._release()
        self._transport.close()

    def _release(self) -> None:
        held, self._held = self._held, None
        if held and not self._transport.is_closing():
            self._transport.write(b"".join(held))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Connection(HttpToolsProtocol):
    """uvicorn's connection; also tells the application its transport, so that answers can be cut off."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin a connection."""
        super().connection_made(cast(asyncio.Transport, Corked(transport)))

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: self.transport}  # type: ignore[dict-item]  # not one of ASGI's


class Listener:
    """One port on loopback; `stop` ends it within a moment, whatever is under way.

    With `dated`, answers bear this machine's time.
    """

    def __init__(self, application: Callable[..., Awaitable[None]], port: int = 0, *, dated: bool = True) -> None:
        self._config = _configuration(application, dated=dated)
        self._state = ServerState()
        self._socket = _bound(port)
        self._server: asyncio.Server | None = None
        self._reopening: asyncio.Task[None] | None = None
        self.port: int = self._socket.getsockname()[1]

    async def listen(self) -> None:
        """Accept connections, on the same port as before."""
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._connection, sock=self._socket, backlog=BACKLOG)

    def refuse(self) -> None:
        """Refuse new connections, end idle ones, and the others after their answer.

        The port stays bound without listening, so that the system refuses for us and nobody else gets it.
        """
        self._stay()
        if self._server is not None:
            self._server.close()
            self._server = None
            self._socket = _bound(self.port)
        for connection in list(self._state.connections):
            connection.shutdown()

    def refuse_for(self, seconds: float) -> None:
        """Refuse, and listen again later; while it already refuses, nothing changes."""
        if self._server is not None:
            self.refuse()
            self._reopening = asyncio.create_task(self._listen_later(seconds))

    async def _listen_later(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.listen()

    async def stop(self) -> None:
        """Close the port and all connections; answers under way get a moment."""
        self.refuse()
        self._socket.close()
        if self._state.tasks:
            await asyncio.wait(self._state.tasks, timeout=GRACE)
        for connection in list(self._state.connections):
            connection.transport.abort()
        while self._state.connections:
            await asyncio.sleep(0)

    def _stay(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
            self._reopening = None

    def _connection(self) -> asyncio.Protocol:
        return Connection(self._config, self._state, app_state={})


def _configuration(application: Callable[..., Awaitable[None]], *, dated: bool) -> uvicorn.Config:
    lean: dict[str, Any] = {"access_log": False, "proxy_headers": False, "log_config": None, "date_header": dated}
    # Above "critical" there is nothing: what a fault does to an exchange on purpose is an error to uvicorn.
    return uvicorn.Config(
        application,
        http=Connection,
        interface="asgi3",
        ws="none",
        lifespan="off",
        log_level="critical",
        timeout_keep_alive=75,
        **lean,
    )


def _bound(port: int) -> socket.socket:
    # asyncio switches Nagle's delay off only where the protocol is named: otherwise each answer waits for 40 ms.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except OSError:
        bound.close()
        raise
    return bound
