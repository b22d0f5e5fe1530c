"""How a campaign is fed: a small window at each integration, and none held up by another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from svahub import errors
from svahub.campaigning.choice import Where
from svahub.campaigning.feeding import Pace
from svahub.campaigning.following import Following
from svahub.campaigning.rounds import Campaigning
from svahub.doctor.campaigns import paused
from svahub.doctor.premises import Premises
from svahub.store import restoring
from svahub.store.restoring import BLIND
from svahub.store.states import DataClass
from svahub.verbs import Action, Command

if TYPE_CHECKING:
    from collections.abc import Callable

ALL = Where(product_type="anything")


def test_no_more_is_open_at_once_than_the_window_has_room_for(town: Callable[..., Any]) -> None:
    here = town(5)
    here.pace = Pace(2, 3)
    campaign = here.plan(ALL)
    here.start(campaign)
    assert here.feed() == 2
    assert here.feed() == 0
    here.isp.work()
    assert here.feed() == 2
    here.finish()
    assert here.state(campaign) == "finished"


def test_a_provider_that_is_away_holds_up_no_other(town: Callable[..., Any]) -> None:
    here = town(0)
    here.isp.integrate("other", "Y")
    for number in range(1, 7):
        here.isp.sell(f"C{number}", f"P{number}", "XY"[number % 2])
    here.isp.work()
    here.pace = Pace(1, 1)
    campaign = here.plan(ALL)
    here.start(campaign)
    here.office.integrations.disable("basic")
    here.finish()
    fates = dict(here.report(campaign))
    assert [fates[f"C{n}"] for n in (1, 3, 5)] == ["reached"] * 3
    assert [fates[f"C{n}"] for n in (2, 4, 6)] == ["waiting", "not_started", "not_started"]
    here.office.integrations.enable("basic")
    here.finish()
    assert set(dict(here.report(campaign)).values()) == {"reached"}


def test_two_items_of_a_contract_are_each_judged_as_the_one_before_has_left_it(town: Callable[..., Any]) -> None:
    here = town(0)
    items = [{"code": code, "product_code": "X", "plan": "p1"} for code in ("1", "2")]
    assert not here.office.contracts.take_in([here.row(1, *items)]).errors
    campaign = here.plan("contract_id;item\nC1;1\nC1;2\nC1;\n")
    here.start(campaign)
    here.finish()
    assert {row.desired.value for row in here.office.subscriptions.list()} == {"BLOCKED"}
    assert "not_started" not in dict(here.report(campaign)).values()


def test_a_contract_at_which_svahub_itself_fails_keeps_no_other(town: Callable[..., Any]) -> None:
    here = town(3)
    campaign = here.plan(ALL)
    here.start(campaign)
    here.office.verbs.issue(Command(Action.BLOCK, "C2", actor="eva"))
    with here.isp.hub.store.write() as connection:  # as a newer version might write it
        connection.execute(text("UPDATE block_reasons SET reason = 'new'"))
    here.feed()
    with here.isp.hub.store.write() as connection:
        connection.execute(text("UPDATE block_reasons SET reason = 'staff' WHERE contract_id = 'C2'"))
    here.finish()
    assert dict(here.report(campaign)) == {"C1": "reached", "C2": "refused", "C3": "reached"}
    assert here.state(campaign) == "finished"


@pytest.mark.parametrize(("what", "state"), [("pause", "paused"), ("cancel", "cancelled")])
def test_who_follows_ends_when_somebody_else_stops_it(town: Callable[..., Any], what: str, state: str) -> None:
    here = town(2)
    campaign = here.plan(ALL)
    here.start(campaign)
    told: list[int] = []

    def stop(done: int) -> None:
        told.append(done)
        if len(told) == 1:
            getattr(here.office.campaigns, what)(campaign, actor="bia")

    Following(here.office, int(campaign), stop).run(timeout=10**9, threads=1)
    assert here.state(campaign) == state


def test_who_follows_hears_how_far_it_is(town: Callable[..., Any]) -> None:
    here = town(3)
    campaign = here.plan("C1\nC9\nC2\nC3\n")
    here.start(campaign)
    told: list[int] = []
    Following(here.office, int(campaign), told.append).run(timeout=60, threads=1)
    assert sum(told) == 4


def test_who_is_asked_to_stop_takes_nothing_more(town: Callable[..., Any]) -> None:
    here = town(2)
    campaign = here.plan(ALL)
    here.start(campaign)
    following = Following(here.office, int(campaign))
    following.stop()
    following.run(timeout=60, threads=1)
    assert (here.state(campaign), here.remote.calls) == ("running", [])


def test_who_follows_ends_when_only_a_person_can_mend_it(town: Callable[..., Any]) -> None:
    here = town(2)
    here.remote.troubles += [errors.AuthenticationFailed(errors.AuthenticationCause.CREDENTIALS)] * 2
    campaign = here.plan(ALL)
    here.start(campaign)
    Following(here.office, int(campaign)).run(timeout=10**9, threads=1)
    assert {fate for _, fate in here.report(campaign)} == {"quarantined"}


def test_a_campaign_does_nothing_of_another_in_the_foreground(town: Callable[..., Any]) -> None:
    here = town(2)
    mine, other = here.plan("C1"), here.plan("C2")
    here.start(mine)
    here.start(other)
    here.isp.ask(Action.CANCEL, "C2")
    Following(here.office, int(mine)).run(timeout=60, threads=1)
    assert (here.state(mine), here.state(other)) == ("finished", "running")
    assert here.remote.calls == ["block ['staff']"]


def test_while_nothing_runs_it_is_looked_once_a_second(town: Callable[..., Any]) -> None:
    here = town(1)
    with Campaigning(here.office.hub) as feeding:
        assert feeding.turn() == 0
        here.start(here.plan(ALL))
        assert feeding.turn() == 0
        here.clock.advance(seconds=1)
        assert feeding.turn() == 1


def test_one_that_ran_is_paused_when_the_store_comes_back_from_a_backup(town: Callable[..., Any]) -> None:
    here = town(1)
    campaign = here.plan(ALL)
    here.start(campaign)
    with here.isp.hub.store.write() as connection:
        restoring.mark(connection, here.clock.now(), "restored", lambda _tenant, _name: BLIND)
    assert here.state(campaign) == "paused"
    premises = Premises(here.isp.hub.store, here.isp.hub.registry)
    ((found, remedy),) = [(finding.found, finding.remedy or "") for finding in paused(premises)]
    assert found == "campaign 1 is paused: block of 1 contracts"
    assert "svahub campaigns resume 1" in remedy


def test_it_is_pruned_when_it_is_old_and_has_ended(town: Callable[..., Any]) -> None:
    here = town(2)
    ended, planned, runs = here.plan("C1"), here.plan("C1"), here.plan("C2")
    here.start(ended)
    here.finish()
    here.start(runs)
    here.office.audit.retain(DataClass.CAMPAIGNS, 30)
    here.clock.advance(days=29)
    assert here.office.audit.prune().campaigns == 0
    here.clock.advance(days=2)
    assert here.office.audit.prune().campaigns == 2
    assert [one.campaign for one in here.office.campaigns.list()] == [int(runs)]
    assert planned != ended
