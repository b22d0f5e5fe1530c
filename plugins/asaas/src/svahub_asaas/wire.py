"""Asaas's JSON of customers, subscriptions and recurring offers; that of charges is in `charges.wire`.

Source: Asaas's API v3. Answers may bear fields and values that are not known here; neither breaks a call.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Self

from pydantic import Field
from svahub import Customer, Observed, Plan, PlanDraft, RemoteSubscription

from svahub_asaas.charges.wire import Amount, Day, Entry, Wire

BRAZIL, AREA_DIGITS, MOBILE_DIGITS = "+55", 2, 11


class Contact(Wire):
    """What can change of a customer's data."""

    name: str
    cpf_cnpj: str
    email: str | None = None
    phone: str | None = None
    mobile_phone: str | None = None
    address: str | None = None
    address_number: str | None = None
    complement: str | None = None
    province: str | None = None
    postal_code: str | None = None

    @classmethod
    def fields_of(cls, customer: Customer) -> dict[str, Any]:
        """Return the fields of a customer; `province` is Asaas's word for the district."""
        where = customer.address
        fields: dict[str, Any] = {"name": customer.name, "cpf_cnpj": customer.document, "email": customer.email}
        fields |= _phones(customer.phone)
        if where is not None:
            fields |= {
                "address": where.street or None,
                "address_number": where.number or None,
                "complement": where.complement or None,
                "province": where.district or None,
                "postal_code": where.postal_code or None,
            }
        return fields

    @classmethod
    def of(cls, customer: Customer) -> Self:
        """Return what Asaas should have of a customer."""
        return cls(**cls.fields_of(customer))


class NewCustomer(Contact):
    """A customer to make, under our reference."""

    external_reference: str

    @classmethod
    def under(cls, reference: str, customer: Customer) -> Self:
        """Return what makes a customer."""
        return cls(external_reference=reference, **cls.fields_of(customer))


class Reference(Wire):
    """The reference that an adopted customer is to bear."""

    external_reference: str


def _phones(phone: str | None) -> dict[str, str]:
    """Return a phone as Asaas takes it: national digits, in the field of its kind; none that it refuses."""
    if phone is None or not phone.startswith(BRAZIL):
        return {}
    digits = phone.removeprefix(BRAZIL)
    if len(set(digits[AREA_DIGITS:])) == 1:
        return {}
    return {"mobile_phone" if len(digits) == MOBILE_DIGITS else "phone": digits}


class RemoteCustomer(Entry):
    """A customer as Asaas has it."""

    name: str | None = Field(None, repr=False)
    cpf_cnpj: str | None = Field(None, repr=False)
    email: str | None = Field(None, repr=False)
    phone: str | None = Field(None, repr=False)
    mobile_phone: str | None = Field(None, repr=False)
    external_reference: str | None = None
    deleted: bool = False

    @property
    def document(self) -> str | None:
        """The CPF or CNPJ without punctuation."""
        return self.cpf_cnpj and "".join(filter(str.isalnum, self.cpf_cnpj)).upper()


class NewSubscription(Wire):
    """A subscription to make; its first charge is made at once, due on `next_due_date`."""

    customer: str
    billing_type: str
    value: float
    next_due_date: date
    cycle: str
    description: str | None = None
    external_reference: str
    discount: dict[str, Any] | None = None
    interest: dict[str, Any] | None = None
    fine: dict[str, Any] | None = None


class ChangedSubscription(Wire):
    """What is to be different about a subscription; what is not named stays."""

    value: float | None = None
    status: str | None = None
    next_due_date: date | None = None
    end_date: date | None = None
    update_pending_payments: bool | None = None


class Sold(Entry):
    """A subscription as Asaas has it."""

    customer: str | None = None
    value: Amount
    next_due_date: Day = None
    end_date: Day = None
    status: str = "ACTIVE"
    external_reference: str | None = None
    deleted: bool = False

    @property
    def observed(self) -> Observed:
        """What it is to svahub: what is inactive with an end was cancelled, without one it is blocked."""
        if self.deleted or self.status == "EXPIRED" or (self.status == "INACTIVE" and self.end_date is not None):
            return Observed.CANCELLED
        return {"ACTIVE": Observed.ACTIVE, "INACTIVE": Observed.BLOCKED}.get(self.status, Observed.UNKNOWN)

    def remote(self) -> RemoteSubscription:
        """Return it in the core's words; Asaas knows a value, and no plan."""
        return RemoteSubscription(None, self.observed, self.external_reference, self.id)


class Offer(Entry):
    """A recurring payment link: Asaas's own catalogue of what is sold by the month."""

    name: str = ""
    description: str | None = None
    value: Amount | None = None
    charge_type: str | None = None
    active: bool = True
    deleted: bool = False

    def plan(self) -> Plan:
        """Return it in the core's words."""
        return Plan(self.id, self.name, self.description or "", self.value, self.active and not self.deleted)


class NewOffer(Wire):
    """A recurring payment link to make."""

    name: str
    description: str
    value: float
    billing_type: str
    charge_type: str = "RECURRENT"
    subscription_cycle: str
    external_reference: str

    @classmethod
    def of(cls, draft: PlanDraft, billing_type: str, cycle: str) -> Self:
        """Return what registers a plan."""
        return cls(
            name=draft.name,
            description=draft.description,
            value=float(draft.price),
            billing_type=billing_type,
            subscription_cycle=cycle,
            external_reference=draft.reference,
        )


class Balance(Wire):
    """What an account has."""

    balance: Amount
