"""An Asaas that tells of nothing until somebody carries it, and what its own list says of who owes."""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from svahub.models import Webhook
from svahub.server.doors import Doors
from svahub.store import inbox
from svahub.store.inbox import Delivery
from svahub.store.queue import Lane
from svahub_asaas.hooks import EVENTS
from svahub_asaas.simulator import AsaasSimulator
from svahub_asaas.simulator.payment import Payment
from svahub_asaas.simulator.webhook import Parcel
from svahub_asaas.simulator.webhook import Webhook as Queue

if TYPE_CHECKING:
    from svahub.hub import Hub

HELD = "held"
TEXT = "$contract $month"
"""What charges say of themselves, so that Asaas's own list tells what each is for."""

OPEN = {"PENDING", "OVERDUE"}
SETTLED = {"CONFIRMED", "RECEIVED"}
TAKEN_BACK = {"REFUNDED", "CHARGEBACK_REQUESTED", "CHARGEBACK_DISPUTE", "AWAITING_CHARGEBACK_REVERSAL"}
OWED = {"OVERDUE", "DUNNING_REQUESTED", "REFUND_REQUESTED", "REFUND_IN_PROGRESS", *TAKEN_BACK}


@dataclass(frozen=True)
class Charge:
    """A charge as Asaas has it."""

    id: str
    contract: str
    month: str
    status: str
    deleted: bool
    due: date
    value: Decimal

    @classmethod
    def read(cls, told: dict[str, Any]) -> Charge:
        contract, _, month = told["description"].partition(" ")
        due, value = date.fromisoformat(told["dueDate"]), Decimal(str(told["value"]))
        return cls(told["id"], contract, month, told["status"], told["deleted"], due, value)

    @property
    def is_owed(self) -> bool:
        return self.status in OWED and not self.deleted


class Till(AsaasSimulator):
    """Keeps what it would tell in `untold`, as long as Asaas does; and lets its user do what people do by hand."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.token = secrets.token_urlsafe(32)
        address = "http://127.0.0.1:9/nobody"
        self._queue = Queue(HELD, HELD, address, interrupted=True, token=self.token, events=EVENTS)
        self.postman.webhooks[HELD] = self._queue

    @property
    def untold(self) -> list[Parcel]:
        """What it has not told yet, in the order in which it happened."""
        return self._queue.parcels

    @property
    def charges(self) -> list[Charge]:
        """Its own list, the deleted ones included."""
        return [Charge.read(told) for told in self.state()["payments"]]

    @property
    def owed(self) -> dict[str, Charge]:
        """What is owed by that list."""
        return {charge.id: charge for charge in self.charges if charge.is_owed}

    def asked_twice(self) -> set[tuple[str, str]]:
        """Return the contracts and months that have several charges that are not deleted."""
        live = Counter((charge.contract, charge.month) for charge in self.charges if not charge.deleted)
        return {what for what, many in live.items() if many > 1}

    # -- what people do by hand at Asaas -------------------------------------------------------------------------------

    def remove(self, id: str) -> None:
        """Delete a charge."""
        self._by_hand(id, "PAYMENT_DELETED", deleted=True)

    def restore(self, id: str) -> None:
        """Bring a deleted charge back."""
        self._by_hand(id, "PAYMENT_RESTORED", deleted=False)

    def take_no_cash(self, id: str) -> None:
        """Say that a charge was not paid in cash after all."""
        self._by_hand(id, "PAYMENT_RECEIVED_IN_CASH_UNDONE", paid=None, received=None, credit=None)

    def postpone(self, id: str, days: int) -> None:
        """Let a charge be due some days from now."""
        self._by_hand(id, "PAYMENT_UPDATED", due=self.today + timedelta(days=days))

    def _by_hand(self, id: str, event: str, **changed: Any) -> None:
        def change() -> None:
            payment = self.account.payments.true(id)
            assert payment is not None
            self.account.keep_payment(self._open(replace(payment, **changed)), event)

        self.between_requests(change)

    def _open(self, payment: Payment) -> Payment:
        status = "OVERDUE" if payment.due < self.today else "PENDING"
        return payment if payment.deleted else replace(payment, status=status)


@dataclass
class Carrier:
    """Brings events to an installation, as its server takes them in: authenticated, then kept. To be closed."""

    hub: Hub
    endpoint: str
    token: str
    doors: Doors = field(init=False)

    def __post_init__(self) -> None:
        self.doors = Doors(self.hub)

    def carry(self, parcel: Parcel) -> None:
        """Bring one event."""
        headers = {"asaas-access-token": self.token, "content-type": "application/json"}
        noticed = self.doors.noticed(self.endpoint, Webhook(headers, parcel.body, self.hub.clock.now()))
        assert noticed is not None
        row, notice = noticed
        assert notice is not None
        about = (notice.event_id, notice.kind, notice.subject)
        delivery = Delivery(Lane(row.tenant, row.name), *about, {}, parcel.body)
        self.hub.store.transact(lambda connection: inbox.keep(connection, [delivery], self.hub.store.now(connection)))

    def close(self) -> None:
        """Close what was opened."""
        self.doors.close()
