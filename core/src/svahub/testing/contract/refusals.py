"""What the provider's refusals mean: what is gone is not found, and credentials that are not taken stop everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from svahub.commands import Action
from svahub.errors import AuthenticationFailed, NotFound
from svahub.models import Observed
from svahub.store.states import State
from svahub.testing.contract.verdict import hold
from svahub.testing.faults import Fault
from svahub.testing.grades import Level, theme

if TYPE_CHECKING:
    from svahub.testing.contract.isp import Isp

NOT_FOUND = "have what the provider says of something that is not there, or was cancelled, be NotFound (`translating`)"
STOPPED = "raise AuthenticationFailed as the client does when the provider does not take the credentials"


@theme("errors", Level.SILVER)
class Refusals:
    """What the core has to be told, so that it does the right thing next."""

    def test_a_cancel_of_what_is_gone_already_succeeds(self, svahub_isp: Isp) -> None:
        """Somebody ended it at the provider by hand."""
        (person,) = svahub_isp.people("one")
        since = len(svahub_isp.visits())
        svahub_isp.calling(lambda opened: opened.relay.cancel(person.subscription()))
        person.ask(Action.CANCEL)
        person.settle()
        person.agrees("cancel of what was ended by hand", since)

    def test_a_block_of_what_is_gone_is_not_found(self, svahub_isp: Isp) -> None:
        """Somebody ended it at the provider by hand: that is for a person to see, or there is nobody to be let in."""
        (person,) = svahub_isp.people("one")
        since = len(svahub_isp.visits())
        svahub_isp.calling(lambda opened: opened.relay.cancel(person.subscription()))
        person.block()
        person.work()
        heard = [heard for heard in svahub_isp.heard(since) if heard.hook == "block"]
        raised = any(isinstance(one.error, NotFound) for one in heard)
        let_in = any(one.status is Observed.ACTIVE for user in person.remote for one in user.subscriptions)
        told = f"{'; '.join(map(str, heard)) or 'block was not called'}, state {person.views[0].state}"
        mend = NOT_FOUND
        quiet = not let_in and all(one.error is None for one in heard) and bool(heard)
        hold(raised or quiet, "NotFound, which parks it as drift", told, mend, svahub_isp.visits(since))
        if raised:
            hold(person.views[0].state is State.PARKED, "it is parked", told, mend, svahub_isp.visits(since))

    def test_credentials_that_are_not_taken_stop_the_integration(self, svahub_isp: Isp) -> None:
        """Nothing is tried again until they are mended; then all goes on."""
        (person,) = svahub_isp.people("one")
        since = len(svahub_isp.visits())
        svahub_isp.simulator.faults.set({Fault.UNAUTHORIZED: 1.0})
        person.block()
        person.work()
        heard = [heard for heard in svahub_isp.heard(since) if heard.hook == "block"]
        told = f"{'; '.join(map(str, heard)) or 'block was not called'}, state {person.views[0].state}"
        stopped = any(isinstance(one.error, AuthenticationFailed) for one in heard)
        hold(stopped, "AuthenticationFailed", told, STOPPED, svahub_isp.visits(since))
        hold(person.views[0].state is State.QUARANTINED, "it waits", told, STOPPED, svahub_isp.visits(since))
        svahub_isp.mend()
        person.settle()
        person.agrees("credentials that were mended", since)
