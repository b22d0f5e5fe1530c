"""Every verb once with nothing going wrong: which calls it makes, and whether it comes to what is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from svahub.testing.contract.moves import MOVES, Move
from svahub.testing.contract.person import Trial
from svahub.testing.contract.verdict import Broken, hold

if TYPE_CHECKING:
    from svahub.testing.contract.isp import Isp
    from svahub.testing.contract.watched import Visit


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The calls that a verb makes, or how it failed."""

    calls: tuple[Visit, ...] = ()
    broken: str | None = None


def calls_of(isp: Isp, move: Move) -> tuple[Visit, ...]:
    """Return the calls that a verb makes; raise Broken where it does not come to what is wanted."""
    if move.name not in isp.rehearsals:
        _rehearse(isp)
    rehearsal = isp.rehearsals[move.name]
    if rehearsal.broken is not None:
        raise Broken(rehearsal.broken)
    return rehearsal.calls


def _rehearse(isp: Isp) -> None:
    """Have somebody ask each verb, all at once."""
    moves = possible(isp)
    people = {move: isp.people(move.before)[0] for move in moves}
    isp.greet()
    since = len(isp.visits())
    for move, person in people.items():
        move.ask(person)
    isp.settle(list(people.values()))
    for move, person in people.items():
        isp.rehearsals[move.name] = _judged(isp, move, Trial(person, move.name, since))


def _judged(isp: Isp, move: Move, trial: Trial) -> Rehearsal:
    try:
        isp.agree([trial])
        calls = tuple(visit for visit in trial.visits if not visit.is_for_a_token)
        mend = f"have {move.hook} call the provider"
        hold(
            any(call.writes for call in calls), f"{move.hook} asks for a change", "nothing but reads came", mend, calls
        )
    except Broken as error:
        return Rehearsal(broken=str(error))
    return Rehearsal(calls)


def possible(isp: Isp) -> list[Move]:
    """Return the verbs that the provider has."""
    return [move for move in MOVES if not move.lacking(isp.stand.kind)]
