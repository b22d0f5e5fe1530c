"""Campaigns from their plan to their end: what is asked of whom, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update
from svahub.campaigning.choice import Where
from svahub.campaigning.feeding import Feeding, Pace
from svahub.errors import Refused, UnknownName
from svahub.models import Reason
from svahub.plans import Guard
from svahub.store.states import Priority
from svahub.store.tables import campaign_rows
from svahub.verbs import Action, Command

if TYPE_CHECKING:
    from collections.abc import Callable

ALL = Where(integration="basic")


def test_a_plan_asks_nothing_and_says_what_follows(town_on_each: Callable[..., Any]) -> None:
    here = town_on_each(3)
    campaign = here.plan("C1\nC3\nC9\n")
    assert here.planned(campaign) == [
        ("C1", "1", "block", "planned"),
        ("C3", "1", "block", "planned"),
        ("C9", None, None, "refused"),
    ]
    shown = here.office.campaigns.show(campaign)
    assert (shown.state, shown.contracts, shown.refused, shown.stopping, shown.live) == ("planned", 3, 1, 2, 3)
    assert shown.counts == {"basic": {"block": 2}}
    assert here.desired("C1", "C3") == ["ACTIVE", "ACTIVE"]


def test_it_is_brought_about_once_it_is_started_and_what_is_refused_keeps_no_other(
    town_on_each: Callable[..., Any],
) -> None:
    here = town_on_each(3)
    campaign = here.plan("C1\nC9\nC3\n", note="agreed", reason=Reason.CUSTOMER_REQUEST)
    here.start(campaign)
    here.finish()
    assert here.report(campaign) == [("C1", "reached"), ("C9", "refused"), ("C3", "reached")]
    assert here.state(campaign) == "finished"
    assert here.remote.calls == ["block ['customer_request']"] * 2
    (*_, operation) = here.office.operations.list(contract="C1")
    assert (operation.actor, operation.reason, operation.note) == (
        "operator:eva",
        "customer_request",
        "campaign 1: agreed",
    )


@pytest.mark.parametrize("action", [Action.BLOCK, Action.UNBLOCK, Action.CANCEL])
def test_what_it_asks_for_is_bulk_an_unblock_too(town: Callable[..., Any], action: Action) -> None:
    here = town(1)
    if action is Action.UNBLOCK:
        here.isp.ask(Action.BLOCK, "C1", actor="eva")
        here.isp.work()
    here.start(here.plan("C1", action))
    here.feed()
    assert here.office.subscriptions.one("C1/1").priority == Priority.BULK


def test_what_there_is_to_say_of_a_contract_is_in_the_plan(town: Callable[..., Any]) -> None:
    here = town(2)
    for actor in ("eva", "bia"):
        here.isp.ask(Action.BLOCK, "C1", actor=actor, reason=Reason.FRAUD)
    rows = here.office.campaigns.rows(here.plan("C1\nC2\n", Action.UNBLOCK, reason=Reason.FRAUD))
    assert [row.cause for row in rows] == ["still blocked: fraud by operator:bia", "not blocked"]


def test_change_asks_for_another_plan(town: Callable[..., Any]) -> None:
    here = town(2)
    campaign = here.plan(ALL, Action.CHANGE, plan="p2")
    assert [row.after for row in here.office.campaigns.rows(campaign)] == ["ACTIVE, plan p2"] * 2
    here.start(campaign)
    here.finish()
    assert here.report(campaign) == [("C1", "reached"), ("C2", "reached")]
    assert {here.isp.of(f"C{n}").plan for n in (1, 2)} == {"p2"}


@pytest.mark.parametrize(
    ("action", "asked", "sentence"),
    [
        (Action.CHANGE, {}, "Say what to change"),
        (Action.ACTIVATE, {}, "activate is asked of each contract by itself"),
    ],
)
def test_what_no_contract_could_be_asked_is_not_planned(
    town: Callable[..., Any], action: Action, asked: dict[str, Any], sentence: str
) -> None:
    here = town(1)
    with pytest.raises(Refused, match=sentence):
        here.plan("C1", action, **asked)
    assert here.office.campaigns.list() == []


def test_a_file_that_is_not_there_leaves_no_campaign(town: Callable[..., Any]) -> None:
    here = town(1)
    names = here.names("C1")
    (here.folder / "ids.txt").unlink()
    with pytest.raises(OSError, match="No such file"):
        here.plan(names)
    assert here.office.campaigns.list() == []


def test_what_differs_by_the_time_it_is_asked_is_judged_then(town: Callable[..., Any]) -> None:
    here = town(3)
    campaign = here.plan("C1\nC2\nC3\n")
    here.isp.ask(Action.CANCEL, "C1")
    here.isp.ask(Action.BLOCK, "C2", actor="eva")
    here.start(campaign)
    here.finish()
    assert here.report(campaign) == [("C1", "refused"), ("C2", "reached"), ("C3", "reached")]
    (refused, *_) = here.office.campaigns.rows(campaign)
    assert refused.cause == "Contract C1 is cancelled: there is nothing to block."


def test_who_has_paid_since_it_was_planned_is_left_alone(town: Callable[..., Any]) -> None:
    here = town(2)
    here.owe("C1", "C2")
    campaign = here.plan(Where(days_overdue=30), reason=Reason.OVERDUE)
    here.pay("C1")
    here.start(campaign)
    here.finish()
    assert here.report(campaign) == [("C1", "refused"), ("C2", "reached")]
    assert here.desired("C1", "C2") == ["ACTIVE", "BLOCKED"]


# -- deciding ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("guard", [Guard(1, 100), Guard(50, 2)], ids=["changes", "percent"])
def test_more_than_the_guard_allows_is_started_only_when_it_was_approved(
    town: Callable[..., Any], guard: Guard
) -> None:
    here = town(2)
    campaign = here.plan(ALL)
    with pytest.raises(Refused, match=r"2 of 2 live .* svahub campaigns approve 1 --note WHY"):
        here.office.campaigns.start(campaign, actor="eva", guard=guard)
    here.office.campaigns.approve(campaign, note="agreed", actor="bia")
    started = here.office.campaigns.start(campaign, actor="eva", guard=guard)
    assert (started.state, started.approved_by, started.started_by) == ("running", "bia", "eva")


def test_an_unblock_needs_no_approval(town: Callable[..., Any]) -> None:
    here = town(2)
    for contract in ("C1", "C2"):
        here.isp.ask(Action.BLOCK, contract, actor="eva")
    started = here.office.campaigns.start(here.plan(ALL, Action.UNBLOCK), actor="eva", guard=Guard(0, 0))
    assert started.stopping == 0


def test_rows_that_somebody_has_changed_are_not_started(town: Callable[..., Any]) -> None:
    here = town(2)
    campaign = here.plan("C1")
    with here.isp.hub.store.write() as connection:
        connection.execute(update(campaign_rows).values(contract_id="C2"))
    with pytest.raises(Refused, match="not what its hash was taken of"):
        here.start(campaign)


def test_nothing_more_begins_while_it_is_paused(town: Callable[..., Any]) -> None:
    here = town(4)
    here.pace = Pace(2, 2)
    campaign = here.plan(ALL)
    here.start(campaign)
    assert here.feed() == 2
    here.office.campaigns.pause(campaign, actor="bia", note="wait")
    here.isp.work()
    assert here.feed() == 0
    assert here.report(campaign) == [
        ("C1", "reached"), ("C2", "reached"), ("C3", "not_started"), ("C4", "not_started"),
    ]  # fmt: skip
    here.office.campaigns.resume(campaign, actor="bia")
    here.finish()
    assert here.desired("C3", "C4") == ["BLOCKED", "BLOCKED"]
    assert here.state(campaign) == "finished"


def test_one_that_is_paused_just_before_its_turn_is_left_alone(town: Callable[..., Any]) -> None:
    here = town(1)
    campaign = here.plan(ALL)
    here.start(campaign)
    here.office.campaigns.pause(campaign, actor="bia")
    assert Feeding(here.office.bench).feed(int(campaign)) == 0
    assert here.desired("C1") == ["ACTIVE"]


def test_what_was_not_begun_when_it_is_cancelled_never_begins(town: Callable[..., Any]) -> None:
    here = town(4)
    here.pace = Pace(2, 2)
    campaign = here.plan(ALL)
    here.start(campaign)
    here.feed()
    here.office.campaigns.cancel(campaign, actor="bia")
    here.finish()
    assert [fate for _, fate in here.report(campaign)] == ["reached", "reached", "cancelled", "cancelled"]
    assert here.desired("C3", "C4") == ["ACTIVE", "ACTIVE"]
    with pytest.raises(Refused, match="Campaign 1 is cancelled: there is nothing to resume"):
        here.office.campaigns.resume(campaign, actor="bia")


def test_an_unknown_campaign_is_named_with_those_that_there_are(town: Callable[..., Any]) -> None:
    here = town(1)
    here.plan("C1")
    with pytest.raises(UnknownName, match=r"No campaign '7'\. There is: 1\."):
        here.office.campaigns.show("7")


def test_the_guard_goes_by_what_a_campaign_would_stop_when_it_starts(town: Callable[..., Any]) -> None:
    here = town(2)
    for contract in ("C1", "C2"):
        here.office.verbs.issue(Command(Action.BLOCK, contract, actor="eva"))
    campaign = here.plan("C1\nC2\n", reason=Reason.FRAUD)
    assert here.office.campaigns.show(campaign).stopping == 0
    for contract in ("C1", "C2"):
        here.office.verbs.issue(Command(Action.UNBLOCK, contract, actor="eva"))
    with pytest.raises(Refused, match="2 of 2 live"):
        here.office.campaigns.start(campaign, actor="eva", guard=Guard(1, 100))
