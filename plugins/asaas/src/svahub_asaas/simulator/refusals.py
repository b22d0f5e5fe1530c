"""How Asaas refuses: one envelope with one or several errors. Codes that are not known for sure follow its pattern."""

from __future__ import annotations

from svahub.testing import Problem


class Refusal(Problem):
    """A request that is refused with all that is wrong with it, as (code, description)."""

    def __init__(self, *errors: tuple[str, str], status: int = 400) -> None:
        super().__init__(status, *errors[0])
        self.errors = errors


def invalid(field: str, sentence: str) -> Refusal:
    """Return the refusal of one field."""
    return Refusal((f"invalid_{field}", sentence))


def not_possible(sentence: str) -> Refusal:
    """Return the refusal of an action that the object's state does not allow."""
    return Refusal(("invalid_action", sentence))


def not_found() -> Refusal:
    """Return what is said of an object that is not there."""
    return Refusal(("not_found", "O objeto informado não foi encontrado."), status=404)
