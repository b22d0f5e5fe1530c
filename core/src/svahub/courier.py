"""Sends one message to another system, once: to an address that was checked, without following it elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from svahub.addresses import Forbidden, checked
from svahub.answers import retry_after
from svahub.deadlines import resolved
from svahub.errors import Refused
from svahub.exchange import shown_body
from svahub.proxies import NO_PROXIES
from svahub.transport import DeadlineTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    Resolve = Callable[[str, int], Sequence[str]]

TIMEOUT_SECONDS = 10.0
READ_BYTES = 4096
SHOWN_CHARACTERS = 200
SUCCESS = range(200, 300)
REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a message goes, and whether it may stay within private networks."""

    url: str
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of sending: the answer's status, None when there was none, and what was wrong, None when nothing was.

    `cause` has no more of the answer than a masked excerpt; `pause` is for how many seconds the target wants no more.
    """

    status: int | None
    milliseconds: int
    cause: str | None = None
    pause: float | None = None

    @property
    def delivered(self) -> bool:
        """Whether the target has taken it."""
        return self.cause is None


class Courier:
    """Sends messages to one destination; safe for threads, to be closed. `resolve` is the seam for names."""

    def __init__(
        self,
        to: Destination,
        *,
        connections: int = 8,
        timeout: float = TIMEOUT_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
        resolve: Resolve = resolved,
    ) -> None:
        self.to, self._timeout, self._monotonic = to, timeout, monotonic
        url = httpx.URL(to.url)

        def addresses(host: str, port: int) -> Sequence[str]:
            found = resolve(host, port)
            return checked(host, found, allow_private=to.allow_private, encrypted=url.scheme == "https")

        # without a proxy: it would look the name up again, and not judge what it finds
        self._transport = DeadlineTransport(
            connections=connections, monotonic=monotonic, resolve=addresses, proxies=NO_PROXIES
        )

    def send(self, body: bytes, headers: Mapping[str, str], *, now: datetime, before: float = float("inf")) -> Reply:
        """Send a body and return what came of it; nothing is sent after the instant `before`, by the monotonic clock.

        Redirects are not followed: they are a failure as any other answer but 2xx.
        """
        began = self._monotonic()
        if before <= began:
            return Reply(None, 0, "it was not sent: the claim on it had ended")
        try:
            status, cause, pause = self._sent(body, headers, now, min(began + self._timeout, before))
        except Forbidden as error:
            status, cause, pause = None, str(error), None
        except httpx.HTTPError as error:
            status, cause, pause = None, _unanswered(error), None
        return Reply(status, round((self._monotonic() - began) * 1000), cause, pause)

    def _sent(
        self, body: bytes, headers: Mapping[str, str], now: datetime, deadline: float
    ) -> tuple[int, str | None, float | None]:
        request = httpx.Request(
            "POST",
            self.to.url,
            headers={"Content-Type": "application/json", "User-Agent": "svahub", **headers},
            content=body,
            extensions={"timeout": {"read": self._timeout}, "deadline": deadline},
        )
        answer = self._transport.handle_request(request)
        try:
            beginning = _beginning(answer)  # of a success too: a connection whose answer was read serves again
        finally:
            answer.close()
        if answer.status_code in SUCCESS:
            return answer.status_code, None, None
        return answer.status_code, _refused(answer, beginning), retry_after(answer.headers.get("retry-after"), now)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


def _refused(answer: httpx.Response, beginning: bytes) -> str:
    if answer.status_code in REDIRECTS:
        return f"{answer.status_code}: it leads elsewhere, and redirects are not followed"
    excerpt = shown_body(beginning, answer.headers.get("content-type", "")) or ""
    return f"{answer.status_code}: {excerpt[:SHOWN_CHARACTERS]}" if excerpt else str(answer.status_code)


def _beginning(answer: httpx.Response) -> bytes:
    """Read no more of a body than is shown, and none that is packed: it may be huge once it is not."""
    if answer.headers.get("content-encoding", "identity") != "identity":
        return b""
    read = b""
    try:
        for part in answer.iter_raw():
            read += part
            if len(read) >= READ_BYTES:
                break
    except httpx.HTTPError:  # its status is known, and that is what counts
        return read[:READ_BYTES]
    return read[:READ_BYTES]


def _unanswered(error: httpx.HTTPError) -> str:
    match error:
        case httpx.ConnectError():
            return f"no connection ({error})"
        case httpx.ConnectTimeout():
            return "no connection in time"
        case httpx.TimeoutException():
            return "no answer in time"
        case _:
            return f"no answer ({type(error).__name__})"


def host_of(url: str) -> str:
    """Return the host that a URL names."""
    return httpx.URL(url).host


def checked_url(url: str, *, allow_private: bool) -> str:
    """Return the URL of a target; Refused when no message could ever go there."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise Refused("That is no URL. Write it as https://host/path.") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host or parsed.userinfo or parsed.fragment:
        raise Refused("A target is https://host/path, without user and fragment.")
    if not _is_reachable(parsed):
        raise Refused("The URL's host is no name, or its port is none: a port is a number from 1 to 65535.")
    if parsed.scheme == "http" and not allow_private:
        raise Refused("Messages go by https; by http only within a private network: --allow-private.")
    return url


def _is_reachable(url: httpx.URL) -> bool:
    """Say whether the system could look a host up and connect to its port."""
    try:
        url.raw_host.decode().encode("idna")
    except UnicodeError:
        return False
    return url.port is None or 0 < url.port < 65536
