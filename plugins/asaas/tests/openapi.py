"""Asaas's OpenAPI document, derived from a client of it, as a judge of requests and answers.

`DIFFERENCES` is the one table of where the document and Asaas's documented or seen behaviour differ; the facts win.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import jsonschema_rs

VARIABLE = "SVAHUB_ASAAS_OPENAPI"
PREFIX = "/v3"

DIFFERENCES = {
    "answer * null": "the document lost which fields can be null; real answers are full of nulls (seen)",
    "answer * customer:company unknown": "seen in real answers",
    "answer * customer:municipalInscription unknown": "seen in real answers",
    "answer * customer:stateInscription unknown": "seen in real answers",
    "answer * customer:can* unknown": "seen in real answers: canDelete, canEdit",
    "answer * customer:cannot* unknown": "seen in real answers: the reasons of both",
    "answer * payment:last*ViewedDate unknown": "seen in real answers",
    "answer * payment:*/type unknown": "fine and interest bear their type (documented)",
    "answer * payment:discount/limitDate unknown": "documented",
    "answer * subscription:sendPaymentByPostalService unknown": "seen in real answers",
    "answer * subscription:*/type unknown": "fine and interest bear their type (seen)",
    "answer * subscription:discount/limitDate unknown": "in the documented example of SUBSCRIPTION_CREATED",
    "answer GET /payments/{id}/pixQrCode :expirationDate format": "Asaas writes instants as YYYY-MM-DD HH:MM:SS",
    "answer * payment:refunds/*ate* format": "Asaas writes instants as YYYY-MM-DD HH:MM:SS",
    "request PUT /subscriptions/{id} :value unknown": "missing from the derived document, though the API takes it",
}
"""What is let through, as `request|answer METHOD /path object:field kind`, and why."""


class Undocumented(AssertionError):
    """A request or an answer is not as the document says, and no difference explains it."""


@dataclass
class OpenApi:
    """The document; every `validate_…` raises Undocumented, naming fields and never their values."""

    document: dict[str, Any]
    differences: dict[str, str] = field(default_factory=lambda: DIFFERENCES)
    used: set[str] = field(default_factory=set)
    _validators: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> OpenApi:
        """Read the document, closed: a field that it does not know is an error."""
        document = json.loads(path.read_text())
        for schema in document["components"]["schemas"].values():
            if "properties" in schema:
                schema["additionalProperties"] = False
        return cls(document)

    def validate_request(self, method: str, path: str, body: object = None, query: Iterable[str] = ()) -> None:
        """Check a request's body and the names of its query; `path` is below `/v3`, with or without a query."""
        bare, _, written = path.partition("?")
        template, operation = self._operation(method, bare)
        known = {one["name"] for one in operation.get("parameters", ()) if one.get("in") == "query"}
        named = {pair.partition("=")[0] for pair in written.split("&") if pair} | set(query)
        wrong = [f"request {method} {template} ?{name} unknown" for name in sorted(named - known)]
        content = operation.get("requestBody", {}).get("content", {})
        if body is not None and not content:
            wrong.append(f"request {method} {template} : body")
        elif body is not None:
            wrong += self._problems(f"request {method} {template}", _schema(content), body)
        self._refuse(wrong)

    def validate_answer(self, method: str, path: str, status: int, body: object) -> None:
        """Check an answer; an error's envelope is one for all operations, and an empty answer has none."""
        template, operation = self._operation(method, path.partition("?")[0])
        if status >= 400:
            schema = {"$ref": "#/components/schemas/ErrorResponseDTO"}
        else:
            schema = _schema(operation["responses"][str(status)].get("content", {}))
        if schema is None:
            self._refuse([] if body is None else [f"answer {method} {template} : body"])
        else:
            self._refuse(self._problems(f"answer {method} {template}", schema, body))

    def _operation(self, method: str, path: str) -> tuple[str, dict[str, Any]]:
        for template, operations in sorted(self.document["paths"].items(), key=lambda one: one[0].count("{")):
            pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
            if re.fullmatch(pattern, PREFIX + path) and method.lower() in operations:
                return template.removeprefix(PREFIX), operations[method.lower()]
        raise Undocumented(f"the document knows no {method} {path}")

    def _problems(self, subject: str, schema: Any, body: object) -> list[str]:
        errors = self._validator(schema).iter_errors(body)
        return [f"{subject} {place} {kind}" for error in errors for place, kind in _places(error, body)]

    def _validator(self, schema: Any) -> Any:
        key = json.dumps(schema)
        if key not in self._validators:
            whole = {**schema, "components": self.document["components"]}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        return self._validators[key]

    def _refuse(self, problems: list[str]) -> None:
        unexplained = [problem for problem in problems if not self._explained(problem)]
        if unexplained:
            raise Undocumented("; ".join(sorted(set(unexplained))))

    def _explained(self, problem: str) -> bool:
        rows = {row for row in self.differences if fnmatchcase(problem, _escaped(row))}
        self.used |= rows
        return bool(rows)


def _schema(content: Any) -> Any:
    return content.get("application/json", {}).get("schema")


def _escaped(row: str) -> str:
    return row.replace("[", "[[]")


def _places(error: Any, body: object) -> Iterator[tuple[str, str]]:
    """Iterate over `object:field` and what is wrong there; indices and the list around objects are left out."""
    path = list(error.instance_path)
    if error.kind.name == "additionalProperties":
        for name in error.kind.unexpected:
            yield _written([*path, name], body), "unknown"
    else:
        yield _written(path, body), "null" if error.instance is None else error.kind.name


def _written(path: list[Any], body: Any) -> str:
    kind = ""
    value, names = body, []
    for step in path:
        names.append(step)
        if isinstance(value, dict) and "object" in value and value["object"] != "list":
            kind, names = value["object"], [step]
        value = value[step] if not isinstance(value, dict) or step in value else None
    return f"{kind}:{'/'.join(str(name) for name in names if not isinstance(name, int))}"


def path_from_environment() -> Path | None:
    """Return where the document is, None where nobody says."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None
