"""What the plugin's tables hand to the next call: of a charge what is known, of a sale what was charged before it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from svahub import Observed, Subscription, Task, Webhook

from svahub_asaas.charges.ledger import known
from svahub_asaas.charges.receiving import event_of
from svahub_asaas.mail.letters import Kind
from svahub_asaas.store import charges, invoices, texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from svahub.extension import Transaction


def recall(transaction: Transaction, subject: Subscription | Task | Webhook) -> Mapping[str, Any]:
    """Return what a sale, a task or a delivery needs."""
    if isinstance(subject, Subscription):
        return _of_sale(transaction, subject) if subject.observed is Observed.ABSENT else {}
    if isinstance(subject, Webhook):
        event = event_of(subject)
        return known(transaction, event.payment) if event and event.payment else {}
    match subject.kind:
        case Kind.BIRTHDAY:
            return _greeting(transaction, subject)
        case Kind.PAYMENT_REPORT:
            return _report(transaction, subject)
        case _:
            return {}


def _of_sale(transaction: Transaction, subscription: Subscription) -> Mapping[str, Any]:
    return {"invoiced": invoices.last_due(transaction.connection, transaction.tenant, subscription.contract_id)}


def _greeting(transaction: Transaction, task: Task) -> Mapping[str, Any]:
    customer = task.account.customer.id if task.account else ""
    return {
        "text": _text(transaction, "birthday"),
        "subject": _text(transaction, "birthday-subject"),
        "opted_out": customer in texts.opted_out(transaction.connection, transaction.tenant),
    }


def _text(transaction: Transaction, name: str) -> str | None:
    return texts.one(transaction.connection, transaction.tenant, transaction.the_integration, name)


def _report(transaction: Transaction, task: Task) -> Mapping[str, Any]:
    """Return the rows alone: the page is drawn outside of the transaction, in which others wait."""
    first, last = date.fromisoformat(task.payload["first"]), date.fromisoformat(task.payload["last"])
    whose = (transaction.connection, transaction.tenant, transaction.the_integration)
    return {"payments": [*charges.paid(*whose, first, last)], "invoices": [*charges.issued(*whose, first, last)]}
