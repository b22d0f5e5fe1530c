"""A subscription as Asaas stores and tells of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from svahub import Observed, RemoteSubscription

from svahub_asaas.simulator.terms import Terms
from svahub_asaas.simulator.writing import day, number

BRAZILIAN = "%d/%m/%Y"


@dataclass(frozen=True, slots=True)
class Subscription:
    """Makes a charge per cycle; `next_due` is the due date of the charge that is not made yet."""

    id: str
    created: date
    customer: str
    value: Decimal
    next_due: date
    day_of_month: int
    cycle: str
    billing_type: str
    description: str | None = None
    reference: str | None = None
    terms: Terms = Terms()  # noqa: RUF009 -- frozen
    end: date | None = None
    most: int | None = None
    made: int = 0
    status: str = "ACTIVE"
    deleted: bool = False

    @property
    def is_over(self) -> bool:
        """Whether no charge is left to be made."""
        return (self.end is not None and self.next_due > self.end) or (self.most is not None and self.made >= self.most)

    def remote(self) -> RemoteSubscription:
        """Return it in the core's words: Asaas knows no plan, but what is charged and when."""
        ended = self.deleted or self.is_over or self.status == "EXPIRED"
        level = Observed.ACTIVE if self.status == "ACTIVE" else Observed.BLOCKED
        status = Observed.CANCELLED if ended else level
        details = {"price": self.value, "due_day": self.next_due.day}
        return RemoteSubscription(None, status, self.reference, self.id, details=details)

    def json(self) -> dict[str, Any]:
        """Return it as the API tells of it, in its order; discount, end and limit only where there is one."""
        return {
            "object": "subscription",
            "id": self.id,
            "dateCreated": day(self.created),
            "customer": self.customer,
            "paymentLink": None,
            "value": number(self.value),
            "nextDueDate": day(self.next_due),
            "cycle": self.cycle,
            "description": self.description,
            "billingType": self.billing_type,
            "deleted": self.deleted,
            "status": self.status,
            "externalReference": self.reference,
            "checkoutSession": None,
            "sendPaymentByPostalService": False,
            **({"discount": self.terms.discount_json(self.next_due)} if self.terms.discount else {}),
            **({"endDate": day(self.end)} if self.end else {}),
            **({"maxPayments": self.most} if self.most is not None else {}),
            "fine": self.terms.fine_json(),
            "interest": self.terms.interest_json(),
            "split": None,
        }

    def told(self) -> dict[str, Any]:
        """Return it as webhooks tell of it: there, as in Asaas's documented example, dates are DD/MM/YYYY."""
        written = {"dateCreated": self.created.strftime(BRAZILIAN), "nextDueDate": self.next_due.strftime(BRAZILIAN)}
        if self.end is not None:
            written["endDate"] = self.end.strftime(BRAZILIAN)
        return {**self.json(), **written}
