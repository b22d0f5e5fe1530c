"""The OpenAPI document of an API, made from its endpoints and their models."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from svahub.server.api.documents import ProblemDocument
from svahub.server.api.endpoints import Api, Endpoint, Nothing
from svahub.server.api.problems import MEDIA_TYPE, Kind
from svahub.server.api.reception import IDEMPOTENCY, LONGEST_KEY
from svahub.server.api.words import Words

ALWAYS = (Kind.NO_KEY, Kind.NOT_PERMITTED, Kind.INVALID, Kind.TOO_MANY, Kind.FAILED, Kind.UNAVAILABLE)
OF_A_BODY = (Kind.REFUSED, Kind.TOO_SLOW, Kind.TOO_LARGE, Kind.NOT_JSON)
HEADERS = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}
KEY = {
    "name": IDEMPOTENCY,
    "in": "header",
    "required": False,
    "description": "The same key does the same command once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
}


def document(api: Api) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of an API."""
    schemas = _schemas(api.endpoints)
    paths: dict[str, Any] = {}
    for endpoint in api.endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas, api)
    queries = {endpoint.takes.__name__ for endpoint in api.endpoints if endpoint.reads}
    kept = {name: schema for name, schema in schemas.items() if name not in queries}
    return {
        "openapi": "3.1.0",
        "info": {"title": api.title, "version": version(api.distribution), "description": api.about},
        "servers": [{"url": api.prefix}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": kept,
            "responses": {kind.name: _problem(kind, api.words) for kind in Kind},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(ProblemDocument, "serialization")]
    models += [(endpoint.returns, "serialization") for endpoint in endpoints]
    models += [(endpoint.takes, "validation") for endpoint in endpoints]
    _, defined = models_json_schema(models, ref_template="#/components/schemas/{model}")
    schemas: dict[str, Any] = defined["$defs"]
    return schemas


def _operation(endpoint: Endpoint, schemas: Mapping[str, Any], api: Api) -> dict[str, Any]:
    summary, _, more = (inspect.getdoc(endpoint.handler) or "").partition("\n")
    described = {
        "operationId": _id(endpoint),
        "summary": summary,
        "description": more.strip(),
        "parameters": list(_parameters(endpoint, schemas, api)),
        "responses": dict(_responses(endpoint, api)),
    }
    if not endpoint.reads:
        needed = "anyOf" in schemas[endpoint.takes.__name__]
        content = {"application/json": {"schema": _reference(endpoint.takes)}}
        described["requestBody"] = {"required": needed, "content": content}
    return described


def _parameters(endpoint: Endpoint, schemas: Mapping[str, Any], api: Api) -> Iterable[dict[str, Any]]:
    if endpoint.about is not None:
        _, shape, description = api.names[endpoint.about]
        place = {"name": endpoint.about, "in": "path", "required": True, "description": description}
        yield place | {"schema": shape.json_schema()}
    if not endpoint.reads:
        yield KEY
    elif endpoint.takes is not Nothing:
        for name, schema in schemas[endpoint.takes.__name__]["properties"].items():
            cursor = {"format": f"{_id(endpoint)}-cursor"} if name == "cursor" else {}
            said = {"description": schema.get("description", ""), "schema": _of_a_parameter(schema) | cursor}
            yield {"name": name, "in": "query", "required": False} | said


def _of_a_parameter(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter, which can be left out but never be null."""
    bare = {key: value for key, value in schema.items() if key not in {"anyOf", "default", "description", "title"}}
    some = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    default = {"default": schema["default"]} if schema.get("default") is not None else {}
    return bare | (some[0] if some else {}) | default


def _responses(endpoint: Endpoint, api: Api) -> Iterable[tuple[str, dict[str, Any]]]:
    links = dict(_links(endpoint, api))
    for status, description in endpoint.statuses.items():
        content = {"application/json": {"schema": _reference(endpoint.returns)}}
        yield str(status), {"description": description, "content": content} | ({"links": links} if links else {})
    kinds = [*ALWAYS, *(OF_A_BODY if not endpoint.reads else ()), *((Kind.NOT_FOUND,) if endpoint.about else ())]
    for kind in sorted(kinds, key=lambda kind: kind.status):
        yield str(kind.status), {"$ref": f"#/components/responses/{kind.name}"}


def _links(endpoint: Endpoint, api: Api) -> Iterable[tuple[str, dict[str, Any]]]:
    """Yield what can be asked next with what an answer tells."""
    if endpoint.pages:
        yield "next", {"operationId": _id(endpoint), "parameters": {"cursor": f"$response.body#{api.next_page}"}}
    about, pointer = api.links.get(endpoint.returns, (None, ""))
    for other in api.endpoints:
        if about is not None and other.about == about:
            yield _id(other), {"operationId": _id(other), "parameters": {about: f"$response.body#{pointer}"}}


def _id(endpoint: Endpoint) -> str:
    return endpoint.handler.__name__


def _problem(kind: Kind, words: Words) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": _reference(ProblemDocument)}}
    described: dict[str, Any] = {"description": kind.told(words), "content": content}
    if header := HEADERS.get(kind.status):
        described["headers"] = {header: {"required": True, "schema": {"type": "string"}}}
    return described


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
