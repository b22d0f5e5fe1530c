"""What plugins answer for, mounted below their prefixes: one that cannot be built is left out, and hurts nobody."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Router

from svahub import plugin_routes
from svahub.discovery import sentence
from svahub.server.below import Below

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from svahub.hub import Hub
    from svahub.plugin_routes import Mounting

    Handler = Callable[[Request, Exception], Awaitable[Response]]

log = logging.getLogger(__name__)


def mounted(hub: Hub, told: Handler) -> Iterator[Below]:
    """Yield what plugins answer for, where `told` answers an HTTPException; the log says why one is left out."""
    for mounting in plugin_routes.declared():
        if mounting.routes is None or mounting.fault:
            log.error("the routes of %s cannot be used: %s", mounting.plugin, mounting.fault)
        elif router := _built(mounting, hub):
            handlers = {HTTPException: told, Exception: _failed(mounting.plugin)}
            yield Below(mounting.routes.prefix, ExceptionMiddleware(router, handlers))


def _built(mounting: Mounting, hub: Hub) -> Router | None:
    assert mounting.routes is not None
    try:
        return Router(routes=list(mounting.routes.build(hub)), redirect_slashes=False)
    except Exception as error:  # noqa: BLE001 -- whatever a plugin raises, the rest is served
        _log_failure("the routes of %s cannot be built: %s", mounting.plugin, error)
        return None


def _failed(plugin: str) -> Handler:
    async def failed(_request: Request, error: Exception) -> Response:
        _log_failure("a route of %s failed: %s", plugin, error)
        return JSONResponse({"error": "Internal Server Error"}, 500)

    return failed


def _log_failure(said: str, plugin: str, error: Exception) -> None:
    """Log what a plugin raised without its traceback, which may bear what the request was about."""
    log.error(said, plugin, sentence(error))
