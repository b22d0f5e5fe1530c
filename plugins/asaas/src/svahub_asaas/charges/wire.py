"""Asaas's JSON of a charge ("payment", "cobrança"): what is sent, and what answers and deliveries bear.

Source: Asaas's API v3, `POST|GET /payments`. Unknown fields are ignored, unknown statuses kept as they are.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field
from svahub.extension.wire import CamelWire, Listed

CENT = Decimal("0.01")
TOO_MUCH = Decimal(10) ** 13
"""No charge comes to that; below it an amount also survives being a JSON number."""
INSTANT = len("2026-11-24 12:00:00")
BRASILIA = ZoneInfo("America/Sao_Paulo")


def _cents(value: Decimal) -> Decimal:
    if abs(value) >= TOO_MUCH:
        raise ValueError("no amount is that large")
    return value.quantize(CENT)


Amount = Annotated[Decimal, AfterValidator(_cents)]
"""BRL, to the cent."""


def _no_date(value: object) -> object:
    """Return None for a date that is not written as the API does: webhooks tell of subscriptions as DD/MM/YYYY."""
    return value if isinstance(value, date) or (isinstance(value, str) and value[4:5] == "-") else None


Day = Annotated[date | None, BeforeValidator(_no_date)]


class Wire(CamelWire):
    """What Asaas tells or is told."""


class Entry(Wire, Listed):
    """What a listing has, by which it is told from the others."""


class GivenBack(Wire):
    """What went back to the customer at once; `description` says which task asked for it, if one did."""

    description: str | None = None


class Payment(Entry):
    """A charge as Asaas has it; `payment_date` is when the ISP received it, `client_payment_date` when it was paid."""

    customer: str | None = None
    subscription: str | None = None
    value: Amount
    net_value: Amount | None = None
    billing_type: str = "UNDEFINED"
    status: str
    due_date: date
    original_due_date: Day = Field(None, exclude=True)
    date_created: date
    payment_date: date | None = None
    client_payment_date: date | None = None
    external_reference: str | None = None
    deleted: bool = False
    invoice_url: str | None = None
    refunds: tuple[GivenBack, ...] | None = Field(None, exclude=True)

    @property
    def is_for(self) -> date:
        """The due date that it was made with, however it was moved since: it tells which cycle it charges."""
        return self.original_due_date or self.due_date

    def details(self) -> dict[str, Any]:
        """Return what the ledger keeps of it, as JSON: nothing of it is personal."""
        return self.model_dump(mode="json", by_alias=False)

    def gone(self) -> Self:
        """Return it as what Asaas no longer has."""
        return self.model_copy(update={"deleted": True})


class NewPayment(Wire):
    """A charge to make."""

    customer: str
    billing_type: str
    value: float  # JSON has no decimals, and an amount of two places survives a float
    due_date: date
    description: str | None = None
    external_reference: str
    discount: dict[str, Any] | None = None
    interest: dict[str, Any] | None = None
    fine: dict[str, Any] | None = None


class CashReceipt(Wire):
    """A charge that was paid at the counter."""

    payment_date: date
    value: float
    notify_customer: bool = False


class Refund(Wire):
    """What goes back to the customer; the whole where no value is named."""

    value: float | None = None
    description: str | None = None


class Statistics(Wire):
    """How many charges, and what they come to."""

    quantity: int
    value: Amount
    net_value: Amount


class PixCode(Wire):
    """What pays a charge by Pix: the picture as base64 PNG, and the text that it shows."""

    encoded_image: str = Field(repr=False)
    payload: str = Field(repr=False)
    expiration_date: str | None = None


class Boleto(Wire):
    """What pays a charge at a bank: the line to type, and the bar code."""

    identification_field: str
    nosso_numero: str | None = None
    bar_code: str | None = None


class Event(Wire):
    """A delivery: which event, when (as Asaas writes instants), and the charge if it is about one."""

    id: str | None = None
    event: str = ""
    date_created: str | None = None
    payment: Payment | None = None
    subscription: dict[str, Any] | None = Field(None, repr=False)

    @property
    def told_at(self) -> str | None:
        """When, to the second."""
        return self.date_created and self.date_created[:INSTANT]

    @property
    def happened_at(self) -> datetime | None:
        """The same as an instant; None where it is not written as the API does."""
        try:
            return datetime.strptime(self.told_at or "", "%Y-%m-%d %H:%M:%S").replace(tzinfo=BRASILIA)
        except ValueError:
            return None

    @property
    def subject(self) -> str | None:
        """What the event is about, by Asaas's id."""
        if self.payment is not None:
            return self.payment.id
        id = (self.subscription or {}).get("id")
        return id if isinstance(id, str) else None
