"""Every fault at every call of every verb: in the end one user, as it is wanted; and each error is the right one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from svahub.errors import ProviderError
from svahub.testing.contract.canaries import unseen
from svahub.testing.contract.expectations import SILENT, Met, expected
from svahub.testing.contract.isp import LONG_ENOUGH, SHORT
from svahub.testing.contract.person import Trial
from svahub.testing.contract.rehearsing import calls_of, possible
from svahub.testing.contract.striking import Strike, striking
from svahub.testing.contract.verdict import all_hold, broken, hold
from svahub.testing.faults import Fault
from svahub.testing.grades import Level, theme

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from svahub.testing.contract.isp import Isp
    from svahub.testing.contract.moves import Move
    from svahub.testing.contract.person import Person
    from svahub.testing.contract.witness import Heard

STRIKES: dict[str, frozenset[Fault]] = {
    fault.value: frozenset({fault})
    for fault in Fault
    if fault not in {Fault.DELAY, Fault.LAG, Fault.SHORT_PAGE, Fault.REPEATED_PAGE}
} | {"lag_and_drop_after": frozenset({Fault.LAG, Fault.DROP_AFTER})}
TURNED_AWAY = frozenset({Fault.RATE_LIMIT})
BARE = 204
LAG = 25
PAUSE = 30
FOR_A_PERSON = frozenset({Fault.REDIRECT, Fault.REPEATING})
"""After these a person decides, and has it tried again."""
THROUGH = (
    "call through the client that the constructor is given, and through no other: it has the deadline, the records and "
    "the fences, and follows no redirect"
)
QUIET = {"lag_seconds": LAG, "refuse_seconds": 0.005, "retry_after_seconds": 1, "drip_seconds": 0.02}


@theme("faults", Level.SILVER)
class Faults:
    """What no plugin may be harmed by."""

    @pytest.mark.parametrize("strike", STRIKES)
    def test_a_fault_at_any_call_of_any_verb_leaves_what_is_wanted(self, svahub_isp: Isp, strike: str) -> None:
        """The verb is brought to its end by the core, nothing is done twice, and the hook raises the right error."""
        kinds = STRIKES[strike]
        trials, strikes = _asked(svahub_isp, kinds)
        since = len(svahub_isp.visits())
        _carried_out(svahub_isp, trials, strikes, kinds)
        people = [trial.person for trial in trials]
        if kinds & FOR_A_PERSON:
            svahub_isp.retry(people)
        all_hold(partial(_judge, svahub_isp, kinds, trial) for trial in trials)
        svahub_isp.settle(people)
        svahub_isp.agree(trials)
        met = any(visit.struck for visit in svahub_isp.visits(since))
        hold(met, "calls that the fault strikes", "no verb made a call", "have the hooks call the provider")

    def test_a_verb_that_broke_off_at_any_call_and_is_taken_back_leaves_what_was_before(self, svahub_isp: Isp) -> None:
        """A call that is answered with 429 was not applied, but those before it were: what is wanted then is sent."""
        trials = [_taken_back(svahub_isp, move, call) for move, call in _cases(svahub_isp, TURNED_AWAY) if move.back]
        svahub_isp.mend()
        svahub_isp.settle([trial.person for trial in trials])
        svahub_isp.agree(trials)

    def test_a_provider_that_refuses_connections_is_waited_for(self, svahub_isp: Isp) -> None:
        """Nothing was sent: each verb waits, and is done when the provider is back."""
        moves = possible(svahub_isp)
        people = [svahub_isp.people(move.before)[0] for move in moves]
        svahub_isp.greet()
        trials = [
            Trial(person, f"{move} at a provider that was away") for move, person in zip(moves, people, strict=True)
        ]
        for move, person in zip(moves, people, strict=True):
            move.ask(person)
        since = len(svahub_isp.stand.witness.heard)
        svahub_isp.simulator.refuse()
        svahub_isp.work(people)
        svahub_isp.simulator.listen()
        heard = svahub_isp.stand.witness.heard[since:]
        all_hold(partial(_was_away, move, person, heard) for move, person in zip(moves, people, strict=True))
        svahub_isp.settle(people)
        svahub_isp.agree(trials)

    def test_a_pause_that_is_asked_for_is_kept(self, svahub_isp: Isp) -> None:
        """Retry-After stops all calls of the integration for so long, and no longer."""
        one, other = svahub_isp.people("one", 2)
        svahub_isp.greet()
        since = len(svahub_isp.visits())
        svahub_isp.simulator.timings.retry_after_seconds = PAUSE
        svahub_isp.strike(Fault.RATE_LIMIT_RETRY_AFTER, 0)
        one.block()
        one.work()
        seen = len(svahub_isp.visits())
        other.block()
        svahub_isp.stand.clock.sleep(PAUSE - 5)
        svahub_isp.work([one, other])
        mend = "raise RateLimited(retry_after) as the client does, and wait for nothing yourself"
        visits = svahub_isp.visits(since)
        hold(
            seen > since, "a call that is answered with 429", "no call was made", "have block call the provider", visits
        )
        hold(len(svahub_isp.visits()) == seen, f"no call for {PAUSE} s", "the pause was not kept", mend, visits)
        svahub_isp.stand.clock.sleep(10)
        svahub_isp.work([one, other])
        hold(len(svahub_isp.visits()) > seen, "calls after the pause", "none was made", mend, svahub_isp.visits(since))
        svahub_isp.settle([one, other])
        svahub_isp.agree([Trial(person, "a pause that was asked for", since) for person in (one, other)])


def _taken_back(isp: Isp, move: Move, call: int) -> Trial:
    """Have somebody ask a verb one of whose calls is refused for now, and then ask for what was before."""
    (person,), since = isp.people(move.before), len(isp.visits())
    isp.mend()
    isp.greet()
    move.ask(person)
    with striking(isp, {person.account: Strike(TURNED_AWAY, call)}):
        person.work()
    assert move.back is not None
    move.back(person)
    return Trial(person, f"{move} whose call {call + 1} met {Fault.RATE_LIMIT}, and which was taken back", since)


def _asked(isp: Isp, kinds: frozenset[Fault]) -> tuple[list[Trial], dict[str, Strike]]:
    """Have somebody ask each verb for each of its calls that the fault can meet."""
    cases = list(_cases(isp, kinds))
    needed: dict[str, list[Person]] = {}
    for before in {move.before for move, _ in cases}:
        needed[before] = isp.people(before, sum(move.before == before for move, _ in cases))
    met, trials, strikes = "+".join(sorted(kinds)), [], {}
    isp.greet()
    for move, call in cases:
        person = needed[move.before].pop()
        move.ask(person)
        trials.append(Trial(person, f"{move} whose call {call + 1} met {met}", len(isp.visits())))
        strikes[person.account] = Strike(kinds, call)
    return trials, strikes


def _cases(isp: Isp, kinds: frozenset[Fault]) -> Iterator[tuple[Move, int]]:
    for move in possible(isp):
        for position, call in enumerate(calls_of(isp, move)):
            doubled = Fault.DUPLICATE in kinds and call.method == "POST" and isp.simulator.doubles
            if all(kind.suits(call.method) for kind in kinds) and not doubled:
                yield move, position


def _carried_out(isp: Isp, trials: Sequence[Trial], strikes: Mapping[str, Strike], kinds: frozenset[Fault]) -> None:
    """Do what is due while the faults strike; where one stops the integration, it is mended for those who are left."""
    isp.simulator.timings.update(QUIET)
    isp.wait_for(SHORT if kinds & SILENT else LONG_ENOUGH)
    with striking(isp, strikes) as striker:
        left, before = set(strikes), set[str]()
        while left and left != before:
            isp.work([trial.person for trial in trials])
            left, before = striker.left(), left
            isp.mend_integration()
            isp.stand.clock.sleep(1)
    past = [trial.told for trial in trials if trial.person.account in left]
    hold(not past, "calls through the client alone", f"of {', '.join(past[:3])} no call came through it", THROUGH)
    isp.wait_for(LONG_ENOUGH)
    isp.mend()


def _judge(isp: Isp, kinds: frozenset[Fault], trial: Trial) -> None:
    """Raise Broken when a hook that met the fault raised what it must not, or nothing."""
    for heard in isp.heard(trial.since, trial.person.account):
        visits = isp.simulator.visits[heard.began : heard.ended]
        unseen(trial.person, heard.told, f"what {heard.hook} raised", visits)
        if heard.error is not None and not isinstance(heard.error, ProviderError):
            mend = "let no exception of your own out of a hook: parse answers with wire models, and raise svahub.errors"
            broken("an error of svahub.errors", f"in {trial.told}, {heard}", mend, visits)
        struck = next((position for position, visit in enumerate(visits) if visit.struck), None)
        if struck is None:
            continue
        met, fault = visits[struck], max(kinds, key=lambda kind: kind is not Fault.LAG)
        before = any(visit.applied for visit in visits[:struck])
        first = heard.hook == "create_user" and not before and len(trial.person.levels) == 1
        wish = expected(fault, Met(met.writes, before, met.status == BARE, first, isp.renews))
        hold(wish.holds(heard.error), wish.told, f"in {trial.told}, {heard}", wish.mend, visits)


def _was_away(move: Move, person: Person, heard: Sequence[Heard]) -> None:
    ours = [one for one in heard if one.account == person.account]
    raised = [type(one.error).__name__ for one in ours]
    mend = "let Unreachable through: the core waits and tries again"
    hold("Unreachable" in raised, "Unreachable", f"{move} at a provider that was away raised {raised}", mend)
