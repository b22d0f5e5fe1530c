"""What is hidden because it is known: the secrets that this process has read, and whose data a call is about.

Nothing in a text tells a password or a name from other words, and a provider may echo either without naming its field.
"""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

HIDDEN = "***"
SHORTEST = 4
"""A shorter secret is not hidden by itself: it would tear up every text, and its traces would tell it."""

WHOLE_WORD = 8
"""A shorter secret or value is hidden only where it stands alone."""

MOST = 500
"""So many secrets are kept in mind; beyond that the oldest goes: tokens are renewed for ever."""

_secrets: tuple[str, ...] = ()
_forms: tuple[str, ...] = ()
_pattern = re.compile(r"(?!)")
_shortest = 0
_lock = Lock()
_listeners: list[Callable[[], None]] = []


def on_change(forget: Callable[[], None]) -> None:
    """Have `forget` called when there is more to hide: what was masked before may no longer do."""
    _listeners.append(forget)


def remember(secret: str) -> str:
    """Hide this secret from now on, as it is and as it is written in addresses, in JSON, in HTML and in base64.

    Returns the secret.
    """
    global _secrets, _forms, _pattern, _shortest  # the process's own: a secret is one wherever it turns up
    if secret in _secrets or len(secret) < SHORTEST:
        return secret
    with _lock:
        _secrets = (*_secrets, secret)[-MOST:]
        forms = {form for known in _secrets for form in _written(known)}
        _pattern, _shortest = _any_of(forms), min(map(len, forms))
        _forms = tuple(forms)
    for forget in _listeners:
        forget()
    return secret


def without_secrets(text: str) -> str:
    """Return the text without the secrets that this process knows."""
    if len(text) >= _shortest:
        for form in _forms:
            if form in text:
                return _pattern.sub(HIDDEN, text)
    return text


def _written(secret: str) -> Iterator[str]:
    yield from (secret, quote(secret, safe=""), quote(secret), quote_plus(secret), html.escape(secret))
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])
    if len(secret) >= WHOLE_WORD:
        for offset in range(3):  # base64 of a text looks different by how many bytes stand before it
            padded = b"\0" * offset + secret.encode(errors="replace")
            for encode in (b64encode, urlsafe_b64encode):
                yield encode(padded).decode()[(0, 2, 3)[offset] : len(padded) * 8 // 6]


def _any_of(forms: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(_alone(form) for form in sorted(forms, key=len, reverse=True)))


def _alone(form: str) -> str:
    return re.escape(form) if len(form) >= WHOLE_WORD else _word(form)


def _word(value: str) -> str:
    return rf"(?<!\w){re.escape(value)}(?!\w)"


# -- persons -----------------------------------------------------------------------------------------------------------

_persons: ContextVar[tuple[str, ...]] = ContextVar("svahub_persons", default=())


@contextmanager
def about(*values: str | None) -> Iterator[None]:
    """Hide these values, somebody's name or street, in whatever this thread masks until the block ends."""
    token = _persons.set((*_persons.get(), *(v.casefold() for v in values if v and len(v) >= SHORTEST)))
    try:
        yield
    finally:
        _persons.reset(token)


def without_persons(text: str) -> str:
    """Return the text without the values of whom this thread's call is about."""
    values = _persons.get()
    if not values:
        return text
    lowered = text.casefold()
    if met := [value for value in values if value in lowered]:
        whole = "|".join(_word(value) for value in sorted(met, key=len, reverse=True))
        return re.sub(whole, HIDDEN, text, flags=re.IGNORECASE)
    return text
