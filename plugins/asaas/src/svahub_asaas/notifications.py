"""How Asaas tells customers of their charges: eight fixed notifications for each customer, which can only be changed.

Source: Asaas's API v3, `GET /customers/{id}/notifications`, `PUT /notifications/batch`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import Field
from svahub import Task, TaskResult
from svahub.errors import Rejected

from svahub_asaas.charges.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from svahub.client import ProviderClient

KIND = "notifications.set"


class Event(StrEnum):
    """What a notification tells of."""

    CREATED = "PAYMENT_CREATED"
    UPDATED = "PAYMENT_UPDATED"
    RECEIVED = "PAYMENT_RECEIVED"
    OVERDUE = "PAYMENT_OVERDUE"
    DUE_SOON = "PAYMENT_DUEDATE_WARNING"
    LINE = "SEND_LINHA_DIGITAVEL"


class Channel(StrEnum):
    """By what a customer is told."""

    EMAIL = "email"
    SMS = "sms"
    WHATSAPP = "whatsapp"


FIELDS = {
    Channel.EMAIL: "email_enabled_for_customer",
    Channel.SMS: "sms_enabled_for_customer",
    Channel.WHATSAPP: "whatsapp_enabled_for_customer",
}


SWITCHES = (
    *FIELDS.values(),
    "phone_call_enabled_for_customer",
    "email_enabled_for_provider",
    "sms_enabled_for_provider",
)
"""All who are told, and by what: the customer by the channels and by telephone, the ISP by e-mail and SMS."""


class Notification(Wire):
    """One notification of one customer."""

    id: str
    event: str
    enabled: bool = False
    email_enabled_for_customer: bool = False
    sms_enabled_for_customer: bool = False
    whatsapp_enabled_for_customer: bool = False
    phone_call_enabled_for_customer: bool = False
    email_enabled_for_provider: bool = False
    sms_enabled_for_provider: bool = False
    schedule_offset: int | None = None


class Notifications(Wire):
    """The notifications of one customer."""

    data: tuple[Notification, ...]


class Changed(Wire):
    """What a notification is to be."""

    id: str
    enabled: bool
    email_enabled_for_customer: bool
    sms_enabled_for_customer: bool
    whatsapp_enabled_for_customer: bool
    phone_call_enabled_for_customer: bool
    email_enabled_for_provider: bool
    sms_enabled_for_provider: bool


class Batch(Wire):
    """What several notifications of a customer are to be."""

    customer: str
    notifications: tuple[Changed, ...] = Field(min_length=1)


class Notices:
    """The notifications of one account at Asaas."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    def of(self, customer: str) -> tuple[Notification, ...]:
        """Return a customer's notifications."""
        return self._client.get(f"/customers/{customer}/notifications", returns=Notifications).data

    def set(self, task: Task) -> TaskResult:
        """Bring a customer's notifications to what a task asks for; where they are so already, nothing is sent."""
        customer = task.account.remote_id if task.account else None
        if customer is None:
            raise Rejected("no_customer", "the customer is not at Asaas yet: charge them first")
        changed = [new for old in self.of(customer) if (new := changed_by(old, task.payload)) is not None]
        if changed:
            self._client.put("/notifications/batch", Batch(customer=customer, notifications=tuple(changed)))
        return TaskResult(customer, {"changed": len(changed)})


def changed_by(old: Notification, wanted: Mapping[str, Any]) -> Changed | None:
    """Return what a notification is to be, None where it is so: `wanted` maps events to channels to on or off.

    A channel of one that is off as a whole is off too: to turn one on is to turn on no other.
    """
    channels: Mapping[str, bool] = wanted.get(old.event, {})
    before = {field: old.enabled and getattr(old, field) for field in SWITCHES}
    after = before | {FIELDS[Channel(name)]: on for name, on in channels.items()}
    return None if after == before else Changed(id=old.id, enabled=any(after.values()), **after)
