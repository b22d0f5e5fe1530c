"""Deliveries, in whatever order: what is believed, what is asked anew, what is owed in the end."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub import Alert, Debt, DebtSettled, Webhook
from svahub.errors import NotFound
from svahub_asaas.charges.receiving import notice, received
from svahub_asaas.charges.wire import Payment

NOW = datetime(2026, 11, 11, 13, 1, tzinfo=UTC)  # in Brasília it is 10:01


def charge(status: str, **more: Any) -> dict[str, Any]:
    return {
        "object": "payment",
        "id": "pay_1",
        "customer": "cus_1",
        "value": 49.9,
        "netValue": 47.91,
        "status": status,
        "dueDate": "2026-11-10",
        "dateCreated": "2026-11-01",
        "billingType": "PIX",
    } | more


def delivery(event: str, at: int, kept: dict[str, Any] | None = None, **more: Any) -> Webhook:
    body = {"id": f"evt_{at}", "event": event, "dateCreated": f"2026-11-11 10:00:{at:02}"} | more
    return Webhook({}, json.dumps(body).encode(), NOW, kept or {})


def unasked(_: str) -> Payment:
    raise AssertionError("Asaas was asked")


def test_a_delivery_with_the_token_is_authentic_and_one_without_is_not() -> None:
    token = secrets.token_urlsafe(32)
    body = json.dumps({"id": "evt_1&2", "event": "PAYMENT_RECEIVED", "payment": charge("RECEIVED")}).encode()
    told = notice(Webhook({"asaas-access-token": token}, body, NOW), token)
    assert told is not None
    assert (told.event_id, told.kind, told.subject) == ("evt_1&2", "PAYMENT_RECEIVED", "pay_1")
    assert notice(Webhook({"asaas-access-token": f"{token}x"}, body, NOW), token) is None
    assert notice(Webhook({}, body, NOW), token) is None
    assert notice(Webhook({"asaas-access-token": ""}, body, NOW), None) is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"event": 7}', b"\xff\xfe", b'{"id": null, "event": "X"}'])
def test_a_body_that_cannot_be_read_is_known_by_its_digest(body: bytes) -> None:
    token = secrets.token_urlsafe(32)
    one, other = (notice(Webhook({"asaas-access-token": token}, text, NOW), token) for text in (body, body + b" "))
    assert one is not None
    assert other is not None
    assert one.event_id != other.event_id
    assert received(Webhook({}, body, NOW), unasked).understood is False


def test_an_overdue_charge_opens_a_debt_of_its_contract() -> None:
    kept = {"contract_id": "C1"}
    told = received(delivery("PAYMENT_OVERDUE", 1, kept, payment=charge("OVERDUE")), unasked).told
    assert [type(one) for one in told] == [Debt]


def test_a_charge_of_no_contract_is_noted_and_owed_by_nobody() -> None:
    told = received(delivery("PAYMENT_OVERDUE", 1, {"contract_id": None}, payment=charge("OVERDUE")), unasked)
    assert (told.told, told.details["status"]) == ((), "OVERDUE")


def test_what_says_nothing_new_is_not_asked_again() -> None:
    kept = {"contract_id": "C1", "status": "PENDING", "deleted": False, "told_at": None}
    kept |= {"value": "49.90", "due_date": "2026-11-10"}
    told = received(delivery("PAYMENT_CREATED", 1, kept, payment=charge("PENDING")), unasked).told
    assert told == (DebtSettled("C1", "pay_1"),)


def test_a_new_charge_that_is_not_due_tells_nothing() -> None:
    new = delivery("PAYMENT_CREATED", 1, {"contract_id": "C1"}, payment=charge("PENDING"))
    assert received(new, unasked).told == ()


def test_what_contradicts_what_is_known_is_asked_of_asaas() -> None:
    kept = {"contract_id": "C1", "status": "RECEIVED", "deleted": False, "told_at": "2026-11-11 10:00:09"}
    truth = Payment.model_validate(charge("RECEIVED"))
    told = received(delivery("PAYMENT_OVERDUE", 1, kept, payment=charge("OVERDUE")), lambda _id: truth)
    assert told.told == (DebtSettled("C1", "pay_1"),)
    assert told.details["told_at"] == "2026-11-11 10:00:09"


@pytest.mark.parametrize(("told", "is_now"), [("OVERDUE", "PENDING"), ("RECEIVED_IN_CASH", "OVERDUE")])
def test_what_is_told_long_after_it_happened_is_asked_of_asaas(told: str, is_now: str) -> None:
    known = {"contract_id": "C1", "status": is_now, "deleted": False, "told_at": None}
    late = replace(delivery("PAYMENT_UPDATED", 1, known, payment=charge(told)), received_at=NOW + timedelta(days=3))
    truth = Payment.model_validate(charge(is_now))
    assert received(late, lambda _id: truth).details["status"] == is_now


def test_a_charge_that_asaas_no_longer_has_is_owed_by_nobody() -> None:
    def gone(_: str) -> Payment:
        raise NotFound

    kept = {"contract_id": "C1", "status": "OVERDUE", "deleted": False, "told_at": "2026-11-11 10:00:01"}
    told = received(delivery("PAYMENT_DELETED", 2, kept, payment=charge("OVERDUE", deleted=True)), gone)
    assert told.told == (DebtSettled("C1", "pay_1"),)


@pytest.mark.parametrize("event", ["ACCESS_TOKEN_EXPIRING_SOON", "ACCESS_TOKEN_EXPIRED", "ACCESS_TOKEN_DISABLED"])
def test_a_key_that_ends_is_an_alert(event: str) -> None:
    (told,) = received(delivery(event, 1, accessToken={"id": "k"}), unasked).told
    assert isinstance(told, Alert)
    assert "svahub integration rotate" in told.sentence


def test_an_event_that_is_not_known_is_kept_and_nothing_follows() -> None:
    assert received(delivery("TRANSFER_DONE", 1, transfer={"id": "t"}), unasked).understood is False


STATUSES = ("PENDING", "OVERDUE", "CONFIRMED", "RECEIVED", "RECEIVED_IN_CASH", "REFUNDED", "CHARGEBACK_REQUESTED")


OWED = {"OVERDUE", "REFUNDED", "CHARGEBACK_REQUESTED"}


@given(
    history=st.lists(st.sampled_from(STATUSES), min_size=1, max_size=8),
    deliveries=st.data(),
)
def test_in_whatever_order_deliveries_come_and_however_often_the_end_is_what_asaas_has(
    history: list[str], deliveries: st.DataObject
) -> None:
    order = deliveries.draw(st.permutations(range(len(history))))
    again = deliveries.draw(st.lists(st.sampled_from(range(len(history))), max_size=5))
    truth = Payment.model_validate(charge(history[-1]))
    kept: dict[str, Any] = {"contract_id": "C1"}
    owes = False
    for number in [*order, *again]:
        told = received(delivery("PAYMENT_UPDATED", number, kept, payment=charge(history[number])), lambda _id: truth)
        kept |= told.details
        owes = isinstance(told.told[0], Debt) if told.told else owes
    assert (kept["status"], owes) == (history[-1], history[-1] in OWED)
