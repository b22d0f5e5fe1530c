"""Sockets on which a timeout is an instant, not a duration: whatever a call still does ends by then.

They never block: each wait is one `poll`, as every wait inside of Python's sockets costs further turns of the
interpreter's lock. Failures are httpx's, and tell whether anything was sent.
"""

from __future__ import annotations

import selectors
import socket
import ssl
from typing import TYPE_CHECKING, TypeVar

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Monotonic = Callable[[], float]

T = TypeVar("T")

READ_AT_ONCE = 65_536
WRITTEN_AT_ONCE = 65_536

# epoll, the default, takes a file descriptor of its own for each connection
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)


def resolved(host: str, port: int) -> Sequence[str]:
    """Return every address that the system knows of a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class DeadlineSocket:
    """A connected socket; `sent` and `received` count the bytes of one call, from `begin` on."""

    def __init__(self, connected: socket.socket, monotonic: Monotonic) -> None:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setblocking(False)
        self._socket, self._monotonic = connected, monotonic
        self._selector = _Selector()
        self._selector.register(connected, selectors.EVENT_READ)
        self.sent = self.received = self._calls = 0

    def begin(self) -> None:
        """Count anew, for another call."""
        self.sent = self.received = 0
        self._calls += 1

    @property
    def is_reused(self) -> bool:
        """Whether it has served another call before this one."""
        return self._calls > 1

    def secure(self, context: ssl.SSLContext, name: str, deadline: float) -> None:
        """Speak TLS from now on, with whoever proves to be `name`."""
        try:
            self._socket = secured = context.wrap_socket(
                self._socket, server_hostname=name, do_handshake_on_connect=False, suppress_ragged_eofs=False
            )
            self._until(secured.do_handshake, deadline, httpx.ConnectTimeout)
        except (OSError, ValueError) as error:
            raise httpx.ConnectError(str(error)) from error

    def send(self, content: bytes, deadline: float) -> None:
        """Send all of it; PoolTimeout when the time was over before the first byte of a call."""
        unsent = memoryview(content)
        try:
            while unsent:
                late = httpx.WriteTimeout if self.sent else httpx.PoolTimeout
                _left(deadline, self._monotonic, late)
                count = self._until(self._sending(unsent[:WRITTEN_AT_ONCE]), deadline, httpx.WriteTimeout)
                self.sent += count
                unsent = unsent[count:]
        except OSError as error:
            raise httpx.WriteError(str(error)) from error

    def _sending(self, part: memoryview) -> Callable[[], int]:
        return lambda: self._socket.send(part)

    def receive(self, deadline: float) -> bytes:
        """Return what comes next; nothing when the other side has closed."""
        try:
            if not self._is_waiting_inside():
                self._wait(selectors.EVENT_READ, deadline, httpx.ReadTimeout)
            part = self._until(self._receiving, deadline, httpx.ReadTimeout)
        except ssl.SSLEOFError:
            # whoever is between us could have cut it off: no end that a body may have
            raise httpx.ReadError("the connection ended without TLS saying so") from None
        except OSError as error:
            raise httpx.ReadError(str(error)) from error
        self.received += len(part)
        return part

    def _receiving(self) -> bytes:
        return self._socket.recv(READ_AT_ONCE)

    def _is_waiting_inside(self) -> bool:
        """Tell whether TLS has read more of the socket than it was asked for."""
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def is_quiet(self) -> bool:
        """Tell whether nothing has come since: no end, and no answer that nobody asked for."""
        if not self._selector.select(0):
            return True
        try:
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True  # TLS has something to say on its own account
        except OSError:
            return False
        return False

    def _until(self, act: Callable[[], T], deadline: float, late: type[httpx.TimeoutException]) -> T:
        while True:
            try:
                return act()
            except ssl.SSLWantWriteError:
                event = selectors.EVENT_WRITE
            except ssl.SSLWantReadError:
                event = selectors.EVENT_READ
            except BlockingIOError:
                event = selectors.EVENT_READ if late is httpx.ReadTimeout else selectors.EVENT_WRITE
            self._wait(event, deadline, late)

    def _wait(self, event: int, deadline: float, late: type[httpx.TimeoutException]) -> None:
        left = _left(deadline, self._monotonic, late)
        if event != selectors.EVENT_READ:
            self._selector.modify(self._socket, event)
        try:
            if not self._selector.select(left):
                raise late("the time is over")
        finally:
            if event != selectors.EVENT_READ:
                self._selector.modify(self._socket, selectors.EVENT_READ)

    def close(self) -> None:
        """Close it; what TLS would still say is not said."""
        self._selector.close()
        self._socket.close()


def connected(addresses: Sequence[str], port: int, deadline: float, monotonic: Monotonic) -> DeadlineSocket:
    """Return a socket to the first address that answers; ConnectTimeout also where the system took too long before.

    Each address is given its share of the time that is left, so that one that swallows everything does not use it up.
    """
    failure: OSError | None = None
    for number, address in enumerate(addresses):
        left = _left(deadline, monotonic, httpx.ConnectTimeout)
        try:
            plain = socket.create_connection((address, port), left / (len(addresses) - number))
        except OSError as error:
            failure = error
        else:
            return DeadlineSocket(plain, monotonic)
    kind = httpx.ConnectTimeout if isinstance(failure, TimeoutError) else httpx.ConnectError
    raise kind(str(failure or "the name has no address")) from failure


def _left(deadline: float, monotonic: Monotonic, late: type[httpx.TimeoutException]) -> float:
    seconds = deadline - monotonic()
    if seconds <= 0:
        raise late("the time is over")
    return seconds
