"""Who may call the simulated Olli: OAuth2 clients, the tokens that they fetched, and the account behind each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from svahub.testing import Answer, BearerTokens, Problem, Request, checks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from svahub.clock import Clock

    Credentials = Mapping[str, str]

GRANT = {"grant_type": checks.text, "client_id": checks.text, "client_secret": checks.text}


class Denied(Problem):
    """The token endpoint refuses: told of as OAuth2 says (RFC 6749, 5.2)."""


class Access:
    """The tokens that are out, and whose each is; `forbidden` clients are known and may do nothing."""

    def __init__(self, clock: Clock) -> None:
        self.tokens = BearerTokens(clock)
        self.forbidden: set[str] = set()
        self._clients: dict[str, Credentials] = {}

    def grant(self, request: Request, accepted: Sequence[Credentials]) -> Answer:
        """Exchange a client's credentials for a token."""
        body = checks.fields(request, GRANT, {"scope": checks.text})
        if body["grant_type"] != "client_credentials":
            raise Denied(400, "unsupported_grant_type", "only client_credentials")
        try:
            given = self.tokens.give(body, accepted)
        except Problem as problem:
            raise Denied(problem.status, problem.code, problem.message) from problem
        self._clients[given.value] = {name: body[name] for name in ("client_id", "client_secret")}
        told = {"access_token": given.value, "token_type": "Bearer", "expires_in": given.life_seconds}
        return Answer(200, told)

    def client_of(self, request: Request, accepted: Sequence[Credentials]) -> str:
        """Return whose token a request bears; raise Problem(401) for none that holds, 403 for no permission."""
        self.tokens.require(request)
        client = self._clients[request.header("authorization").partition(" ")[2]]
        if client not in accepted:
            raise Problem(401, "invalid_token", "the client is no longer taken")
        if client["client_id"] in self.forbidden:
            raise Problem(403, "forbidden", "this client may not do that")
        return client["client_id"]
