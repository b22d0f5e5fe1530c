"""A worker that dies after its call: what it had asked for is there, and nobody had written down what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from svahub.desk import Desk
from svahub.exchange import recording
from svahub.fleet import Fleet, holding
from svahub.testing.contract.person import Person, Trial
from svahub.testing.contract.rehearsing import possible
from svahub.testing.contract.verdict import hold
from svahub.testing.grades import Level, theme

if TYPE_CHECKING:
    from svahub.testing.contract.isp import Isp

LONGER_THAN_A_LEASE = 60


@theme("restarts", Level.SILVER)
class Restarts:
    """What holds across a crash."""

    def test_a_worker_that_dies_after_its_call_leaves_what_is_wanted(self, svahub_isp: Isp) -> None:
        """The next worker treats the call of each verb as one of unknown outcome."""
        moves = possible(svahub_isp)
        people = [svahub_isp.people(move.before)[0] for move in moves]
        svahub_isp.greet()
        since = len(svahub_isp.visits())
        for move, person in zip(moves, people, strict=True):
            move.ask(person)
        die_after_the_call(svahub_isp, people)
        called = {one.account for one in svahub_isp.heard(since) if one.ended > one.began}
        silent = [str(move) for move, person in zip(moves, people, strict=True) if person.account not in called]
        hold(not silent, "a call for each verb", f"{', '.join(silent)} made none", "have the hooks call the provider")
        svahub_isp.settle(people)
        told = zip(moves, people, strict=True)
        svahub_isp.agree([Trial(person, f"{move} by a worker that died", since) for move, person in told])


def die_after_the_call(isp: Isp, people: Sequence[Person]) -> None:
    """Lease, call and write nothing; then begin anew on the same store, when the leases have ended."""
    stand = isp.stand
    isp.learn_accounts(people)
    fleet = Fleet(stand.registry, stand.clock, [isp.tenant], stand.hub.store)
    try:
        accounts = [person.account for person in people]
        undertaken, _ = Desk(stand.hub.store, fleet, stand.clock, lambda: 0.5).take(len(accounts), accounts)
        for work in undertaken:
            with recording(work.attempt, work.customer), holding(work.held):
                work.carried_out()
    finally:
        fleet.close()
    stand.restart()
    stand.clock.sleep(LONGER_THAN_A_LEASE)
