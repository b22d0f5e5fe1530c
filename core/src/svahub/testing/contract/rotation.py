"""Rotating credentials: no call is refused between the old and the new, and the old are used no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from svahub.testing.contract.isp import INTEGRATION
from svahub.testing.contract.verdict import hold
from svahub.testing.grades import Level, theme

if TYPE_CHECKING:
    from svahub.testing.contract.isp import Isp
    from svahub.testing.contract.person import Person

FRESH = (
    "keep no credential and no token yourself: Settings.auth says how requests authenticate, the client presents it "
    "afresh, renews a token that is refused, and reads secrets again when all that it knows were refused"
)


@theme("rotation", Level.GOLD)
class Rotation:
    """What an ISP does every few months."""

    def test_credentials_are_rotated_without_a_gap(self, svahub_isp: Isp) -> None:
        """Both are taken for a while, then the new ones alone."""
        turning = _own(svahub_isp)
        person, other = turning.people("one", 2)
        new = _new(turning)
        turning.simulator.accept({}, new)
        turning.office.integrations.rotate(
            INTEGRATION, {name: turning.secret(f"new-{name}", new[name]) for name in new}
        )
        turning.simulator.accept(new)
        _blocked(turning, person, "credentials that were rotated")
        _blocked(turning, other, "credentials that were rotated")

    def test_credentials_that_changed_under_their_reference_are_read_again(self, svahub_isp: Isp) -> None:
        """Whoever keeps the secret has put another one there, and the provider takes no other."""
        turning = _own(svahub_isp)
        person, other = turning.people("one", 2)
        _blocked(turning, other, "the first credentials")
        new = _new(turning)
        for name in new:
            turning.secret(name, new[name])
        turning.simulator.accept(new)
        _blocked(turning, person, "credentials that changed under their reference")


def _own(isp: Isp) -> Isp:
    turning = isp.stand.found()
    turning.at_once = 2
    hold(turning.secret_names, "a secret in Settings that the simulator's credentials have", "there is none", FRESH)
    return turning


def _new(isp: Isp) -> dict[str, str]:
    made = isp.simulator.make_credentials()
    return {name: made[name] for name in isp.secret_names}


def _blocked(isp: Isp, person: Person, told: str) -> None:
    since = len(isp.visits())
    person.block()
    person.settle()
    refused = [visit for visit in isp.visits(since) if visit.status == 401]
    state = person.views[0].state
    said = f"with {told}, a block is {state} after {len(refused)} refusals"
    hold(state.value == "settled", "it is settled", said, FRESH, isp.visits(since))
    person.agrees(f"a block with {told}", since)
