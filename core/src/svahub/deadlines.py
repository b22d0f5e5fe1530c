"""Sockets for httpcore on which a timeout is an instant, not a duration: whatever a call still does ends by then.

httpcore writes a request piece by piece, head and body apart. Here all of it goes out together, when its answer is to
be read: a packet and a turn of the interpreter's lock less for each call, here and at the provider.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpcore

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

    Monotonic = Callable[[], float]

_WRITTEN_AT_ONCE = 65_536


class DeadlineBackend(httpcore.NetworkBackend):
    """Opens connections; every `timeout` that they are given is a reading of `monotonic`."""

    def __init__(self, monotonic: Monotonic) -> None:
        self._monotonic = monotonic
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect; ConnectTimeout when that took too long, also where the system could not be interrupted."""
        left = _left(timeout, self._monotonic, httpcore.ConnectTimeout)
        stream = self._sockets.connect_tcp(host, port, left, local_address, socket_options)
        return _DeadlineStream(stream, self._monotonic).still_within(timeout)


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, monotonic: Monotonic) -> None:
        self._stream, self._monotonic = stream, monotonic
        self._unsent = bytearray()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._unsent:
            with suppress(httpcore.WriteError):  # as httpcore does: who closed early may have answered before
                self._send(timeout)
        return self._stream.read(max_bytes, _left(timeout, self._monotonic, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002  # `read` has the same
        self._unsent += buffer

    def _send(self, timeout: float | None) -> None:
        unsent, self._unsent = bytes(self._unsent), bytearray()
        for start in range(0, len(unsent), _WRITTEN_AT_ONCE):
            left = _left(timeout, self._monotonic, httpcore.WriteTimeout)
            self._stream.write(unsent[start : start + _WRITTEN_AT_ONCE], left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, self._monotonic, httpcore.ConnectTimeout)
        stream = self._stream.start_tls(ssl_context, server_hostname, left)
        return _DeadlineStream(stream, self._monotonic).still_within(timeout)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def still_within(self, deadline: float | None) -> _DeadlineStream:
        """Return the stream; past the deadline close it instead, so that it is sure that nothing was sent."""
        try:
            _left(deadline, self._monotonic, httpcore.ConnectTimeout)
        except httpcore.ConnectTimeout:
            self.close()
            raise
        return self


def _left(deadline: float | None, monotonic: Monotonic, timed_out: type[Exception]) -> float | None:
    if deadline is None:
        return None
    seconds = deadline - monotonic()
    if seconds <= 0:
        raise timed_out
    return seconds
