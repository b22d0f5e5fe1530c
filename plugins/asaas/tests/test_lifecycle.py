"""A billing item from its sale to its end: what svahub wants and what Asaas then has, whatever goes wrong."""

from __future__ import annotations

from typing import Any

import pytest
from svahub.intake import ContractRow

DOCUMENT = "52998224725"


@pytest.fixture
def shop(isp: Any) -> Any:
    """Return an installation that sells a product which Asaas charges."""
    isp.set(settle_seconds=3, retry_cap=2)
    isp.invoke("products", "link", "BILL", "--product-type", "billing")
    return isp


def take_in(shop: Any, item: dict[str, Any] | None = None, **contract: Any) -> None:
    """Import a contract of 49.90 with one billing item, and do what follows."""
    row = {
        "contract_id": "C1",
        "customer": {"id": "P1", "name": "Ana Inventada", "document": DOCUMENT},
        "due_day": 10,
        "price": "49.90",
        "items": [{"code": "1", "product_code": "BILL", **(item or {})}],
    }
    taken = shop.office.contracts.take_in([ContractRow.model_validate(row | contract)])
    assert taken.rejected == 0
    work(shop)


def work(shop: Any) -> None:
    """Work until nothing is left to do, however long things wait."""
    with shop.hub.work(threads=4) as worker:
        for _ in range(5):
            worker.drain()
            shop.clock.advance(seconds=2)


def kept(shop: Any, kind: str = "subscriptions") -> list[dict[str, Any]]:
    return [one for one in shop.asaas.state()[kind] if not one["deleted"]]


def sold(shop: Any) -> Any:
    (only,) = shop.told("subscriptions", "list")
    return only


def operation(shop: Any) -> str:
    return str(shop.told("operations", "list")[-1]["id"])


def test_an_item_without_a_price_is_charged_its_contracts(shop: Any) -> None:
    take_in(shop)
    (one,) = kept(shop)
    assert (one["value"], one["customer"]) == (49.9, kept(shop, "customers")[0]["id"])
    assert (sold(shop)["state"], sold(shop)["observed"]) == ("settled", "ACTIVE")


def test_an_items_own_price_goes_before_its_contracts(shop: Any) -> None:
    take_in(shop, {"price": "12.34"})
    assert kept(shop)[0]["value"] == 12.34


def test_another_price_and_due_day_reach_asaas_with_the_next_import(shop: Any) -> None:
    take_in(shop)
    take_in(shop, price="59.90", due_day=5)
    assert (kept(shop)[0]["value"], kept(shop)[0]["nextDueDate"]) == (59.9, "2027-01-05")


def test_blocked_and_unblocked_and_cancelled(shop: Any) -> None:
    take_in(shop)
    shop.invoke("block", "C1", "--yes")
    assert kept(shop)[0]["status"] == "INACTIVE"
    shop.invoke("unblock", "C1", "--yes")
    assert (kept(shop)[0]["status"], kept(shop)[0]["nextDueDate"]) == ("ACTIVE", "2027-01-10")
    shop.invoke("cancel", "C1", "--yes")
    assert (kept(shop)[0]["status"], kept(shop, "payments")[0]["status"]) == ("INACTIVE", "PENDING")
    assert sold(shop)["observed"] == "CANCELLED"


def test_a_contract_that_a_subscription_charges_is_not_charged_beside_it(shop: Any) -> None:
    take_in(shop)
    told = shop.told("asaas", "invoices", "create", "--yes")
    assert (told["invoices"], told["left"]) == ([], {"a subscription at Asaas charges it": 1})


def test_a_month_that_was_invoiced_is_not_charged_by_the_subscription_that_follows(shop: Any) -> None:
    shop.clock.advance(days=10)  # it is 3 December
    take_in(shop, items=[{"code": "9", "product_code": "NET"}])
    shop.invoke("asaas", "invoices", "create", "--yes", "--no-wait")
    take_in(shop)
    assert sorted(one["dueDate"] for one in kept(shop, "payments")) == ["2026-12-10", "2027-01-10"]


def test_an_invoice_that_was_let_go_leaves_its_month_to_the_subscription_that_follows(shop: Any) -> None:
    shop.clock.advance(days=10)
    take_in(shop, items=[{"code": "9", "product_code": "NET"}])
    shop.invoke("asaas", "invoices", "create", "--yes", "--no-wait")
    shop.invoke("tasks", "discard", str(shop.told("asaas", "invoices", "list")[0]["id"]), "--note", "a mistake")
    take_in(shop)
    assert [one["dueDate"] for one in kept(shop, "payments")] == ["2026-12-10"]


def test_a_month_that_a_subscription_charged_before_it_ended_is_not_invoiced(shop: Any) -> None:
    shop.clock.advance(days=10)
    take_in(shop)
    shop.invoke("asaas", "sync")
    take_in(shop, items=[{"code": "9", "product_code": "NET"}])
    told = shop.told("asaas", "invoices", "create", "--yes")
    assert (told["invoices"], told["left"]) == ([], {"it was charged for this month": 1})
    assert len(shop.told("asaas", "invoices", "create", "--yes", "--month", "2027-01")["invoices"]) == 1


def test_a_corrected_document_reaches_asaas(shop: Any) -> None:
    take_in(shop)
    take_in(shop, customer={"id": "P1", "name": "Ana Inventada", "document": "11144477735"})
    assert kept(shop, "customers")[0]["cpfCnpj"] == "11144477735"


def test_a_customer_deleted_at_asaas_by_hand_waits_for_a_person_and_comes_back_with_them(shop: Any) -> None:
    take_in(shop)
    shop.by_hand("DELETE", f"/customers/{kept(shop, 'customers')[0]['id']}")
    shop.invoke("block", "C1", "--yes", code=4)
    assert "creates it again once it is unblocked" in sold(shop)["advice"]
    shop.invoke("unblock", "C1", "--yes")
    assert (len(kept(shop, "customers")), [one["status"] for one in kept(shop)]) == (1, ["ACTIVE"])


def test_somebody_elses_customer_is_taken_over_when_a_person_says_so(shop: Any) -> None:
    id = shop.by_hand("POST", "/customers", {"name": "Ana", "cpfCnpj": DOCUMENT})["id"]
    take_in(shop)
    assert id in sold(shop)["cause"]
    assert kept(shop) == []
    shop.invoke("operations", "retry", operation(shop), "--adopt")
    assert [one["customer"] for one in kept(shop)] == [id]
    assert kept(shop, "customers")[0]["externalReference"] is not None
    assert sold(shop)["state"] == "settled"


def test_by_setting_somebody_elses_customer_is_linked_at_once(shop: Any) -> None:
    id = shop.by_hand("POST", "/customers", {"name": "Ana", "cpfCnpj": DOCUMENT})["id"]
    shop.set(adopt="link")
    take_in(shop)
    assert [one["customer"] for one in kept(shop)] == [id]


def test_a_charge_of_a_subscription_that_is_overdue_is_its_contracts_debt(shop: Any) -> None:
    take_in(shop)
    shop.asaas.make_overdue(kept(shop, "payments")[0]["id"])
    shop.invoke("asaas", "sync")
    (debt,) = shop.office.debts.list()
    assert (debt.contract_id, str(debt.amount)) == ("C1", "49.90")
