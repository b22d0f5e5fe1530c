"""Charges as tasks: what each costs in requests, what it comes to, and how it is found again."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json
from svahub import Account, Customer, DocumentKind, Task, errors
from svahub.testing import Fault
from svahub_asaas.charges.wire import CashReceipt, NewPayment, Refund
from svahub_asaas.wire import ChangedSubscription


def made(till: Any, **payload: Any) -> Any:
    """Make a charge for a customer who is known, and return what it came to."""
    known = till.provider.perform(till.task())
    till.calls()
    return till.provider.perform(till.task(key="t2", customer=known.account_remote_id, **payload))


def about(till: Any, kind: str, charge: str, key: str = "t3", **payload: Any) -> Task:
    task: Task = till.task(kind, key, charge=charge, **payload)
    return task


# -- making


def test_a_charge_of_a_known_customer_costs_one_request(till: Any) -> None:
    done = made(till)
    assert till.calls() == ["POST payments"]
    charge = till.kept("payments")[-1]
    assert (done.remote_id, done.account_remote_id) == (charge["id"], charge["customer"])
    assert (charge["externalReference"], charge["value"], charge["dueDate"]) == ("t2", 49.9, "2026-11-25")
    assert (charge["billingType"], charge["description"]) == ("PIX", "Contrato C1, 25/11/2026")


def test_the_first_charge_of_a_customer_costs_two_requests_where_they_are_and_four_where_not(till: Any) -> None:
    till.provider.perform(till.task())
    assert till.calls() == ["GET customers", "GET customers", "POST customers", "POST payments"]
    till.provider.perform(till.task(key="t2"))
    assert till.calls() == ["GET customers", "POST payments"]
    assert len(till.kept("customers")) == 1


def test_a_charge_whose_due_date_has_passed_is_due_today(till: Any) -> None:
    made(till, due_date="2026-11-10")
    charge = till.kept("payments")[-1]
    assert (charge["dueDate"], charge["description"]) == ("2026-11-23", "Contrato C1, 23/11/2026")


def test_a_charge_says_what_the_settings_say_of_being_late(till: Any) -> None:
    till.with_settings(fine_percent=2, interest_percent=1)
    made(till)
    charge = till.kept("payments")[-1]
    assert (charge["fine"]["value"], charge["interest"]["value"]) == (2, 1)


def test_a_customer_who_was_deleted_at_asaas_is_brought_back_and_charged(till: Any) -> None:
    id = till.provider.perform(till.task()).account_remote_id
    till.by_hand("DELETE", f"/customers/{id}")
    done = till.provider.perform(till.task(key="t2", customer=id))
    assert till.calls() == ["POST payments", "GET customers", "POST customers", "POST payments"]
    assert (done.account_remote_id, len(till.kept("customers"))) == (id, 1)


def test_a_customer_whom_asaas_does_not_have_is_made_anew(till: Any) -> None:
    done = till.provider.perform(till.task(customer="cus_none"))
    assert done.account_remote_id == till.kept("customers")[0]["id"]


def test_what_else_is_wrong_with_a_charge_is_refused_and_not_tried_again(till: Any) -> None:
    with pytest.raises(errors.Rejected, match="invalid_value"):
        made(till, value="0.00")
    assert till.calls() == ["POST payments"]


@pytest.mark.parametrize(("adopt", "told"), [("ask", "adopt=link"), ("refuse", "refuses to link")])
def test_somebody_elses_customer_is_not_charged_unless_it_is_set(till: Any, adopt: str, told: str) -> None:
    id = till.by_hand("POST", "/customers", {"name": "Ana", "cpfCnpj": "52998224725"})["id"]
    with pytest.raises(errors.NeedsPerson, match=told) as caught:
        till.with_settings(adopt=adopt).perform(till.task())
    assert id in str(caught.value)
    assert till.kept("payments") == []


@pytest.mark.parametrize(("theirs", "then"), [(None, "a1"), ("erp-7", "erp-7")])
def test_somebody_elses_customer_is_linked_by_setting(till: Any, theirs: str | None, then: str) -> None:
    body = {"name": "Ana", "cpfCnpj": "52998224725", **({"externalReference": theirs} if theirs else {})}
    id = till.by_hand("POST", "/customers", body)["id"]
    assert till.with_settings(adopt="link").perform(till.task()).account_remote_id == id
    assert [customer["externalReference"] for customer in till.kept("customers")] == [then]


def test_a_charge_is_a_customers(till: Any) -> None:
    with pytest.raises(errors.Rejected, match="customer_missing"):
        till.provider.perform(replace(till.task(), account=None))


def test_a_company_whose_number_asaas_refuses_is_told_in_its_own_words(till: Any) -> None:
    company = Customer("c3", "Padaria Inventada", "12ABC34501DE35", DocumentKind.CNPJ)
    with pytest.raises(errors.Rejected, match="O CPF/CNPJ informado é inválido"):
        till.provider.perform(replace(till.task(), account=Account("a3", company)))


# -- finding


@pytest.mark.parametrize("fault", [Fault.ERROR_AFTER, Fault.DROP_AFTER, Fault.MALFORMED, Fault.TRUNCATED])
def test_a_charge_that_was_made_without_an_answer_is_found(till: Any, fault: Fault) -> None:
    till.simulator.faults.next(fault, method="POST", path="/payments")
    with pytest.raises(errors.OutcomeUnknown):
        till.provider.perform(till.task())
    found = till.provider.find_task(till.task())
    (charge,) = till.kept("payments")
    assert (found.remote_id, found.account_remote_id) == (charge["id"], charge["customer"])
    assert found.details["status"] == "PENDING"


def test_nothing_is_found_of_a_charge_that_was_not_made(till: Any) -> None:
    till.provider.perform(till.task())
    assert till.provider.find_task(till.task(key="t2")) is None


def test_a_listing_that_lacks_what_it_counts_is_no_proof_that_there_is_nothing(till: Any) -> None:
    till.provider.perform(till.task())
    till.simulator.faults.next(Fault.SHORT_PAGE, method="GET", path="/payments")
    with pytest.raises(errors.Unreachable):
        till.provider.find_task(till.task())


# -- what follows


def test_a_charge_is_cancelled_also_where_it_is_gone(till: Any) -> None:
    id = made(till).remote_id
    for _ in range(2):
        assert till.provider.perform(about(till, "charge.cancel", id)).details == {"gone": True}
    assert till.kept("payments")[-1]["deleted"]


def test_a_paid_charge_is_not_cancelled_and_asaas_says_why(till: Any) -> None:
    id = made(till).remote_id
    till.simulator.pay(id)
    with pytest.raises(errors.Rejected, match="Só é possível remover cobranças pendentes ou vencidas"):
        till.provider.perform(about(till, "charge.cancel", id))


def test_a_payment_is_given_back_whole_or_in_part(till: Any) -> None:
    id = made(till).remote_id
    till.simulator.pay(id)
    part = about(till, "charge.refund", id, value="9.90")
    assert till.provider.find_task(part) is None
    assert till.provider.perform(part).details["status"] == "RECEIVED"
    assert till.provider.find_task(part) is not None
    assert till.provider.find_task(about(till, "charge.refund", id, "t4", value="9.90")) is None
    assert till.provider.perform(about(till, "charge.refund", id, "t5")).details["status"] == "REFUNDED"
    assert [one["value"] for one in till.kept("payments")[-1]["refunds"]] == [9.9, 40.0]


def test_what_was_paid_at_the_counter_is_noted_and_found(till: Any) -> None:
    id = made(till).remote_id
    cash = about(till, "charge.receive-in-cash", id, paid_on="2026-11-20", value="40.00")
    assert till.provider.find_task(cash) is None
    done = till.provider.perform(cash)
    assert (done.details["status"], done.details["value"]) == ("RECEIVED_IN_CASH", "40.00")
    assert till.provider.find_task(cash).remote_id == id


def test_what_was_noted_at_the_counter_is_taken_back_and_found_to_be(till: Any) -> None:
    id = made(till).remote_id
    till.provider.perform(about(till, "charge.receive-in-cash", id, paid_on="2026-11-20", value="49.90"))
    undo = about(till, "charge.undo-receive-in-cash", id, "t4")
    assert till.provider.find_task(undo) is None
    assert till.provider.perform(undo).details["status"] == "PENDING"
    assert till.provider.find_task(undo).remote_id == id


def test_a_task_of_another_kind_is_refused_and_a_cancel_not_looked_up(till: Any) -> None:
    for hook, task in (
        (till.provider.perform, about(till, "charge.frame", "pay_1")),
        (till.provider.perform, about(till, "parade", "pay_1")),
        (till.provider.find_task, about(till, "charge.cancel", "pay_1")),
        (till.provider.find_task, about(till, "mail.birthday", "pay_1")),
    ):
        with pytest.raises(errors.Unsupported):
            hook(task)
    assert till.calls() == []


# -- money


@given(st.decimals("0.01", 9_999_999_999, places=2))
def test_every_amount_is_sent_to_the_cent(amount: Decimal) -> None:
    charge = NewPayment(
        customer="c", billing_type="PIX", value=float(amount), due_date="2026-11-10", external_reference="r"
    )
    sent = (charge, CashReceipt(payment_date="2026-11-10", value=float(amount)), Refund(value=float(amount)))
    for body in (*sent, ChangedSubscription(value=float(amount))):
        written = body.model_dump_json(by_alias=True, exclude_none=True).partition('"value":')[2]
        digits = written.partition(",")[0].rstrip("}")
        assert Decimal(digits) == amount
        assert len(digits.partition(".")[2]) <= 2, "more decimals than cents"
        assert "e" not in digits.lower(), "an exponent, which not everybody reads"
        assert from_json(body.model_dump_json())["value"] == float(amount)
