"""From a request to its answer: who asks, what is asked, the handler in a thread, and a problem for all that fails."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, ValidationError
from starlette.background import BackgroundTask
from starlette.responses import Response
from starlette.routing import Route

from svahub.masking import mask_sentence
from svahub.server.api.documents import Wrong
from svahub.server.api.endpoints import Answer, Api, Call, Endpoint, Nothing
from svahub.server.api.problems import Kind, Problem, none_of_this_name, problem_of
from svahub.server.bodies import body_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from svahub.areas.keys import Bearer
    from svahub.hub import Hub
    from svahub.server.api.access import Gate

LARGEST_BODY = 64 * 1024
LONGEST_KEY = 200
THREADS = 16
IDEMPOTENCY = "Idempotency-Key"
SLASH = "\0"
"""Stands for a slash within a path's segment, which would else end it; no name has this character."""


class Reception:
    """Answers an API's requests for one installation."""

    def __init__(self, hub: Hub, api: Api, gate: Gate) -> None:
        self._hub, self._api, self._gate = hub, api, gate
        self._limiter: CapacityLimiter | None = None

    def route(self, endpoint: Endpoint) -> Route:
        """Return what leads to an endpoint."""
        return Route(endpoint.path, partial(self.answer, endpoint), methods=[endpoint.method])

    @property
    def _threads(self) -> CapacityLimiter:
        if self._limiter is None:  # it belongs to the event loop, which is not there before the first request
            self._limiter = CapacityLimiter(THREADS)
        return self._limiter

    async def answer(self, endpoint: Endpoint, request: Request) -> Response:
        """Answer a request; whatever goes wrong is a problem."""
        try:
            bearer = await self._gate.bearer(request, self._threads)
            response = await self._answered(endpoint, request, bearer)
        except Exception as error:  # noqa: BLE001  # whatever it is, the client gets a document
            return problem_of(error, self._api.kind(endpoint)).response(self._api.words)
        if (note := self._gate.noting(bearer)) is not None:
            response.background = BackgroundTask(note)
        return response

    async def _answered(self, endpoint: Endpoint, request: Request, bearer: Bearer) -> Response:
        self._refuse_others(endpoint, bearer)
        named = self._named(endpoint, request.path_params)
        reads = endpoint.reads
        asked = self._query(endpoint, request) if reads else self._body(endpoint, request, await _read(request))
        key = None if reads else _idempotency_key(request)
        answer = await to_thread.run_sync(
            partial(self._handled, endpoint, bearer, asked, named, key), limiter=self._threads
        )
        return Response(answer.body.model_dump_json(), answer.status, media_type="application/json")

    def _refuse_others(self, endpoint: Endpoint, bearer: Bearer) -> None:
        if bearer.partner != self._api.partner:
            named = {"command": self._api.keys_made_by}
            raise Problem(Kind.NOT_PERMITTED, "This opens to keys made by `{command}`.", named=named)
        if bearer.permission not in endpoint.permissions:
            named = {"permission": bearer.permission.value}
            raise Problem(Kind.NOT_PERMITTED, "A key with the permission {permission} may not do this.", named=named)

    def _named(self, endpoint: Endpoint, parameters: Mapping[str, str]) -> str:
        """Return what the path names; what cannot be a name is none of anything."""
        if endpoint.about is None:
            return ""
        name = self._api.names[endpoint.about]
        try:
            return str(name.shape.validate_python(parameters[endpoint.about].replace(SLASH, "/")))
        except ValidationError as error:
            raise none_of_this_name(name.kind) from error

    def _query(self, endpoint: Endpoint, request: Request) -> BaseModel:
        pairs = request.query_params.multi_items()
        given = dict(pairs)
        if len(given) != len(pairs):
            raise Problem(Kind.INVALID, "A parameter is named twice.")
        if endpoint.takes is Nothing and given:
            raise Problem(Kind.INVALID, "This takes no parameters.")
        try:
            return endpoint.takes.model_validate(given)
        except ValidationError as error:
            raise self._invalid(error) from error

    def _body(self, endpoint: Endpoint, request: Request, body: bytes) -> BaseModel:
        if request.query_params:
            raise Problem(Kind.INVALID, "This takes no parameters in its URL.")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if body and kind != "application/json":
            raise Problem(Kind.NOT_JSON, "Send the body with Content-Type: application/json.")
        try:
            return endpoint.takes.model_validate_json(body or b"{}")
        except ValidationError as error:
            raise self._invalid(error) from error

    def _invalid(self, error: ValidationError) -> Problem:
        wrong = [
            Wrong(field=mask_sentence(".".join(map(str, each["loc"]))), message=self._api.words.wrong(each))
            for each in error.errors(include_input=False)
        ]
        told = "; ".join(f"{one.field}: {one.message}" if one.field else one.message for one in wrong[:5])
        return Problem(Kind.INVALID, f"{told}.", errors=wrong)

    def _handled(self, endpoint: Endpoint, bearer: Bearer, asked: BaseModel, named: str, key: str | None) -> Answer:
        office = self._hub.tenant(bearer.tenant, bearer.actor)
        return endpoint.handler(Call(office, bearer.permission, asked, named, key))


async def _read(request: Request) -> bytes:
    return await body_of(request, LARGEST_BODY)


def _idempotency_key(request: Request) -> str | None:
    keys = request.headers.getlist(IDEMPOTENCY)
    if not keys:
        return None
    key = keys[0]
    if len(keys) > 1 or not 1 <= len(key) <= LONGEST_KEY or not all("!" <= letter <= "~" for letter in key):
        wrong = Wrong(field=IDEMPOTENCY, message=f"has to be one of 1 to {LONGEST_KEY} visible ASCII characters")
        raise Problem(Kind.INVALID, f"{wrong.field} {wrong.message}.", errors=[wrong])
    return key
