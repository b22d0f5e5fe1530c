"""The record of one exchange with a provider, masked before anybody gets it, and the attempt that it belongs to."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl

from pydantic_core import from_json, to_json

from svahub.masking import clean, mask_json, mask_query, mask_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    Mask = Callable[[Any], Any]

AttemptKey = tuple[str, int]
"""The key of the account and the number of the lease under which the attempt was made."""

SHOWN_BYTES = 4096
"""So much of a body is kept; the rest of a long one is cut."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it, masked; `path` includes the query, `status` is None when no answer came."""

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
def recording(attempt: AttemptKey) -> Iterator[None]:
    """Attribute every exchange of this thread to `attempt` until the block ends."""
    token = _attempt.set(attempt)
    try:
        yield
    finally:
        _attempt.reset(token)


def current_attempt() -> AttemptKey | None:
    """Return the attempt that `recording` named, if any."""
    return _attempt.get()


def shown_body(content: bytes, content_type: str = "", mask: Mask = mask_json) -> str | None:
    """Return the beginning of a body as people may read it, None for an empty one.

    JSON is masked by its fields even where it is cut; what only looks like JSON is not shown, as nothing tells its
    personal data from the rest.
    """
    if not content:
        return None
    head = content[:SHOWN_BYTES]
    if "form-urlencoded" in content_type:
        return mask_query(dict(parse_qsl(head.decode(errors="replace"))))
    if head.lstrip()[:1] in {b"{", b"["}:
        return _shown_json(head, len(content), mask)
    return mask_text(head.decode(errors="replace"))


def _shown_json(head: bytes, length: int, mask: Mask) -> str:
    try:
        value = from_json(head, allow_partial=True)
    except ValueError:
        return f"[{length} bytes that are no JSON]"
    return to_json(mask(value)).decode() + ("…" if length > len(head) else "")
