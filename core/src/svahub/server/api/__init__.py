"""The lifecycle API under `/v1`: contracts, subscriptions, operations, plans and integrations, and the verbs.

Its bearer's key says whose tenant it is. Whoever can read the store needs no key: the commands are admin.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Mount, Route

from svahub.server.api import listing, verbs
from svahub.server.api.access import RATE, Gate
from svahub.server.api.openapi import document
from svahub.server.api.problems import problem_of
from svahub.server.api.reception import SLASH, Reception

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from svahub.hub import Hub

PREFIX = "/v1"
ENDPOINTS = (*listing.ENDPOINTS, *verbs.ENDPOINTS)


class Mounted(Mount):
    """The API below its prefix, whatever the rest of the path is: Starlette's own would not take a line break."""

    def __init__(self, hub: Hub, *, rate: str = RATE) -> None:
        super().__init__(PREFIX, app=application(hub, rate=rate))
        self.path_regex = re.compile(self.path_regex.pattern, re.DOTALL)


def application(hub: Hub, *, rate: str = RATE) -> Starlette:
    """Return what answers for an installation; a key may ask as often as `rate` says, `600/minute` for example."""
    reception = Reception(hub, Gate(hub, rate))
    routes = [Route("/openapi.json", describe), *map(reception.route, ENDPOINTS)]
    middleware = [Middleware(WholeSegments)]
    built = Starlette(routes=routes, middleware=middleware, exception_handlers={HTTPException: _told})
    built.router.redirect_slashes = False
    return built


def describe(_request: Request) -> Response:
    """Return the document that describes the API."""
    return Response(_document(), media_type="application/json")


@cache
def _document() -> bytes:
    return to_json(document(ENDPOINTS))


async def _told(_request: Request, error: Exception) -> Response:
    return problem_of(error).response()


class WholeSegments:
    """Keeps a slash that is sent as `%2F` within its segment: a contract's id may have one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        raw = scope.get("raw_path", b"")
        if b"%2f" in raw.lower():
            marked = raw.partition(b"?")[0].decode("latin-1").replace("%2f", "%2F").replace("%2F", SLASH)
            scope = {**scope, "path": unquote(marked)}
        await self._app(scope, receive, send)
