"""What the plugin's table takes from a call and hands to the next: in the core's own transactions, calling nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from svahub import Desired, Observed, RemoteUser, Subscription, Task, TaskResult

from svahub_iot.store import licences as store
from svahub_iot.store.licences import LicenceRow
from svahub_iot.units import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from svahub import Webhook
    from svahub.extension import Transaction

FOLLOWS = {
    Desired.ACTIVE: Status.ACTIVE,
    Desired.BLOCKED: Status.BLOCKED,
    Desired.CANCELLED: Status.INACTIVE,
}


def recall(transaction: Transaction, subject: Subscription | Task | Webhook) -> Mapping[str, Any]:
    """Return the licences that a step or a task is about; of a task, also what is wanted of them now."""
    match subject:
        case Subscription():
            return _known(transaction, subject.key)
        case Task():
            return _known(transaction, subject.payload["key"]) | _wanted(transaction, subject.payload["key"])
    return {}


def _known(transaction: Transaction, key: str) -> dict[str, Any]:
    rows = store.of_subscription(transaction.connection, transaction.tenant, key)
    there = (row.subscription for row in rows if row.subscription is not None and row.status is not Status.INACTIVE)
    return {"licences": [row.unit() for row in rows], "subscription": next(there, None)}


def _wanted(transaction: Transaction, key: str) -> dict[str, Any]:
    """Return what is wanted; of a subscription that is not there, or is to end, there is nothing to level."""
    wanted = store.wanted(transaction.connection, transaction.tenant, key)
    if wanted is None or wanted.remote_id is None or wanted.desired == Desired.CANCELLED:
        return {"subscription": None}
    # licences follow their subscription: one that is to be blocked, or not any more, takes them along in its own step
    unknown = wanted.observed == Observed.UNKNOWN
    blocked = wanted.desired == Desired.BLOCKED if unknown else wanted.observed == Observed.BLOCKED
    return {"subscription": wanted.remote_id, "wanted": wanted.quantity, "blocked": blocked}


def recorded(transaction: Transaction, subject: Subscription | Task | Webhook, result: Any) -> None:
    """Write how each licence stands; where a step tells of none, they follow their subscription."""
    match subject, result:
        case Subscription(), RemoteUser():
            store.put(transaction.connection, _rows(transaction, subject.key, subject, result))
        case Subscription(), None:
            status = FOLLOWS[subject.desired]
            store.follow(transaction.connection, transaction.tenant, subject.key, status, transaction.now)
        case Task(), RemoteUser():
            key = subject.payload["key"]
            store.put(transaction.connection, _rows(transaction, key, subject, result))
        case Task(), TaskResult(details={"subscription": subscription, "licences": licences}):
            rows = (_row(transaction, subject.payload["key"], subject, subscription, one) for one in licences)
            store.put(transaction.connection, rows)


def _rows(transaction: Transaction, key: str, subject: Subscription | Task, user: RemoteUser) -> Iterator[LicenceRow]:
    held = user.subscription(key)
    if held is not None and held.details:
        for one in held.details["licences"]:
            yield _row(transaction, key, subject, held.details["subscription"], one, user.remote_id)


def _row(
    transaction: Transaction,
    key: str,
    subject: Subscription | Task,
    subscription: str,
    told: Mapping[str, Any],
    customer: str | None = None,
) -> LicenceRow:
    item = subject.item_code if isinstance(subject, Subscription) else subject.payload["item"]
    return LicenceRow(
        tenant=transaction.tenant,
        integration=transaction.the_integration,
        reference=told["reference"],
        subscription_key=key,
        contract_id=subject.contract_id or "",
        item_code=item,
        customer=customer,
        subscription=subscription,
        licence=told["id"],
        code=told["code"],
        device=told.get("device"),
        description=told.get("description"),
        status=Status(told["status"]),
        leaving=False,
        cause=told["cause"],
        made_at=transaction.now if told["id"] is not None else None,
        changed_at=transaction.now,
    )
