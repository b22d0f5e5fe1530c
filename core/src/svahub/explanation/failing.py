"""Why did it fail? The last attempt that did not succeed: its cause, what the provider said, what that permits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import from_json

from svahub.explanation.values import Failure, Reader, Sale
from svahub.explanation.words import doing, permits
from svahub.store.rows import AttemptRow
from svahub.store.states import Certainty, Phase

WELL = frozenset({None, Certainty.SUCCEEDED, Certainty.PENDING})
TELLING = ("message", "mensagem", "detail", "detalhe", "description", "descricao", "title", "error_description")
"""Fields by which providers tell people what is wrong."""
LONGEST = 200


def failure(sale: Sale, reader: Reader) -> Failure | None:
    """Explain the last attempt that failed, unless all is well by now."""
    failed = [a for a in sale.attempts if a.certainty not in WELL]
    if not failed or sale.row.phase is Phase.SETTLED:
        return None
    last = max(failed, key=lambda a: (a.started_at, a.lease_number))
    answer = answer_to(last, sale.exchanges)
    status, message = (answer["status"], said(answer)) if answer else (None, None)
    assert last.certainty is not None
    may = permits(last.step, last.certainty, sale.if_unsure(last.step))
    return _told(last, answer, status, message, may, reader)


def _told(
    attempt: AttemptRow,
    answer: Mapping[str, Any] | None,
    status: int | None,
    message: str | None,
    may: str,
    reader: Reader,
) -> Failure:
    assert attempt.certainty is not None
    at = attempt.started_at
    cause = attempt.cause or "no cause is known"
    told = outcome(answer) if answer is not None and status is not None and status >= 400 else ""
    if status is not None and str(status) in cause:
        told = f"“{message}”" if message and message not in cause else ""
    sentence = f"at {reader.at(at)} svahub tried to {doing(attempt.step)}: {cause}{f' ({told})' if told else ''}. {may}"
    return Failure(at, attempt.step, attempt.certainty, attempt.cause, status, message, may, sentence)


def answer_to(attempt: AttemptRow, exchanges: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the exchange that ended an attempt: the last that went wrong, else the last."""
    made = [e for e in exchanges if _of(attempt, e)]
    wrong = [e for e in made if e["status"] is None or e["status"] >= 400]
    told = wrong or made
    return told[-1] if told else None


def _of(attempt: AttemptRow, exchange: Mapping[str, Any]) -> bool:
    return (exchange["account_key"], exchange["lease_number"]) == (attempt.account_key, attempt.lease_number)


def outcome(exchange: Mapping[str, Any]) -> str:
    """Return how an exchange ended: status and what the provider said, or that nothing came."""
    if exchange["status"] is None:
        return "no answer"
    message = said(exchange) if exchange["status"] >= 400 else None
    return f"{exchange['status']}" + (f" “{message}”" if message else "")


def said(exchange: Mapping[str, Any]) -> str | None:
    """Return the sentence in a masked answer, if one can be told from the rest."""
    body = exchange["response_body"]
    if not body:
        return None
    try:
        value = from_json(body.removesuffix("…"))
    except ValueError:
        return _short(body)
    return _short(" ".join(_sentences(value)))


def _sentences(value: Any, depth: int = 3) -> list[str]:
    """Return what the telling fields hold, the outermost first."""
    if depth == 0 or not isinstance(value, dict | list):
        return []
    inner = list(value.values()) if isinstance(value, dict) else value
    own = [v for k in TELLING if isinstance(value, dict) and isinstance(v := value.get(k), str) and v]
    return own or [sentence for member in inner for sentence in _sentences(member, depth - 1)]


def _short(text: str) -> str | None:
    text = " ".join(text.split())
    return text[: LONGEST - 1] + "…" if len(text) > LONGEST else text or None
