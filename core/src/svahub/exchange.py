"""The record of one exchange with a provider, masked before anybody gets it, and the attempt that it belongs to."""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl

from pydantic_core import from_json, to_json

from svahub.literals import about, without_persons
from svahub.masking import clean, mask_json, mask_query, mask_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from svahub.models import Customer

    Mask = Callable[[Any], Any]

AttemptKey = tuple[str, int]
"""The key of the account and the number of the lease under which the attempt was made."""

SHOWN_BYTES = 4096
"""So much of a body is kept; the rest of a long one is cut."""

SHOWN_TEXT = 200
"""So many characters are kept of a body that is no JSON: nothing tells its personal data from the rest."""

_TITLE = re.compile(rb"<title[^>]*>([^<]{1,100})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it, masked; `path` includes the query, `status` is None when no answer came.

    `wrote` says that it asked for a change, and that this was made or may have been.
    """

    method: str
    path: str
    status: int | None
    milliseconds: float
    request_headers: Mapping[str, str]
    request_body: str | None
    response_headers: Mapping[str, str]
    response_body: str | None
    error: str | None
    at: datetime
    attempt: AttemptKey | None
    wrote: bool = False

    def __post_init__(self) -> None:
        """Clean every text: some of them come from the provider as they are, and all are written to the store."""
        for name in ("method", "path", "request_body", "response_body", "error"):
            text: str | None = getattr(self, name)
            object.__setattr__(self, name, text if text is None else clean(text))
        for name in ("request_headers", "response_headers"):
            headers: Mapping[str, str] = getattr(self, name)
            object.__setattr__(self, name, {clean(key): clean(value) for key, value in headers.items()})


class Recorder(Protocol):
    """Keeps exchanges; called in the thread of the call, so it has to be quick, and must not raise."""

    def record(self, exchange: Exchange) -> None:
        """Keep one exchange."""


class Unrecorded:
    """The recorder of a program that opens a provider without a store."""

    def record(self, exchange: Exchange) -> None:
        """Keep nothing."""


_attempt: ContextVar[AttemptKey | None] = ContextVar("svahub_attempt", default=None)


@contextmanager
def recording(attempt: AttemptKey, customer: Customer | None = None) -> Iterator[None]:
    """Attribute every exchange of this thread to `attempt` until the block ends, and hide whom it is about."""
    token = _attempt.set(attempt)
    try:
        with about(*(told_of(customer) if customer else ())):
            yield
    finally:
        _attempt.reset(token)


def told_of(customer: Customer) -> Iterator[str | None]:
    """Yield what a provider may repeat of a customer in a sentence, where nothing shows that it is personal."""
    yield from (customer.name, customer.email, customer.phone)
    if born := customer.birth_date:
        yield from (born.isoformat(), f"{born:%d/%m/%Y}")
    if address := customer.address:
        yield from (address.street, address.complement, address.district)


def current_attempt() -> AttemptKey | None:
    """Return the attempt that `recording` named, if any."""
    return _attempt.get()


def shown_body(content: bytes, content_type: str = "", mask: Mask = mask_json) -> str | None:
    """Return the beginning of a body as people may read it, None for an empty one.

    JSON is masked by its fields even where it is cut; what only looks like JSON is not shown, and of HTML and XML only
    the title, as nothing tells their personal data from the rest.
    """
    if not content:
        return None
    return without_persons(_shown(content, content_type, mask))


def _shown(content: bytes, content_type: str, mask: Mask) -> str:
    head = content[:SHOWN_BYTES]
    start = head.lstrip()[:1]
    if "form-urlencoded" in content_type:
        return mask_query(dict(parse_qsl(head.decode(errors="replace"))))
    if start in {b"{", b"["}:
        return _shown_json(head, len(content), mask)
    if start == b"<":
        title = _TITLE.search(head)
        return f"[{len(content)} bytes of HTML or XML]" + (f" {_text(title[1])}" if title else "")
    return _text(head)


def _text(content: bytes) -> str:
    masked = mask_text(content.decode(errors="replace"))
    return masked[:SHOWN_TEXT] + ("…" if len(masked) > SHOWN_TEXT else "")


def _shown_json(head: bytes, length: int, mask: Mask) -> str:
    try:
        value = from_json(head, allow_partial=True)
    except ValueError:
        return f"[{length} bytes that are no JSON]"
    return to_json(mask(value)).decode() + ("…" if length > len(head) else "")
