"""What Asaas's own deliveries come to, one after another, for a charge of a contract."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from svahub import Alert, Debt, DebtSettled, Received, Webhook
from svahub_asaas.hooks import EVENTS
from svahub_asaas.simulator.payment import STATUSES

OWED = {
    "OVERDUE", "DUNNING_REQUESTED", "REFUNDED", "REFUND_REQUESTED", "REFUND_IN_PROGRESS", "CHARGEBACK_REQUESTED",
    "CHARGEBACK_DISPUTE", "AWAITING_CHARGEBACK_REVERSAL",
}  # fmt: skip


@dataclass
class Ear:
    """Hears what Asaas delivers about one charge, and remembers of it what the plugin's ledger would."""

    till: Any
    receiver: Any
    token: str
    charge: str = ""
    kept: dict[str, Any] = field(default_factory=lambda: {"contract_id": "C1"})
    heard: int = 0

    def listen(self) -> list[Received]:
        """Return what came of each delivery since the last time."""
        self.till.simulator.wait_delivered()
        new, self.heard = self.receiver.seen[self.heard :], len(self.receiver.seen)
        return [self._came_to(headers, event) for headers, event in new]

    def _came_to(self, headers: dict[str, str], event: dict[str, Any]) -> Received:
        webhook = Webhook(headers, json.dumps(event).encode(), self.till.clock.now(), self.kept)
        assert self.till.provider.authenticate_webhook(webhook).event_id == event["id"]
        received = self.till.provider.receive_webhook(webhook)
        self.kept = {"contract_id": "C1", **received.details} if received.details else self.kept
        self.till.clock.advance(seconds=1)
        return received

    def told(self) -> object:
        """Return what the last delivery told, if anything."""
        last = self.listen()[-1].told
        return last[0] if last else None

    def does(self, method: str, path: str, body: Any = None) -> object:
        """Have a person do something about the charge at Asaas, and return what its delivery told."""
        self.till.by_hand(method, f"/payments/{self.charge}{path}", body)
        return self.told()

    def status(self, status: str) -> object:
        """Put the charge into a status, and return what its delivery told."""
        self.till.simulator.set_status(self.charge, status)
        return self.told()


@pytest.fixture
def ear(till: Any, receiver: Any) -> Ear:
    """Return who hears of a charge of 49.90 that was made just now."""
    till.simulator.timings.webhook_scale = 0
    token = secrets.token_urlsafe(32)
    till.with_settings(webhook_token=token)
    body = {"name": "svahub", "url": receiver.url, "sendType": "SEQUENTIALLY", "events": list(EVENTS)}
    till.by_hand("POST", "/webhooks", {**body, "authToken": token})
    ear = Ear(till, receiver, token)
    ear.charge = till.provider.perform(till.task()).remote_id
    assert ear.told() is None, "a charge that is new and not due tells nothing"
    return ear


def owes(ear: Ear, told: object) -> bool:
    """Say whether the contract owes its charge; a settled one must say so."""
    assert isinstance(told, (Debt, DebtSettled))
    assert (told.contract, told.reference) == ("C1", ear.charge)
    if isinstance(told, Debt):
        assert told.amount == Decimal("49.90")
    return isinstance(told, Debt)


@pytest.mark.parametrize("status", sorted(STATUSES - {"AWAITING_RISK_ANALYSIS", "REFUND_REQUESTED"}))
def test_every_status_that_asaas_tells_of_says_whether_its_charge_is_owed(ear: Ear, status: str) -> None:
    assert owes(ear, ear.status(status)) is (status in OWED)


def test_a_charge_that_is_overdue_paid_and_charged_back_is_owed_again_since_its_due_date(ear: Ear) -> None:
    assert owes(ear, ear.status("OVERDUE"))
    assert not owes(ear, ear.status("CONFIRMED"))
    assert not owes(ear, ear.status("RECEIVED"))
    due = date.fromisoformat(ear.till.kept("payments")[0]["dueDate"])
    assert ear.status("CHARGEBACK_REQUESTED") == Debt("C1", ear.charge, due, Decimal("49.90"))
    assert owes(ear, ear.status("CHARGEBACK_DISPUTE"))
    assert not owes(ear, ear.status("RECEIVED")), "the ISP won the dispute"


def test_a_whole_refund_is_owed_again_and_a_part_is_not(ear: Ear) -> None:
    ear.till.simulator.pay(ear.charge)
    assert not owes(ear, ear.told())
    assert not owes(ear, ear.does("POST", "/refund", {"value": 9.9}))
    assert owes(ear, ear.does("POST", "/refund", {}))


def test_what_was_paid_at_the_counter_and_undone_is_owed_once_it_is_overdue(ear: Ear) -> None:
    ear.till.simulator.make_overdue(ear.charge)
    assert owes(ear, ear.told())
    cash = {"paymentDate": "2026-11-20", "value": 49.9}
    assert not owes(ear, ear.does("POST", "/receiveInCash", cash))
    assert owes(ear, ear.does("POST", "/undoReceivedInCash"))


def test_a_deleted_charge_is_owed_by_nobody_and_a_restored_one_again(ear: Ear) -> None:
    ear.till.simulator.make_overdue(ear.charge)
    assert owes(ear, ear.told())
    assert not owes(ear, ear.does("DELETE", ""))
    assert owes(ear, ear.does("POST", "/restore"))


def test_a_charge_whose_due_date_is_moved_on_is_not_owed_meanwhile(ear: Ear) -> None:
    ear.till.simulator.make_overdue(ear.charge)
    assert owes(ear, ear.told())
    assert not owes(ear, ear.does("PUT", "", {"billingType": "PIX", "value": 49.9, "dueDate": "2026-12-20"}))


def test_what_comes_out_of_order_is_asked_of_asaas_and_what_comes_twice_is_not(ear: Ear) -> None:
    ear.till.simulator.make_overdue(ear.charge)
    ear.till.simulator.pay(ear.charge)
    ear.listen()
    created, overdue, received = ear.receiver.seen
    ear.till.calls()
    for late in (received, received, overdue, created):
        (told,) = ear._came_to(*late).told
        assert isinstance(told, DebtSettled)
        assert (told.reference, told.payment is not None) == (ear.charge, True)
    assert ear.till.calls() == ["GET payments", "GET payments"]


def test_a_status_of_next_year_breaks_nothing_and_is_asked_for(ear: Ear) -> None:
    headers, event = ear.receiver.seen[0]
    event = {**event, "id": "evt_new", "event": "PAYMENT_FROZEN", "payment": {**event["payment"], "status": "FROZEN"}}
    assert ear._came_to(headers, event).details["status"] == "PENDING"


@pytest.mark.parametrize("token", ["", "wrong", "çã"])
def test_a_delivery_with_another_token_is_not_from_asaas(ear: Ear, token: str) -> None:
    headers, event = ear.receiver.seen[0]
    webhook = Webhook({**headers, "asaas-access-token": token}, json.dumps(event).encode(), ear.till.clock.now())
    assert ear.till.provider.authenticate_webhook(webhook) is None


def test_without_a_token_of_its_own_nothing_is_believed(ear: Ear) -> None:
    headers, event = ear.receiver.seen[0]
    webhook = Webhook({**headers, "asaas-access-token": ""}, json.dumps(event).encode(), ear.till.clock.now())
    assert ear.till.with_settings().authenticate_webhook(webhook) is None


def test_subscriptions_are_told_of_and_nothing_follows(ear: Ear) -> None:
    sold = ear.till.made()
    ear.till.provider.block(sold, frozenset())
    ear.till.simulator.wait_delivered()
    told = [(name, ear._came_to(*seen)) for name, seen in zip(ear.receiver.names, ear.receiver.seen, strict=True)]
    about = {name: (came.understood, came.told) for name, came in told if name.startswith("SUBSCRIPTION")}
    assert about == {"SUBSCRIPTION_CREATED": (True, ()), "SUBSCRIPTION_INACTIVATED": (True, ())}


@pytest.mark.parametrize("what", ["EXPIRING_SOON", "EXPIRED", "DISABLED"])
def test_a_key_that_ends_raises_an_alert_that_says_what_to_do(ear: Ear, what: str) -> None:
    ear.till.simulator.emit(f"ACCESS_TOKEN_{what}", accessToken={"id": "key_1"})
    told = ear.told()
    assert isinstance(told, Alert)
    assert "svahub integration rotate" in told.sentence


def test_an_event_that_is_not_known_is_kept_and_nothing_follows(ear: Ear) -> None:
    ear.till.simulator.emit("INVOICE_CREATED", everywhere=True, invoice={"id": "inv_1"})
    (came,) = ear.listen()
    assert (came.understood, came.told, came.details) == (False, (), {})
