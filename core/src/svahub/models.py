"""What core and plugins exchange: frozen values without behaviour of their own. No I/O, no database, no HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any


class Environment(StrEnum):
    """Where an integration's calls go; one never reaches the hosts of the other."""

    STAGING = "staging"
    PRODUCTION = "production"


class Desired(StrEnum):
    """What a subscription should be."""

    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"
    CANCELLED = "CANCELLED"


class Observed(StrEnum):
    """What the provider was last seen to have."""

    ABSENT = "ABSENT"
    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"


class Deduplication(StrEnum):
    """By what a provider can be asked whether a create was applied."""

    IDEMPOTENCY_KEY = "idempotency_key"
    REFERENCE = "reference"
    NATURAL_KEY = "natural_key"
    NONE = "none"


class BlockScope(StrEnum):
    """What a block at the provider stops: the whole remote user, or one subscription."""

    ACCOUNT = "account"
    SUBSCRIPTION = "subscription"


class Aspect(StrEnum):
    """What of a sold subscription can change."""

    PLAN = "plan"
    QUANTITY = "quantity"
    PRICE = "price"
    DUE_DAY = "due_day"
    CUSTOMER = "customer"


class Reason(StrEnum):
    """Why a subscription is blocked."""

    OVERDUE = "overdue"
    CUSTOMER_REQUEST = "customer_request"
    FRAUD = "fraud"
    STAFF = "staff"
    LEGAL = "legal"


PROTECTED = frozenset({Reason.FRAUD, Reason.LEGAL})
"""Reasons that only their own source, or an admin, takes away."""


class DocumentKind(StrEnum):
    """Whether a customer is a person or a company."""

    CPF = "cpf"
    CNPJ = "cnpj"


class Adopt(StrEnum):
    """What to do with a remote user of the same person that does not bear our reference."""

    LINK = "link"
    ASK = "ask"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class BlockReason:
    """Why a subscription is blocked, who says so, and until when (None: until that source takes it back)."""

    reason: Reason
    source: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """An entry of a provider's catalogue; `price` in BRL for each of a quantity, None where none is told."""

    remote_id: str
    name: str
    description: str = ""
    price: Decimal | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """A plan to register at the provider under our reference; `price` in BRL."""

    reference: str
    name: str
    description: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class Address:
    """A Brazilian postal address; `postal_code` is the CEP, eight digits."""

    street: str = ""
    number: str = ""
    complement: str = ""
    district: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""


@dataclass(frozen=True, slots=True)
class Customer:
    """The person or company that holds the contract.

    `document` is a CPF or CNPJ without punctuation, `phone` is E.164. A CNPJ may hold capital letters.
    """

    id: str
    name: str = field(repr=False)
    document: str = field(repr=False)
    document_kind: DocumentKind
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    birth_date: date | None = field(default=None, repr=False)
    address: Address | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """One customer at one integration.

    `key` is our external reference for the remote user, `remote_id` the provider's id of that user once it is known.
    """

    key: str
    customer: Customer
    remote_id: str | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """The proof that the customer agreed: when, through which channel, to which version of the text.

    `ip` is from where, if the customer did so over the network.
    """

    at: datetime
    channel: str
    text_version: str
    ip: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Applied:
    """What the provider was last given; `customer` is the digest of the customer's data, None when it is not known."""

    plan: str | None = None
    quantity: int = 1
    price: Decimal | None = None
    due_day: int | None = None
    customer: str | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """One sold item at one integration, as a plugin sees it.

    `key` is our external reference for it: deterministic and without personal data. `applied` is what the provider
    was last given, `sent` what a call of unknown outcome may have given it since, and `plan`, `quantity`, `price` (BRL
    for all of the quantity, None: the plan's for each) and `due_day` are what it should have now.
    `siblings` are the account's other subscriptions that were ever sold; `kept` is what the plugin's `recall` brought.
    """

    key: str
    contract_id: str
    item_code: str
    product_type: str
    account: Account
    desired: Desired
    observed: Observed
    plan: Plan | None = None
    quantity: int = 1
    price: Decimal | None = None
    due_day: int | None = None
    remote_id: str | None = None
    applied: Applied | None = None
    sent: Applied | None = None
    attributes: dict[str, Any] = field(default_factory=dict, repr=False)
    consent: Consent | None = None
    siblings: tuple[Subscription, ...] = ()
    kept: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def live_siblings(self) -> tuple[Subscription, ...]:
        """Those siblings that the provider still has."""
        return tuple(s for s in self.siblings if s.observed not in {Observed.ABSENT, Observed.CANCELLED})


@dataclass(frozen=True, slots=True)
class RemoteSubscription:
    """One plan that a remote user has; `reference` is ours, None where the provider keeps none.

    `details` are what the plugin's `recorded` is to note of it, in values that JSON has; the core keeps none of them.
    """

    plan: str | None
    status: Observed
    reference: str | None = None
    remote_id: str | None = None
    quantity: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class RemoteUser:
    """A user as the provider tells of it; `reference` is the account's key if the user is ours."""

    remote_id: str
    status: Observed
    reference: str | None = None
    subscriptions: tuple[RemoteSubscription, ...] = ()
    name: str | None = field(default=None, repr=False)
    document: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    login: str | None = field(default=None, repr=False)
    access_url: str | None = field(default=None, repr=False)

    def subscription(self, key: str) -> RemoteSubscription | None:
        """Return the plan that bears our subscription's key."""
        return next((s for s in self.subscriptions if s.reference == key), None)


@dataclass(frozen=True, slots=True)
class AccessLink:
    """An address that lets whoever has it in as one customer, until `expires_at` (None: the provider does not say)."""

    url: str = field(repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A one-off that a plugin asked for: a charge, a licence, a mail. Durable, ordered, found before it is repeated.

    `key` is our external reference for it, deterministic by integration, `kind` and `name`. `account` is whose it is,
    None for what is the ISP's own. `payload` is what the plugin gave when it asked, without personal data; `kept` is
    what its `recall` brought.
    """

    key: str
    kind: str
    name: str
    payload: Mapping[str, Any] = field(repr=False)
    account: Account | None = None
    contract_id: str | None = None
    kept: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What a task came to: the provider's id of what it made, and what the plugin wants to remember of it.

    `account_remote_id` is the remote user's id, where the task found or made the user. `details` hold no personal data.
    `subscriptions` are those of the account of which the task may have changed how many there are, as they then are.
    """

    remote_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)
    account_remote_id: str | None = None
    subscriptions: tuple[RemoteSubscription, ...] = ()


@dataclass(frozen=True, slots=True)
class Webhook:
    """One delivery, as it came: names of headers in lower case, the body's bytes, when it arrived.

    `kept` is what the plugin's `recall` brought, empty while it is authenticated.
    """

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    received_at: datetime
    kept: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Notice:
    """What an authentic delivery is: its id (the same when it comes again), its kind, and what it is about.

    Deliveries with one `subject` are read in the order of their arrival; those without any wait for none.
    """

    event_id: str
    kind: str
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Debt:
    """A charge that was not paid by its due date: `since` is that date, `amount` in BRL."""

    contract: str
    reference: str
    since: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Payment:
    """How a charge was paid: `amount` in BRL, the day of the payment, the day on which the charge was due."""

    amount: Decimal
    paid_on: date
    due_on: date


@dataclass(frozen=True, slots=True)
class DebtSettled:
    """A debt that is no more: it was paid, or the ISP let it go. With `payment`, it was paid, in time or late."""

    contract: str
    reference: str
    payment: Payment | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that an operator should hear of; `sentence` says what to do, without personal data."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Received:
    """What a delivery came to: debts that opened or ended, alerts, and what the plugin wants to remember.

    `understood` is False for an event that the plugin does not know: it is kept, and nothing follows.
    """

    told: tuple[Debt | DebtSettled | Alert, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)
    understood: bool = True
