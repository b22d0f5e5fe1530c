"""Every kind of request that the plugin makes, held against the OpenAPI document as it left.

The fixtures hold those of every other test against it too; here none is forgotten, and no difference is listed in vain.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from decimal import Decimal
from typing import Any

from svahub import Aspect, PlanDraft
from svahub_asaas.hooks import NewHook

ROUTES = {
    "DELETE /payments/{id}",
    "DELETE /subscriptions/{id}",
    "GET /customers",
    "GET /customers/{id}",
    "GET /customers/{id}/notifications",
    "GET /finance/balance",
    "GET /finance/payment/statistics",
    "GET /paymentLinks",
    "GET /payments",
    "GET /payments/{id}",
    "GET /payments/{id}/identificationField",
    "GET /payments/{id}/pixQrCode",
    "GET /subscriptions",
    "GET /subscriptions/{id}",
    "GET /webhooks",
    "POST /customers",
    "POST /customers/{id}/restore",
    "POST /paymentLinks",
    "POST /payments",
    "POST /payments/{id}/receiveInCash",
    "POST /payments/{id}/refund",
    "POST /payments/{id}/undoReceivedInCash",
    "POST /subscriptions",
    "POST /webhooks",
    "POST /webhooks/{id}/removeBackoff",
    "PUT /customers/{id}",
    "PUT /notifications/batch",
    "PUT /subscriptions/{id}",
    "PUT /webhooks/{id}",
}


def life_of_a_subscription(till: Any) -> None:
    terms = {"fine_percent": 2, "interest_percent": 1, "discount_percent": 5, "description": "Internet"}
    till.with_settings(**terms, price_changes_open_charges=True)
    sold = till.made(due_day=31)
    for hook in (till.provider.block, till.provider.unblock):
        hook(sold, *([frozenset()] if hook == till.provider.block else []))
    till.provider.change(replace(sold, price=Decimal("59.90"), due_day=5), frozenset(Aspect))
    till.provider.find_user(sold)
    list(till.provider.list_users(None))
    till.by_hand("DELETE", f"/customers/{sold.account.remote_id}")
    second = till.made("s2", account=sold.account)
    till.provider.cancel(second)
    till.with_settings(cancel_deletes_charges=True).cancel(second)


def life_of_charges(till: Any) -> None:
    till.with_settings(fine_percent=2, interest_percent=1, discount_percent=5, discount_days=3)
    ids = [
        till.provider.perform(till.task(key=f"t{number}", billing_type="UNDEFINED")).remote_id for number in range(3)
    ]
    till.provider.find_task(till.task())
    charges = till.provider.charges
    charges.pix(ids[0])
    charges.boleto(ids[0])
    charges.get(ids[0])
    since = {"dateCreated[ge]": "2026-11-01", "dateCreated[le]": "2026-11-30"}
    charges.statistics(**since)
    list(charges.list(status="OVERDUE", **since))
    till.simulator.pay(ids[0])
    till.provider.perform(till.task("charge.refund", "r1", charge=ids[0], value="9.90"))
    till.provider.perform(till.task("charge.cancel", "r2", charge=ids[1]))
    cash = {"paid_on": "2026-11-20", "value": "40.00"}
    till.provider.perform(till.task("charge.receive-in-cash", "r3", charge=ids[2], **cash))
    till.provider.perform(till.task("charge.undo-receive-in-cash", "r4", charge=ids[2]))


def the_account_itself(till: Any) -> None:
    till.provider.check_connection()
    list(till.provider.sync_plans())
    till.provider.create_plan(PlanDraft("p1", "Fibra", "300 Mega", Decimal("89.90")))
    customer = till.kept("customers")[0]["id"]
    wanted = {"PAYMENT_CREATED": {"sms": True, "email": False}}
    till.provider.perform(till.task("notifications.set", "n1", customer=customer, **wanted))
    hooks = till.provider.webhooks
    new = NewHook(url="http://127.0.0.1:9/w", email="isp@example.com", auth_token=secrets.token_urlsafe(32))
    hooks.register(new)
    hooks.resume(hooks.register(new))


def test_every_kind_of_request_is_documented_and_every_difference_is_met(till: Any, openapi: Any) -> None:
    life_of_a_subscription(till)
    life_of_charges(till)
    the_account_itself(till)
    asked = [one for one in till.simulator.asked if one.header("user-agent").startswith("svahub-asaas/")]
    for one in asked:
        openapi.validate_request(one.method, one.path, one.json() if one.body else None, one.query)
    answered = {route for (route, status) in till.simulator.counts if status < 400}
    by_hand = {"DELETE /customers/{id}"}
    assert answered - by_hand == ROUTES
    rows = {row for row in openapi.differences if row.startswith("request ")}
    assert rows <= openapi.used
