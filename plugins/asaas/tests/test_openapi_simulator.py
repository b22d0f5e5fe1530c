"""The simulator's answers, and the requests that lead to them, against Asaas's OpenAPI document."""

from __future__ import annotations

import json
import secrets
from typing import Any

import httpx
import pytest
from svahub_asaas.simulator import AsaasSimulator

DOCUMENT = "52998224725"
TERMS = {
    "discount": {"value": 1, "dueDateLimitDays": 2, "type": "FIXED"},
    "interest": {"value": 1},
    "fine": {"value": 2, "type": "PERCENTAGE"},
}


class Judged:
    """A client whose requests and answers are all held against the document."""

    def __init__(self, http: httpx.Client, openapi: Any) -> None:
        self.http, self.openapi = http, openapi

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        self.openapi.validate_request(method, path, body, query)
        return self.told(method, path, body, **query)

    def told(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        answer = self.http.request(method, path, json=body, params=query)
        told = json.loads(answer.content) if answer.content else None
        self.openapi.validate_answer(method, path, answer.status_code, told)
        return told


@pytest.fixture
def ask(http: httpx.Client, openapi: Any) -> Judged:
    return Judged(http, openapi)


@pytest.fixture
def customer(ask: Judged) -> str:
    body = {"name": "Ana Inventada", "cpfCnpj": DOCUMENT, "email": "ana@example.com", "company": "Padaria Inventada"}
    return str(ask("POST", "/customers", body)["id"])


def life_of_a_customer(ask: Judged, customer: str) -> None:
    ask("GET", f"/customers/{customer}")
    ask("GET", "/customers", cpfCnpj=DOCUMENT, limit=5, offset=0)
    ask("PUT", f"/customers/{customer}", {"mobilePhone": "11987654321"})
    ask("POST", "/customers", {"name": "Ana", "cpfCnpj": "1"})
    ask("DELETE", f"/customers/{customer}")
    ask("POST", f"/customers/{customer}/restore")


def life_of_notifications(ask: Judged, customer: str) -> None:
    first, second = ask("GET", f"/customers/{customer}/notifications")["data"][:2]
    ask("PUT", f"/notifications/{first['id']}", {"enabled": False})
    ask("PUT", "/notifications/batch", {"customer": customer, "notifications": [{"id": second["id"], "enabled": True}]})


def life_of_payments(ask: Judged, customer: str, today: str) -> None:
    body = {"customer": customer, "billingType": "BOLETO", "value": 49.9, "dueDate": today, "description": "Internet"}
    slip = ask("POST", "/payments", {**body, **TERMS, "externalReference": "r1"})["id"]
    ask("PUT", f"/payments/{slip}", {"billingType": "PIX", "value": 50, "dueDate": today})
    ask("PUT", f"/payments/{slip}", {"billingType": "BOLETO", "value": 50, "dueDate": today})
    ask("GET", f"/payments/{slip}/identificationField")
    ask("GET", f"/payments/{slip}/pixQrCode")
    ask("DELETE", f"/payments/{slip}")
    ask("POST", f"/payments/{slip}/restore")
    ask("POST", f"/payments/{slip}/receiveInCash", {"paymentDate": today, "value": 50, "notifyCustomer": False})
    ask("POST", f"/payments/{slip}/undoReceivedInCash")
    ask("POST", f"/sandbox/payment/{slip}/overdue")
    ask("POST", f"/sandbox/payment/{slip}/confirm")
    ask("POST", f"/payments/{slip}/refund", {"value": 10, "description": "Meio mês"})
    ask("GET", f"/payments/{slip}")
    ask("GET", f"/payments/{slip}/status")
    ask.told("POST", "/payments", {})
    ask("GET", "/payments", customer=customer, **{"dateCreated[ge]": today, "dueDate[le]": today})
    ask("GET", "/finance/payment/statistics", customer=customer, **{"dateCreated[ge]": today})
    ask("GET", "/finance/balance")
    ask("GET", "/myAccount/status/")


def life_of_a_subscription(ask: Judged, customer: str, today: str) -> None:
    body = {"customer": customer, "billingType": "PIX", "value": 49.9, "nextDueDate": today, "cycle": "MONTHLY"}
    id = ask("POST", "/subscriptions", {**body, **TERMS, "endDate": "2099-01-31", "maxPayments": 5})["id"]
    ask("GET", f"/subscriptions/{id}")
    ask("GET", f"/subscriptions/{id}/payments")
    ask("PUT", f"/subscriptions/{id}", {"value": 59.9, "updatePendingPayments": True})
    ask("PUT", f"/subscriptions/{id}", {"status": "INACTIVE"})
    ask("PUT", f"/subscriptions/{id}", {"status": "ACTIVE"})
    ask("PUT", f"/subscriptions/{id}", {"status": "ACTIVE", "nextDueDate": today})
    ask("GET", "/subscriptions", customer=customer, includeDeleted=True)
    ask("DELETE", f"/subscriptions/{id}")


def life_of_a_webhook(ask: Judged) -> None:
    body = {"name": "svahub", "url": "http://127.0.0.1:9/w", "email": "isp@example.com", "enabled": True}
    more = {"interrupted": False, "apiVersion": 3, "sendType": "SEQUENTIALLY", "events": ["PAYMENT_CREATED"]}
    id = ask("POST", "/webhooks", {**body, **more, "authToken": secrets.token_urlsafe(40)})["id"]
    ask("GET", "/webhooks")
    ask("GET", f"/webhooks/{id}")
    ask("PUT", f"/webhooks/{id}", {"interrupted": False})
    ask("POST", f"/webhooks/{id}/removeBackoff")
    ask("DELETE", f"/webhooks/{id}")


def life_of_a_link(ask: Judged) -> None:
    body = {"name": "Fibra", "value": 99.9, "billingType": "UNDEFINED", "chargeType": "RECURRENT"}
    id = ask("POST", "/paymentLinks", {**body, "subscriptionCycle": "MONTHLY"})["id"]
    ask("GET", "/paymentLinks", active=True)
    ask("GET", f"/paymentLinks/{id}")
    ask("PUT", f"/paymentLinks/{id}", {"active": False})
    ask("DELETE", f"/paymentLinks/{id}")


def test_every_route_of_the_simulator_is_as_documented_and_every_difference_of_answers_is_met(
    ask: Judged, simulator: AsaasSimulator, customer: str
) -> None:
    today = simulator.today.isoformat()
    life_of_notifications(ask, customer)
    life_of_payments(ask, customer, today)
    life_of_a_subscription(ask, customer, today)
    life_of_a_webhook(ask)
    life_of_a_link(ask)
    life_of_a_customer(ask, customer)
    answered = {route for (route, status) in simulator.counts if status < 400}
    assert answered == {f"{method} {path}" for method, path in routes(simulator)}
    rows = {row for row in ask.openapi.differences if row.startswith("answer ")}
    assert rows - ask.openapi.used == set()


def routes(simulator: AsaasSimulator) -> set[tuple[str, str]]:
    known = simulator.routes()
    return {(method, path) for method, path in known if path != "/myAccount/status"}


@pytest.mark.parametrize(
    ("method", "path", "body", "problem"),
    [
        ("POST", "/customers", {"name": "Ana", "cpfCnpj": DOCUMENT, "tax": 1}, ":tax unknown"),
        ("POST", "/payments", {"customer": "cus_1"}, "required"),
        ("POST", "/subscriptions", {"cycle": "DAILY"}, ":cycle enum"),
        ("PUT", "/notifications/not_1", {"enabled": "yes"}, ":enabled type"),
        ("GET", "/payments?paidOn=2026-01-01", None, "?paidOn unknown"),
        ("PATCH", "/payments/pay_1", {}, "knows no PATCH"),
    ],
)
def test_a_request_that_the_document_does_not_know_is_named(openapi, method, path, body, problem):
    with pytest.raises(AssertionError, match=r".*") as refused:
        openapi.validate_request(method, path, body)
    assert problem in str(refused.value)


def test_an_answer_with_a_wrong_field_is_named_without_its_value(openapi):
    with pytest.raises(AssertionError, match="customer:cpfCnpj type") as refused:
        openapi.validate_answer("GET", "/customers/cus_1", 200, {"object": "customer", "cpfCnpj": 52998224725})
    assert DOCUMENT not in str(refused.value)
