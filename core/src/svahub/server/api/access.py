"""Who asks: the bearer of an API key, and how often one may."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from anyio import to_thread

from svahub.areas.keys import note_use
from svahub.masking import mask_sentence
from svahub.server.api.problems import Kind, Problem
from svahub.server.turnstile import Turnstile
from svahub.store import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from anyio import CapacityLimiter
    from starlette.requests import Request

    from svahub.areas.keys import Bearer
    from svahub.hub import Hub

RATE = "600/minute"
"""So often may one key ask one server, in the notation of `limits`."""
SCHEME = "bearer"
NONE_SENT = "Send a key: Authorization: Bearer KEY. They are made by `{command}`."
CHALLENGE = 'Bearer realm="svahub"'

log = logging.getLogger(__name__)


class Gate:
    """Lets the bearers of keys in, none of them too often."""

    def __init__(self, hub: Hub, rate: str, keys_made_by: str) -> None:
        self._hub, self._rate, self._keys_made_by = hub, rate, keys_made_by
        self._turnstile = Turnstile(rate)
        self._noting: set[tuple[str, str]] = set()

    async def bearer(self, request: Request, threads: CapacityLimiter) -> Bearer:
        """Return who asks; raises Problem when it is nobody we know, or somebody who asks too often."""
        secret = self._presented(request)
        bearer = await to_thread.run_sync(self._hub.bearer, secret, limiter=threads)
        if bearer is None:
            raise _refused("The key is none, or was revoked.", CHALLENGE + ', error="invalid_token"')
        self._count(bearer)
        return bearer

    def _presented(self, request: Request) -> str:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != SCHEME or not secret.strip():
            raise _refused(NONE_SENT, named={"command": self._keys_made_by})
        return secret.strip()

    def _count(self, bearer: Bearer) -> None:
        if seconds := self._turnstile.seconds_to_wait(bearer.tenant, bearer.name):
            headers = {"Retry-After": str(seconds)}
            raise Problem(Kind.TOO_MANY, "A key may ask {rate}.", headers=headers, named={"rate": self._rate})

    def noting(self, bearer: Bearer) -> Callable[[], None] | None:
        """Return what writes down that a key is used, to be done after the answer; None when it is not due."""
        who = (bearer.tenant, bearer.name)
        if who in self._noting or not bearer.is_to_be_noted(self._hub.clock.now()):
            return None
        return lambda: self._note(bearer)

    def _note(self, bearer: Bearer) -> None:
        self._noting.add((bearer.tenant, bearer.name))
        try:
            note_use(self._hub.store, bearer)
        except StoreUnavailable as error:  # the request was answered: that this is not written down harms nobody
            log.warning("the use of key %s could not be noted: %s", bearer.name, mask_sentence(str(error)))
        finally:
            self._noting.discard((bearer.tenant, bearer.name))


def _refused(detail: str, challenge: str = CHALLENGE, named: Mapping[str, str] | None = None) -> Problem:
    return Problem(Kind.NO_KEY, detail, headers={"WWW-Authenticate": challenge}, named=named)
