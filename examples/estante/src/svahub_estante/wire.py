"""Estante's JSON: what is sent and what comes back. Nothing outside this plugin sees it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from svahub import Account, Customer, Observed, Plan, RemoteSubscription, RemoteUser, Subscription
from svahub.extension.wire import Listed

STATES = {"open": Observed.ACTIVE, "suspended": Observed.BLOCKED, "ended": Observed.CANCELLED}

State = Annotated[Observed, BeforeValidator(lambda word: STATES.get(word, Observed.UNKNOWN))]
"""A state that Estante invents tomorrow is read as "not known", and breaks nothing."""


class Wire(BaseModel):
    """JSON of which fields that are not known are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


# -- what is sent


class Contact(Wire):
    """What can change of a reader's data."""

    name: str
    email: str | None = None

    @classmethod
    def of(cls, customer: Customer) -> Self:
        """Return what the reader should be told to be."""
        return cls(name=customer.name, email=customer.email)


class NewReader(Contact):
    """A reader who is not there yet."""

    reference: str
    document: str

    @classmethod
    def first(cls, account: Account) -> Self:
        """Return what makes the account's reader."""
        customer = account.customer
        return cls(name=customer.name, email=customer.email, reference=account.key, document=customer.document)


class Sale(Wire):
    """A plan that is sold."""

    reference: str
    plan: str
    reader: NewReader | None = None
    reader_id: str | None = None

    @classmethod
    def of(cls, subscription: Subscription, plan: str) -> Self:
        """Return what sells a subscription, to the reader who is there or to a new one."""
        account = subscription.account
        new = NewReader.first(account) if account.remote_id is None else None
        return cls(reference=subscription.key, plan=plan, reader=new, reader_id=account.remote_id)


class OtherPlan(Wire):
    """The plan that a subscription is to have."""

    plan: str


# -- what comes back


class Partner(Wire):
    """Whose key it is."""

    name: str


class CataloguePlan(Wire, Listed):
    """An entry of the catalogue."""

    title: str
    price: Decimal | None = None
    on_sale: bool = True

    def plan(self) -> Plan:
        """Return it in svahub's words."""
        return Plan(self.id, self.title, price=self.price, active=self.on_sale)


class Sold(Wire):
    """A subscription that a reader has or had."""

    reference: str | None = None
    plan: str | None = None
    state: State = Observed.UNKNOWN

    def remote(self) -> RemoteSubscription:
        """Return it in svahub's words."""
        return RemoteSubscription(self.plan, self.state, self.reference)


class Reader(Wire, Listed):
    """A reader."""

    reference: str | None = None
    name: str | None = Field(None, repr=False)
    document: str | None = Field(None, repr=False)
    email: str | None = Field(None, repr=False)
    subscriptions: tuple[Sold, ...] = ()

    @property
    def state(self) -> Observed:
        """What the reader is by what they have: active with one that is open, cancelled without any that lives."""
        there = {sold.state for sold in self.subscriptions}
        order = (Observed.ACTIVE, Observed.UNKNOWN, Observed.BLOCKED)
        return next((state for state in order if state in there), Observed.CANCELLED)

    def has(self, reference: str, plan: str) -> bool:
        """Say whether a plan is there under a reference."""
        return any((sold.reference, sold.plan) == (reference, plan) for sold in self.subscriptions)

    def remote(self) -> RemoteUser:
        """Return the reader in svahub's words."""
        return RemoteUser(
            remote_id=self.id,
            status=self.state,
            reference=self.reference,
            subscriptions=tuple(sold.remote() for sold in self.subscriptions),
            name=self.name,
            document=self.document,
            email=self.email,
        )
