"""`POST /webhooks/{endpoint_id}`: authenticate, keep as it came, answer; what it means is found out later."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from svahub.errors import ProviderError
from svahub.models import Webhook
from svahub.server.bodies import body_of
from svahub.server.doors import Closed
from svahub.server.letterbox import Unkeepable
from svahub.store import StoreUnavailable
from svahub.store.inbox import Delivery
from svahub.store.queue import Lane

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from svahub.clock import Clock
    from svahub.models import Notice
    from svahub.server.doors import Doors
    from svahub.server.letterbox import Letterbox
    from svahub.store.rows import IntegrationRow

ANSWER_SECONDS = 8.0
"""Providers wait for ten: by then they have an answer, if only that the store does not take it."""
THREADS = 16
SMALL = 32 * 1024
"""So many bytes are read in no time."""
KEPT_HEADERS = ("content-type",)
"""All others stay outside of the store: one of them is the secret."""
LATER = {"retry-after": "10"}

log = logging.getLogger(__name__)


class Webhooks:
    """Takes deliveries in."""

    def __init__(self, doors: Doors, letterbox: Letterbox, clock: Clock) -> None:
        self._doors, self._letterbox, self._clock = doors, letterbox, clock
        self._threads: CapacityLimiter | None = None

    async def deliver(self, request: Request) -> Response:
        """Answer 200 when the delivery is kept; 401, 404, 408, 413 and 503 say why it is not."""
        body = await body_of(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        webhook = Webhook(headers, body, self._clock.now())
        delivery = await self._authenticated(request.path_params["endpoint_id"], webhook)
        await self._kept(delivery)
        return JSONResponse({})

    async def _authenticated(self, endpoint: str, webhook: Webhook) -> Delivery:
        if self._threads is None:
            self._threads = CapacityLimiter(THREADS)
        try:
            if (known := self._known(endpoint, webhook)) is not None:
                return known
            return await to_thread.run_sync(self._delivery, endpoint, webhook, limiter=self._threads)
        except (Closed, StoreUnavailable) as error:
            raise HTTPException(503, "It cannot be taken now: send it again later.", LATER) from error
        except ProviderError as error:
            log.warning("a webhook could not be authenticated: %s", error)
            raise HTTPException(500, "It could not be authenticated.") from error

    def _known(self, endpoint: str, webhook: Webhook) -> Delivery | None:
        """Return the delivery where it takes no look at the store to see that it is authentic, and no while to read it.

        Threads are for the rest: to change over to one and back costs more than the rest of an answer.
        """
        door = self._doors.fresh(endpoint) if len(webhook.body) <= SMALL else None
        notice = door.notice(webhook) if door is not None else None
        return _delivery(door.row, notice, webhook) if door is not None and notice is not None else None

    def _delivery(self, endpoint: str, webhook: Webhook) -> Delivery:
        noticed = self._doors.noticed(endpoint, webhook)
        if noticed is None:
            raise HTTPException(404, "There is no such endpoint.")
        row, notice = noticed
        if notice is None:
            raise HTTPException(401, "It is not authentic.")
        return _delivery(row, notice, webhook)

    async def _kept(self, delivery: Delivery) -> None:
        kept = asyncio.wrap_future(self._letterbox.put(delivery))
        try:
            await asyncio.wait_for(kept, ANSWER_SECONDS)
        except (StoreUnavailable, TimeoutError) as error:
            raise HTTPException(503, "The store does not take it now: send it again later.", LATER) from error
        except Unkeepable as error:
            raise HTTPException(500, "It cannot be kept.") from error


def _delivery(row: IntegrationRow, notice: Notice, webhook: Webhook) -> Delivery:
    kept = {name: webhook.headers[name] for name in KEPT_HEADERS if name in webhook.headers}
    about = (notice.event_id, notice.kind, notice.subject)
    return Delivery(Lane(row.tenant, row.name), *about, kept, webhook.body)
