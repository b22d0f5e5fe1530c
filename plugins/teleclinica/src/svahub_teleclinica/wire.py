"""TeleClínica's JSON, as assumed: what is sent and what comes back. Nothing outside this plugin sees it.

Answers may bear fields and values that are not known here; neither breaks a call.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Self

from pydantic import Field
from svahub import (
    BlockReason,
    Customer,
    Observed,
    Plan,
    PlanDraft,
    RemoteSubscription,
    RemoteUser,
    Subscription,
)
from svahub.extension.wire import CamelWire, Listed, Status

# -- what is sent


class NewPlan(CamelWire):
    """A plan to register."""

    name: str
    description: str
    price: float
    external_reference: str

    @classmethod
    def of(cls, draft: PlanDraft) -> Self:
        """Return what registers `draft`; JSON has no decimals, and a price of two places survives a float."""
        return cls(
            name=draft.name,
            description=draft.description,
            price=float(draft.price),
            external_reference=draft.reference,
        )


class Contact(CamelWire):
    """What can change of a customer's data."""

    name: str
    email: str | None = None
    phone: str | None = None

    @classmethod
    def of(cls, customer: Customer) -> Self:
        """Return what the user should be told to be."""
        return cls(name=customer.name, email=customer.email, phone=customer.phone)


class NewUser(Contact):
    """A user to create, with the first plan."""

    external_reference: str
    cpf: str
    birth_date: date | None = None
    plan_id: str

    @classmethod
    def first(cls, subscription: Subscription, plan: str) -> Self:
        """Return what creates the account's user with `plan`."""
        customer = subscription.account.customer
        return cls(
            name=customer.name,
            email=customer.email,
            phone=customer.phone,
            external_reference=subscription.account.key,
            cpf=customer.document,
            birth_date=customer.birth_date,
            plan_id=plan,
        )


class AddedPlan(CamelWire):
    """A plan for a user that exists, under our reference."""

    plan_id: str
    external_reference: str


class OtherPlan(CamelWire):
    """The plan to put in the place of another."""

    plan_id: str


class Block(CamelWire):
    """Why a user is to be blocked."""

    reason: str

    @classmethod
    def of(cls, reasons: Iterable[BlockReason]) -> Self:
        """Return all reasons in one text, always in the same order."""
        return cls(reason=",".join(sorted({reason.reason.value for reason in reasons})) or "staff")


# -- what comes back


class CataloguePlan(CamelWire, Listed):
    """An entry of the catalogue."""

    name: str
    description: str | None = None
    price: Decimal | None = None
    active: bool = True

    def plan(self) -> Plan:
        """Return it in the core's words."""
        return Plan(self.id, self.name, self.description or "", self.price, self.active)


class HeldPlan(CamelWire):
    """A plan that a user has or had; a user's first plan may come without a reference."""

    id: str
    external_reference: str | None = None
    status: Status = Observed.UNKNOWN

    def remote(self, user: Observed) -> RemoteSubscription:
        """Return it in the core's words; a blocked or cancelled user's plans are so too."""
        ended = self.status is Observed.CANCELLED
        dominated = user in {Observed.BLOCKED, Observed.CANCELLED} and not ended
        return RemoteSubscription(self.id, user if dominated else self.status, self.external_reference)


class User(CamelWire, Listed):
    """A user."""

    status: Status
    external_reference: str | None = None
    name: str | None = Field(None, repr=False)
    cpf: str | None = Field(None, repr=False)
    email: str | None = Field(None, repr=False)
    phone: str | None = Field(None, repr=False)
    login: str | None = Field(None, repr=False)
    access_url: str | None = Field(None, repr=False)
    plans: tuple[HeldPlan, ...] = ()

    @property
    def live(self) -> bool:
        """Whether the user was not cancelled."""
        return self.status is not Observed.CANCELLED

    def holds(self, plan: str) -> bool:
        """Whether the user has the plan now."""
        return any(held.id == plan and held.status is not Observed.CANCELLED for held in self.plans)

    def remote(self) -> RemoteUser:
        """Return the user in the core's words."""
        return RemoteUser(
            remote_id=self.id,
            status=self.status,
            reference=self.external_reference,
            subscriptions=tuple(held.remote(self.status) for held in self.plans),
            name=self.name,
            document=self.cpf,
            email=self.email,
            phone=self.phone,
            login=self.login,
            access_url=self.access_url,
        )
