"""What answers for an API: its routes, its OpenAPI document, and a problem for whatever leads nowhere."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Route

from svahub.server.api.access import RATE, Gate
from svahub.server.api.openapi import document
from svahub.server.api.problems import problem_of
from svahub.server.api.reception import SLASH, Reception
from svahub.server.below import Below

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from svahub.hub import Hub
    from svahub.server.api.endpoints import Api
    from svahub.server.api.words import Words


class MountedApi(Below):
    """An API below a prefix; a key may ask as often as `rate` says, `600/minute` for example."""

    def __init__(self, prefix: str, hub: Hub, api: Api, *, rate: str = RATE) -> None:
        super().__init__(prefix, application(hub, api, rate))


def application(hub: Hub, api: Api, rate: str) -> Starlette:
    """Return what answers an API's requests for an installation."""
    reception = Reception(hub, api, Gate(hub, rate, api.keys_made_by))
    routes = [Route("/openapi.json", Description(api).show), *map(reception.route, api.endpoints)]
    middleware = [Middleware(WholeSegments)]
    built = Starlette(routes=routes, middleware=middleware, exception_handlers={HTTPException: _telling(api.words)})
    built.router.redirect_slashes = False
    return built


class Description:
    """The document that describes an API, made when it is first asked for."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def show(self, _request: Request) -> Response:
        """Return it; nobody is asked for a key."""
        return Response(self._document, media_type="application/json")

    @cached_property
    def _document(self) -> bytes:
        return to_json(document(self._api))


def _telling(words: Words) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def told(_request: Request, error: Exception) -> Response:
        return problem_of(error).response(words)

    return told


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
