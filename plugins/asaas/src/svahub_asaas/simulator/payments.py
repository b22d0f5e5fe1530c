"""The routes of charges: made, listed, changed, deleted, restored. What is paid lives in `settlements`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from svahub.testing import Answer, Request, route

from svahub_asaas.simulator.payment import BILLING_TYPES, OPEN, Payment
from svahub_asaas.simulator.reading import Reading, parsed_day
from svahub_asaas.simulator.refusals import invalid, not_found, not_possible
from svahub_asaas.simulator.terms import Terms
from svahub_asaas.simulator.writing import day, page

if TYPE_CHECKING:
    from datetime import date

    from svahub_asaas.simulator.account import Account
    from svahub_asaas.simulator.subscription import Subscription

DATES = {
    "dateCreated": lambda payment: payment.created,
    "dueDate": lambda payment: payment.due,
    "paymentDate": lambda payment: payment.received,
    "estimatedCreditDate": lambda payment: payment.credit,
}


class Payments:
    """Keeps the charges."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._serials = count(5_000_001)

    @route("POST", "/payments")
    def create(self, request: Request) -> Answer:
        """Make a charge, also one whose reference is there already."""
        reading = Reading.of(request)
        customer = require_customer(self._account, reading)
        reading.need("billingType", "value", "dueDate")
        due = reading.day("dueDate", self._account.today, least=self._account.today) or self._account.today
        payment = Payment(
            id=self._account.new_id("pay"),
            serial=next(self._serials),
            created=self._account.today,
            customer=customer,
            subscription=None,
            value=reading.amount("value"),
            billing_type=reading.one_of("billingType", BILLING_TYPES),
            due=due,
            original_due=due,
            description=reading.text("description"),
            reference=reading.text("externalReference"),
            terms=Terms().changed(reading),
        )
        reading.finish()
        return Answer(200, self._account.keep_payment(payment, "PAYMENT_CREATED", request.lag).json())

    @route("GET", "/payments")
    def list_payments(self, request: Request) -> Answer:
        """List charges that are not deleted, newest first."""
        return page(request, self.found(request))

    @route("GET", "/payments/{id}")
    def get(self, _request: Request, id: str) -> Answer:
        """Tell of a charge, deleted or not."""
        return Answer(200, self._seen(id).json())

    @route("GET", "/payments/{id}/status")
    def status(self, _request: Request, id: str) -> Answer:
        """Tell only a charge's status."""
        return Answer(200, {"status": self._seen(id).status})

    @route("PUT", "/payments/{id}")
    def change(self, request: Request, id: str) -> Answer:
        """Change a charge that is open; what is named beside the three that are needed is optional."""
        payment, reading = self.there(id), Reading.of(request)
        _require_open(payment, "Só é possível alterar cobranças pendentes ou vencidas.")
        reading.need("billingType", "value", "dueDate")
        due = reading.day("dueDate", payment.due) or payment.due
        if due != payment.due and due < self._account.today:
            reading.wrong("dueDate", "A data de vencimento não pode ser inferior à hoje")
        changed = replace(
            payment,
            billing_type=reading.one_of("billingType", BILLING_TYPES),
            value=reading.amount("value"),
            due=due,
            description=reading.text("description", payment.description),
            reference=reading.text("externalReference", payment.reference),
            terms=payment.terms.changed(reading),
            status=self._open_status(due),
        )
        reading.finish()
        return Answer(200, self._account.keep_payment(changed, "PAYMENT_UPDATED", request.lag).json())

    @route("DELETE", "/payments/{id}")
    def delete(self, request: Request, id: str) -> Answer:
        """Delete a charge that is open."""
        payment = self.there(id)
        _require_open(payment, "Só é possível remover cobranças pendentes ou vencidas.")
        self._account.keep_payment(replace(payment, deleted=True), "PAYMENT_DELETED", request.lag)
        return Answer(200, {"deleted": True, "id": id})

    @route("POST", "/payments/{id}/restore")
    def restore(self, request: Request, id: str) -> Answer:
        """Bring back a charge that was deleted."""
        payment = self._account.payments.true(id)
        if payment is None:
            raise not_found()
        if not payment.deleted:
            raise not_possible("A cobrança não está removida.")
        restored = replace(payment, deleted=False, status=self._open_status(payment.due))
        return Answer(200, self._account.keep_payment(restored, "PAYMENT_RESTORED", request.lag).json())

    @route("GET", "/subscriptions/{id}/payments")
    def list_of_subscription(self, request: Request, id: str) -> Answer:
        """List a subscription's charges, newest first."""
        if self._account.subscriptions.true(id) is None:
            raise not_found()
        status = request.query.get("status")
        wanted = {"subscription": id} if status is None else {"subscription": id, "status": status}
        return page(request, (one for one in self._account.payments.newest(wanted) if not one.deleted))

    def found(self, request: Request) -> Iterator[Payment]:
        """Iterate over the charges that the query asks for, newest first."""
        ranges = _ranges(request)
        return (one for one in self._account.payments.asked_for(request) if not one.deleted and _within(one, ranges))

    def there(self, id: str) -> Payment:
        """Return a charge that is not deleted."""
        payment = self._account.payments.true(id)
        if payment is None or payment.deleted:
            raise not_found()
        return payment

    def make_for(self, subscription: Subscription, due: date, lag: float = 0.0) -> Payment:
        """Make a subscription's charge."""
        payment = Payment(
            id=self._account.new_id("pay"),
            serial=next(self._serials),
            created=self._account.today,
            customer=subscription.customer,
            subscription=subscription.id,
            value=subscription.value,
            billing_type=subscription.billing_type,
            due=due,
            original_due=due,
            description=subscription.description,
            reference=subscription.reference,
            terms=subscription.terms,
        )
        return self._account.keep_payment(payment, "PAYMENT_CREATED", lag)

    def open_of(self, owner: str, id: str) -> list[Payment]:
        """Return the open charges of a subscription or a customer, oldest first."""
        mine = self._account.payments.true_ones(owner, id)
        return [payment for payment in mine if payment.status in OPEN and not payment.deleted]

    def _open_status(self, due: date) -> str:
        return "OVERDUE" if due < self._account.today else "PENDING"

    def _seen(self, id: str) -> Payment:
        payment = self._account.payments.seen(id)
        if payment is None:
            raise not_found()
        return payment


def require_customer(account: Account, reading: Reading) -> str:
    """Return the body's customer; raise Refusal, of this alone, when there is none."""
    named = reading.body.get("customer")
    customer = account.customers.true(named) if isinstance(named, str) else None
    if customer is None or customer.deleted:
        raise invalid("customer", "Customer inválido ou não informado.")
    return customer.id


def _require_open(payment: Payment, sentence: str) -> None:
    if payment.status not in OPEN:
        raise not_possible(sentence)


def _ranges(request: Request) -> dict[str, str]:
    ranges = {name: text for name, text in request.query.items() if name.partition("[")[0] in DATES}
    for name, text in ranges.items():
        if parsed_day(text) is None or name.partition("[")[2] not in {"", "ge]", "le]"}:
            raise invalid(name.partition("[")[0], f"O parâmetro {name} deve ser uma data no formato AAAA-MM-DD")
    return ranges


def _within(payment: Payment, ranges: dict[str, str]) -> bool:
    for name, limit in ranges.items():
        field, _, bound = name.partition("[")
        value = day(DATES[field](payment))
        if value is None or (bound != "le]" and value < limit) or (bound != "ge]" and value > limit):
            return False
    return True
