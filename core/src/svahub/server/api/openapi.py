"""The OpenAPI document, made from the endpoints and their models."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from svahub.server.api.access import RATE
from svahub.server.api.documents import (
    Carried,
    ContractPage,
    IntegrationPage,
    OperationPage,
    ProblemDocument,
    SubscriptionPage,
)
from svahub.server.api.endpoints import PATH_PARAMETERS, Endpoint, Nothing
from svahub.server.api.problems import MEDIA_TYPE, Kind
from svahub.server.api.reception import IDEMPOTENCY, LARGEST_BODY, LONGEST_KEY

ABOUT = f"""What an ISP's customers hold, and what may be asked of it. Amounts are in BRL, instants in UTC.

A key (`svahub keys create`) is for one tenant and sees nothing of another's. `read-only` reads; `billing` also blocks
and unblocks for the reason `overdue`; `operator` may ask every verb; `admin` may also take away the reasons `fraud`
and `legal` that others set. A key may ask {RATE}; bodies have {LARGEST_BODY // 1024} KiB at most.

A verb with the header `{IDEMPOTENCY}` is carried out once: the same again returns the same operations, for 30 days;
another command under the same key is refused.

Every error is a problem document (RFC 9457). No personal data is in a URL, and customers are given by their id only.
"""
ALWAYS = (Kind.NO_KEY, Kind.INVALID, Kind.TOO_MANY, Kind.FAILED, Kind.UNAVAILABLE)
OF_A_BODY = (Kind.NOT_PERMITTED, Kind.REFUSED, Kind.TOO_SLOW, Kind.TOO_LARGE, Kind.NOT_JSON)
HEADERS = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}
KEY = {
    "name": IDEMPOTENCY,
    "in": "header",
    "required": False,
    "description": "The same key does the same command once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
}


LINKS: Mapping[type[BaseModel], tuple[str, str]] = {
    ContractPage: ("contract", "/items/0/contract_id"),
    SubscriptionPage: ("subscription", "/items/0/key"),
    OperationPage: ("operation", "/items/0/id"),
    IntegrationPage: ("integration", "/items/0/name"),
    Carried: ("operation", "/operations/0/id"),
}
"""Where in an answer the name of something is that other paths take."""


def document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of some endpoints."""
    described = list(endpoints)
    schemas = _schemas(described)
    paths: dict[str, Any] = {}
    for endpoint in described:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas, described)
    queries = {endpoint.takes.__name__ for endpoint in described if endpoint.reads}
    kept = {name: schema for name, schema in schemas.items() if name not in queries}
    return {
        "openapi": "3.1.0",
        "info": {"title": "svahub", "version": version("svahub"), "description": ABOUT},
        "servers": [{"url": "/v1"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": kept,
            "responses": {kind.name: _problem(kind) for kind in Kind},
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


def _operation(endpoint: Endpoint, schemas: Mapping[str, Any], others: Sequence[Endpoint]) -> dict[str, Any]:
    summary, _, more = (inspect.getdoc(endpoint.handler) or "").partition("\n")
    described = {
        "operationId": _id(endpoint),
        "summary": summary,
        "description": more.strip(),
        "parameters": list(_parameters(endpoint, schemas)),
        "responses": dict(_responses(endpoint, others)),
    }
    if not endpoint.reads:
        needed = "anyOf" in schemas[endpoint.takes.__name__]
        content = {"application/json": {"schema": _reference(endpoint.takes)}}
        described["requestBody"] = {"required": needed, "content": content}
    return described


def _parameters(endpoint: Endpoint, schemas: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    if endpoint.about is not None:
        shape, description = PATH_PARAMETERS[endpoint.about]
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


def _responses(endpoint: Endpoint, others: Sequence[Endpoint]) -> Iterable[tuple[str, dict[str, Any]]]:
    links = dict(_links(endpoint, others))
    for status, description in endpoint.statuses.items():
        content = {"application/json": {"schema": _reference(endpoint.returns)}}
        yield str(status), {"description": description, "content": content} | ({"links": links} if links else {})
    kinds = [*ALWAYS, *(OF_A_BODY if not endpoint.reads else ()), *((Kind.NOT_FOUND,) if endpoint.about else ())]
    for kind in sorted(kinds, key=lambda kind: kind.status):
        yield str(kind.status), {"$ref": f"#/components/responses/{kind.name}"}


def _links(endpoint: Endpoint, others: Sequence[Endpoint]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Yield what can be asked next with what an answer tells."""
    if endpoint.pages:
        yield "next", {"operationId": _id(endpoint), "parameters": {"cursor": "$response.body#/next"}}
    about, pointer = LINKS.get(endpoint.returns, (None, ""))
    for other in others:
        if about is not None and other.about == about:
            yield _id(other), {"operationId": _id(other), "parameters": {about: f"$response.body#{pointer}"}}


def _id(endpoint: Endpoint) -> str:
    return endpoint.handler.__name__


def _problem(kind: Kind) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": _reference(ProblemDocument)}}
    described: dict[str, Any] = {"description": kind.title, "content": content}
    if header := HEADERS.get(kind.status):
        described["headers"] = {header: {"required": True, "schema": {"type": "string"}}}
    return described


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
