"""How one field of a contract file becomes a value, whatever its format. Sentences never repeat what was written."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BeforeValidator
from pydantic_core import to_json

from svahub import brazil
from svahub.models import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_TEXT = 200
HIGHEST_QUANTITY = 100_000

_WHOLE = re.compile(r"[0-9]{1,9}")
T = TypeVar("T")
Choice = TypeVar("Choice", bound=StrEnum)


class ContractStatus(StrEnum):
    """What the ERP says of the whole contract."""

    ACTIVE = "active"
    PENDING = "pending"
    CANCELLED = "cancelled"


def _string(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError("must be text")


def _bounded(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"is longer than {LONGEST_TEXT} characters")
    if not text.isprintable():
        raise ValueError("has control or invisible characters")
    return text


def identifier(value: object) -> str:
    """Return an id of the ERP as text; numbers are accepted."""
    return _bounded(_string(value).strip())


def line_of_text(value: object) -> str:
    """Return text of one line; blanks are made single, a line break is refused."""
    text = _string(value).strip()
    if "\n" in text or "\r" in text:
        raise ValueError("has a line break")
    return prose(text)


def prose(value: object) -> str:
    """Return text on one line; line breaks become blanks."""
    return _bounded(" ".join(_string(value).split()))


def _written(parse: Callable[[str], T], otherwise: str = "must be text") -> Callable[[object], T]:
    def field(value: object) -> T:
        if not isinstance(value, str):
            raise ValueError(otherwise)  # noqa: TRY004 - pydantic collects ValueErrors, a TypeError would escape
        return parse(value)

    return field


def _document(text: str) -> str:
    return brazil.document(text)[1]


def _phone(value: object) -> str:
    return brazil.phone(_string(value))


def _price(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise ValueError("must be an amount")  # noqa: TRY004 - see _written
    return brazil.money(value)


def _whole(low: int, high: int) -> Callable[[object], int]:
    def field(value: object) -> int:
        text = str(value).strip() if isinstance(value, str | int) else ""
        if not _WHOLE.fullmatch(text) or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return field


def _choice(value: object, kind: type[Choice]) -> Choice:
    written = value.strip().lower() if isinstance(value, str) else ""
    for member in kind:
        if member.value == written:
            return member
    raise ValueError(f"must be one of {', '.join(kind)}")


def _status(value: object) -> ContractStatus:
    return _choice(value, ContractStatus)


def _reasons(value: object) -> tuple[Reason, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError("must be a list")  # noqa: TRY004 - see _written
    return tuple(sorted({_choice(reason, Reason) for reason in value}))


def _attributes(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("must be a JSON object")  # noqa: TRY004 - see _written
    if b"\\u0000" in to_json(value):
        raise ValueError("has NUL characters, which no store keeps")
    return value


_ZEROS = "must be text: a number loses its leading zeros"

Identifier = Annotated[str, BeforeValidator(identifier)]
LineOfText = Annotated[str, BeforeValidator(line_of_text)]
Prose = Annotated[str, BeforeValidator(prose)]
Document = Annotated[str, BeforeValidator(_written(_document, _ZEROS))]
Email = Annotated[str, BeforeValidator(_written(brazil.email))]
Phone = Annotated[str, BeforeValidator(_phone)]
Cep = Annotated[str, BeforeValidator(_written(brazil.cep, _ZEROS))]
Day = Annotated[date, BeforeValidator(_written(brazil.date_of))]
Instant = Annotated[datetime, BeforeValidator(_written(brazil.instant_of))]
Price = Annotated[Decimal, BeforeValidator(_price)]
Quantity = Annotated[int, BeforeValidator(_whole(1, HIGHEST_QUANTITY))]
DueDay = Annotated[int, BeforeValidator(_whole(1, 31))]
Status = Annotated[ContractStatus, BeforeValidator(_status)]
Reasons = Annotated[tuple[Reason, ...], BeforeValidator(_reasons)]
Attributes = Annotated[dict[str, Any], BeforeValidator(_attributes)]
