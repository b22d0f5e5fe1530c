"""A payment link, which is Asaas's own catalogue of offers, as it stores and tells of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from svahub_asaas.simulator.payment import SITE
from svahub_asaas.simulator.writing import day, number

CHARGE_TYPES = ("DETACHED", "RECURRENT", "INSTALLMENT")


@dataclass(frozen=True, slots=True)
class PaymentLink:
    """An offer; a RECURRENT one makes a subscription of a cycle."""

    id: str
    name: str
    value: Decimal | None
    billing_type: str
    charge_type: str
    cycle: str | None = None
    description: str | None = None
    reference: str | None = None
    end: date | None = None
    due_days: int | None = None
    notifies: bool = True
    active: bool = True
    deleted: bool = False

    def json(self) -> dict[str, Any]:
        """Return it as the API tells of it."""
        return {
            "id": self.id,
            "name": self.name,
            "value": number(self.value),
            "active": self.active,
            "chargeType": self.charge_type,
            "url": f"{SITE}/c/{self.id}",
            "billingType": self.billing_type,
            "subscriptionCycle": self.cycle,
            "description": self.description,
            "endDate": day(self.end),
            "deleted": self.deleted,
            "viewCount": 0,
            "maxInstallmentCount": 1,
            "dueDateLimitDays": self.due_days,
            "notificationEnabled": self.notifies,
            "isAddressRequired": False,
            "externalReference": self.reference,
        }
