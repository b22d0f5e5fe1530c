"""What creating, blocking, cancelling and changing do at Asaas: its simulator over real sockets."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from svahub import Account, Applied, Aspect, BlockReason, Customer, DocumentKind, Observed, Plan, Reason, errors
from svahub.testing import Fault

OVERDUE = frozenset({BlockReason(Reason.OVERDUE, "import")})
PRICE = frozenset({Aspect.PRICE})
BENTO = Customer("c2", "Bento Inventado", "11144477735", DocumentKind.CPF)


def someone(till: Any, **more: Any) -> str:
    """Have Asaas get a customer with Ana's document, made by somebody else."""
    body = {"name": "Ana I.", "cpfCnpj": "529.982.247-25", **more}
    return str(till.by_hand("POST", "/customers", body)["id"])


# -- creating


def test_creating_makes_the_customer_and_the_subscription_under_our_references(till: Any) -> None:
    user = till.provider.create_user(till.sold())
    (customer,), (subscription,), (charge,) = map(till.kept, ("customers", "subscriptions", "payments"))
    assert (customer["externalReference"], customer["cpfCnpj"], customer["province"]) == ("a1", "52998224725", "Centro")
    assert (customer["mobilePhone"], customer["phone"]) == ("11987654321", None)
    assert (subscription["externalReference"], subscription["value"], subscription["cycle"]) == ("s1", 49.9, "MONTHLY")
    assert (charge["dueDate"], charge["subscription"]) == ("2026-12-10", subscription["id"])
    assert (user.remote_id, user.reference, user.status) == (customer["id"], "a1", Observed.ACTIVE)
    assert user.subscription("s1").remote_id == subscription["id"]


def test_a_new_customer_costs_four_requests_and_a_further_subscription_three(till: Any) -> None:
    first = till.made()
    assert till.calls() == ["GET customers", "GET customers", "POST customers", "POST subscriptions"]
    till.made("s2", account=first.account, item_code="2")
    assert till.calls() == ["GET customers", "GET payments", "POST subscriptions"]


def test_a_customer_that_bears_our_reference_is_taken_whatever_their_document(till: Any) -> None:
    id = till.by_hand("POST", "/customers", {"name": "Ana", "cpfCnpj": "11144477735", "externalReference": "a1"})["id"]
    assert till.provider.create_user(till.sold()).remote_id == id
    assert len(till.kept("customers")) == 1


def test_of_several_with_our_reference_the_one_that_is_not_deleted_is_taken(till: Any) -> None:
    there = someone(till, externalReference="a1")
    till.by_hand("DELETE", f"/customers/{someone(till, externalReference='a1')}")
    assert till.provider.create_user(till.sold()).remote_id == there


def test_a_customer_of_ours_that_was_deleted_is_brought_back(till: Any) -> None:
    sold = till.made()
    till.by_hand("DELETE", f"/customers/{sold.account.remote_id}")
    user = till.provider.create_user(till.sold("s2"))
    assert user.remote_id == sold.account.remote_id
    assert [customer["deleted"] for customer in till.kept("customers")] == [False]


def test_a_known_customer_that_was_deleted_is_brought_back_for_another_subscription(till: Any) -> None:
    sold = till.made()
    till.by_hand("DELETE", f"/customers/{sold.account.remote_id}")
    assert till.made("s2", account=sold.account).account.remote_id == sold.account.remote_id
    assert len(till.kept("customers")) == 1


def test_a_known_customer_that_asaas_does_not_have_is_not_found(till: Any) -> None:
    with pytest.raises(errors.NotFound):
        till.provider.create_user(till.sold(account=Account("a1", BENTO, "cus_none")))


def test_somebody_elses_customer_of_the_same_document_is_named_and_not_used(till: Any) -> None:
    id = someone(till)
    with pytest.raises(errors.AlreadyExists) as caught:
        till.provider.create_user(till.sold())
    assert (caught.value.remote_user.remote_id, till.kept("subscriptions")) == (id, [])


def test_a_deleted_customer_of_the_same_document_counts_for_nothing(till: Any) -> None:
    till.by_hand("DELETE", f"/customers/{someone(till)}")
    till.provider.create_user(till.sold())
    assert [customer["externalReference"] for customer in till.kept("customers")] == [None, "a1"]


@pytest.mark.parametrize(("theirs", "then"), [(None, "a1"), ("erp-7", "erp-7")])
def test_an_adopted_customer_gets_our_reference_unless_it_bears_another(till: Any, theirs: str, then: str) -> None:
    id = someone(till, externalReference=theirs)
    till.provider.create_user(till.sold(account=replace(till.sold().account, remote_id=id)))
    assert [customer["externalReference"] for customer in till.kept("customers")] == [then]


def test_a_document_that_asaas_refuses_is_told_in_its_own_words(till: Any) -> None:
    company = Customer("c3", "Padaria Inventada", "12ABC34501DE35", DocumentKind.CNPJ)
    with pytest.raises(errors.Rejected, match="invalid_object: O CPF/CNPJ informado é inválido"):
        till.provider.create_user(till.sold(account=Account("a3", company)))


def test_a_customer_without_the_subscription_that_should_follow_is_half_a_success(till: Any) -> None:
    till.simulator.faults.next(Fault.ERROR_BEFORE, method="POST", path="/subscriptions")
    with pytest.raises(errors.Partial) as caught:
        till.provider.create_user(till.sold())
    assert caught.value.remote_user.remote_id == till.kept("customers")[0]["id"]
    assert isinstance(caught.value.failed, errors.OutcomeUnknown)


# -- what is charged


def test_without_a_price_the_plans_is_charged_for_each_of_the_quantity(till: Any) -> None:
    till.made(price=None, plan=Plan("lnk_1", "Fibra", price=Decimal("33.35")), quantity=3)
    assert till.kept("subscriptions")[0]["value"] == 100.05


def test_a_price_that_was_agreed_goes_before_the_plans(till: Any) -> None:
    till.made(price=Decimal("10.01"), plan=Plan("lnk_1", "Fibra", price=Decimal("33.35")), quantity=3)
    assert till.kept("subscriptions")[0]["value"] == 10.01


@pytest.mark.parametrize("plan", [None, Plan("lnk_1", "Fibra")])
def test_what_has_no_price_is_not_sold_for_nothing(till: Any, plan: Plan | None) -> None:
    with pytest.raises(errors.Partial) as caught:
        till.provider.create_user(till.sold(price=None, plan=plan))
    assert "price_missing" in str(caught.value.failed)
    assert till.kept("subscriptions") == []


def test_settings_say_how_a_subscription_is_charged(till: Any) -> None:
    terms = {"fine_percent": 2, "interest_percent": "1", "discount_percent": "5.5", "discount_days": 3}
    till.with_settings(billing_type="BOLETO", cycle="QUARTERLY", due_day=5, description="Internet", **terms)
    till.made(due_day=None)
    (one,) = till.kept("subscriptions")
    assert (one["billingType"], one["cycle"], one["description"]) == ("BOLETO", "QUARTERLY", "Internet")
    assert (one["fine"], one["interest"]["value"]) == ({"value": 2, "type": "PERCENTAGE"}, 1)
    assert (one["discount"]["value"], one["discount"]["dueDateLimitDays"]) == (5.5, 3)
    assert till.kept("payments")[0]["dueDate"] == "2026-12-05"


def test_an_items_attributes_go_before_settings_and_contract(till: Any) -> None:
    till.with_settings(billing_type="BOLETO", fine_percent=2)
    own = {"billing_type": "PIX", "cycle": "YEARLY", "due_day": "7", "fine_percent": 0, "description": "Caixa postal"}
    till.made(attributes={**own, "colour": "blue"})
    (one,) = till.kept("subscriptions")
    assert (one["billingType"], one["cycle"], one["fine"]["value"]) == ("PIX", "YEARLY", 0)
    assert (till.kept("payments")[0]["dueDate"], one["description"]) == ("2026-12-07", "Caixa postal")


def test_an_attribute_that_cannot_be_is_named_and_nothing_is_sold(till: Any) -> None:
    sold = till.made()
    with pytest.raises(errors.Rejected, match=r"attributes_invalid.*cycle"):
        till.provider.create_user(till.sold("s2", account=sold.account, attributes={"cycle": "DAILY"}))
    assert len(till.kept("subscriptions")) == 1


# -- blocking


def test_blocking_makes_no_new_charges_and_leaves_the_open_ones(till: Any) -> None:
    sold = till.made()
    for _ in range(2):
        till.provider.block(sold, OVERDUE)
    till.pass_days(60)
    assert till.kept("subscriptions")[0]["status"] == "INACTIVE"
    assert [charge["dueDate"] for charge in till.kept("payments")] == ["2026-12-10"]


def test_a_subscription_whose_id_is_not_known_is_blocked_by_our_reference(till: Any) -> None:
    sold = till.made()
    till.provider.block(replace(sold, remote_id=None), OVERDUE)
    till.provider.unblock(replace(sold, remote_id=sold.account.remote_id))
    assert till.kept("subscriptions")[0]["status"] == "ACTIVE"


@pytest.mark.parametrize("hook", ["unblock", "cancel"])
def test_what_is_not_there_is_not_found(till: Any, hook: str) -> None:
    with pytest.raises(errors.NotFound):
        getattr(till.provider, hook)(till.sold())
    deleted = till.made()
    till.by_hand("DELETE", f"/subscriptions/{deleted.remote_id}")
    with pytest.raises(errors.NotFound):
        getattr(till.provider, hook)(deleted)


def test_a_subscription_that_a_person_ended_at_asaas_is_not_begun_again(till: Any) -> None:
    sold = till.made()
    till.by_hand("PUT", f"/subscriptions/{sold.remote_id}", {"status": "INACTIVE", "endDate": "2026-11-23"})
    with pytest.raises(errors.NotFound):
        till.provider.unblock(sold)


# -- cancelling


def test_cancelling_ends_the_subscription_and_keeps_what_is_owed(till: Any) -> None:
    sold = till.made()
    for _ in range(2):
        till.provider.cancel(sold)
    (one,), (charge,) = till.kept("subscriptions"), till.kept("payments")
    assert (one["status"], one["endDate"], one["deleted"]) == ("INACTIVE", "2026-11-23", False)
    assert (charge["status"], charge["deleted"]) == ("PENDING", False)
    assert till.provider.find_user(sold).subscription("s1").status is Observed.CANCELLED


def test_cancelling_forgives_what_is_owed_only_by_setting(till: Any) -> None:
    sold = till.made()
    till.with_settings(cancel_deletes_charges=True).cancel(sold)
    assert till.kept("subscriptions")[0]["deleted"]
    assert till.kept("payments")[0]["deleted"]


def test_a_blocked_subscription_is_not_taken_for_a_cancelled_one(till: Any) -> None:
    sold = till.made()
    till.provider.block(sold, OVERDUE)
    assert till.provider.find_user(sold).subscription("s1").status is Observed.BLOCKED


# -- changing


@pytest.mark.parametrize(("setting", "open_charge"), [(False, 49.9), (True, 59.9)])
def test_another_price_leaves_charges_that_were_made_unless_it_is_set(
    till: Any, setting: bool, open_charge: float
) -> None:
    sold = till.made()
    provider = till.with_settings(price_changes_open_charges=setting)
    provider.change(replace(sold, price=Decimal("59.90")), PRICE)
    assert till.kept("subscriptions")[0]["value"] == 59.9
    assert till.kept("payments")[0]["value"] == open_charge


def test_another_plan_or_quantity_is_another_value(till: Any) -> None:
    plan = Plan("lnk_1", "Fibra", price=Decimal("33.35"))
    sold = till.made(price=None, plan=plan)
    till.provider.change(replace(sold, quantity=2), frozenset({Aspect.QUANTITY}))
    assert till.kept("subscriptions")[0]["value"] == 66.7


def test_another_due_day_holds_from_the_first_charge_on_that_is_not_made(till: Any) -> None:
    sold = till.made()
    till.provider.change(replace(sold, due_day=5), frozenset({Aspect.DUE_DAY}))
    till.pass_days(70)
    assert [charge["dueDate"] for charge in till.kept("payments")] == [
        "2026-12-10",
        "2027-01-05",
        "2027-02-05",
        "2027-03-05",
    ]


def test_another_address_is_written_to_the_customer(till: Any) -> None:
    sold = till.made()
    moved = replace(sold.account.customer, name="Ana Nova", phone="+551332211000")
    sold = replace(sold, account=replace(sold.account, customer=moved))
    till.calls()
    till.provider.change(sold, frozenset({Aspect.CUSTOMER}))
    assert till.calls() == ["PUT customers"]
    (customer,) = till.kept("customers")
    assert (customer["name"], customer["phone"], customer["cpfCnpj"]) == ("Ana Nova", "1332211000", "52998224725")


@pytest.mark.parametrize("phone", ["+5511999999999", "+14155550100", None])
def test_a_phone_that_asaas_refuses_is_left_out(till: Any, phone: str | None) -> None:
    account = till.sold().account
    till.made(account=replace(account, customer=replace(account.customer, phone=phone)))
    assert (till.kept("customers")[0]["phone"], till.kept("customers")[0]["mobilePhone"]) == (None, None)


# -- looking


def test_a_customer_is_found_by_id_then_by_reference_then_by_document(till: Any) -> None:
    assert till.provider.find_user(till.sold()) is None
    stranger = someone(till)
    found = till.provider.find_user(till.sold())
    assert (found.remote_id, found.reference) == (stranger, None)
    ours = someone(till, externalReference="a1")
    assert till.provider.find_user(till.sold()).remote_id == ours
    assert till.provider.find_user(till.sold(account=Account("a1", BENTO, stranger))).remote_id == stranger


def test_a_deleted_customer_of_ours_is_found_as_cancelled(till: Any) -> None:
    sold = till.made()
    till.by_hand("DELETE", f"/customers/{sold.account.remote_id}")
    assert till.provider.find_user(sold).status is Observed.CANCELLED


def test_what_a_look_tells_of_plan_and_quantity_comes_from_the_value(till: Any) -> None:
    old, new = (Plan(id, "Fibra", price=Decimal(price)) for id, price in (("lnk_1", "30.00"), ("lnk_2", "45.00")))
    sold = till.made(price=None, plan=old, quantity=2)
    told = till.provider.find_user(sold).subscription("s1")
    assert (told.plan, told.quantity) == ("lnk_1", 2)
    changed = replace(sold, plan=new, quantity=1, applied=Applied("lnk_1", 2))
    told = till.provider.find_user(changed).subscription("s1")
    assert (told.plan, told.quantity) == ("lnk_1", 2)
    lost = replace(sold, quantity=1, applied=Applied("lnk_1", 1), sent=Applied("lnk_1", 2))
    told = till.provider.find_user(lost).subscription("s1")
    assert (told.plan, told.quantity) == ("lnk_1", 2)


def test_users_are_listed_with_what_they_have_by_a_request_for_each_hundred(till: Any) -> None:
    first = till.made()
    till.made("s2", account=first.account, item_code="2")
    till.provider.block(first, OVERDUE)
    for number in range(120):
        till.by_hand("POST", "/customers", {"name": f"Cliente {number}", "cpfCnpj": "11144477735"})
    listed = list(till.provider.list_users(None))
    assert till.calls() == ["GET subscriptions", "GET customers", "GET customers"]
    assert (len(listed), len({user.remote_id for user in listed})) == (121, 121)
    ana = next(user for user in listed if user.reference == "a1")
    assert {one.reference: one.status for one in ana.subscriptions} == {"s1": Observed.BLOCKED, "s2": Observed.ACTIVE}


def test_plans_are_the_recurring_payment_links(till: Any) -> None:
    plans = list(till.provider.sync_plans())
    assert {plan.name: plan.active for plan in plans} == {
        "Internet 50 Mega": False,
        "Internet 300 Mega anual": True,
        "Internet 600 Mega": True,
        "Internet 300 Mega": True,
    }
    assert all(isinstance(plan.price, Decimal) for plan in plans)


def test_the_connection_is_checked_by_the_balance(till: Any) -> None:
    till.provider.check_connection()
    assert till.calls() == ["GET finance"]
    till.simulator.accept()
    with pytest.raises(errors.AuthenticationFailed):
        till.provider.check_connection()
