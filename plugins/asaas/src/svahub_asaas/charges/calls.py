"""What is asked of Asaas about charges: one request each, but for a customer who is not there yet."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from svahub import Account, Task, TaskResult
from svahub.errors import NotFound, Rejected, Unsupported

from svahub_asaas.charges.text import described
from svahub_asaas.charges.wire import Boleto, CashReceipt, NewPayment, Payment, PixCode, Refund, Statistics
from svahub_asaas.listing import Page, entries
from svahub_asaas.status import IN_CASH, Standing, standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from svahub.client import ProviderClient

PaymentPage = Page[Payment]
NO_CUSTOMER = "invalid_customer"
"""What Asaas says of a customer who was deleted there, or never was."""


class Kind(StrEnum):
    """The tasks about charges; all of one customer are done in the order in which they were asked."""

    CREATE = "charge.create"
    CANCEL = "charge.cancel"
    REFUND = "charge.refund"
    RECEIVE_IN_CASH = "charge.receive-in-cash"
    UNDO_RECEIVE_IN_CASH = "charge.undo-receive-in-cash"


class Customers(Protocol):
    """Who has customers at Asaas."""

    def ensure(self, account: Account) -> str:
        """Return the id of an account's customer, found, brought back or made; it may raise any ProviderError."""
        raise NotImplementedError


class Charges:
    """The charges of one account at Asaas.

    `today` is the day in Brasília; `terms` are what a new charge says of being paid late or early.
    """

    def __init__(
        self,
        client: ProviderClient,
        customers: Customers,
        today: Callable[[], date],
        terms: Mapping[str, Any],
    ) -> None:
        self._client, self._customers, self._today, self._terms = client, customers, today, terms

    # -- tasks

    def perform(self, task: Task) -> TaskResult:
        """Do what a task asks for, in one request where the customer is known."""
        match task.kind:
            case Kind.CREATE:
                return self._create(task)
            case Kind.CANCEL:
                return self._cancel(task)
            case Kind.REFUND:
                return self._refund(task)
            case Kind.RECEIVE_IN_CASH:
                return self._receive_in_cash(task)
            case Kind.UNDO_RECEIVE_IN_CASH:
                return self._undo_receive_in_cash(task)
        raise Unsupported(f"this plugin knows no task of the kind {task.kind}")

    def find(self, task: Task) -> TaskResult | None:
        """Return what a task came to, None when Asaas has nothing of it."""
        match task.kind:
            case Kind.CREATE:
                found = self.with_reference(task.key)
                return TaskResult(found.id, found.details(), found.customer) if found else None
            case Kind.REFUND:
                return self._if(task, lambda charge: _is_given_back(charge, task))
            case Kind.RECEIVE_IN_CASH:
                return self._if(task, lambda charge: charge.status == IN_CASH)
            case Kind.UNDO_RECEIVE_IN_CASH:
                return self._if(task, lambda charge: charge.status != IN_CASH)
        raise Unsupported(f"this plugin looks up no task of the kind {task.kind}")

    def _create(self, task: Task) -> TaskResult:
        account = task.account
        if account is None:
            raise Rejected("customer_missing", "a charge is a customer's")
        if account.remote_id is None:
            return self._made(task, self._customers.ensure(account))
        try:
            return self._made(task, account.remote_id)
        except Rejected as refused:
            if refused.code != NO_CUSTOMER:
                raise
            return self._made(task, self._customers.ensure(account))

    def _made(self, task: Task, customer: str) -> TaskResult:
        asked = task.payload
        due = max(date.fromisoformat(asked["due_date"]), self._today())
        new = NewPayment(
            customer=customer,
            billing_type=asked["billing_type"],
            value=float(Decimal(asked["value"])),
            due_date=due,
            description=described(task, due) or None,
            external_reference=task.key,
            **self._terms,
        )
        made = self._client.post("/payments", new, returns=Payment)
        return TaskResult(made.id, made.details(), customer)

    def _cancel(self, task: Task) -> TaskResult:
        id = task.payload["charge"]
        with suppress(NotFound):
            self._client.delete(f"/payments/{id}")
        return TaskResult(id, {"gone": True})

    def _refund(self, task: Task) -> TaskResult:
        id, value = task.payload["charge"], task.payload.get("value")
        body = Refund(value=None if value is None else float(Decimal(value)), description=_mark(task))
        return self._told(self._client.post(f"/payments/{id}/refund", body, returns=Payment))

    def _receive_in_cash(self, task: Task) -> TaskResult:
        id, on = task.payload["charge"], date.fromisoformat(task.payload["paid_on"])
        receipt = CashReceipt(payment_date=on, value=float(Decimal(task.payload["value"])))
        return self._told(self._client.post(f"/payments/{id}/receiveInCash", receipt, returns=Payment))

    def _undo_receive_in_cash(self, task: Task) -> TaskResult:
        path = f"/payments/{task.payload['charge']}/undoReceivedInCash"
        return self._told(self._client.post(path, returns=Payment))

    def _told(self, charge: Payment) -> TaskResult:
        return TaskResult(charge.id, charge.details())

    def _if(self, task: Task, is_done: Callable[[Payment], bool]) -> TaskResult | None:
        charge = self.get(task.payload["charge"])
        return self._told(charge) if is_done(charge) else None

    # -- looks

    def get(self, id: str) -> Payment:
        """Return one charge; raises NotFound."""
        return self._client.get(f"/payments/{id}", returns=Payment)

    def with_reference(self, reference: str) -> Payment | None:
        """Return the charge that a task made: one that is there before one that was deleted."""
        listed = self.list(externalReference=reference)
        found = [charge for charge in listed if charge.external_reference == reference]
        return next((charge for charge in found if not charge.deleted), next(iter(found), None))

    def list(self, **filters: Any) -> Iterator[Payment]:
        """Stream charges, the newest first; raises Unreachable(INCOMPLETE) when the listing ends early.

        Filters are Asaas's own: status, subscription, externalReference, `dateCreated[ge]`, `paymentDate[ge]`, …
        """
        return entries(self._client, "/payments", PaymentPage, **filters)

    def statistics(self, **filters: str) -> Statistics:
        """Return what Asaas sums charges up to; filters as in a list."""
        return self._client.get("/finance/payment/statistics", params=filters, returns=Statistics)

    def pix(self, id: str) -> PixCode:
        """Return what pays a charge by Pix."""
        return self._client.get(f"/payments/{id}/pixQrCode", returns=PixCode)

    def boleto(self, id: str) -> Boleto:
        """Return what pays a charge at a bank."""
        return self._client.get(f"/payments/{id}/identificationField", returns=Boleto)


def _mark(task: Task) -> str:
    """Return what a refund says of itself: by nothing else are the parts of one charge told apart."""
    return f"Ref. {task.key}"


def _is_given_back(charge: Payment, task: Task) -> bool:
    if standing(charge.status, deleted=False) is Standing.REVERSED:
        return True
    return any(part.description == _mark(task) for part in charge.refunds or ())
