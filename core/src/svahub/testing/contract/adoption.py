"""Somebody of the same document whom the ISP did not make: not taken unasked, and linked when a person says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from svahub.models import Observed, RemoteUser
from svahub.store.states import State
from svahub.testing.contract.agreement import GONE
from svahub.testing.contract.person import Person
from svahub.testing.contract.verdict import hold
from svahub.testing.grades import Level, theme

if TYPE_CHECKING:
    from svahub.testing.contract.isp import Isp

ASK = (
    "take only our reference for ours: raise AlreadyExists when the provider has the person already, and return from "
    "find_user one with the same document under the reference that it bears; the integration's policy decides"
)
LINK = "with `subscription.account.remote_id` known, create_user adds to that user instead of making one"


@theme("adoption", Level.GOLD, "find_user")
class Adoption:
    """What happens where the person is there already: another ISP at the same account has sold to them."""

    def test_a_stranger_with_the_same_document_is_not_taken_unasked(self, svahub_isp: Isp) -> None:
        """The sale waits for a person, and the stranger stays as they were."""
        person, before = _met(svahub_isp)
        since = len(svahub_isp.visits())
        _sold(person)
        state, after = person.views[0].state, _live(person)
        told = f"the sale is {state}, and the provider has {len(after)} live users of the document"
        hold(state is State.PARKED, "it is parked, for a person to decide", told, ASK, svahub_isp.visits(since))
        hold(after == before, "the stranger as they were, and nobody else", told, ASK, svahub_isp.visits(since))

    def test_a_stranger_is_linked_when_a_person_says_so(self, svahub_isp: Isp) -> None:
        """The plan is added to the user that is there."""
        person, (stranger,) = _met(svahub_isp)
        since = len(svahub_isp.visits())
        _sold(person)
        (operation,) = svahub_isp.office.operations.list(contract=person.contract("A"))
        svahub_isp.office.operations.retry(operation.id, actor="kit", adopt=True)
        person.settle()
        view, users = person.views[0], _live(person)
        told = f"it is {view.state} ({view.cause}) at user {person.remote_id}, of {len(users)} live ones"
        visits = svahub_isp.visits(since)
        hold(view.state is State.SETTLED, "it is settled", told, LINK, visits)
        hold(person.remote_id == stranger.remote_id, "the user that was there", told, LINK, visits)
        hold([user.remote_id for user in users] == [stranger.remote_id], "one live user", told, LINK, visits)
        active = [one for one in users[0].subscriptions if one.status is Observed.ACTIVE]
        both = len(active) == len(stranger.subscriptions) + 1
        hold(both, "what was there, and what is sold", f"the user has {len(active)} subscriptions", LINK, visits)


def _met(isp: Isp) -> tuple[Person, list[RemoteUser]]:
    """Return somebody who is to be sold something, and who they are at the provider: another ISP's customer."""
    neighbour = isp.stand.kept("neighbour", lambda: isp.stand.found(isp.simulator))
    person, theirs = isp.person(), neighbour.person()
    theirs.number = person.number
    theirs.sell("A", 1)
    theirs.settle()
    theirs.agrees("a sale by another ISP")
    return person, [user for user in theirs.remote if user.status not in GONE]


def _sold(person: Person) -> None:
    person.sell("A", 0)
    person.settle()


def _live(person: Person) -> list[RemoteUser]:
    return [user for user in person.remote if user.status not in GONE]
