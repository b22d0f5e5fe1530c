"""What a failure of HTTP, or an error answer, means: one function each, decided by whether a write may have happened.

No message made here bears a URL's query, a body or a secret.
"""

from __future__ import annotations

import math
import socket
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import httpx

from svahub.errors import (
    AuthenticationCause,
    AuthenticationFailed,
    Busy,
    Cause,
    Conflict,
    NotFound,
    NotSent,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Rejected,
    Unreachable,
)
from svahub.masking import HIDDEN, mask_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

READS = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST_PAUSE = 3600.0
"""Seconds; a provider that asks for more is asked again after these."""
CLOCKS_DIFFER = 300.0
"""Seconds; so far apart, the clocks may be why credentials are refused."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is no success, or may be none.

    `json` is None, and `is_json` False, where the body is something else, whose `text` may hold anybody's data;
    `hidden` is what no message may repeat, `writes` whether the call may have changed something.
    """

    method: str
    status: int
    headers: Mapping[str, str]
    json: Any = field(default=None, repr=False)
    is_json: bool = True
    hidden: tuple[str, ...] = field(default=(), repr=False)
    text: str = field(default="", repr=False)
    writes: bool = True

    @property
    def code(self) -> str:
        """The provider's code for what is wrong, or the status."""
        return mask_text(_first_text(self.json, ("code", "error_id", "type", "error")) or f"http_{self.status}")[:80]

    def told(self, field: str) -> str | None:
        """Return what a field of the provider's error says, as it was sent; None where it has none."""
        return _first_text(self.json, (field,)) or None

    @property
    def message(self) -> str:
        """The provider's sentence, without the personal data that was sent."""
        return self.repeatable(_first_text(self.json, ("message", "description", "error_description", "detail")))

    def repeatable(self, text: str) -> str:
        """Return a sentence of the answer as a message may repeat it: masked, cut, without what was sent of anybody."""
        for value in sorted(self.hidden, key=len, reverse=True):
            text = text.replace(value, HIDDEN)
        return mask_text(text)[:200]


def _first_text(value: Any, names: tuple[str, ...]) -> str:
    texts = (part[name] for part in _error_parts(value) for name in names if isinstance(part.get(name), str | int))
    return next((str(text) for text in texts), "")


def _error_parts(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects where providers write errors: `error`, each of `errors`, the body itself."""
    if isinstance(value, dict):
        nested = value.get("errors")
        yield from (part for part in (value.get("error"), value) if isinstance(part, dict))
        yield from (part for part in (nested if isinstance(nested, list) else ()) if isinstance(part, dict))


def failed(error: httpx.HTTPError, method: str, *, writes: bool) -> ProviderError:
    """Return what it means that no answer came."""
    if isinstance(error, httpx.PoolTimeout):
        return NotSent("no time was left to send it: no connection became free, or this process stood still")
    if isinstance(error, httpx.LocalProtocolError):
        return NotSent(f"the request cannot be sent: {error}")
    if isinstance(error, httpx.ProxyError):
        return Unreachable(Cause.BROKEN, str(error))
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return _unreachable(error)
    if isinstance(error, httpx.DecodingError):
        return unusable(method, "its body cannot be decoded", writes=writes)
    if writes:
        return OutcomeUnknown(f"no answer to {method} after it was sent ({type(error).__name__})")
    return _unreachable(error)


def _unreachable(error: BaseException) -> Unreachable:
    untrusted = next((e for e in _causes(error) if isinstance(e, ssl.SSLCertVerificationError)), None)
    message = f"its certificate is not trusted: {untrusted.verify_message}" if untrusted else ""
    return Unreachable(_cause(error), message)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _cause(error: BaseException) -> Cause:
    known = (
        (socket.gaierror, Cause.NAME),
        (ConnectionRefusedError, Cause.REFUSED),
        (ssl.SSLError, Cause.TLS),
        ((httpx.TimeoutException, TimeoutError), Cause.TIMEOUT),
    )
    causes = (cause for met in _causes(error) for kind, cause in known if isinstance(met, kind))
    return next(causes, Cause.BROKEN)


def unusable(method: str, problem: str, *, writes: bool) -> ProviderError:
    """Return what it means that a success cannot be understood."""
    message = f"the answer to {method} is of no use: {problem}"
    return OutcomeUnknown(message) if writes else Unreachable(Cause.MALFORMED, message)


def refused(answer: Answer, now: datetime, *, writes: bool) -> ProviderError:
    """Return what an answer that is no success means."""
    if answer.status < 400:
        return Rejected("redirect", f"the provider answers {answer.status}{_elsewhere(answer)}; that is not followed")
    if answer.status < 500:
        return _client_error(answer, now)
    if writes:
        return OutcomeUnknown(f"the provider answered {answer.status} to {answer.method}")
    return Unreachable(Cause.SERVER_ERROR, f"the provider answered {answer.status}")


def _client_error(answer: Answer, now: datetime) -> ProviderError:
    match answer.status:
        case 401:
            return _unauthorized(answer, now)
        case 403:
            return AuthenticationFailed(AuthenticationCause.PERMISSION)
        case 404 if answer.is_json:
            return NotFound("the provider does not have what the call was about")
        case 404:
            return Rejected("http_404", "the answer is not the API's own: check the base URL")
        case 408 | 425:
            return Busy(f"the provider did not take the call ({answer.status})")
        case 409:
            return Conflict(f"{answer.code}: {answer.message}")
        case 429:
            return RateLimited(retry_after(answer.headers.get("retry-after"), now))
        case _:
            return Rejected(answer.code, answer.message)


def _unauthorized(answer: Answer, now: datetime) -> AuthenticationFailed:
    """Return whether the credentials or our clock may be at fault: signatures and tokens hold for minutes only."""
    ahead = -(_until(answer.headers.get("date", ""), now) or 0.0)
    if abs(ahead) < CLOCKS_DIFFER:
        return AuthenticationFailed(AuthenticationCause.CREDENTIALS)
    apart = f"{abs(ahead) / 60:.0f} minutes {'ahead of' if ahead > 0 else 'behind'}"
    message = f"the provider does not accept our credentials, and our clock is {apart} its own"
    return AuthenticationFailed(AuthenticationCause.CLOCK, message)


def _elsewhere(answer: Answer) -> str:
    location = answer.headers.get("location", "").partition("?")[0].partition("#")[0]
    return f", to {mask_text(location)[:200]}" if location else ""


def retry_after(value: str | None, now: datetime) -> float | None:
    """Read a Retry-After header, seconds or an HTTP date, as seconds from `now`; None when it says nothing usable."""
    if not value:
        return None
    seconds = _seconds(value)
    if seconds is None:
        seconds = _until(value, now)
    if seconds is None or math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST_PAUSE)


def _seconds(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _until(value: str, now: datetime) -> float | None:
    try:
        instant = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return (instant.replace(tzinfo=instant.tzinfo or UTC) - now).total_seconds()
