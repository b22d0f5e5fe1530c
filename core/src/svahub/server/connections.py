"""uvicorn's connection, which also ends when the head of a request is too long, or does not come.

uvicorn itself would read headers without end into memory, and keep a connection on which nothing is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

LARGEST_HEAD = 64 * 1024
HEAD_SECONDS = 10.0


class Connection(HttpToolsProtocol):
    """One connection; between requests uvicorn's own, shorter patience ends it."""

    head_seconds = HEAD_SECONDS
    _octets = 0
    _in_head = True
    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless so much has come before that it is no request."""
        if self._in_head and self._octets > LARGEST_HEAD:
            self.transport.close()
            return
        self._octets += len(data)
        if self._in_head and self._due is None:
            self._await_head()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Begin with the body."""
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Be ready for the next request."""
        self._in_head, self._octets = True, 0
        super().on_message_complete()

    def _await_head(self) -> None:
        self._due = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
