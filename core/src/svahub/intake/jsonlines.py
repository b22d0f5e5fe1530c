"""Contracts from JSON Lines: one JSON object a line, UTF-8."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic_core import from_json

from svahub.intake.rejections import Rejected, checked, contract_id_of, path_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from svahub.intake.lines import Line
    from svahub.intake.rows import ContractRow

_POSITION = re.compile(r"column [0-9]+$")


def contracts(lines: Iterable[Line]) -> Iterator[ContractRow | Rejected]:
    """Stream each line's contract, or why it is rejected; blank lines are passed over."""
    for number, content, problem in lines:
        if problem:
            yield Rejected.for_line(number, problem)
        elif not content.isspace():
            yield _contract(number, content)


def _contract(number: int, content: bytes) -> ContractRow | Rejected:
    try:
        raw = from_json(content, allow_inf_nan=False)
    except ValueError as error:
        return Rejected.for_line(number, _syntax(str(error)))
    if not isinstance(raw, dict):
        return Rejected.for_line(number, "each line must be one JSON object: one contract")
    outcome = checked(raw, number, lambda location: (number, path_of(location)))
    return Rejected(number, contract_id_of(raw), outcome) if isinstance(outcome, tuple) else outcome


def _syntax(message: str) -> str:
    """Keep only the position of the parser's sentence: the rest may quote the line."""
    position = _POSITION.search(message)
    return "the line is not valid JSON" + (f" ({position.group()})" if position else "")
