"""What each step does at Campsoft: its simulator over real sockets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from svahub import Account, Applied, Aspect, BlockReason, DocumentKind, Observed, Reason, errors
from svahub.testing import Fault

OVERDUE = frozenset({BlockReason(Reason.OVERDUE, "import")})
PLAN, CUSTOMER = frozenset({Aspect.PLAN}), frozenset({Aspect.CUSTOMER})
FOREIGN = "outra-assinante"


def foreign(tv: Any, status: str = "active") -> None:
    """Put a subscriber with Maria's document at Campsoft that svahub knows nothing of."""
    document = {"type": "CPF", "number": tv.customer.document}
    body = {"username": FOREIGN, "name": "Maria", "login": "m", "password": "x", "document": document, "status": status}
    tv.provider.calls.client.post("/customers", body)
    tv.provider.calls.client.post(f"/customers/{FOREIGN}/subscriptions", {"ProductId": tv.plans[3].remote_id})
    tv.simulator.requests.clear()


# -- creating


def test_creating_makes_a_subscriber_under_our_key_with_the_product(tv: Any) -> None:
    remote = tv.provider.create_user(tv.sold(tv.plans[0]))
    assert (remote.remote_id, remote.reference, remote.status) == (tv.key, tv.key, Observed.ACTIVE)
    assert remote.subscription("s1").plan == tv.plans[0].remote_id
    assert tv.subscriber() == {
        "username": tv.key,
        "status": "active",
        "name": tv.customer.name,
        "login": tv.key,
        "document": {"type": "CPF", "number": tv.customer.document},
        "email": {"data": tv.customer.email},
        "phone": {"ddi": "55", "ddd": "11", "number": "987654321", "mobile": True},
        "products": [tv.plans[0].remote_id],
    }


def test_a_company_is_a_subscriber_too(tv: Any) -> None:
    firm = replace(tv.customer, document="11222333000181", document_kind=DocumentKind.CNPJ, email=None, phone=None)
    tv.provider.create_user(tv.sold(tv.plans[0], account=Account(tv.key, firm)))
    assert tv.subscriber()["document"] == {"type": "CNPJ", "number": firm.document}


def test_a_product_that_is_there_already_is_a_success(tv: Any) -> None:
    for _ in range(2):
        tv.provider.create_user(tv.sold(tv.plans[0]))
    assert tv.held() == [tv.plans[0].remote_id]


def test_a_product_added_to_who_is_suspended_is_suspended_too(tv: Any) -> None:
    tv.provider.create_user(tv.sold(tv.plans[0]))
    sibling = tv.there(tv.plans[0], observed=Observed.BLOCKED)
    remote = tv.provider.create_user(tv.sold(tv.plans[1], "s2", tv.key, siblings=(sibling,)))
    assert remote.status is Observed.BLOCKED


def test_somebody_else_with_the_document_stands_in_the_way(tv: Any) -> None:
    foreign(tv)
    with pytest.raises(errors.AlreadyExists):
        tv.provider.create_user(tv.sold(tv.plans[0]))


def test_an_adopted_subscriber_keeps_name_and_products_and_gets_ours(tv: Any) -> None:
    foreign(tv, "inactive")
    remote = tv.provider.create_user(tv.sold(tv.plans[0], remote_id=FOREIGN))
    assert (remote.remote_id, remote.reference, remote.status) == (FOREIGN, None, Observed.ACTIVE)
    assert tv.held(FOREIGN) == [tv.plans[3].remote_id, tv.plans[0].remote_id]
    assert tv.subscriber(FOREIGN)["status"] == "active"


def test_nothing_is_sold_without_a_product(tv: Any) -> None:
    with pytest.raises(errors.Rejected, match="plan_missing"):
        tv.provider.create_user(tv.sold(None))
    assert tv.asked() == []


def test_without_licences_the_subscriber_is_there_and_the_product_is_not(tv: Any) -> None:
    tv.simulator.products[tv.plans[0].remote_id].licences = 0
    with pytest.raises(errors.Partial) as caught:
        tv.provider.create_user(tv.sold(tv.plans[0]))
    assert (type(caught.value.failed), caught.value.remote_user.remote_id) == (errors.NoLicences, tv.key)
    assert tv.held() == []


@pytest.mark.parametrize(("product", "error_id"), [("prd_none", "invalid_product"), (None, "product_not_allowed")])
def test_a_product_that_cannot_be_sold_is_rejected_by_its_error_id(tv: Any, product: str | None, error_id: str) -> None:
    tv.provider.create_user(tv.sold(tv.plans[0]))
    refused = product or next(plan.remote_id for plan in tv.provider.sync_plans() if not plan.active)
    sold = tv.sold(replace(tv.plans[0], remote_id=refused), "s2", tv.key, siblings=(tv.there(tv.plans[0]),))
    with pytest.raises(errors.Rejected) as caught:
        tv.provider.create_user(sold)
    assert caught.value.code == error_id


def test_an_invalid_document_is_rejected_without_being_repeated(tv: Any) -> None:
    nobody = replace(tv.customer, document="11111111111")
    with pytest.raises(errors.Rejected, match="invalid_document") as caught:
        tv.provider.create_user(tv.sold(tv.plans[0], account=Account(tv.key, nobody)))
    assert nobody.document not in str(caught.value)


# -- blocking


@pytest.mark.parametrize("step", ["block", "unblock", "change", "cancel"])
def test_a_step_for_nobody_is_not_found(tv: Any, step: str) -> None:
    more = {"block": (OVERDUE,), "change": (PLAN,)}.get(step, ())
    with pytest.raises(errors.NotFound):
        getattr(tv.provider, step)(tv.there(tv.plans[0]), *more)


@pytest.mark.parametrize("remote_id", ["../products", "a/b", ".."])
def test_a_name_that_would_mean_something_else_is_not_sent(tv: Any, remote_id: str) -> None:
    with pytest.raises(errors.Rejected, match="unusable_id"):
        tv.provider.block(tv.sold(tv.plans[0], remote_id=remote_id), OVERDUE)
    assert tv.asked() == []


# -- cancelling


def test_what_a_sibling_may_have_been_given_is_left_to_it(tv: Any) -> None:
    tv.provider.create_user(tv.sold(tv.plans[0]))
    first = tv.there(tv.plans[1])
    unsure = replace(tv.there(tv.plans[2], "s2"), sent=Applied(plan=tv.plans[0].remote_id))
    tv.provider.cancel(replace(first, siblings=(unsure,)))
    assert tv.held() == [tv.plans[0].remote_id]


def test_an_adopted_subscriber_that_has_more_than_ours_stays(tv: Any) -> None:
    foreign(tv)
    tv.provider.create_user(tv.sold(tv.plans[0], remote_id=FOREIGN))
    tv.provider.cancel(tv.given(tv.sold(tv.plans[0], remote_id=FOREIGN), tv.plans[0]))
    assert (tv.subscriber(FOREIGN)["status"], tv.held(FOREIGN)) == ("active", [tv.plans[3].remote_id])


def test_what_a_lookup_does_not_show_yet_is_cancelled_all_the_same(tv: Any) -> None:
    tv.provider.create_user(tv.sold(tv.plans[0]))
    tv.simulator.timings.lag_seconds = 3600
    tv.simulator.faults.next(Fault.LAG, method="POST")
    tv.provider.create_user(tv.sold(tv.plans[1], "s2", tv.key, siblings=(tv.there(tv.plans[0]),)))
    tv.provider.cancel(tv.there(tv.plans[1], "s2", siblings=(tv.there(tv.plans[0]),)))
    assert tv.held() == [tv.plans[0].remote_id]


# -- changing


def test_a_change_of_plan_adds_the_new_before_it_ends_the_old(tv: Any) -> None:
    tv.provider.create_user(tv.sold(tv.plans[0]))
    tv.asked()
    tv.provider.change(tv.changing(tv.plans[0], tv.plans[1]), PLAN)
    assert [method for method, _ in tv.asked()] == ["POST", "GET", "DELETE"]
    assert tv.held() == [tv.plans[1].remote_id]


def test_a_change_without_licences_leaves_the_old_untouched(tv: Any) -> None:
    tv.provider.create_user(tv.sold(tv.plans[0]))
    tv.simulator.products[tv.plans[1].remote_id].licences = 0
    with pytest.raises(errors.NoLicences):
        tv.provider.change(tv.changing(tv.plans[0], tv.plans[1]), PLAN)
    assert tv.held() == [tv.plans[0].remote_id]


def test_a_change_cut_off_between_new_and_old_is_found_as_unfinished_and_finished(tv: Any) -> None:
    tv.provider.create_user(tv.sold(tv.plans[0]))
    changing = tv.changing(tv.plans[0], tv.plans[1])
    tv.simulator.faults.next(Fault.DROP, method="DELETE")
    with pytest.raises(errors.OutcomeUnknown):
        tv.provider.change(changing, PLAN)
    assert len(tv.held()) == 2
    assert tv.provider.find_user(changing).subscription("s1").plan is None
    tv.provider.change(changing, PLAN)
    assert tv.held() == [tv.plans[1].remote_id]
    assert tv.provider.find_user(changing).subscription("s1").plan == tv.plans[1].remote_id


def test_a_change_that_was_overtaken_leaves_nothing_of_either(tv: Any) -> None:
    tv.provider.create_user(tv.sold(tv.plans[0]))
    tv.simulator.faults.next(Fault.DROP, method="DELETE")
    with pytest.raises(errors.OutcomeUnknown):
        tv.provider.change(tv.changing(tv.plans[0], tv.plans[1]), PLAN)
    tv.provider.change(tv.changing(tv.plans[0], tv.plans[2]), PLAN)
    assert tv.held() == [tv.plans[2].remote_id]


def test_a_change_taken_back_is_found_as_unfinished(tv: Any) -> None:
    tv.provider.create_user(tv.sold(tv.plans[0]))
    tv.simulator.faults.next(Fault.DROP, method="DELETE")
    with pytest.raises(errors.OutcomeUnknown):
        tv.provider.change(tv.changing(tv.plans[0], tv.plans[1]), PLAN)
    assert tv.provider.find_user(tv.there(tv.plans[0])).subscription("s1").plan is None


def test_a_change_leaves_what_a_sibling_has(tv: Any) -> None:
    sibling = tv.there(tv.plans[0], "s2")
    tv.provider.create_user(tv.sold(tv.plans[0]))
    tv.provider.change(tv.changing(tv.plans[0], tv.plans[1], sibling), PLAN)
    assert tv.held() == [tv.plans[0].remote_id, tv.plans[1].remote_id]


def test_a_change_of_an_adopted_subscriber_touches_only_what_was_ours(tv: Any) -> None:
    foreign(tv)
    tv.provider.create_user(tv.sold(tv.plans[0], remote_id=FOREIGN))
    tv.provider.change(tv.given(tv.sold(tv.plans[1], remote_id=FOREIGN), tv.plans[0]), PLAN)
    assert tv.held(FOREIGN) == [tv.plans[3].remote_id, tv.plans[1].remote_id]


def test_the_customers_data_are_brought_to_what_they_are_now(tv: Any) -> None:
    tv.provider.create_user(tv.sold(tv.plans[0]))
    renamed = replace(tv.customer, name="Maria de Outro Nome", email="outra@example.com", phone=None)
    tv.provider.change(tv.there(tv.plans[0], account=Account(tv.key, renamed, tv.key)), CUSTOMER)
    told = tv.subscriber()
    assert (told["name"], told["email"], told["phone"]) == (renamed.name, {"data": renamed.email}, None)
    assert told["status"] == "active"
