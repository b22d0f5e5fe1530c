"""Deliveries of Asaas: authenticated by their token, and believed only as far as they tell something new.

A delivery comes at least once and in any order, so what contradicts what is known is asked of Asaas anew.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from svahub import Alert, Notice, Received, Webhook
from svahub.errors import NotFound

from svahub_asaas.charges.wire import Event, Payment
from svahub_asaas.status import Standing, Standpoint, debt_of, is_progress, standing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

HEADER = "asaas-access-token"
UNREADABLE = "UNREADABLE"
LONGEST = 200
LATE = timedelta(minutes=10)
"""What was told so long after it happened, as deliveries failed, may be over by now: a sweep may have seen more."""
REMEDY = "Make a new one there, then: svahub integration rotate"
ALERTS = {
    "ACCESS_TOKEN_EXPIRING_SOON": f"Asaas: the API key of this integration expires soon. {REMEDY}",
    "ACCESS_TOKEN_EXPIRED": f"Asaas: the API key of this integration has expired. {REMEDY}",
    "ACCESS_TOKEN_DISABLED": f"Asaas: the API key of this integration was disabled. {REMEDY}",
}
SUBSCRIPTION_EVENTS = frozenset(f"SUBSCRIPTION_{what}" for what in ("CREATED", "UPDATED", "INACTIVATED", "DELETED"))
"""Known, and nothing follows: a subscription is what svahub wants it to be, its charges are told of one by one."""


def notice(webhook: Webhook, token: str | None) -> Notice | None:
    """Return what a delivery is if it bears the token that Asaas was given; None: it is not from Asaas."""
    given = webhook.headers.get(HEADER, "")
    if token is None or not hmac.compare_digest(given.encode(), token.encode()):
        return None
    event = event_of(webhook)
    if event is None or not event.id or not event.event:
        return Notice(hashlib.sha256(webhook.body).hexdigest(), UNREADABLE)
    return Notice(event.id[:LONGEST], event.event[:LONGEST], event.subject)


def received(webhook: Webhook, read: Callable[[str], Payment]) -> Received:
    """Say what a delivery came to; `read` asks Asaas for a charge, and raises NotFound where it has none."""
    event = event_of(webhook)
    if event is not None and event.payment is not None and event.event.startswith("PAYMENT_"):
        payment = _believed(event, event.payment, webhook, read)
        seen_at = None if payment is not event.payment else webhook.received_at
        return _of_charge(payment, event.told_at, seen_at, webhook.kept)
    if event is not None and event.event in ALERTS:
        return Received((Alert(ALERTS[event.event]),))
    return Received(understood=event is not None and event.event in SUBSCRIPTION_EVENTS)


def event_of(webhook: Webhook) -> Event | None:
    """Return the event that a delivery bears, None where it cannot be read."""
    try:
        return Event.model_validate_json(webhook.body)
    except ValidationError:
        return None


def _believed(event: Event, told: Payment, webhook: Webhook, read: Callable[[str], Payment]) -> Payment:
    """Return the charge as it is: as it was told if that is progress or nothing new, else as Asaas has it now."""
    kept = webhook.kept
    known = Standpoint(kept["status"], kept["deleted"], kept["told_at"]) if "status" in kept else None
    is_new = is_progress(known, Standpoint(told.status, told.deleted, event.told_at)) and not _is_late(event, webhook)
    if is_new or _agrees(told, kept):
        return told
    try:
        return read(told.id)
    except NotFound:
        return told.gone()


def _is_late(event: Event, webhook: Webhook) -> bool:
    return event.happened_at is not None and webhook.received_at - event.happened_at > LATE


def _agrees(told: Payment, kept: Mapping[str, Any]) -> bool:
    named = {"status": told.status, "deleted": told.deleted, "value": str(told.value), "due_date": str(told.due_date)}
    return all(kept.get(name) == value for name, value in named.items())


def _of_charge(payment: Payment, at: str | None, seen_at: datetime | None, kept: Mapping[str, Any]) -> Received:
    """Say what a charge came to; `seen_at`: when it was as it is here, None for now."""
    contract = kept.get("contract_id")
    is_news = "status" in kept or standing(payment.status, deleted=payment.deleted) is not Standing.OPEN
    details = payment.details() | {"told_at": max(filter(None, (at, kept.get("told_at"))), default=None)}
    if seen_at is not None:
        details["seen_at"] = seen_at.isoformat()
    if contract is None or not is_news:
        return Received(details=details)
    told = debt_of(
        contract,
        payment.id,
        status=payment.status,
        deleted=payment.deleted,
        due=payment.due_date,
        value=payment.value,
        paid_on=payment.client_payment_date or payment.payment_date,
    )
    return Received((told,) if told else (), details)
