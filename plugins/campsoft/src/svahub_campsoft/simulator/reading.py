"""What Campsoft requires of the bodies that it gets."""

from __future__ import annotations

from typing import Any

from svahub.testing import Problem, Request, checks


def contact(request: Request, **more: checks.Check) -> dict[str, Any]:
    """Return the body of a subscriber, `more` fields required; Problem for one that does not fit."""
    required = {"name": checks.text, "document": _is_object, **more}
    body = checks.fields(request, required, {"status": checks.text, "email": _email, "phone": _phone})
    _require_document(body["document"])
    return body


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _require_document(document: dict[str, Any]) -> None:
    check = {"CPF": checks.cpf, "CNPJ": checks.cnpj}.get(str(document.get("type")))
    if check is None or not check(document.get("number")):
        raise Problem(422, "invalid_document", "this is no valid CPF or CNPJ")


def _email(value: object) -> bool:
    return isinstance(value, dict) and value.keys() == {"data"} and checks.email(value["data"])


def _phone(value: object) -> bool:
    if not isinstance(value, dict) or value.keys() != {"ddi", "ddd", "number", "mobile"}:
        return False
    whole = f"+{value['ddi']}{value['ddd']}{value['number']}"
    return checks.phone(whole) and value["mobile"] is (len(value["number"]) == 9)
