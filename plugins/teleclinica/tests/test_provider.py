"""What creating, blocking, cancelling and changing do at TeleClínica: its simulator over real sockets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from svahub import Account, Aspect, BlockReason, Observed, Reason, errors

OVERDUE = frozenset({BlockReason(Reason.OVERDUE, "import")})
PLAN = frozenset({Aspect.PLAN})


# -- creating


def test_creating_makes_a_user_with_our_references(clinic: Any) -> None:
    remote = clinic.provider.create_user(clinic.sold(clinic.plans[0]))
    assert (remote.reference, remote.status, remote.document) == ("a1", Observed.ACTIVE, clinic.customer.document)
    assert remote.login
    assert remote.access_url
    assert remote.subscription("s1").plan == clinic.plans[0].remote_id
    assert clinic.held() == {clinic.plans[0].remote_id}


def test_the_same_plan_in_two_contracts_belongs_to_both(clinic: Any) -> None:
    remote_id = clinic.created(clinic.sold(clinic.plans[0]), clinic.sold(clinic.plans[0], "s2"))
    assert (
        clinic.provider.find_user(clinic.sold(clinic.plans[0], "s2", remote_id)).subscription("s2").status
        is Observed.ACTIVE
    )
    assert (
        clinic.provider.find_user(clinic.sold(clinic.plans[0], "s1", remote_id)).subscription("s1").status
        is Observed.ACTIVE
    )


def test_a_person_that_exists_is_named(clinic: Any) -> None:
    remote = clinic.provider.create_user(clinic.sold(clinic.plans[0]))
    with pytest.raises(errors.AlreadyExists) as caught:
        clinic.provider.create_user(replace(clinic.sold(clinic.plans[0]), account=Account("a2", clinic.customer)))
    assert caught.value.remote_user.remote_id == remote.remote_id


def test_nothing_is_sold_without_a_plan(clinic: Any) -> None:
    with pytest.raises(errors.Rejected, match="plan_missing"):
        clinic.provider.create_user(clinic.sold(None))
    assert clinic.simulator.state()["users"] == []


def test_a_plan_out_of_sale_is_rejected(clinic: Any) -> None:
    old = next(plan for plan in clinic.provider.sync_plans() if not plan.active)
    with pytest.raises(errors.Rejected, match="plan_inactive"):
        clinic.provider.create_user(clinic.sold(old))


def test_a_plan_for_a_cancelled_user_finds_no_user(clinic: Any) -> None:
    remote_id = clinic.created(clinic.sold(clinic.plans[0]))
    clinic.provider.cancel(clinic.sold(clinic.plans[0], remote_id=remote_id))
    with pytest.raises(errors.NotFound):
        clinic.provider.create_user(clinic.sold(clinic.plans[1], "s2", remote_id))


# -- blocking


def test_a_user_whose_id_is_not_known_is_blocked_by_our_reference(clinic: Any) -> None:
    clinic.created(clinic.sold(clinic.plans[0]))
    clinic.provider.block(clinic.sold(clinic.plans[0]), OVERDUE)
    assert clinic.user()["status"] == "BLOCKED"


@pytest.mark.parametrize("remote_id", ["usr_none", None, "a?b=c", "ç #"])
def test_blocking_nobody_is_not_found(clinic: Any, remote_id: str | None) -> None:
    with pytest.raises(errors.NotFound):
        clinic.provider.block(clinic.sold(clinic.plans[0], remote_id=remote_id), OVERDUE)


@pytest.mark.parametrize("remote_id", ["../plans", "a/b", "..", ""])
def test_an_id_that_would_name_something_else_is_not_sent(clinic: Any, remote_id: str) -> None:
    with pytest.raises(errors.Rejected, match="unusable_id"):
        clinic.provider.cancel(clinic.sold(None, remote_id=remote_id))
    assert not clinic.simulator.requests


# -- cancelling


def test_after_an_unsure_change_both_plans_end(clinic: Any) -> None:
    other = clinic.sold(clinic.plans[2], "s2")
    remote_id = clinic.created(clinic.sold(clinic.plans[1]), other)
    clinic.provider.cancel(
        clinic.given(clinic.sold(clinic.plans[1], remote_id=remote_id, siblings=(other,)), clinic.plans[0])
    )
    assert clinic.held() == {clinic.plans[2].remote_id}


def test_cancelling_twice_is_not_found_and_harms_nothing(clinic: Any) -> None:
    subscription = clinic.sold(clinic.plans[0], remote_id=clinic.created(clinic.sold(clinic.plans[0])))
    clinic.provider.cancel(subscription)
    with pytest.raises(errors.NotFound):
        clinic.provider.cancel(subscription)


# -- changing


def test_a_plan_is_put_in_the_place_of_another(clinic: Any) -> None:
    remote_id = clinic.created(clinic.sold(clinic.plans[0]))
    for _ in range(2):
        clinic.provider.change(clinic.changing(remote_id, clinic.plans[0], clinic.plans[1]), PLAN)
        assert clinic.held() == {clinic.plans[1].remote_id}


def test_the_old_plan_stays_when_another_contract_uses_it(clinic: Any) -> None:
    other = clinic.sold(clinic.plans[0], "s2")
    remote_id = clinic.created(clinic.sold(clinic.plans[0]), other)
    subscription = clinic.changing(remote_id, clinic.plans[0], clinic.plans[1], other)
    clinic.provider.change(subscription, PLAN)
    assert clinic.held() == {clinic.plans[0].remote_id, clinic.plans[1].remote_id}
    assert clinic.provider.find_user(subscription).subscription("s1").plan == clinic.plans[1].remote_id


def test_only_the_old_plan_goes_when_another_contract_has_the_new_one(clinic: Any) -> None:
    other = clinic.sold(clinic.plans[1], "s2")
    remote_id = clinic.created(clinic.sold(clinic.plans[0]), other)
    for _ in range(2):
        clinic.provider.change(clinic.changing(remote_id, clinic.plans[0], clinic.plans[1], other), PLAN)
        assert clinic.held() == {clinic.plans[1].remote_id}


def test_nothing_changes_when_other_contracts_have_both_plans(clinic: Any) -> None:
    others = (clinic.sold(clinic.plans[0], "s2"), clinic.sold(clinic.plans[1], "s3"))
    remote_id = clinic.created(*others)
    clinic.provider.change(clinic.changing(remote_id, clinic.plans[0], clinic.plans[1], *others), PLAN)
    assert clinic.held() == {clinic.plans[0].remote_id, clinic.plans[1].remote_id}


def test_a_new_plan_that_the_user_has_already_leaves_the_old_one_to_remove(clinic: Any) -> None:
    remote_id = clinic.created(clinic.sold(clinic.plans[0]), clinic.sold(clinic.plans[1], "gone"))
    clinic.provider.change(clinic.changing(remote_id, clinic.plans[0], clinic.plans[1]), PLAN)
    assert clinic.held() == {clinic.plans[1].remote_id}


def test_a_plan_of_a_user_that_is_gone_is_not_found(clinic: Any) -> None:
    with pytest.raises(errors.NotFound):
        clinic.provider.change(clinic.changing("usr_none", clinic.plans[0], clinic.plans[1]), PLAN)


def test_a_customers_data_change_before_the_plan(clinic: Any) -> None:
    remote_id = clinic.created(clinic.sold(clinic.plans[0]))
    renamed = replace(clinic.customer, name="Maria Souza", email=None)
    subscription = clinic.changing(remote_id, clinic.plans[0], clinic.plans[1])
    subscription = replace(subscription, account=replace(subscription.account, customer=renamed))
    clinic.provider.change(subscription, frozenset({Aspect.PLAN, Aspect.CUSTOMER}))
    assert (clinic.user()["name"], clinic.user()["email"]) == ("Maria Souza", clinic.customer.email)
    assert clinic.held() == {clinic.plans[1].remote_id}
    assert [seen.method for seen in clinic.simulator.requests][-2:] == ["PUT", "PUT"]
