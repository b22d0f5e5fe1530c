"""Why is it blocked? Each reason: who says so, since when, until when, and who can take it away."""

from __future__ import annotations

from svahub.debt_rule import is_of_debt
from svahub.explanation.values import Blocked, Reader
from svahub.explanation.words import source
from svahub.models import PROTECTED
from svahub.store.rows import ReasonRow


def blocked(row: ReasonRow, reader: Reader) -> Blocked:
    """Explain one block reason."""
    whole = not row.item_code
    scope = "" if whole else f" of item {row.item_code}"
    said = f"{row.reason.value}{scope}, said by {source(row.source, reader.origin)} since {reader.at(row.created_at)}"
    sentence = f"{said}; {_end(row, reader)}."
    by_hand = exempt(row) if is_of_debt(row) else command(row)
    return Blocked(row.reason, row.source, row.created_at, row.until, whole, sentence, (by_hand,))


def _end(row: ReasonRow, reader: Reader) -> str:
    """Say how a reason goes: by itself, by its source, by a person."""
    by_hand, protected = f"`{command(row)}`", row.reason in PROTECTED
    if row.until is not None:
        when = f"at {reader.due(row.until)}" if row.until > reader.now else "when `svahub work` runs"
        return f"it ends by itself {when}{f'; sooner {_by_whom(row, reader)}' if protected else f', or with {by_hand}'}"
    if protected:
        return _by_whom(row, reader)
    kind, _, who = row.source.partition(":")
    match kind:
        case "import" if reader.origin is not None:
            return f"it goes when {source(row.source, reader.origin)} no longer says so, or with {by_hand}"
        case "import":
            return f"it goes when a file lists the contract's block reasons without it, or with {by_hand}"
        case "billing":
            return f"it goes when no debt is open at {who}; `{exempt(row)}` lifts it while one is"
    return f"it stays until somebody takes it away, with {by_hand}"


def _by_whom(row: ReasonRow, reader: Reader) -> str:
    """Say who may take a protected reason away."""
    if row.source.startswith("operator:"):
        return f"{source(row.source)} takes it away with `{command(row)}`, anybody else as an admin, with --admin"
    return f"only {source(row.source, reader.origin)} takes it away, or an admin with `{command(row)}`"


def exempt(row: ReasonRow) -> str:
    """Return the command that lifts a reason of debts: taken away by hand, it would come back with the next look."""
    return f"svahub policy exempt {row.contract_id}"


def command(row: ReasonRow) -> str:
    """Return the command that takes a reason away; one that is protected goes by its own source without --admin."""
    admin = row.reason in PROTECTED and not row.source.startswith("operator:")
    words = ["svahub unblock", row.contract_id, "--reason", row.reason.value]
    words += ["--item", row.item_code] if row.item_code else []
    return " ".join([*words, "--admin"] if admin else words)
