"""Bearer tokens of a simulated provider: given for credentials, with a life; expired, revoked and refused at will.

Runtime control of them, over the simulator's own port::

    GET    /_simulator/tokens  {"given", "alive", "life_seconds", "permitted"}
    PUT    /_simulator/tokens  {"life_seconds": 60, "permitted": false}: sets those that are named
    DELETE /_simulator/tokens  revokes all that were given
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from svahub.testing.control import CONTROL
from svahub.testing.http import Answer, Problem, Request, route

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from svahub.clock import Clock


class Given(NamedTuple):
    """A token that was given, and until when it is taken."""

    value: str
    expires_at: datetime
    life_seconds: int


class BearerTokens:
    """The tokens of one simulator; `only_one`: a new one ends those before.

    While `permitted` is false the account is known and gets no token.
    """

    def __init__(self, clock: Clock, life_seconds: int = 3600, *, only_one: bool = False) -> None:
        self.life_seconds, self.only_one, self.permitted, self.given = life_seconds, only_one, True, 0
        self._clock = clock
        self._ends: dict[str, datetime] = {}

    def give(self, sent: Mapping[str, Any], accepted: Iterable[Mapping[str, str]]) -> Given:
        """Return a new token for credentials that were sent: all fields of one of those that are accepted.

        Raises Problem(401, "invalid_client") for others, Problem(403, "unauthorized_client") without permission.
        """
        if not any(_bears(sent, one) for one in accepted):
            raise Problem(401, "invalid_client", "the credentials are not right")
        if not self.permitted:
            raise Problem(403, "unauthorized_client", "this account may not have a token")
        if self.only_one:
            self.revoke()
        given = Given(secrets.token_urlsafe(24), self._end(), self.life_seconds)
        self._ends[given.value] = given.expires_at
        self.given += 1
        return given

    def _end(self) -> datetime:
        return self._clock.now() + timedelta(seconds=self.life_seconds)

    def require(self, request: Request) -> None:
        """Raise Problem(401) unless the request bears a token that lives (RFC 6750)."""
        scheme, _, token = request.header("authorization").partition(" ")
        if scheme.lower() != "bearer" or token not in self.alive():
            challenge = {"WWW-Authenticate": 'Bearer realm="simulator", error="invalid_token"'}
            raise Problem(401, "invalid_token", "the token is unknown, was revoked or has expired", challenge)

    def alive(self) -> set[str]:
        """Return the tokens that are taken now."""
        return {token for token, end in self._ends.items() if end > self._clock.now()}

    def revoke(self) -> None:
        """Take none any more of those that were given."""
        self._ends.clear()

    @route("GET", CONTROL + "tokens")
    def told(self, _request: Request) -> Answer:
        """Tell how many were given, and the switches."""
        switches = {"life_seconds": self.life_seconds, "permitted": self.permitted}
        return Answer(200, {"given": self.given, "alive": len(self.alive()), **switches})

    @route("PUT", CONTROL + "tokens")
    def switch(self, request: Request) -> Answer:
        """Set the life of the next tokens, and whether the account may have any."""
        wanted = request.object()
        life, permitted = wanted.get("life_seconds", self.life_seconds), wanted.get("permitted", self.permitted)
        if not isinstance(life, int) or life < 1 or not isinstance(permitted, bool):
            raise Problem(422, "invalid_tokens", "life_seconds is a number of seconds, permitted true or false")
        self.life_seconds, self.permitted = life, permitted
        return self.told(request)

    @route("DELETE", CONTROL + "tokens")
    def revoke_all(self, request: Request) -> Answer:
        """Revoke all that were given."""
        self.revoke()
        return self.told(request)


def _bears(sent: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    same = [secrets.compare_digest(str(sent.get(name, "")).encode(), value.encode()) for name, value in wanted.items()]
    return bool(same) and all(same)
