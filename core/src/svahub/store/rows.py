"""Rows as frozen values, in the column order of their tables, and what they are to a plugin.

Those that converge reads and changes by the thousand are named tuples: six times as quick to copy as dataclasses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from svahub.lifecycle import Step
from svahub.models import (
    Address,
    Applied,
    BlockReason,
    Consent,
    Customer,
    Desired,
    DocumentKind,
    Environment,
    Observed,
    Plan,
    Reason,
)
from svahub.store.states import (
    Certainty,
    ContractStatus,
    EventKind,
    InboxState,
    IntegrationState,
    MessageState,
    NewsKind,
    Outcome,
    Phase,
    TaskStep,
    Verb,
)


@dataclass(frozen=True, slots=True)
class TenantRow:
    """One ISP; `zone` is an IANA name."""

    name: str
    zone: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class IntegrationRow:
    """One configured account of a tenant at a provider.

    `secrets` holds references or encrypted secrets, never values, since `secrets_at`; `former_secrets` those before,
    kept until the new ones have worked. `secret_dates` says, in ISO 8601, since when single ones are what they are.
    """

    tenant: str
    name: str
    provider: str
    distribution: str | None
    environment: Environment
    base_url: str
    settings: dict[str, Any] = field(repr=False)
    secrets: dict[str, str] = field(repr=False)
    state: IntegrationState
    cause: str | None
    paused_until: datetime | None
    created_at: datetime
    secrets_at: datetime | None = None
    former_secrets: dict[str, str] | None = field(default=None, repr=False)
    secret_dates: dict[str, str] | None = None
    endpoint_id: str | None = None

    def secret_since(self, field: str) -> datetime:
        """Return since when a current secret is what it is."""
        told = (self.secret_dates or {}).get(field)
        return datetime.fromisoformat(told) if told else self.secrets_at or self.created_at


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A plan of the catalogue; one that the provider no longer offers is retired, never deleted."""

    tenant: str
    integration: str
    remote_id: str
    name: str
    description: str
    price: Decimal | None
    version: int
    retired_at: datetime | None
    synced_at: datetime

    def plan(self) -> Plan:
        """Return it as a plugin sees it."""
        return Plan(self.remote_id, self.name, self.description, self.price, self.retired_at is None)


@dataclass(frozen=True, slots=True)
class LinkRow:
    """What serves a product code: later sales take this route."""

    tenant: str
    code: str
    product_type: str
    integration: str
    plan: str | None


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """A customer as the contract source tells of it; `digest` is that of all its data, gone since `erased_at`."""

    tenant: str
    id: str
    name: str = field(repr=False)
    document: str = field(repr=False)
    document_kind: DocumentKind
    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    birth_date: date | None = field(repr=False)
    address: dict[str, str] | None = field(repr=False)
    digest: str
    last_import: dict[str, Any] | None = field(repr=False)
    erased_at: datetime | None = None

    def customer(self) -> Customer:
        """Return it as a plugin sees it."""
        address = Address(**self.address) if self.address else None
        return Customer(
            self.id, self.name, self.document, self.document_kind, self.email, self.phone, self.birth_date, address
        )


@dataclass(frozen=True, slots=True)
class ContractRow:
    """A contract; `last_import` is what its source said last."""

    tenant: str
    id: str
    customer_id: str
    status: ContractStatus
    due_day: int | None
    price: Decimal | None
    last_import: dict[str, Any] | None = field(repr=False)
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A product on a contract; `sales` counts how often it was sold."""

    tenant: str
    contract_id: str
    code: str
    product_code: str
    plan: str | None
    integration: str | None
    quantity: int
    price: Decimal | None
    attributes: dict[str, Any] = field(repr=False)
    consent: dict[str, Any] | None
    sales: int
    removed: bool


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """Why a contract, or one item of it (`item_code`, empty for all), is blocked."""

    tenant: str
    contract_id: str
    item_code: str
    reason: Reason
    source: str
    until: datetime | None
    created_at: datetime

    def block_reason(self) -> BlockReason:
        """Return it as a plugin sees it."""
        return BlockReason(self.reason, self.source, self.until)


class AccountRow(NamedTuple):
    """One customer at one integration, and who drives it now; without a customer it is the ISP's own."""

    key: str
    tenant: str
    integration: str
    customer_id: str | None
    remote_id: str | None
    priority: int
    due_at: datetime | None
    lease_owner: str | None
    lease_number: int
    lease_until: datetime | None

    @property
    def holder(self) -> str:
        """Whose it is, of an account that has subscriptions: these are a customer's."""
        assert self.customer_id is not None
        return self.customer_id


LOST = "it is not known whether the last call was applied, and this provider has nothing to look it up by"
LOOK_THERE = (
    "look there: if it is missing, `svahub operations retry ID`; "
    "if it is there, `svahub operations confirm ID --user USER`"
)


class SubscriptionRow(NamedTuple):
    """One sold item at one integration: what is wanted, what was seen, what comes next."""

    key: str
    tenant: str
    contract_id: str
    item_code: str
    sale: int
    product_type: str
    integration: str
    account_key: str
    plan: str | None
    quantity: int
    price: Decimal | None
    due_day: int | None
    attributes: dict[str, Any]
    consent: dict[str, Any] | None
    desired: Desired
    generation: int
    observed: Observed
    remote_id: str | None
    applied: dict[str, Any] | None
    sent: dict[str, Any] | None
    uncertain_since: datetime | None
    looks: int
    phase: Phase
    due_at: datetime | None
    priority: int
    tries: int
    cause: str | None
    advice: str | None
    handle: str | None
    candidate: str | None
    created_at: datetime
    changed_at: datetime
    told: Observed | None = None

    def __repr__(self) -> str:
        return f"SubscriptionRow({self.key!r}, {self.desired.value} of {self.observed.value}, {self.phase.value})"

    @property
    def live(self) -> bool:
        """Whether the provider has, or may have, this subscription."""
        return self.observed not in {Observed.ABSENT, Observed.CANCELLED}

    @property
    def wants_a_look(self) -> bool:
        """Whether a person was asked to look at the provider: only that tells what a lost call came to."""
        return self.phase is Phase.PARKED and self.uncertain_since is not None and self.cause == LOST

    def advised(self, operation: int | None) -> str | None:
        """Return what a person can do, with the names to type; `operation` is the newest."""
        names = {"ID": str(operation), "CONTRACT": self.contract_id}
        return re.sub(r"(?<= )(ID|CONTRACT)\b", lambda word: names[word[0]], self.advice) if self.advice else None

    def what_was_applied(self) -> Applied | None:
        """Return what the provider was last given."""
        return applied_from(self.applied)

    def what_was_sent(self) -> Applied | None:
        """Return what a call of unknown outcome would have applied."""
        return applied_from(self.sent)

    def what_was_agreed(self) -> Consent | None:
        """Return the proof of consent that came with the item."""
        if not self.consent:
            return None
        at = datetime.fromisoformat(self.consent["at"])
        return Consent(at, self.consent["channel"], self.consent["text_version"], self.consent.get("ip"))


@dataclass(frozen=True, slots=True)
class OperationRow:
    """One intention and how it ended."""

    id: int
    tenant: str
    subscription_key: str
    verb: Verb
    generation: int
    actor: str
    reason: str | None
    note: str | None
    idempotency_key: str | None
    outcome: Outcome
    superseded_by: int | None
    created_at: datetime
    ended_at: datetime | None


class AttemptRow(NamedTuple):
    """One try of a step: known by its account and the number of the lease that it ran under."""

    account_key: str
    lease_number: int
    tenant: str
    subscription_key: str
    step: Step
    generation: int
    sent: dict[str, Any] | None
    started_at: datetime
    ended_at: datetime | None
    certainty: Certainty | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class EventRow:
    """Something that happened; `number` grows by one from event to event of a tenant."""

    number: int
    at: datetime
    kind: EventKind
    integration: str | None
    contract_id: str | None
    item_code: str | None
    subscription_key: str | None
    details: dict[str, Any]


def applied_from(value: dict[str, Any] | None) -> Applied | None:
    """Read what was applied from its column."""
    if value is None:
        return None
    price = Decimal(value["price"]) if value.get("price") is not None else None
    return Applied(value.get("plan"), value.get("quantity", 1), price, value.get("due_day"), value.get("customer"))


def applied_column(applied: Applied) -> dict[str, Any]:
    """Write what was applied to its column."""
    return {
        "plan": applied.plan,
        "quantity": applied.quantity,
        "price": None if applied.price is None else str(applied.price),
        "due_day": applied.due_day,
        "customer": applied.customer,
    }


class TaskRow(NamedTuple):
    """A one-off that a plugin asked for: what it is, and what comes next."""

    id: int
    key: str
    tenant: str
    integration: str
    account_key: str
    kind: str
    name: str
    contract_id: str | None
    payload: dict[str, Any]
    adds: bool
    actor: str
    note: str | None
    outcome: Outcome
    phase: Phase
    due_at: datetime | None
    priority: int
    tries: int
    uncertain_since: datetime | None
    looks: int
    cause: str | None
    advice: str | None
    remote_id: str | None
    details: dict[str, Any]
    created_at: datetime
    changed_at: datetime

    def __repr__(self) -> str:
        return f"TaskRow({self.id}, {self.kind} {self.name!r}, {self.phase.value})"

    @property
    def stream(self) -> str:
        """What of an account is done in the order in which it was asked: the first part of the kind."""
        return self.kind.partition(".")[0]


class TaskAttemptRow(NamedTuple):
    """One try of a task: known, as every attempt, by its account and the number of the lease that it ran under."""

    account_key: str
    lease_number: int
    tenant: str
    task_key: str
    step: TaskStep
    started_at: datetime
    ended_at: datetime | None
    certainty: Certainty | None
    cause: str | None


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


class InboxRow(NamedTuple):
    """One delivery of a provider, by the id of its event; it waits while `due_at` is set."""

    id: int
    tenant: str
    integration: str
    event_id: str
    kind: str
    subject: str | None
    received_at: datetime
    deliveries: int
    headers: dict[str, str]
    body: bytes | None
    state: InboxState
    due_at: datetime | None
    owner: str | None
    tries: int
    cause: str | None
    details: dict[str, Any]
    ended_at: datetime | None

    def __repr__(self) -> str:
        return f"InboxRow({self.id}, {self.kind}, {self.state.value})"


@dataclass(frozen=True, slots=True)
class TargetRow:
    """Another system that is told: where, of what, and signed with which secret, a reference or encrypted.

    `kinds` and `product_types` None: all that are not sensitive. Until `former_until` messages bear the signature of
    the former secret too.
    """

    tenant: str
    name: str
    url: str
    kinds: list[str] | None
    product_types: list[str] | None
    secret: str = field(repr=False)
    former_secret: str | None = field(repr=False)
    former_until: datetime | None
    allow_private: bool
    paused_until: datetime | None
    sent: int
    failed: int
    created_at: datetime


class MessageRow(NamedTuple):
    """One message to one target; it is due while its line is, and has not ended while `ended_at` is None."""

    id: int
    tenant: str
    target: str
    customer_id: str
    message_id: str
    kind: NewsKind
    contract_id: str | None
    item_code: str | None
    body: str | None
    created_at: datetime
    state: MessageState
    tries: int
    tried_since: datetime | None
    status: int | None
    cause: str | None
    ended_at: datetime | None

    def __repr__(self) -> str:
        return f"MessageRow({self.id}, {self.kind}, {self.state.value})"
