"""What providers have, compared with ours: what a plan says, who may apply it, and what then follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, func, insert, select, update
from svahub import Observed, RemoteSubscription, RemoteUser
from svahub.areas.applying import Changed
from svahub.areas.comparing import EndedEarly
from svahub.errors import Refused
from svahub.lifecycle import Step
from svahub.models import Desired
from svahub.owners import Owner
from svahub.plans import Guard
from svahub.store.states import Outcome, Phase
from svahub.store.tables import accounts, attempts, differences, listed_users, reconciliations, subscriptions
from svahub.verbs import Action

if TYPE_CHECKING:
    from collections.abc import Callable

ANY = Guard(1000, 100)
BLOCKED = Observed.BLOCKED


def applied(here: Any, plan: Any = None, **more: Any) -> Any:
    """Apply a plan, a new one if none is given, whatever it takes away."""
    plan = plan or here.run()
    return here.office.reconciling.apply(str(plan.plan), actor="ana", **({"guard": ANY} | more))


# -- what a plan says --------------------------------------------------------------------------------------------------


def test_where_both_sides_agree_all_is_in_sync(compared: Callable[..., Any]) -> None:
    here = compared()
    plan = here.run()
    assert (plan.counts["in_sync"], here.rows(plan), plan.listed, plan.live) == (3, [], 3, 3)


def test_each_difference_has_its_class_and_the_step_that_follows(compared: Callable[..., Any]) -> None:
    here = compared(4)
    here.alter("C1", status=BLOCKED)
    here.alter("C2", plan="p2")
    here.lose("C3")
    here.remote.users["stranger"] = RemoteUser("user-9", Observed.ACTIVE, None, (), document="11144477735")
    assert here.rows(here.run()) == [
        ("wrong_state", "C1", "unblock"),
        ("wrong_plan", "C2", "change"),
        ("missing", "C3", "park_drift"),
        ("unknown", None, "nothing"),
    ]


def test_a_second_user_of_ours_is_a_duplicate_and_the_one_that_we_know_counts(compared: Callable[..., Any]) -> None:
    here = compared(1)
    user = here.remote.users[here.key("C1")]
    here.remote.users["second"] = replace(user, remote_id="user-0")
    (row,) = here.office.reconciling.rows(str(here.run().plan))
    assert (row.agreement.value, row.remote_id) == ("duplicate", "user-0")


def test_who_is_known_by_the_providers_id_alone_is_ours(compared: Callable[..., Any]) -> None:
    here = compared(1)
    user = here.remote.users[here.key("C1")]
    bare = RemoteSubscription("p1", BLOCKED)
    here.remote.users[here.key("C1")] = replace(user, reference=None, status=BLOCKED, subscriptions=(bare,))
    assert here.rows(here.run()) == [("wrong_state", "C1", "unblock")]


def test_making_a_plan_changes_nothing_there_and_nothing_of_ours(compared: Callable[..., Any]) -> None:
    here = compared()
    here.lose("C1")

    def ours() -> list[Any]:
        with here.office.hub.store.read() as connection:
            return [list(connection.execute(select(t))) for t in (subscriptions, accounts, attempts)]

    before, calls = ours(), list(here.remote.calls)
    here.run()
    assert ours() == before
    assert here.remote.calls == [*calls, "list"]


@pytest.mark.parametrize(
    "unsure",
    [
        {"changed_at": timedelta(0)},
        {"created_at": timedelta(0)},
        {"uncertain_since": timedelta(minutes=-2)},
        {"handle": "create_user:h1"},
        {"observed": Observed.UNKNOWN},
    ],
    ids=lambda one: next(iter(one)),
)
def test_what_a_listing_may_not_show_yet_is_settling_and_not_missing(
    compared: Callable[..., Any], unsure: dict[str, Any]
) -> None:
    here = compared(1, settle_seconds=60)
    here.lose("C1")
    now = here.clock.now()
    values = {name: now + value if isinstance(value, timedelta) else value for name, value in unsure.items()}
    with here.office.hub.store.write() as connection:
        connection.execute(update(subscriptions).values(values))
    plan = here.run()
    assert (plan.counts["settling"], plan.counts["missing"]) == (1, 0)


def test_what_is_being_done_now_is_settling(compared: Callable[..., Any]) -> None:
    here = compared(1)
    here.lose("C1")
    begin(here, "C1")
    assert here.run().counts["settling"] == 1


def begin(here: Any, contract: str) -> None:
    """Leave an attempt open, as a worker does while it calls."""
    view = here.isp.of(contract)
    with here.office.hub.store.write() as connection:
        key = connection.execute(select(subscriptions.c.account_key).where(subscriptions.c.key == view.key)).scalar()
        begun = {"account_key": key, "lease_number": 99, "tenant": "default", "subscription_key": view.key}
        more = {"step": Step.BLOCK, "generation": 1, "started_at": here.clock.now()}
        connection.execute(insert(attempts).values(begun | more))


# -- applying ----------------------------------------------------------------------------------------------------------


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


# -- refusing ----------------------------------------------------------------------------------------------------------


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


# -- listings that end early -------------------------------------------------------------------------------------------


def test_a_listing_that_ends_early_removes_nobody(compared: Callable[..., Any]) -> None:
    here = compared(3)
    here.remote.breaks_after = 1
    with pytest.raises(EndedEarly, match="after 1 users"):
        here.run()
    plan = here.office.reconciling.list()[0]
    assert (plan.state, plan.counts, here.rows(plan)) == ("listing", {}, [])
    with pytest.raises(Refused, match="is not finished"):
        applied(here, plan)


def test_a_listing_that_cannot_go_on_begins_anew(compared: Callable[..., Any]) -> None:
    here = compared(3)
    here.remote.breaks_after = 2
    with pytest.raises(EndedEarly, match="begins anew"):
        here.run()
    here.lose("C1")
    here.remote.breaks_after = None
    plan = here.run()
    assert (plan.plan, plan.listed, here.rows(plan)) == (2, 2, [("missing", "C1", "park_drift")])


def test_a_listing_that_can_goes_on_after_the_last_user(compared: Callable[..., Any], resuming: type) -> None:
    here = compared(3, base=resuming)
    here.remote.breaks_after = 2
    with pytest.raises(EndedEarly, match="goes on after them"):
        here.run()
    here.remote.breaks_after = None
    plan = here.run()
    assert here.remote.calls[-1] == "list after user-2"
    assert (plan.plan, plan.listed, plan.counts["in_sync"]) == (2, 3, 3)


def test_a_listing_whose_last_user_is_gone_begins_anew_the_time_after(
    compared: Callable[..., Any], resuming: type
) -> None:
    here = compared(3, base=resuming)
    here.remote.breaks_after = 2
    with pytest.raises(EndedEarly):
        here.run()
    here.lose("C2")
    here.remote.breaks_after = None
    with pytest.raises(EndedEarly, match="begins anew"):
        here.run()
    assert here.rows(here.run()) == [("missing", "C2", "park_drift")]


def test_a_listing_of_yesterday_is_not_gone_on_with(compared: Callable[..., Any], resuming: type) -> None:
    here = compared(2, base=resuming)
    here.remote.breaks_after = 1
    with pytest.raises(EndedEarly):
        here.run()
    here.remote.breaks_after = None
    here.clock.advance(days=2)
    here.run()
    assert here.remote.calls[-1] == "list"


def test_one_process_compares_an_integration_at_a_time(compared: Callable[..., Any]) -> None:
    here = compared(1)
    here.remote.breaks_after = 0
    with pytest.raises(EndedEarly):
        here.run()
    held = {"owner": str(Owner.this_process()), "owned_until": here.clock.now() + timedelta(minutes=1)}
    with here.office.hub.store.write() as connection:
        connection.execute(update(reconciliations).where(reconciliations.c.id == 2).values(held))
    with pytest.raises(Refused, match="is being compared by process"):
        here.run()


def test_a_provider_that_lists_nobody_is_not_compared(open_isp: Callable[..., Any], finding: type) -> None:
    office = open_isp(finding).office
    assert office.reconciling.comparable() == []
    with pytest.raises(Refused, match="lists no users"):
        office.reconciling.run("basic")


# -- the SQL -----------------------------------------------------------------------------------------------------------


def test_pages_of_users_and_accounts_are_compared_on_each_database(
    compared_on_each: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = compared_on_each(5)
    here.alter("C1", status=BLOCKED)
    here.lose("C3")
    user = here.remote.users[here.key("C4")]
    here.remote.users[here.key("C4")] = replace(user, remote_id="user-77")
    here.remote.users["theirs"] = RemoteUser("user-8", Observed.ACTIVE, None, (), document="11144477735")
    plan = here.run()
    assert here.rows(plan) == [
        ("wrong_state", "C1", "unblock"),
        ("missing", "C3", "park_drift"),
        ("unlinked", "C4", "nothing"),
        ("unknown", None, "nothing"),
    ]
    assert applied(here, plan).corrected == 3
    here.isp.work()
    assert here.observed("C1", "C2", "C3", "C4") == ["ACTIVE", "ACTIVE", "ABSENT", "ACTIVE"]
    assert here.isp.of("C1").desired is Desired.ACTIVE
    with here.office.hub.store.read() as connection:
        assert connection.execute(select(func.count()).select_from(listed_users)).scalar() == 0
        found = select(accounts.c.remote_id).where(accounts.c.customer_id == "P4")
        assert connection.execute(found).scalar() == "user-77"
        parked = select(subscriptions.c.contract_id).where(subscriptions.c.phase == Phase.PARKED)
        assert list(connection.execute(parked).scalars()) == ["C3"]
