"""A charge as Asaas stores and tells of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from svahub_asaas.simulator.terms import Terms
from svahub_asaas.simulator.writing import day, number

SITE = "https://sandbox.asaas.com"
BILLING_TYPES = ("UNDEFINED", "BOLETO", "CREDIT_CARD", "PIX")
OPEN = frozenset({"PENDING", "OVERDUE"})
STATUSES = OPEN | {
    "RECEIVED",
    "CONFIRMED",
    "REFUNDED",
    "RECEIVED_IN_CASH",
    "REFUND_REQUESTED",
    "REFUND_IN_PROGRESS",
    "CHARGEBACK_REQUESTED",
    "CHARGEBACK_DISPUTE",
    "AWAITING_CHARGEBACK_REVERSAL",
    "DUNNING_REQUESTED",
    "DUNNING_RECEIVED",
    "AWAITING_RISK_ANALYSIS",
}
FEE = Decimal("1.99")
CARD_FEE, CARD_SHARE = Decimal("0.49"), Decimal("0.0299")  # assumed; the others' fee was seen


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that went back to who paid."""

    at: str
    value: Decimal
    description: str | None

    def json(self) -> dict[str, Any]:
        """Return it as the API tells of it."""
        return {
            "dateCreated": self.at,
            "status": "DONE",
            "value": number(self.value),
            "endToEndIdentifier": None,
            "description": self.description,
            "effectiveDate": self.at,
            "transactionReceiptUrl": None,
            "refundedSplits": None,
        }


@dataclass(frozen=True, slots=True)
class Payment:
    """A charge; `received` is when the ISP got the money, `paid` when the customer gave it."""

    id: str
    serial: int
    created: date
    customer: str
    subscription: str | None
    value: Decimal
    billing_type: str
    due: date
    original_due: date
    description: str | None = None
    reference: str | None = None
    terms: Terms = Terms()  # noqa: RUF009 -- frozen
    status: str = "PENDING"
    original_value: Decimal | None = None
    paid: date | None = None
    received: date | None = None
    credit: date | None = None
    pix_transaction: str | None = None
    refunds: tuple[Refund, ...] = ()
    deleted: bool = False

    @property
    def net(self) -> Decimal:
        """What the ISP gets."""
        if self.status == "RECEIVED_IN_CASH":
            return self.value
        if self.billing_type != "CREDIT_CARD":
            return self.value - FEE
        return self.value - (self.value * CARD_SHARE + CARD_FEE).quantize(FEE, ROUND_HALF_UP)

    @property
    def refunded(self) -> Decimal:
        """What went back."""
        return sum((refund.value for refund in self.refunds), Decimal(0))

    @property
    def has_slip(self) -> bool:
        """Whether it can be paid with a boleto."""
        return self.billing_type in {"BOLETO", "UNDEFINED"}

    def json(self) -> dict[str, Any]:
        """Return the charge as the API tells of it, in its order."""
        return {**self._head(), **self._dates(), **self._papers(), **self._tail()}

    def _head(self) -> dict[str, Any]:
        grown = None if self.original_value is None else max(self.value - self.original_value, Decimal(0))
        return {
            "object": "payment",
            "id": self.id,
            "dateCreated": day(self.created),
            "customer": self.customer,
            **({} if self.subscription is None else {"subscription": self.subscription}),
            "checkoutSession": None,
            "paymentLink": None,
            "value": number(self.value),
            "netValue": number(self.net),
            "originalValue": number(self.original_value),
            "interestValue": number(grown),
            "description": self.description,
            "billingType": self.billing_type,
            **({"canBePaidAfterDueDate": True} if self.billing_type == "BOLETO" else {}),
            "pixTransaction": self.pix_transaction,
            "status": self.status,
        }

    def _dates(self) -> dict[str, Any]:
        return {
            "dueDate": day(self.due),
            "originalDueDate": day(self.original_due),
            "paymentDate": day(self.received),
            "clientPaymentDate": day(self.paid),
            "installmentNumber": None,
        }

    def _papers(self) -> dict[str, Any]:
        suffix, settled = self.id.removeprefix("pay_"), self.paid is not None
        return {
            "invoiceUrl": f"{SITE}/i/{suffix}",
            "invoiceNumber": f"{self.serial:08d}",
            "externalReference": self.reference,
            "deleted": self.deleted,
            "anticipated": False,
            "anticipable": False,
            "creditDate": day(self.credit),
            "estimatedCreditDate": day(self.credit),
            "transactionReceiptUrl": f"{SITE}/comprovantes/{suffix}" if settled else None,
            "nossoNumero": f"{self.serial}" if self.has_slip else None,
            "bankSlipUrl": f"{SITE}/b/pdf/{suffix}" if self.has_slip else None,
            "lastInvoiceViewedDate": None,
            "lastBankSlipViewedDate": None,
        }

    def _tail(self) -> dict[str, Any]:
        return {
            "discount": self.terms.discount_json(self.due),
            "fine": self.terms.fine_json(),
            "interest": self.terms.interest_json(),
            "postalService": False,
            "escrow": None,
            "refunds": [refund.json() for refund in self.refunds] or None,
        }
