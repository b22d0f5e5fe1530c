"""Who may call the simulated Olli: OAuth2 clients, the tokens that they fetched, and the account behind each."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from svahub.testing import Answer, Problem, Request, checks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from svahub.clock import Clock

    Credentials = Mapping[str, str]

TOKEN = {"grant_type": checks.text, "client_id": checks.text, "client_secret": checks.text}


class Denied(Problem):
    """The token endpoint refuses: told of as OAuth2 says (RFC 6749, 5.2)."""


class Access:
    """The clients that are taken, and the tokens that are out; `seconds` is how long a token lasts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens: dict[str, tuple[Credentials, datetime]] = {}
        self.seconds = 3600
        self.forbidden: set[str] = set()
        """Clients that are known and may do nothing."""

    def grant(self, request: Request, accepted: Sequence[Credentials]) -> Answer:
        """Exchange a client's credentials for a token."""
        body = checks.fields(request, TOKEN, {"scope": checks.text})
        if body["grant_type"] != "client_credentials":
            raise Denied(400, "unsupported_grant_type", "only client_credentials")
        client = next((one for one in accepted if _same(one, body)), None)
        if client is None:
            raise Denied(401, "invalid_client", "client authentication failed")
        token = secrets.token_urlsafe(24)
        self._tokens[token] = (client, self._clock.now() + timedelta(seconds=self.seconds))
        return Answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": self.seconds})

    def client_of(self, request: Request, accepted: Sequence[Credentials]) -> str:
        """Return whose token a request bears; raise Problem(401) for none that holds, 403 for no permission."""
        scheme, _, token = request.header("authorization").partition(" ")
        client, until = self._tokens.get(token, ({}, None)) if scheme.lower() == "bearer" else ({}, None)
        if until is None or until <= self._clock.now() or client not in accepted:
            raise Problem(401, "invalid_token", "the token is not known, or has expired")
        if client["client_id"] in self.forbidden:
            raise Problem(403, "forbidden", "this client may not do that")
        return client["client_id"]

    def expire(self) -> None:
        """Take back every token that is out."""
        self._tokens.clear()


def _same(one: Credentials, body: Mapping[str, str]) -> bool:
    pairs = ((one[name].encode(), body[name].encode()) for name in ("client_id", "client_secret"))
    return all(secrets.compare_digest(*pair) for pair in pairs)
