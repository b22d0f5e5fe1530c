"""Plans that are not applied: what they saw has changed, or they would stop too many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, update
from svahub import Observed
from svahub.areas.applying import Changed
from svahub.errors import Refused
from svahub.plans import Guard
from svahub.store.tables import differences, subscriptions
from svahub.verbs import Action

from .plans import BLOCKED, applied, begin

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"generation": 7}, "generation was 1, is 7"),
        ({"observed": Observed.CANCELLED}, "observed was ACTIVE, is CANCELLED"),
        ({"applied": {"plan": "p9", "quantity": 1}}, "plan given was p1, is p9"),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_a_plan_that_saw_ours_otherwise_is_refused_and_says_what_has_changed(
    compared: Callable[..., Any], change: dict[str, Any], told: str
) -> None:
    here = compared(2)
    here.alter("C1", status=BLOCKED)
    here.alter("C2", status=BLOCKED)
    plan = here.run()
    with here.office.hub.store.write() as connection:
        connection.execute(update(subscriptions).where(subscriptions.c.contract_id == "C2").values(change))
    with pytest.raises(Changed, match=f"contract C2/item 1: {told}"):
        applied(here, plan)
    assert here.observed("C1") == ["ACTIVE"]


def test_a_plan_is_refused_while_one_of_its_accounts_is_being_driven(compared: Callable[..., Any]) -> None:
    here = compared(1)
    here.alter("C1", status=BLOCKED)
    plan = here.run()
    begin(here, "C1")
    with pytest.raises(Changed, match="it is being driven now"):
        applied(here, plan)


def test_a_plan_whose_rows_somebody_has_changed_is_refused(compared: Callable[..., Any]) -> None:
    here = compared(2)
    here.alter("C1", status=BLOCKED)
    here.alter("C2", status=BLOCKED)
    plan = here.run()
    with here.office.hub.store.write() as connection:
        connection.execute(delete(differences).where(differences.c.number == 2))
    with pytest.raises(Refused, match="is not what its hash was taken of"):
        applied(here, plan)


def test_a_plan_is_refused_once_a_newer_one_has_looked(compared: Callable[..., Any]) -> None:
    here = compared(1)
    older, newer = here.run(), here.run()
    with pytest.raises(Refused, match=f"Plan {newer.plan} has seen the provider later"):
        applied(here, older)


@pytest.mark.parametrize("guard", [Guard(1, 100), Guard(50, 2)], ids=["changes", "percent"])
def test_a_plan_that_stops_too_many_waits_for_an_approval_by_name_and_note(
    compared: Callable[..., Any], guard: Guard
) -> None:
    here = compared(2)
    left = dict(here.remote.users)
    for contract in ("C1", "C2"):
        here.isp.ask(Action.CANCEL, contract)
    here.isp.work()
    here.remote.users.update(left)
    here.clock.advance(minutes=5)
    plan = here.run()
    with pytest.raises(Refused, match="would block or cancel 2 of 0 live"):
        applied(here, plan, guard=guard)
    approved = here.office.reconciling.approve(str(plan.plan), note="they have ended", actor="bia")
    assert (approved.approved_by, approved.approval) == ("bia", "they have ended")
    assert applied(here, plan, guard=guard).corrected == 2
