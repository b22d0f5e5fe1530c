"""The lifecycle, with nothing going wrong: each verb is seen at the provider, once, as it was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from svahub.commands import Action
from svahub.models import BlockScope, Observed
from svahub.testing.contract.agreement import LEVEL
from svahub.testing.contract.isp import INTEGRATION
from svahub.testing.contract.moves import MOVES, Move
from svahub.testing.contract.rehearsing import calls_of
from svahub.testing.contract.verdict import hold
from svahub.testing.grades import Level, about, theme

if TYPE_CHECKING:
    from svahub.testing.contract.isp import Isp


@theme("lifecycle", Level.BRONZE)
class LifecycleHolds:
    """What every plugin does."""

    @pytest.mark.parametrize("move", MOVES, ids=str)
    def test_what_is_asked_is_seen_at_the_provider(self, svahub_isp: Isp, move: Move) -> None:
        """Each verb by itself."""
        calls_of(svahub_isp, move)

    def test_a_whole_user_is_blocked_only_with_the_last_of_its_items(self, svahub_isp: Isp) -> None:
        """Two contracts of one person are blocked one after the other, and the first is let in again."""
        (person,) = svahub_isp.people("two")
        since = len(svahub_isp.visits())
        for letter in ("A", "B"):
            person.block(letter)
            person.settle()
            person.agrees(f"block of contract {letter}", since)
        person.ask(Action.UNBLOCK, "A")
        person.settle()
        person.agrees("unblock of one contract", since)

    def test_two_contracts_with_one_plan_keep_it_until_the_last_ends(self, svahub_isp: Isp) -> None:
        """What one contract ends, the other still has."""
        person = svahub_isp.person()
        person.prepare("A", 0)
        person.sell("B", 0)
        since = len(svahub_isp.visits())
        person.settle()
        person.agrees("the sale of one plan to two contracts", since)
        for letter in ("A", "B"):
            person.ask(Action.CANCEL, letter)
            person.settle()
            person.agrees(f"cancel of contract {letter}", since)

    def test_what_was_cancelled_is_sold_again(self, svahub_isp: Isp) -> None:
        """A customer comes back."""
        (person,) = svahub_isp.people("one")
        since = len(svahub_isp.visits())
        for action in (Action.CANCEL, Action.ACTIVATE):
            person.ask(action)
            person.settle()
            person.agrees(action.value, since)

    def test_a_block_that_is_asked_again_changes_nothing(self, svahub_isp: Isp) -> None:
        """Block and unblock are levels: a second call succeeds, and leaves what there is."""
        (person,) = svahub_isp.people("blocked")
        since, subscription = len(svahub_isp.visits()), person.subscription()
        svahub_isp.calling(lambda opened: opened.relay.block(subscription, frozenset(person.views[0].block_reasons)))
        person.agrees("a second block", since)
        person.ask(Action.UNBLOCK)
        person.settle()
        svahub_isp.calling(lambda opened: opened.relay.unblock(person.subscription()))
        person.agrees("a second unblock", since)

    def test_an_item_joins_a_blocked_user(self, svahub_isp: Isp) -> None:
        """Somebody who is blocked signs once more: whether they get in then, core and provider say alike."""
        (person,) = svahub_isp.people("blocked")
        since = len(svahub_isp.visits())
        person.sell("B", 1)
        person.settle()
        scope = svahub_isp.stand.kind.block_scope
        levels = {one.status for user in person.remote for one in user.subscriptions}
        told = f"with one contract blocked and another one active, the provider has {sorted(levels)}"
        expected = {Observed.ACTIVE} if scope is BlockScope.ACCOUNT else {Observed.ACTIVE, Observed.BLOCKED}
        hold(levels == expected, f"{sorted(expected)}", told, LEVEL, svahub_isp.visits(since))
        person.agrees("a sale to somebody who is blocked", since)

    def test_the_catalogue_is_the_providers(self, svahub_isp: Isp) -> None:
        """Every plan is brought in, with what it costs, and those out of sale as such."""
        _ = svahub_isp.plans
        since = len(svahub_isp.visits())
        brought = svahub_isp.calling(lambda opened: list(opened.relay.sync_plans()))
        visits, kept = svahub_isp.visits(since), {plan.remote_id: plan for plan in brought}
        there = {plan.remote_id: plan for plan in svahub_isp.simulator.catalogue()}
        mend = "stream all pages of the catalogue from sync_plans, and say active=False of what is not sold any more"
        told = f"sync_plans brought {len(brought)} plans, the provider has {len(there)}"
        hold(len(brought) == len(there) and kept.keys() == there.keys(), "every plan, once", told, mend, visits)
        for id, plan in there.items():
            told = f"{plan.name!r} is brought as {kept[id]}"
            same = (kept[id].name, kept[id].active) == (plan.name, plan.active)
            hold(same, f"active={plan.active}", told, mend, visits)
            hold(kept[id].price in {plan.price, None}, f"{plan.price} BRL", told, mend, visits)

    @about("check_connection", Level.BRONZE, "check_connection")
    def test_the_connection_is_checked_by_a_call_that_changes_nothing(self, svahub_isp: Isp) -> None:
        """Right credentials pass, wrong ones do not, and nothing is changed."""
        since = len(svahub_isp.visits())
        tested = svahub_isp.office.integrations.test(INTEGRATION)
        visits = svahub_isp.visits(since)
        mend = "have check_connection make one authenticated read, and raise what it ends in"
        hold(tested.ok and visits, "an authenticated call that succeeds", tested.message or "no call", mend, visits)
        hold(not any(visit.writes for visit in visits), "reads alone", "something was written", mend, visits)
        svahub_isp.simulator.accept()
        refused = svahub_isp.office.integrations.test(INTEGRATION)
        told = f"with credentials that are not taken it says ok={refused.ok}, fault={refused.fault}"
        hold(
            refused.fault in {"credentials", "expired"},
            "credentials are at fault",
            told,
            mend,
            svahub_isp.visits(since),
        )
