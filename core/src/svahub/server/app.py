"""The application: which path leads where. What it opens is closed when the server ends."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route

from svahub.areas.integrations import ENDPOINTS
from svahub.server import api
from svahub.server.activation import PATIENCE_SECONDS, Activation
from svahub.server.callers import Callers
from svahub.server.doors import Doors
from svahub.server.health import Health
from svahub.server.letterbox import Letterbox
from svahub.server.metrics import Metrics
from svahub.server.mounting import mounted
from svahub.server.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from ipaddress import IPv4Network, IPv6Network

    from starlette.requests import Request
    from starlette.responses import Response

    from svahub.hub import Hub


def application(
    hub: Hub,
    *,
    stored: Callable[[], None] = lambda: None,
    works: bool = False,
    proxies: Iterable[IPv4Network | IPv6Network] = (),
) -> Starlette:
    """Return what answers for an installation; `stored` is called, in a thread, when deliveries have been kept.

    `works`: this process does what is asked for, so that waiting a moment for it makes sense. `proxies` are believed
    about who asks.
    """
    doors, letterbox = Doors(hub), Letterbox(hub.store, stored)
    health, metrics = Health(hub), Metrics(hub.store)
    routes = [
        Route(f"{ENDPOINTS}/{{endpoint_id}}", Webhooks(doors, letterbox, hub.clock).deliver, methods=["POST"]),
        Activation(hub, Callers(proxies), patience=PATIENCE_SECONDS if works else 0).route(),
        Route("/health/live", health.live),
        Route("/health/ready", health.ready),
        Route("/metrics", metrics.show),
        api.Mounted(hub),
        *mounted(hub, _told),
    ]

    @asynccontextmanager
    async def open_until_the_end(_app: Starlette) -> AsyncIterator[None]:
        letterbox.open()
        yield
        await to_thread.run_sync(letterbox.close)
        doors.close()

    return Starlette(routes=routes, lifespan=open_until_the_end, exception_handlers={HTTPException: _told})


async def _told(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)
