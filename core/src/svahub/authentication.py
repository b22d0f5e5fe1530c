"""How requests prove who we are: headers made once, or an OAuth2 token that is fetched, shared and renewed."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode

from pydantic import AliasChoices, BaseModel, Field, SecretStr

from svahub.errors import (
    AuthenticationCause,
    AuthenticationFailed,
    Cause,
    ProviderError,
    Unreachable,
)
from svahub.literals import remember, remember_token
from svahub.settings import BasicAuth, ClientCredentials, HeaderToken, NoAuth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from svahub.answers import Answer

    FetchToken = Callable[[bytes], "TokenAnswer"]
    Now = Callable[[], datetime]

AHEAD = timedelta(seconds=60)
"""A token is renewed so long before it expires, or in the last fifth of a shorter life."""


class TokenAnswer(BaseModel):
    """What a token endpoint answers (RFC 6749, 5.1)."""

    access_token: SecretStr
    expires_in: float = Field(300.0, gt=0, validation_alias=AliasChoices("expires_in", "expiresIn"))


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and until when it is to be used."""

    value: SecretStr
    use_until: datetime

    @classmethod
    def of(cls, answer: TokenAnswer, now: datetime) -> Token:
        """Return the token of an answer that came at `now`."""
        life = timedelta(seconds=min(answer.expires_in, 30 * 86_400))
        return cls(answer.access_token, now + life - min(AHEAD, life / 5))


class TokenCache(Protocol):
    """Where tokens are kept, so that clients of the same account share them; safe for threads."""

    def get(self, key: str) -> Token | None:
        """Return what was put last, however old."""

    def put(self, key: str, token: Token) -> None:
        """Replace the token."""

    def lock(self, key: str, timeout: float) -> AbstractContextManager[None]:
        """Return a context in which nobody else renews this token; it raises TimeoutError after `timeout` seconds."""


@dataclass
class MemoryTokens:
    """Tokens of this process."""

    _tokens: dict[str, Token] = field(default_factory=dict)
    _locks: dict[str, Lock] = field(default_factory=dict)

    def get(self, key: str) -> Token | None:
        """Return what was put last, however old."""
        return self._tokens.get(key)

    def put(self, key: str, token: Token) -> None:
        """Replace the token."""
        self._tokens[key] = token

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[None]:
        """Wait until nobody else renews this token."""
        lock = self._locks.setdefault(key, Lock())
        if not lock.acquire(timeout=timeout):
            raise TimeoutError
        try:
            yield
        finally:
            lock.release()


TOKENS = MemoryTokens()
"""Shared by all clients of this process."""


class TokenRefused(AuthenticationFailed):
    """The provider no longer takes a token that may be renewed; never leaves the client."""

    def __init__(self) -> None:
        super().__init__(AuthenticationCause.EXPIRED, "the provider no longer accepts our token")


class Authentication(Protocol):
    """Makes the headers of each request."""

    @property
    def renewable(self) -> bool:
        """Whether another try with renewed headers is worth it after a 401."""

    def headers(self) -> Mapping[str, str]:
        """Return what proves who we are."""

    def renew(self, refused: Mapping[str, str]) -> Mapping[str, str]:
        """Return headers to use instead of those that were refused."""


@dataclass(frozen=True)
class FixedHeaders:
    """The same headers with every request."""

    values: Mapping[str, str] = field(repr=False)
    renewable: bool = False

    def headers(self) -> Mapping[str, str]:
        """Return them."""
        return self.values

    def renew(self, refused: Mapping[str, str]) -> Mapping[str, str]:
        """Return the same: there are no others."""
        return refused


@dataclass(frozen=True)
class OAuth2:
    """Client credentials: one token for all clients of `address` that bear them, renewed by one thread at a time."""

    credentials: ClientCredentials
    address: str
    fetch: FetchToken
    tokens: TokenCache
    now: Now
    timeout: float
    renewable: bool = True

    def headers(self) -> Mapping[str, str]:
        """Return the bearer header, of a new token when the known one is about to expire."""
        token = self.tokens.get(self.key)
        return _bearer(self._renewed(token) if token is None or token.use_until <= self.now() else token)

    def renew(self, refused: Mapping[str, str]) -> Mapping[str, str]:
        """Return the bearer header of a token that is not the refused one."""
        token = self.tokens.get(self.key)
        return _bearer(self._renewed(token) if token is None or _bearer(token) == refused else token)

    def _renewed(self, old: Token | None) -> Token:
        try:
            with self.tokens.lock(self.key, self.timeout):
                known = self.tokens.get(self.key)
                return self._fetched() if known is None or known == old else known
        except TimeoutError:
            raise Unreachable(Cause.TIMEOUT, "another thread got no new token in time") from None

    def _fetched(self) -> Token:
        asked_at = self.now()
        token = Token.of(self.fetch(self._form()), asked_at)
        remember_token(self.key, token.value.get_secret_value())
        self.tokens.put(self.key, token)
        return token

    def _form(self) -> bytes:
        secret = remember(self.credentials.client_secret.get_secret_value())
        form = {"grant_type": "client_credentials", "client_id": self.credentials.client_id, "client_secret": secret}
        return urlencode(form | ({"scope": self.credentials.scope} if self.credentials.scope else {})).encode()

    @cached_property
    def key(self) -> str:
        """What names the token in the cache; another secret is another token."""
        return hashlib.sha256(self.address.encode() + b"\0" + self._form()).hexdigest()


def _bearer(token: Token) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.value.get_secret_value()}"}


def fixed(auth: NoAuth | BasicAuth | HeaderToken) -> FixedHeaders:
    """Return the headers of credentials that need no call."""
    match auth:
        case BasicAuth():
            pair = f"{auth.username}:{remember(auth.password.get_secret_value())}"
            return FixedHeaders({"Authorization": f"Basic {b64encode(pair.encode()).decode()}"})
        case HeaderToken():
            return FixedHeaders({auth.header: f"{auth.scheme} {remember(auth.token.get_secret_value())}".strip()})
        case NoAuth():
            return FixedHeaders({})


def token_refused(answer: Answer) -> ProviderError | None:
    """Return what a token endpoint's error means: whatever it refuses for good, it does not know us."""
    if answer.status >= 500 or answer.status in {403, 408, 425, 429}:
        return None
    return AuthenticationFailed(
        AuthenticationCause.CREDENTIALS, f"the token endpoint refuses our credentials ({answer.code})"
    )
