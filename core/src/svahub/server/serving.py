"""Serving an application on a socket, in a thread; what has begun when it is told to stop is answered first."""

from __future__ import annotations

import logging
import socket
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import uvicorn

from svahub.errors import Refused
from svahub.server.connections import Connection

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from starlette.applications import Starlette

BACKLOG = 2048
CONNECTIONS = 500
"""More at once are answered 503: each may bring a body that is held in memory."""
STOP_SECONDS = 8.0
"""So long what has begun may take once it is told to stop; supervisors kill after ten."""

log = logging.getLogger(__name__)


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raises Refused when nobody can listen there. Port 0 takes a free one."""
    try:
        # With its protocol named: else asyncio leaves Nagle's delay on, and each answer waits for 40 ms.
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _refused(host, port, error) from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise _refused(host, port, error) from error
    return listening


def _refused(host: str, port: int, error: OSError) -> Refused:
    return Refused(f"Nobody can listen at {host}, port {port}: {error.strerror}. Choose others: --host, --port.")


class Serving:
    """A server; `ended` is called, in its thread, when it serves no more, whatever the reason. A context manager."""

    def __init__(
        self,
        application: Starlette,
        listening: socket.socket,
        ended: Callable[[], None] = lambda: None,
        connection: type[Connection] = Connection,
    ) -> None:
        self._server = _Server(_configuration(application, connection))
        self._socket, self._ended = listening, ended
        self._thread = Thread(target=self._serve, name="svahub-server", daemon=True)
        self._failure: BaseException | None = None
        self.url = _url(listening)

    def __enter__(self) -> Serving:
        self._thread.start()
        self._server.answers.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._thread.join()
        if self._failure is not None and error is None:
            raise Refused("The server has ended by itself: see the log.") from self._failure

    def stop(self) -> None:
        """Ask it to take nothing more; safe in a signal handler."""
        self._server.should_exit = True

    def wait(self) -> None:
        """Wait until it has ended."""
        self._thread.join()

    def _serve(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except BaseException as error:  # SystemExit too: uvicorn's way to say that it cannot start
            log.exception("the server has ended")
            self._failure = error
        finally:
            self._socket.close()
            self._server.answers.set()
            self._ended()


class _Server(uvicorn.Server):
    """uvicorn's, telling when it has begun to answer."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answers = Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        self.answers.set()


def _configuration(application: Starlette, connection: type[Connection]) -> uvicorn.Config:
    # Its log goes where ours goes, masked; a line for each request would tell the paths, which have the endpoints.
    quiet: dict[str, Any] = {"access_log": False, "log_config": None, "server_header": False}
    limits: dict[str, Any] = {"limit_concurrency": CONNECTIONS, "timeout_graceful_shutdown": STOP_SECONDS}
    return uvicorn.Config(
        application, http=connection, ws="none", lifespan="on", proxy_headers=False, **quiet, **limits
    )


def _url(listening: socket.socket) -> str:
    host, port, *_ = listening.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
