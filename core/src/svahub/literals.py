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
from unicodedata import normalize
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HIDDEN = "***"
SHORTEST = 4
"""A shorter secret is not hidden by itself: it would tear up every text, and its traces would tell it."""

WHOLE_WORD = 8
"""A shorter secret or value is hidden only where it stands alone."""

PROBE = 4
OPENING = 16
"""A secret so long is looked for by samples of a text, PROBE characters each, of which one must fall in its opening."""

_STRIDE = OPENING - PROBE + 1

_listeners: list[Callable[[], None]] = []


def on_change(forget: Callable[[], None]) -> None:
    """Have `forget` called when there is more to hide: what was masked before may no longer do."""
    _listeners.append(forget)


class Secrets:
    """Secrets in all the forms that they are written in, found in a text at a cost that their number does not raise."""

    def __init__(self) -> None:
        """Know nothing."""
        self._lock = Lock()
        self._kept: set[str] = set()
        self._tokens: dict[str, tuple[str, ...]] = {}
        self._short: tuple[str, ...] = ()
        self._by_probe: dict[str, tuple[str, ...]] = {}

    def keep(self, secret: str) -> bool:
        """Hide a secret for good; false when it is known or too short."""
        with self._lock:
            if secret in self._kept or len(secret) < SHORTEST:
                return False
            self._kept.add(secret)
            self._add(secret)
        return True

    def renew(self, owner: str, token: str) -> bool:
        """Hide an owner's token and the one before it, and forget the one before that."""
        with self._lock:
            known = self._tokens.get(owner, ())
            if token in known or len(token) < SHORTEST:
                return False
            self._tokens[owner] = (*known, token)[-2:]
            self._add(token)
            for old in known[:-1]:
                self._drop(old)
        return True

    def without(self, text: str) -> str:
        """Return the text without any of them."""
        samples = [text[start : start + PROBE] for start in range(0, len(text), _STRIDE)]
        if not self._by_probe.keys().isdisjoint(samples):
            text = self._replaced(text, samples)
        for form in self._short:
            if form in text:
                text = re.sub(_word(form), HIDDEN, text) if len(form) < WHOLE_WORD else text.replace(form, HIDDEN)
        return text

    def _replaced(self, text: str, samples: list[str]) -> str:
        met = {form for sample in samples for form in self._by_probe.get(sample, ()) if form in text}
        for form in sorted(met, key=len, reverse=True):
            text = text.replace(form, HIDDEN)
        return text

    def _add(self, secret: str) -> None:
        for form in set(_written(secret)):
            for probe in _probes(form):
                self._by_probe[probe] = (*self._by_probe.get(probe, ()), form)
            if len(form) < OPENING:
                self._short = tuple(sorted((*self._short, form), key=len, reverse=True))

    def _drop(self, secret: str) -> None:
        for form in set(_written(secret)):
            for probe in _probes(form):
                if left := _less_one(self._by_probe[probe], form):
                    self._by_probe[probe] = left
                else:
                    del self._by_probe[probe]
            if len(form) < OPENING:
                self._short = _less_one(self._short, form)


def _probes(form: str) -> set[str]:
    """Return what a long form's opening has to be found by: a sample falls on one of these wherever it stands."""
    return {form[start : start + PROBE] for start in range(_STRIDE)} if len(form) >= OPENING else set()


def _less_one(forms: tuple[str, ...], form: str) -> tuple[str, ...]:
    """Return the forms with one fewer of this; another secret may be written the same."""
    at = forms.index(form)
    return forms[:at] + forms[at + 1 :]


_secrets = Secrets()
"""The process's own: a secret is one wherever it turns up."""


def remember(secret: str) -> str:
    """Hide this secret from now on, as it is and as it is written in addresses, in JSON, in HTML and in base64.

    Returns the secret.
    """
    if _secrets.keep(secret):
        _tell_listeners()
    return secret


def remember_token(owner: str, token: str) -> None:
    """Hide the token that this owner has now, as `remember` does, and of those before it only the last."""
    if _secrets.renew(owner, token):
        _tell_listeners()


def _tell_listeners() -> None:
    for forget in _listeners:
        forget()


def without_secrets(text: str) -> str:
    """Return the text without the secrets that this process knows."""
    return _secrets.without(text)


def _written(secret: str) -> Iterator[str]:
    yield from (secret, quote(secret, safe=""), quote(secret), quote_plus(secret), html.escape(secret))
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])
    if len(secret) >= WHOLE_WORD:
        for offset in range(3):  # base64 of a text looks different by how many bytes stand before it
            padded = b"\0" * offset + secret.encode(errors="replace")
            for encode in (b64encode, urlsafe_b64encode):
                yield encode(padded).decode()[(0, 2, 3)[offset] : len(padded) * 8 // 6]


def _word(value: str) -> str:
    return rf"(?<!\w){re.escape(value)}(?!\w)"


# -- persons -----------------------------------------------------------------------------------------------------------

_MARKS = re.compile("[\u0300-\u036f]+")
_NO_NAME = re.compile(r"[\d@/]")
_LONGER_WORD = re.compile(rf"[^\W\d_]{{{SHORTEST},}}")

_persons: ContextVar[tuple[str, ...]] = ContextVar("svahub_persons", default=())


@contextmanager
def about(*values: str | None) -> Iterator[None]:
    """Hide these values, somebody's name or street, in whatever this thread masks until the block ends.

    However they are accented and cased; of what may be a name each longer word, too.
    """
    told = [as_compared(value) for value in values if value and len(value) >= SHORTEST]
    words = [word for value in told if not _NO_NAME.search(value) for word in _LONGER_WORD.findall(value)]
    token = _persons.set(tuple(dict.fromkeys([*_persons.get(), *told, *words])))
    try:
        yield
    finally:
        _persons.reset(token)


def as_compared(text: str) -> str:
    """Return the text as it compares: without accents, in lower case."""
    if text.isascii():
        return text.lower()
    return _MARKS.sub("", normalize("NFKD", text)).casefold()


def without_persons(text: str) -> str:
    """Return the text without the values of whom this thread's call is about."""
    values = _persons.get()
    if not values:
        return text
    folded = as_compared(text)
    if met := [value for value in values if value in folded]:
        whole = re.compile("|".join(_word(value) for value in sorted(met, key=len, reverse=True)))
        return _without(text, whole)
    return text


def _without(text: str, met: re.Pattern[str]) -> str:
    """Hide in the text what is met in its folded form, whose characters may be more or fewer."""
    folded = [as_compared(character) for character in text]
    origins = [place for place, part in enumerate(folded) for _ in part] + [len(text)]
    parts, end = [], 0
    for found in met.finditer("".join(folded)):
        parts += [text[end : origins[found.start()]], HIDDEN]
        end = max(end, origins[found.end()])
    return "".join([*parts, text[end:]])
