"""The life of a subscription: what is wanted of it, one thing after another, and what comes of it at its provider."""

from __future__ import annotations

import pytest
from svahub.models import Desired
from svahub.store.states import Outcome, State
from svahub_teleclinica.simulator import Status

from lives.life import Life
from proof.isp import cpf

ACTIVE, BLOCKED, CANCELLED = Desired.ACTIVE, Desired.BLOCKED, Desired.CANCELLED

also_distributed = pytest.mark.parametrize(
    "workplace",
    ["embedded_sqlite", pytest.param("embedded_postgresql", marks=pytest.mark.deep), "distributed_postgresql"],
    indirect=True,
)
"""In the usual run, too."""


@also_distributed
def test_it_is_sold_blocked_unblocked_changed_cancelled_and_sold_anew(life: Life) -> None:
    life.sign(1)
    life.come_to(ACTIVE)
    life.want("block C1")
    life.come_to(BLOCKED)
    life.want("unblock C1")
    life.come_to(ACTIVE)
    life.want(f"change C1 --plan {life.plans[1]}")
    life.come_to(ACTIVE)
    life.want("cancel C1")
    life.come_to(CANCELLED)
    life.want("activate C1")
    life.come_to(ACTIVE, creates=2)
    assert life.outcomes() == [Outcome.SUCCEEDED] * 6
    assert (life.sold().sale, life.sold().plan) == (2, life.plans[1])
    assert [user.status for user in life.users()] == [Status.CANCELLED, Status.ACTIVE]


def test_it_is_blocked_while_any_reason_is_left_and_a_reason_may_end_by_itself(life: Life) -> None:
    life.sign(1)
    life.come_to(ACTIVE)
    life.want("block C1 --reason staff")
    life.want("block C1 --reason customer_request --until 26/11/2026")
    life.come_to(BLOCKED)
    life.want("unblock C1 --reason staff")
    life.come_to(BLOCKED)
    life.pass_days(3)
    life.come_to(ACTIVE)
    assert life.asked() == ["create_user", "block", "unblock"]


@pytest.mark.deep
def test_what_is_changed_while_it_is_blocked_is_given_when_it_is_unblocked(life: Life) -> None:
    life.sign(1)
    life.come_to(ACTIVE)
    life.want("block C1")
    life.come_to(BLOCKED)
    life.want(f"change C1 --plan {life.plans[1]}")
    life.come_to(BLOCKED)
    assert life.asked() == ["create_user", "block"]
    life.want("unblock C1")
    life.come_to(ACTIVE)
    assert life.asked()[2] == "unblock"
    assert set(life.asked()[3:]) == {"change"}


@pytest.mark.deep
def test_what_is_blocked_before_it_was_made_is_made_when_it_is_unblocked(life: Life) -> None:
    life.sign(1, block_reasons=["overdue"])
    life.come_to(BLOCKED, creates=0)
    life.want("unblock C1 --reason overdue")
    life.come_to(ACTIVE)
    assert life.asked() == ["create_user"]


def test_what_one_person_has_is_one_user_who_is_blocked_and_ends_only_with_all_of_it(life: Life) -> None:
    ana = life.isp.row(1)["customer"]
    life.sign(1, 2, customer=ana)
    life.rest()
    assert [(user.cpf, user.status) for user in life.users()] == [(cpf(1), Status.ACTIVE)]

    life.want("block C1")
    life.rest()
    assert life.users()[0].status is Status.ACTIVE
    assert (life.sold(1).state, "C2" in str(life.sold(1).cause)) == (State.WAITING, True)
    life.want("block C2")
    life.rest()
    assert life.users()[0].status is Status.BLOCKED
    life.want("unblock C1")
    life.rest()
    assert life.users()[0].status is Status.ACTIVE

    life.want("cancel C2")
    life.rest()
    assert life.users()[0].status is Status.ACTIVE
    life.want("cancel C1")
    life.rest()
    assert [(user.cpf, user.status) for user in life.users()] == [(cpf(1), Status.CANCELLED)]
