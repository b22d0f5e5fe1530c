"""What a plan says of what a provider has, compared with ours; making one changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select, update
from svahub import Observed, RemoteSubscription, RemoteUser
from svahub.models import Desired
from svahub.store.states import Phase
from svahub.store.tables import accounts, attempts, listed_users, subscriptions

from .plans import BLOCKED, applied, begin

if TYPE_CHECKING:
    from collections.abc import Callable

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
