"""How charges are paid, fall due and are given back: routes, and what the simulator's user may let happen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from svahub.testing import Answer, Request, route

from svahub_asaas.simulator.payment import OPEN, STATUSES, Payment, Refund
from svahub_asaas.simulator.reading import Reading
from svahub_asaas.simulator.refusals import invalid, not_possible
from svahub_asaas.simulator.writing import instant

if TYPE_CHECKING:
    from svahub_asaas.simulator.account import Account
    from svahub_asaas.simulator.payments import Payments

DAYS_TO_CREDIT = {"BOLETO": 1, "CREDIT_CARD": 32}  # assumed
SETTLED = frozenset({"CONFIRMED", "RECEIVED"})
PAID = SETTLED | {"RECEIVED_IN_CASH", "DUNNING_RECEIVED"}
TOLD_AS = {"PENDING": "PAYMENT_UPDATED", "RECEIVED_IN_CASH": "PAYMENT_RECEIVED"}
"""Statuses whose event does not bear their name."""


class Settlements:
    """Moves charges from one status to the next."""

    def __init__(self, account: Account, payments: Payments) -> None:
        self._account, self._payments = account, payments

    @route("POST", "/sandbox/payment/{id}/confirm")
    def confirm(self, request: Request, id: str) -> Answer:
        """Let the customer pay, which only the sandbox can."""
        return Answer(200, self.pay(id, request.lag).json())

    @route("POST", "/sandbox/payment/{id}/overdue")
    def force_overdue(self, request: Request, id: str) -> Answer:
        """Let the charge fall due, which only the sandbox can."""
        return Answer(200, self.make_overdue(id, lag=request.lag).json())

    @route("POST", "/payments/{id}/receiveInCash")
    def receive_in_cash(self, request: Request, id: str) -> Answer:
        """Note that the customer paid the ISP itself; Asaas takes no fee of it."""
        payment, reading = self._open(id), Reading.of(request)
        on = reading.day("paymentDate", self._account.today) or self._account.today
        value = reading.amount("value", payment.value)
        reading.flag("notifyCustomer")
        if on > self._account.today:
            reading.wrong("paymentDate", "A data de pagamento não pode ser superior à hoje")
        reading.finish()
        settled = replace(payment, status="RECEIVED_IN_CASH", paid=on, received=on, credit=on)
        return self._answered(_priced(settled, value), "PAYMENT_RECEIVED", request)

    @route("POST", "/payments/{id}/undoReceivedInCash")
    def undo_received_in_cash(self, request: Request, id: str) -> Answer:
        """Take that back."""
        payment = self._payments.there(id)
        if payment.status != "RECEIVED_IN_CASH":
            raise not_possible("A cobrança não foi recebida em dinheiro.")
        status = "OVERDUE" if payment.due < self._account.today else "PENDING"
        value = payment.original_value or payment.value
        opened = replace(payment, value=value, original_value=None, paid=None, received=None, credit=None)
        return self._answered(replace(opened, status=status), "PAYMENT_RECEIVED_IN_CASH_UNDONE", request)

    @route("POST", "/payments/{id}/refund")
    def refund(self, request: Request, id: str) -> Answer:
        """Give all or a part back; done at once (assumed)."""
        payment, reading = self._payments.there(id), Reading.of(request)
        if payment.status not in SETTLED:
            raise not_possible("Somente é possível estornar cobranças confirmadas ou recebidas.")
        left = payment.value - payment.refunded
        value, description = reading.amount("value", left), reading.text("description")
        reading.finish()
        if value > left:
            raise invalid("value", "O valor do estorno é maior que o valor disponível da cobrança.")
        refunds = (*payment.refunds, Refund(instant(self._account.clock.now()), value, description))
        if value < left:
            return self._answered(replace(payment, refunds=refunds), "PAYMENT_PARTIALLY_REFUNDED", request)
        return self._answered(replace(payment, refunds=refunds, status="REFUNDED"), "PAYMENT_REFUNDED", request)

    def pay(self, id: str, lag: float = 0.0) -> Payment:
        """Let the customer pay: Pix is received at once, the others are confirmed first."""
        payment, today = self._open(id), self._account.today
        priced = _priced(payment, payment.terms.payable(payment.value, payment.due, today))
        if payment.billing_type in DAYS_TO_CREDIT:
            credit = today + timedelta(days=DAYS_TO_CREDIT[payment.billing_type])
            confirmed = replace(priced, status="CONFIRMED", paid=today, credit=credit)
            return self._account.keep_payment(confirmed, "PAYMENT_CONFIRMED", lag)
        by_pix = replace(priced, billing_type="PIX", pix_transaction=str(UUID(int=priced.serial)))
        received = replace(by_pix, status="RECEIVED", paid=today, received=today, credit=today)
        return self._account.keep_payment(received, "PAYMENT_RECEIVED", lag)

    def make_overdue(self, id: str, due: date | None = None, lag: float = 0.0) -> Payment:
        """Let a charge be overdue since `due`, or since yesterday where it is not due yet (assumed)."""
        payment = self._open(id)
        overdue = replace(payment, status="OVERDUE", due=due or self._past(payment.due))
        return self._account.keep_payment(overdue, "PAYMENT_OVERDUE", lag)

    def set_status(self, id: str, status: str) -> Payment:
        """Put a charge into any status, as chargebacks and dunning do, and tell of it under the status's name."""
        if status not in STATUSES:
            raise ValueError(f"there is no status {status!r}; there is: {', '.join(sorted(STATUSES))}")
        event = TOLD_AS.get(status, f"PAYMENT_{status}")
        payment, today = self._payments.there(id), self._account.today
        if status == "OVERDUE":
            payment = replace(payment, due=self._past(payment.due))
        if status in PAID:
            payment = replace(payment, paid=payment.paid or today)
        if status in PAID - {"CONFIRMED"}:
            payment = replace(payment, received=payment.received or today, credit=payment.credit or today)
        return self._account.keep_payment(replace(payment, status=status), event)

    def turn_day(self) -> None:
        """Do what Asaas does when a day begins: charges fall due, and confirmed ones are credited."""
        today = self._account.today
        for payment in self._account.payments:
            if payment.deleted:
                continue
            if payment.status == "PENDING" and payment.due < today:
                self._account.keep_payment(replace(payment, status="OVERDUE"), "PAYMENT_OVERDUE")
            elif payment.status == "CONFIRMED" and payment.credit is not None and payment.credit <= today:
                self._account.keep_payment(replace(payment, status="RECEIVED", received=today), "PAYMENT_RECEIVED")

    def _past(self, due: date) -> date:
        return min(due, self._account.today - timedelta(days=1))

    def _open(self, id: str) -> Payment:
        payment = self._payments.there(id)
        if payment.status not in OPEN:
            raise not_possible("Só é possível receber cobranças pendentes ou vencidas.")
        return payment

    def _answered(self, payment: Payment, event: str, request: Request) -> Answer:
        return Answer(200, self._account.keep_payment(payment, event, request.lag).json())


def _priced(payment: Payment, value: Decimal) -> Payment:
    """Return the charge with what was paid as its value, and what was asked as its original value if that differs."""
    if value == payment.value:
        return payment
    return replace(payment, value=value, original_value=payment.value)
