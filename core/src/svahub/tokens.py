"""Access tokens: what an endpoint answers, how long one is used, and where those of this process are kept."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from pydantic import AliasChoices, BaseModel, Field, SecretStr, create_model

from svahub.errors import AuthenticationCause, AuthenticationFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Usable = Callable[["Token"], bool]
    Fetch = Callable[[], "Token"]

AHEAD = timedelta(seconds=60)
"""A token is renewed so long before it expires, or in the last fifth of a shorter life."""

LONGEST_LIFE = 30 * 86_400.0
"""Seconds; no token is used longer, whatever the provider says."""

UNSAID_LIFE = 300.0
"""Seconds; so long a token is used of which the provider does not say how long it lives."""


class TokenAnswer(BaseModel):
    """What a token endpoint answers (RFC 6749, 5.1); `expiry` is seconds of life or a unix time."""

    token: SecretStr = Field(min_length=1)
    expiry: float | None = None


def answer_of(token_field: str, *expiry_fields: str) -> type[TokenAnswer]:
    """Return how an answer is read whose fields are called this; of several names for the expiry the first is taken."""
    return create_model(
        "TokenAnswer",
        __base__=TokenAnswer,
        token=(SecretStr, Field(min_length=1, validation_alias=token_field)),
        expiry=(float | None, Field(None, gt=0, allow_inf_nan=False, validation_alias=AliasChoices(*expiry_fields))),
    )


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and until when it is to be used."""

    value: SecretStr
    use_until: datetime

    @classmethod
    def living(cls, value: SecretStr, seconds: float, now: datetime) -> Token:
        """Return a token that lives so long from `now`: it is used until shortly before."""
        life = timedelta(seconds=min(seconds, LONGEST_LIFE))
        return cls(value, now + life - min(AHEAD, life / 5))

    @classmethod
    def of(cls, answer: TokenAnswer, now: datetime, *, expiry_is_instant: bool = False) -> Token:
        """Return the token of an answer that was asked for at `now`.

        Raises AuthenticationFailed when the instant of its expiry is over already: the clocks differ.
        """
        expiry = answer.expiry
        if expiry is None:
            return cls.living(answer.token, UNSAID_LIFE, now)
        seconds = expiry - now.timestamp() if expiry_is_instant else expiry
        if seconds <= 0:
            ago = f"expired {-seconds:.0f} seconds ago by our clock"
            raise AuthenticationFailed(AuthenticationCause.CLOCK, f"the provider gives a token that {ago}")
        return cls.living(answer.token, seconds, now)


class TokenCache(Protocol):
    """Where tokens are kept, so that clients of the same account share them; safe for threads."""

    def token(self, key: str, usable: Usable, fetch: Fetch, timeout: float) -> Token:
        """Return the token that is known, or the one that `fetch` brings when that is not `usable`.

        One client fetches at a time and the others wait for its token: TimeoutError is raised after `timeout` seconds.
        """


@dataclass(eq=False)
class MemoryTokens:
    """Tokens of this process."""

    _tokens: dict[str, Token] = field(default_factory=dict)
    _locks: dict[str, Lock] = field(default_factory=dict)

    def token(self, key: str, usable: Usable, fetch: Fetch, timeout: float) -> Token:
        """Return the token that is known, or a new one."""
        known = self._tokens.get(key)
        if known is not None and usable(known):
            return known
        with self._lock(key, timeout):
            known = self._tokens.get(key)
            if known is None or not usable(known):
                known = self._tokens[key] = fetch()
            return known

    @contextmanager
    def _lock(self, key: str, timeout: float) -> Iterator[None]:
        lock = self._locks.setdefault(key, Lock())
        if not lock.acquire(timeout=timeout):
            raise TimeoutError
        try:
            yield
        finally:
            lock.release()


TOKENS = MemoryTokens()
"""Shared by all clients of this process."""
