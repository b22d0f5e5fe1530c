"""Sockets for httpcore on which a timeout is an instant, not a duration: whatever a call still does ends by then."""

from __future__ import annotations

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

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, self._monotonic, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITTEN_AT_ONCE):
            left = _left(timeout, self._monotonic, httpcore.WriteTimeout)
            self._stream.write(buffer[start : start + _WRITTEN_AT_ONCE], left)

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
