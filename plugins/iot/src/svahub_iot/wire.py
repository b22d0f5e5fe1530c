"""Olli's JSON, as assumed: what is sent and what comes back. Nothing outside this plugin sees it.

Answers may bear fields and values that are not known here; neither breaks a call.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Self

from pydantic import Field
from svahub import Account, Observed, Plan, RemoteUser
from svahub.extension.wire import CamelWire, Listed, Status

# -- what is sent


class NewCustomer(CamelWire):
    """A customer to create."""

    external_reference: str
    name: str = Field(repr=False)
    document: str = Field(repr=False)
    email: str | None = Field(None, repr=False)
    phone: str | None = Field(None, repr=False)

    @classmethod
    def of(cls, account: Account) -> Self:
        """Return what creates an account's customer."""
        customer = account.customer
        return cls(
            external_reference=account.key,
            name=customer.name,
            document=customer.document,
            email=customer.email,
            phone=customer.phone,
        )


class NewSubscription(CamelWire):
    """An item to subscribe a customer to."""

    external_reference: str
    item_id: str


class NewLicence(CamelWire):
    """A licence to create; `device` is its serial."""

    external_reference: str
    description: str
    device: str | None = None


class ChangedStatus(CamelWire):
    """What a subscription or a licence is to be: ACTIVE or BLOCKED."""

    status: Observed


# -- what comes back


class Item(CamelWire, Listed):
    """What FN sells."""

    code: str | None = None
    name: str
    price: Decimal | None = None
    kind: str | None = None

    def plan(self) -> Plan:
        """Return it in the core's words; its code and kind stand in the description."""
        told = " · ".join(part for part in (self.kind, self.code) if part)
        return Plan(self.id, self.name, told, None if self.price is None else round(self.price, 2))


class Made(CamelWire):
    """What was just created."""

    id: str


class KnownCustomer(CamelWire, Listed):
    """A customer that FN knows."""

    external_reference: str | None = None
    name: str | None = Field(None, repr=False)
    document: str | None = Field(None, repr=False)
    email: str | None = Field(None, repr=False)
    phone: str | None = Field(None, repr=False)

    def remote(self) -> RemoteUser:
        """Return the customer in the core's words: Olli blocks subscriptions, not customers."""
        return RemoteUser(
            self.id,
            Observed.ACTIVE,
            self.external_reference,
            name=self.name,
            document=self.document,
            email=self.email,
            phone=self.phone,
        )


class Sold(CamelWire, Listed):
    """A subscription; `customer_id` may be missing where the call named the customer."""

    status: Status = Observed.UNKNOWN
    external_reference: str | None = None
    customer_id: str | None = None
    item_id: str | None = None


class Licence(CamelWire, Listed):
    """A licence."""

    status: Status = Observed.UNKNOWN
    code: str | None = None
    external_reference: str | None = None
