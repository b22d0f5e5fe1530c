"""What the web service understands of a query: `qtype`, `query`, `oper`, `grid_param`, page and order."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from svahub.testing import Problem

if TYPE_CHECKING:
    from svahub_ixc.simulator.tables import Row, Table

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_MOST_ROWS = 1000
_WANTED = ("qtype", "query", "oper", "page", "rp", "sortname", "sortorder")


def refused(message: str) -> Problem:
    """Return a refusal as the service makes most: with status 200."""
    return Problem(200, "error", message)


def _comparable(left: str, right: str) -> tuple[Any, Any]:
    if _NUMBER.fullmatch(left) and _NUMBER.fullmatch(right):
        return Decimal(left), Decimal(right)
    return left, right


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[str, str], bool]:
    return lambda left, right: compare(*_comparable(left, right))


def _between(value: str, span: str) -> bool:
    low, _, high = span.partition(",")
    numbers = all(_NUMBER.fullmatch(part) for part in (value, low, high))
    return numbers and Decimal(low) <= Decimal(value) <= Decimal(high)  # on dates it finds nothing: it is unreliable


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "=": _ordered(lambda left, right: left == right),
    "!=": _ordered(lambda left, right: left != right),
    ">": _ordered(lambda left, right: left > right),
    "<": _ordered(lambda left, right: left < right),
    ">=": _ordered(lambda left, right: left >= right),
    "<=": _ordered(lambda left, right: left <= right),
    "L": lambda value, part: part.lower() in value.lower(),
    "NL": lambda value, part: part.lower() not in value.lower(),
    "IN": lambda value, several: value in several.split(","),
    "NI": lambda value, several: value not in several.split(","),
    "BE": _between,
    "NBE": lambda value, span: not _between(value, span),
}


@dataclass(frozen=True)
class Condition:
    """One comparison of a column."""

    column: str
    operator: str
    value: str

    def holds(self, value: str) -> bool:
        """Say whether a row's value meets it."""
        if self.operator == "IN":
            return value in self._several
        return OPERATORS[self.operator](value, self.value)

    @cached_property
    def _several(self) -> frozenset[str]:
        return frozenset(self.value.split(","))

    @property
    def values(self) -> tuple[str, ...] | None:
        """The values that a row must have one of; None where it is another comparison."""
        return {"=": (self.value,), "IN": tuple(self.value.split(","))}.get(self.operator)

    @property
    def after_id(self) -> bool:
        """Whether it asks for the ids above a number."""
        return self.column == "id" and self.operator == ">" and self.value.isdecimal()


@dataclass(frozen=True)
class Query:
    """A listing that was asked for."""

    conditions: tuple[Condition, ...]
    page: int
    size: int
    order: str
    descending: bool

    @classmethod
    def of(cls, body: Any, table: str, columns: tuple[str, ...]) -> Query:
        """Read a body, whose values are all text; raise Problem for what the service does not understand."""
        if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
            raise refused("Parâmetros inválidos: todos os valores são texto.")
        if missing := [name for name in _WANTED if name not in body]:
            raise refused(f"Parâmetros ausentes: {', '.join(missing)}.")
        first = _condition(body["qtype"], body["oper"], body["query"], table, columns)
        return cls(
            conditions=(first, *_grid(body.get("grid_param", "[]"), table, columns)),
            page=_whole(body["page"], 10**9),
            size=_whole(body["rp"], _MOST_ROWS),
            order=_column(body["sortname"], table, columns),
            descending=_direction(body["sortorder"]),
        )

    def rows(self, table: Table) -> tuple[list[Row], int]:
        """Return the rows of the page, and how many there are on all pages."""
        ids = table.found(self.conditions)
        if self.order == "id":
            ids = ids[::-1] if self.descending else ids
        else:
            ids.sort(key=lambda id: table.seen(id)[self.order], reverse=self.descending)
        start = (self.page - 1) * self.size
        return [table.seen(id) for id in ids[start : start + self.size]], len(ids)


def _grid(text: str, table: str, columns: tuple[str, ...]) -> tuple[Condition, ...]:
    try:
        grid = json.loads(text)
        return tuple(_condition(one["TB"], one["OP"], one["P"], table, columns) for one in grid)
    except (KeyError, TypeError, ValueError):
        raise refused("grid_param inválido.") from None


def _condition(name: str, operator: str, value: Any, table: str, columns: tuple[str, ...]) -> Condition:
    if operator not in OPERATORS or not isinstance(value, str):
        raise refused("Operador inválido.")
    return Condition(_column(name, table, columns), operator, value)


def _column(name: str, table: str, columns: tuple[str, ...]) -> str:
    owner, _, column = name.partition(".")
    if owner != table or column not in columns:
        raise refused(f"Unknown column '{name:.60}' in 'where clause'")
    return column


def _whole(text: str, most: int) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise refused("Paginação inválida.")
    return int(text)


def _direction(text: str) -> bool:
    if text not in {"asc", "desc"}:
        raise refused("Ordem inválida.")
    return text == "desc"
