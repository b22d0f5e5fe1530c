"""What customers owe."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class DebtRow:
    """A debt that a billing plugin raised; open until it is settled, or the ISP forgives it."""

    tenant: str
    integration: str
    reference: str
    contract_id: str
    since: date
    amount: Decimal
    opened_at: datetime
    settled_at: datetime | None
    forgiven: bool = False
