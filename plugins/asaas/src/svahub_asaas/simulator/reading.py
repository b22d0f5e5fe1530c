"""Reading what a request brings, its body field by field and its query: all that is wrong is refused at once."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from svahub_asaas.simulator.refusals import Refusal, invalid

if TYPE_CHECKING:
    from svahub.testing import Request

MOST_PER_PAGE = 100


class Reading:
    """A body; a field that is missing or null reads as its default, and an empty text as None."""

    def __init__(self, body: object) -> None:
        if not isinstance(body, dict):
            raise Refusal(("invalid_object", "O corpo da requisição deve ser um objeto."))
        self.body: dict[str, Any] = body
        self._errors: list[tuple[str, str]] = []

    @classmethod
    def of(cls, request: Request) -> Reading:
        """Read the body of a request; none at all is an empty object."""
        return cls(request.json() if request.body else {})

    def given(self, name: str) -> bool:
        """Tell whether the field says anything."""
        return self.body.get(name) is not None

    def wrong(self, name: str, sentence: str) -> None:
        """Keep in mind that a field is wrong."""
        self._errors.append((f"invalid_{name}", sentence))

    def finish(self) -> None:
        """Raise Refusal when anything is wrong."""
        if self._errors:
            raise Refusal(*self._errors)

    def need(self, *names: str) -> None:
        """Keep in mind which of these fields are missing."""
        for name in names:
            if not self.given(name):
                self.wrong(name, f"O campo {name} deve ser informado")

    def text(self, name: str, default: str | None = None, longest: int = 500) -> str | None:
        """Read a text."""
        value = self.body.get(name)
        if value is None:
            return default
        if not isinstance(value, str) or len(value) > longest:
            self.wrong(name, f"O campo {name} deve ser um texto de até {longest} caracteres")
            return default
        return value or None

    def flag(self, name: str, default: bool = False) -> bool:
        """Read a yes or no."""
        value = self.body.get(name)
        if value is not None and not isinstance(value, bool):
            self.wrong(name, f"O campo {name} deve ser verdadeiro ou falso")
        return value if isinstance(value, bool) else default

    def amount(self, name: str, default: Decimal = Decimal(0), *, least: Decimal = Decimal("0.01")) -> Decimal:
        """Read an amount or a percentage: a JSON number with at most two decimals."""
        value = self.body.get(name)
        if value is None:
            return default
        written = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
        if not written or not re.fullmatch(r"[0-9]{1,10}(\.[0-9]{1,2})?", str(value)) or Decimal(value) < least:
            self.wrong(name, f"O campo {name} é inválido.")
            return default
        return Decimal(value).quantize(Decimal("0.01"))

    def number(self, name: str, default: int | None = None) -> int | None:
        """Read a whole number that is not negative."""
        value = self.body.get(name)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            self.wrong(name, f"O campo {name} deve ser um número inteiro")
            return default
        return value

    def day(self, name: str, default: date | None = None, *, least: date | None = None) -> date | None:
        """Read a date; `least` is the earliest that can be."""
        value = self.body.get(name)
        if value is None:
            return default
        read = parsed_day(value)
        if read is None:
            self.wrong(name, f"O campo {name} deve ser uma data no formato AAAA-MM-DD")
        elif least is not None and read < least:
            self.wrong(name, "A data de vencimento não pode ser inferior à hoje")
        return read or default

    def one_of(self, name: str, allowed: Collection[str], default: str = "") -> str:
        """Read one of some words."""
        value = self.body.get(name)
        if value is None:
            return default
        if value not in allowed:
            self.wrong(name, f"O campo {name} é inválido.")
            return default
        return str(value)

    def part(self, name: str) -> Reading:
        """Read an object within the body, an empty one if it is missing; what is wrong in it is wrong here."""
        inner = Reading(self.body.get(name) if self.given(name) else {})
        inner._errors = self._errors
        return inner


def parsed_day(value: object) -> date | None:
    """Return the date that is written as YYYY-MM-DD."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def queried_number(request: Request, name: str, default: int, most: int = 10**9) -> int:
    """Return a number of the query."""
    written = request.query.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,9}", written) or int(written) > most:
        raise invalid(name, f"O parâmetro {name} deve ser um número de até {most}")
    return int(written)


def queried_flag(request: Request, name: str) -> bool | None:
    """Return a yes or no of the query, None where it says nothing."""
    return {"true": True, "false": False}.get(request.query.get(name, ""))
