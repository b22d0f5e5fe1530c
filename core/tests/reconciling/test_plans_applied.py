"""A plan that is applied: calls nobody, and work then brings both sides together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from svahub import Observed, RemoteUser
from svahub.errors import Refused
from svahub.store.states import Outcome
from svahub.store.tables import accounts
from svahub.verbs import Action

from .plans import BLOCKED, applied

if TYPE_CHECKING:
    from collections.abc import Callable


def test_the_first_plan_of_an_integration_only_observes(compared: Callable[..., Any]) -> None:
    here = compared(1)
    with pytest.raises(Refused, match="only observes"):
        here.office.reconciling.apply("1", actor="ana")


def test_applying_calls_nobody_and_work_then_brings_both_sides_together(compared: Callable[..., Any]) -> None:
    here = compared(3)
    here.alter("C1", status=BLOCKED)
    here.alter("C2", plan="p2")
    calls = list(here.remote.calls)
    done = applied(here)
    assert (here.remote.calls, done.corrected) == ([*calls, "list"], 2)
    here.isp.work()
    assert here.remote.calls[-2:] == ["unblock", "change ['plan']"]
    here.clock.advance(minutes=5)
    assert here.rows(here.run()) == []


def test_what_is_still_there_of_a_cancelled_contract_is_cancelled(compared: Callable[..., Any]) -> None:
    here = compared(1)
    left = here.remote.users[here.key("C1")]
    here.isp.ask(Action.CANCEL)
    here.isp.work()
    here.remote.users[here.key("C1")] = left
    here.clock.advance(minutes=5)
    plan = here.run()
    assert (here.rows(plan), plan.stopping) == ([("wrong_state", "C1", "cancel")], 1)
    applied(here, plan)
    here.isp.work()
    assert here.remote.users == {}


def test_who_is_missing_waits_for_a_person(compared: Callable[..., Any]) -> None:
    here = compared(2)
    here.lose("C1")
    here.lose("C2")
    applied(here)
    here.isp.work()
    views = [here.isp.of("C1"), here.isp.of("C2")]
    assert [(v.observed, v.state.value) for v in views] == [(Observed.ABSENT, "parked")] * 2
    assert [o.contract_id for o in here.office.operations.list(Outcome.PARKED)] == ["C1", "C2"]


def test_who_is_missing_is_made_again_where_the_integration_says_so(compared: Callable[..., Any]) -> None:
    here = compared(1, recreate=True)
    here.lose("C1")
    plan = here.run()
    assert here.rows(plan) == [("missing", "C1", "create_user")]
    applied(here, plan)
    here.isp.work()
    assert here.observed("C1") == ["ACTIVE"]
    assert list(here.remote.users) == [here.key("C1")]


@pytest.mark.parametrize(
    ("adopt", "state", "user"), [("link", "settled", "user-7"), ("ask", "parked", None), ("refuse", "parked", None)]
)
def test_the_same_person_without_our_reference_is_what_the_adopt_policy_says(
    compared: Callable[..., Any], adopt: str, state: str, user: str | None
) -> None:
    here = compared(1, adopt=adopt)
    here.lose("C1")
    here.remote.users["theirs"] = RemoteUser("user-7", Observed.ACTIVE, None, (), document="52998224725")
    plan = here.run()
    assert [row[0] for row in here.rows(plan)] == ["unlinked"]
    applied(here, plan)
    with here.office.hub.store.read() as connection:
        assert connection.execute(select(accounts.c.remote_id)).scalar() == user
    here.isp.work()
    view = here.isp.of("C1")
    assert view.state.value == state
    assert (view.cause is None) is (state == "settled")


def test_what_was_applied_is_in_the_audit_and_in_what_explain_says(compared: Callable[..., Any]) -> None:
    here = compared(1)
    here.alter("C1", status=BLOCKED)
    applied(here)
    entry = next(e for e in here.office.audit.list() if getattr(e, "command", "") == "reconcile apply")
    assert (entry.actor, entry.details["plan"], entry.details["corrected"]) == ("ana", 2, 1)
    (operation,) = here.office.operations.list()
    assert "plan 2 of reconcile has seen it BLOCKED" in operation.note


def test_a_plan_is_applied_once(compared: Callable[..., Any]) -> None:
    here = compared(1)
    plan = here.run()
    applied(here, plan)
    with pytest.raises(Refused, match="was applied by ana"):
        applied(here, plan)


def test_a_dry_run_applies_nothing(compared: Callable[..., Any]) -> None:
    here = compared(1)
    here.alter("C1", status=BLOCKED)
    plan = here.run()
    assert applied(here, plan, dry_run=True).corrected == 1
    assert here.observed("C1") == ["ACTIVE"]
    assert here.office.reconciling.show(str(plan.plan)).state == "finished"


def test_a_plan_is_named_by_the_beginning_of_its_hash_too(compared: Callable[..., Any]) -> None:
    here = compared(1)
    plan = here.run()
    assert here.office.reconciling.show(plan.hash[:12]).plan == plan.plan
    with pytest.raises(Refused, match="svahub reconcile list"):
        here.office.reconciling.show("77")
