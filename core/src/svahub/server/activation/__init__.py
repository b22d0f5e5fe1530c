"""`/ativar/{token}`: what an activation link shows its customer, and the one press that buys.

A GET changes nothing, as mail scanners open every link; a POST answers with the way back to the page, so that loading
it again presses nothing. Nothing here writes the token or the customer's address to a log.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import parse_qs

from anyio import CapacityLimiter, move_on_after, sleep, to_thread
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from svahub import link_tokens
from svahub.areas.offering import Offer, Offering, Progress
from svahub.errors import Refused, SvahubError
from svahub.masking import mask_sentence
from svahub.offers import Standing
from svahub.server.activation.pages import ANSWER, FIELD, offer_page, page_of
from svahub.server.activation.words import Page
from svahub.server.bodies import body_of
from svahub.server.callers import Callers, whose
from svahub.server.turnstile import Turnstile
from svahub.store import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from svahub.hub import Hub

T = TypeVar("T")

RATE = "30/minute"
"""So often may one address ask for one link, in the notation of `limits`."""
RATE_OF_ALL = "600/minute"
"""So often may one address ask for any: behind the address of a provider's CGNAT are many customers."""
PATIENCE_SECONDS = 5.0
"""So long a press waits for what was bought, where somebody works on it."""
LOOK_SECONDS = 0.2
LARGEST_BODY = 1024
THREADS = 8
MOVING = frozenset({Progress.QUEUED, Progress.UNDER_WAY})

log = logging.getLogger(__name__)


class Found(NamedTuple):
    """A link that was signed here and is kept here: its id, and the offers of its tenant."""

    id: str
    offering: Offering

    def look(self) -> Offer:
        """Return the offer as it is now."""
        return self.offering.look(self.id)

    def take(self, address: str) -> Offer:
        """Take the offer, if it can be taken, and return it as it is then."""
        self.offering.take(self.id, address)
        return self.look()


class Activation:
    """Answers for the links of every tenant; a press waits up to `patience` seconds for what was bought."""

    def __init__(
        self, hub: Hub, callers: Callers, *, patience: float, rate: str = RATE, rate_of_all: str = RATE_OF_ALL
    ) -> None:
        self._hub, self._callers, self._patience = hub, callers, patience
        self._turnstile, self._gate = Turnstile(rate), Turnstile(rate_of_all)
        self._limiter: CapacityLimiter | None = None

    def route(self) -> Route:
        """Return what leads here."""
        return Route(f"{link_tokens.PATH}/{{token}}", self.answer, methods=["GET", "POST"])

    async def answer(self, request: Request) -> Response:
        """Answer with a page."""
        address = self._callers.address(request)
        if seconds := self._gate.seconds_to_wait(whose(address)):
            return _put_off_for(seconds)
        try:
            found = await self._in_thread(partial(self._found, request.path_params["token"]))
            if found is None:
                return page_of(Page.UNKNOWN)
            if seconds := self._turnstile.seconds_to_wait(whose(address), found.id):
                return _put_off_for(seconds)
            if request.method == "POST":
                return await self._pressed(request, found, address)
            return offer_page(await self._in_thread(found.look))
        except (StoreUnavailable, Refused) as error:
            return _put_off(error)

    async def _pressed(self, request: Request, found: Found, address: str) -> Response:
        body = await body_of(request, LARGEST_BODY)
        if parse_qs(body.decode("latin-1")).get(FIELD) != [ANSWER]:
            return page_of(Page.NOT_PRESSED)
        offer = await self._in_thread(partial(found.take, address))
        if offer.standing is not Standing.TAKEN:
            return offer_page(offer)
        await self._wait(found, offer)
        # relative, as a proxy may have the links below a path of its own
        return RedirectResponse(request.path_params["token"], 303, headers={"Cache-Control": "no-store"})

    async def _wait(self, found: Found, offer: Offer) -> None:
        with move_on_after(self._patience):
            while offer.progress in MOVING:
                await sleep(LOOK_SECONDS)
                offer = await self._in_thread(found.look)

    def _found(self, token: str) -> Found | None:
        id = link_tokens.read(token)
        offering = self._hub.offering(id) if id is not None else None
        return Found(id, offering) if id is not None and offering is not None else None

    async def _in_thread(self, call: Callable[[], T]) -> T:
        if self._limiter is None:  # it belongs to the event loop, which is not there before the first request
            self._limiter = CapacityLimiter(THREADS)
        return await to_thread.run_sync(call, limiter=self._limiter)


def _put_off_for(seconds: int) -> Response:
    return page_of(Page.TOO_MANY, {"Retry-After": str(seconds)})


def _put_off(error: SvahubError) -> Response:
    """Say on the page that something is wrong here, and in the log what."""
    log.error("an activation link could not be answered: %s", mask_sentence(str(error)))
    return page_of(Page.LATER)
