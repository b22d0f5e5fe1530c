"""What is wrong with a contract of a file, where, and in words that do not repeat what was written."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from svahub.intake.fields import identifier
from svahub.intake.rows import PARTS, ContractRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic_core import ErrorDetails

Location = tuple[int | str, ...]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,40}")
_SENTENCES = {
    "missing": "is required",
    "model_type": "must be an object",
    "tuple_type": "must be a list",
}


@dataclass(frozen=True, slots=True)
class RowError:
    """One thing that is wrong; `column` is None when it is the whole line, or the whole contract of a source.

    What comes from no file has line 0 and `contract_id`, None where even that cannot be read.
    """

    line: int
    column: str | None
    reason: str
    contract_id: str | None = None

    def __str__(self) -> str:
        where = self._contract if self.line == 0 else f"line {self.line}"
        return f"{where}, {self.column}: {self.reason}" if self.column else f"{where}: {self.reason}"

    @property
    def _contract(self) -> str:
        return "a contract" if self.contract_id is None else f"contract {self.contract_id}"


@dataclass(frozen=True, slots=True)
class Rejected:
    """One contract that is left out, with all that is wrong; without `contract_id` it is a line or the whole file."""

    line: int
    contract_id: str | None
    errors: tuple[RowError, ...]

    @classmethod
    def for_line(cls, line: int, reason: str) -> Rejected:
        """Return the rejection of a line of which nothing is known."""
        return cls(line, None, (RowError(line, None, reason),))

    @classmethod
    def of_source(cls, contract_id: str | None, reason: str, field: str | None = None) -> Rejected:
        """Return the rejection of a contract that comes from no file; the reason repeats nothing personal."""
        return cls(0, contract_id, (RowError(0, field, reason, contract_id),))


def checked(raw: Any, line: int, locate: Callable[[Location], tuple[int, str]]) -> ContractRow | tuple[RowError, ...]:
    """Return the contract, or its errors with the line and column that `locate` finds for each."""
    try:
        return ContractRow.model_validate(raw, context=line)
    except ValidationError as error:
        return tuple(_row_error(details, locate) for details in error.errors(include_url=False, include_input=False))


def contract_of(raw: Mapping[str, Any]) -> ContractRow | Rejected:
    """Return a contract of a source from what it says, in the shape of a line of JSON Lines; or all that is wrong."""
    id = contract_id_of(raw)
    outcome = checked(raw, 0, lambda location: (0, path_of(location)))
    if isinstance(outcome, ContractRow):
        return outcome
    return Rejected(0, id, tuple(replace(error, contract_id=id) for error in outcome))


def contract_id_of(raw: Mapping[str, Any]) -> str | None:
    """Return the id of a contract that may not be readable otherwise."""
    try:
        return identifier(raw.get("contract_id")) or None
    except ValueError:
        return None


def path_of(location: Location) -> str:
    """Return where in a contract something is, as JSON Lines have it."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{shown(step)}" for step in location)
    return "".join(steps).lstrip(".")


def unknown_name(name: str, known: Iterable[str]) -> str:
    """Return the sentence for a name that does not exist; one that may be somebody's data is not repeated."""
    near = get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown column {shown(name)!r}{hint}"


def shown(name: str) -> str:
    """Return the name if it looks like a column's, else an ellipsis."""
    return name if _NAME.fullmatch(name) else "…"


def _row_error(details: ErrorDetails, locate: Callable[[Location], tuple[int, str]]) -> RowError:
    line, column = locate(details["loc"])
    return RowError(line, column, _sentence(details))


def _sentence(details: ErrorDetails) -> str:
    if details["type"] == "value_error":
        return str(details["ctx"]["error"])
    if details["type"] == "extra_forbidden":
        *part, name = details["loc"]
        return unknown_name(str(name), PARTS[tuple(step for step in part if isinstance(step, str))].model_fields)
    return _SENTENCES.get(details["type"], "is not valid")
