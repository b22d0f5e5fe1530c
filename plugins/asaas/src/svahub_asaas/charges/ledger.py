"""What the plugin's tables take from a call and hand to the next: in the core's own transactions, calling nobody."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic_core import to_jsonable_python
from svahub import Received, RemoteUser, Subscription, Task, TaskResult, Webhook

from svahub_asaas.charges.wire import Payment
from svahub_asaas.store import charges as store
from svahub_asaas.store.charges import ChargeRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from svahub.extension import Transaction


def known(transaction: Transaction, payment: Payment) -> dict[str, Any]:
    """Return the ledger's row of a charge as JSON; of one that is not in it, at least its contract."""
    row = store.one(transaction.connection, transaction.tenant, transaction.the_integration, payment.id)
    if row is not None and row.contract_id is not None:
        return dict(to_jsonable_python(asdict(row)))
    contract = contract_of(transaction, payment)
    return dict(to_jsonable_python(asdict(row) if row else {})) | {"contract_id": contract}


def contract_of(transaction: Transaction, payment: Payment) -> str | None:
    """Return the contract that a charge is for: by the task that made it, or by its subscription; None: nobody's."""
    connection, tenant, integration = transaction.connection, transaction.tenant, transaction.the_integration
    if payment.external_reference:
        asked_for = store.contract_of_reference(connection, tenant, payment.external_reference)
        if asked_for is not None:
            return asked_for
    if payment.subscription is None:
        return None
    return store.contract_of_subscription(connection, tenant, integration, payment.subscription)


def recorded(transaction: Transaction, subject: Subscription | Task | Webhook, result: Any) -> None:
    """Write what a call came to."""
    match subject, result:
        case Task(), TaskResult() if "status" in result.details:
            _put(transaction, result.details, subject.contract_id)
        case Task(), TaskResult(remote_id=str(id)) if result.details.get("gone"):
            store.mark_deleted(
                transaction.connection, transaction.tenant, transaction.the_integration, id, transaction.now
            )
        case Webhook(), Received() if "status" in result.details:
            _put(replace(transaction, now=_seen_at(subject, result) or transaction.now), result.details)
        case Subscription(), RemoteUser():
            _note_subscription(transaction, subject, result)


def _seen_at(webhook: Webhook, received: Received) -> datetime | None:
    """Return when a charge was as a delivery tells, None where it was read just now: deliveries may have waited."""
    told = received.details.get("seen_at")
    return max(map(datetime.fromisoformat, filter(None, (told, webhook.kept.get("seen_at"))))) if told else None


def _put(transaction: Transaction, details: Mapping[str, Any], contract: str | None = None) -> None:
    payment = Payment.model_validate(details)
    whose = contract or contract_of(transaction, payment)
    store.put(transaction.connection, [row_of(transaction, payment, whose, details.get("told_at"))])


def row_of(transaction: Transaction, payment: Payment, contract: str | None, told_at: str | None = None) -> ChargeRow:
    """Return the ledger's row of a charge as Asaas has told of it."""
    return ChargeRow(
        tenant=transaction.tenant,
        integration=transaction.the_integration,
        id=payment.id,
        reference=payment.external_reference,
        contract_id=contract,
        customer=payment.customer,
        subscription=payment.subscription,
        billing_type=payment.billing_type,
        status=payment.status,
        deleted=payment.deleted,
        value=payment.value,
        net_value=payment.net_value,
        due_date=payment.due_date,
        created_on=payment.date_created,
        payment_date=payment.payment_date,
        client_payment_date=payment.client_payment_date,
        invoice_url=payment.invoice_url,
        told_at=told_at,
        seen_at=transaction.now,
    )


def _note_subscription(transaction: Transaction, subscription: Subscription, user: RemoteUser) -> None:
    held = user.subscription(subscription.key)
    if held is not None and held.remote_id is not None:
        store.put_subscription(
            transaction.connection,
            transaction.tenant,
            transaction.the_integration,
            held.remote_id,
            subscription.key,
            subscription.contract_id,
        )
