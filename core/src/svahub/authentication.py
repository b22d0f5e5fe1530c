"""How requests prove who we are: headers made once, or a token that is fetched, shared and renewed."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import urlencode

from pydantic_core import to_json

from svahub.errors import (
    AuthenticationCause,
    AuthenticationFailed,
    Cause,
    ProviderError,
    Unreachable,
)
from svahub.literals import remember, remember_token
from svahub.settings import BasicAuth, ClientCredentials, HeaderToken, KeysForToken, NoAuth
from svahub.tokens import Token, TokenAnswer, answer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from svahub.answers import Answer
    from svahub.tokens import TokenCache, Usable

    Read = Callable[[bytes], TokenAnswer]
    FetchToken = Callable[["TokenRequest", Read], TokenAnswer]
    Now = Callable[[], datetime]


class TokenRefused(AuthenticationFailed):
    """The provider no longer takes a token that may be renewed; never leaves the client."""

    def __init__(self) -> None:
        super().__init__(AuthenticationCause.EXPIRED, "the provider no longer accepts our token")


class Presented(NamedTuple):
    """What a request bears; `renewable` says whether something else may be presented when that is refused."""

    headers: Mapping[str, str]
    renewable: bool = False


class Authentication(Protocol):
    """Makes what requests present."""

    def presented(self) -> Presented:
        """Return what proves who we are."""

    def instead_of(self, refused: Presented) -> Presented:
        """Return what to present after a 401."""


@dataclass(frozen=True)
class FixedHeaders:
    """The same headers with every request."""

    values: Mapping[str, str] = field(repr=False)

    def presented(self) -> Presented:
        """Return them."""
        return Presented(self.values)

    def instead_of(self, refused: Presented) -> Presented:
        """Return the same: there are no others."""
        return refused


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What is sent to a token endpoint, and how its answer is read."""

    content: bytes = field(repr=False)
    content_type: str
    answer: type[TokenAnswer]
    expiry_is_instant: bool = False


@dataclass(frozen=True)
class TokenExchange:
    """Credentials that bring a token: one for all clients of `address` that bear them, renewed by one at a time."""

    request: TokenRequest
    address: str
    fetch: FetchToken
    tokens: TokenCache
    now: Now
    timeout: float

    def presented(self) -> Presented:
        """Return the bearer header, of a new token when the known one is about to expire."""
        token, _ = self._token(self._is_young)
        return Presented(_bearer(token), renewable=True)

    def instead_of(self, refused: Presented) -> Presented:
        """Return the bearer header of another token: what others have fetched may be refused, what is new is not."""
        token, fetched = self._token(lambda known: self._is_young(known) and _bearer(known) != refused.headers)
        return Presented(_bearer(token), renewable=not fetched)

    def _is_young(self, token: Token) -> bool:
        return token.use_until > self.now()

    def _token(self, usable: Usable) -> tuple[Token, bool]:
        """Return a usable token, and whether it was fetched just now."""
        new: list[Token] = []

        def fetch() -> Token:
            new.append(self._fetched())
            return new[0]

        try:
            return self.tokens.token(self.key, usable, fetch, self.timeout), bool(new)
        except TimeoutError:
            raise Unreachable(Cause.TIMEOUT, "somebody else got no new token in time") from None

    def _fetched(self) -> Token:
        asked_at = self.now()
        answer = self.fetch(self.request, self._read)
        return Token.of(answer, asked_at, expiry_is_instant=self.request.expiry_is_instant)

    def _read(self, content: bytes) -> TokenAnswer:
        answer = self.request.answer.model_validate_json(content)
        remember_token(self.key, answer.token.get_secret_value())
        return answer

    @cached_property
    def key(self) -> str:
        """What names the token in the cache; another secret is another token."""
        return hashlib.sha256(self.address.encode() + b"\0" + self.request.content).hexdigest()


def _bearer(token: Token) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.value.get_secret_value()}"}


FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
_OAUTH2 = answer_of("access_token", "expires_in", "expiresIn")


def token_request(auth: ClientCredentials | KeysForToken) -> TokenRequest:
    """Return what these credentials send for a token."""
    if isinstance(auth, KeysForToken):
        keys = {name: remember(key.get_secret_value()) for name, key in auth.keys.items()}
        answer = answer_of(auth.token_field, auth.expiry_field)
        return TokenRequest(to_json(keys), JSON, answer, auth.expiry_is_instant)
    grant = {"grant_type": "client_credentials", "client_id": auth.client_id}
    grant["client_secret"] = remember(auth.client_secret.get_secret_value())
    if auth.scope:
        grant["scope"] = auth.scope
    return TokenRequest(to_json(grant), JSON, _OAUTH2) if auth.json else TokenRequest(_form(grant), FORM, _OAUTH2)


def _form(fields: Mapping[str, str]) -> bytes:
    return urlencode(fields).encode()


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


_NOT_PERMITTED = frozenset({"unauthorized_client", "access_denied", "invalid_scope", "insufficient_scope"})
"""What OAuth2 (RFC 6749, 4.1.2.1 and 5.2; RFC 6750, 3.1) calls it when an account may not do something."""


def token_refused(answer: Answer) -> ProviderError | None:
    """Return what a token endpoint's error means: it does not know us, or knows us and gives this account no token."""
    if answer.status >= 500 or answer.status in {408, 425, 429}:
        return None
    code = answer.code
    if code in _NOT_PERMITTED or (answer.status == 403 and code != "invalid_client"):
        refusal = f"the token endpoint gives our account no permission for a token ({code})"
        return AuthenticationFailed(AuthenticationCause.PERMISSION, refusal)
    return AuthenticationFailed(AuthenticationCause.CREDENTIALS, f"the token endpoint refuses our credentials ({code})")
