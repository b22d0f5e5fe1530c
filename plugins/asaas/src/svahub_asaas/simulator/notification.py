"""A customer's notification as Asaas stores and tells of it, and the eight that each customer has. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SWITCHES = (
    "enabled",
    "emailEnabledForProvider",
    "smsEnabledForProvider",
    "emailEnabledForCustomer",
    "smsEnabledForCustomer",
    "phoneCallEnabledForCustomer",
    "whatsappEnabledForCustomer",
)
OFFSETS = {"PAYMENT_DUEDATE_WARNING": {0, 5, 10, 15, 30}, "PAYMENT_OVERDUE": {0, 1, 7, 15, 30}}
FIXED = (
    ("PAYMENT_RECEIVED", 0),
    ("PAYMENT_OVERDUE", 0),
    ("PAYMENT_DUEDATE_WARNING", 10),
    ("PAYMENT_DUEDATE_WARNING", 0),
    ("PAYMENT_OVERDUE", 7),
    ("SEND_LINHA_DIGITAVEL", 0),
    ("PAYMENT_CREATED", 0),
    ("PAYMENT_UPDATED", 0),
)
TOLD_TO_PROVIDER = {("PAYMENT_RECEIVED", 0), ("PAYMENT_OVERDUE", 0)}


@dataclass(frozen=True, slots=True)
class Notification:
    """One of a customer's notifications: who is told of an event, how and when."""

    id: str
    customer: str
    event: str
    offset: int
    switches: tuple[bool, ...]

    def json(self) -> dict[str, Any]:
        """Return it as the API tells of it."""
        return {
            "object": "notification",
            "id": self.id,
            "customer": self.customer,
            **dict(zip(SWITCHES, self.switches, strict=True)),
            "event": self.event,
            "scheduleOffset": self.offset,
            "deleted": False,
        }


def as_registered(id: str, customer: str, event: str, offset: int) -> Notification:
    """Return a notification as a new customer has it: e-mail and SMS to them, of some events e-mail to the ISP."""
    told = (event, offset) in TOLD_TO_PROVIDER
    return Notification(id, customer, event, offset, (True, told, False, True, True, False, False))
