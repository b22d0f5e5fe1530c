"""Strict checks of what a request brings, for simulators: what does not fit is refused with 422, by field."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from itertools import cycle
from typing import Any

from svahub.testing.http import Problem, Request

Check = Callable[[object], bool]
NO_CHECKS: Mapping[str, Check] = {}


def fields(
    request: Request, required: Mapping[str, Check], optional: Mapping[str, Check] = NO_CHECKS
) -> dict[str, Any]:
    """Return the body's fields; raise Problem(422) for one that is missing, unknown or does not pass its check.

    An optional field may be null.
    """
    body = request.json()
    if not isinstance(body, dict):
        raise Problem(422, "invalid_body", "the body has to be an object")
    for name in body.keys() - required.keys() - optional.keys():
        raise Problem(422, "unknown_field", f"there is no field {name!r:.60}")
    for name, check in required.items():
        if not check(body.get(name)):
            raise Problem(422, "invalid_field", f"{name} is missing or not valid")
    for name, check in optional.items():
        if body.get(name) is not None and not check(body[name]):
            raise Problem(422, "invalid_field", f"{name} is not valid")
    return body


def no_fields(request: Request) -> None:
    """Raise Problem when the body holds anything; an empty one and an empty object are fine."""
    if request.body:
        fields(request, {})


def page_of(request: Request, *filters: str, default_limit: int = 20, max_limit: int = 100) -> tuple[int, int]:
    """Return the query's page and limit; raise Problem(422) outside 1.. and 1..max_limit, or for unknown parameters."""
    for name in request.query.keys() - {"page", "limit", *filters}:
        raise Problem(422, "unknown_parameter", f"there is no parameter {name!r:.60}")
    return _number(request, "page", 1, 10**9), _number(request, "limit", default_limit, max_limit)


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= most:
        raise Problem(422, "invalid_parameter", f"{name} has to be a number from 1 to {most}")
    return int(text)


def text(value: object) -> bool:
    """Tell whether it is a text with something in it."""
    return isinstance(value, str) and bool(value.strip()) and len(value) <= 500


def any_text(value: object) -> bool:
    """Tell whether it is a text, empty or not."""
    return isinstance(value, str) and len(value) <= 5000


def count(value: object) -> bool:
    """Tell whether it is a whole number, 0 or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def email(value: object) -> bool:
    """Tell whether it looks like an e-mail address."""
    return isinstance(value, str) and re.fullmatch(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", value) is not None


def phone(value: object) -> bool:
    """Tell whether it is a Brazilian number in E.164."""
    return isinstance(value, str) and re.fullmatch(r"\+55[1-9][0-9]{9,10}", value) is not None


def iso_date(value: object) -> bool:
    """Tell whether it is a date as YYYY-MM-DD."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return False
    try:
        return date.fromisoformat(value) is not None
    except ValueError:
        return False


def money(value: object) -> bool:
    """Tell whether it is an amount: a JSON number, or the same as text, not negative, with at most two decimals."""
    written = isinstance(value, (int, Decimal, str)) and not isinstance(value, bool)
    return written and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,2})?", str(value)) is not None


def cpf(value: object) -> bool:
    """Tell whether it is a CPF: eleven digits, not all the same, with the right check digits."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{11}", value) or len(set(value)) == 1:
        return False
    digits = [int(character) for character in value]
    return all(digits[length] == _check_digit(digits[:length]) for length in (9, 10))


def cnpj(value: object) -> bool:
    """Tell whether it is a CNPJ: twelve digits or capital letters and two check digits, not all the same."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9A-Z]{12}[0-9]{2}", value) or len(set(value)) == 1:
        return False
    values = [ord(character) - ord("0") for character in value]
    return all(values[length] == _cnpj_digit(values[:length]) for length in (12, 13))


def _cnpj_digit(values: list[int]) -> int:
    weighted = zip(reversed(values), cycle(range(2, 10)), strict=False)
    remainder = sum(value * weight for value, weight in weighted) % 11
    return 0 if remainder < 2 else 11 - remainder


def _check_digit(digits: list[int]) -> int:
    remainder = sum(digit * weight for digit, weight in zip(digits, range(len(digits) + 1, 1, -1), strict=True)) % 11
    return 0 if remainder < 2 else 11 - remainder
