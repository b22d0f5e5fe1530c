"""What is sent and received, as pydantic models: the API's OpenAPI document is made from them.

What is given out is what the commands show without personal data: customers by their id only.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Generic, Self, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from svahub.lifecycle import Step
from svahub.models import Desired, Environment, Observed, Reason
from svahub.store.states import Certainty, ContractStatus, Outcome, State, Verb

T = TypeVar("T")

LARGEST = 2**31 - 1
"""The largest number that the store knows."""
LONGEST_NOTE = 2000
LONGEST_WAIT = 5

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


def _as_whole(value: object) -> object:
    """Return a number without a fraction as what it is: JSON makes no difference between 3 and 3.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Seconds = Annotated[int, Field(ge=0, le=LONGEST_WAIT), BeforeValidator(_as_whole)]
Quantity = Annotated[int, Field(ge=1, le=LARGEST), BeforeValidator(_as_whole)]


class Given(BaseModel):
    """What is given out, read from the values that the areas return."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Asked(BaseModel):
    """What a client sends: nothing that is not known, nothing of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Page(Given, Generic[T]):
    """Some of a list; `next` is the cursor of the page that follows, null after the last."""

    items: list[T]
    next: str | None = None


class Wrong(Given):
    """What is wrong with one field of a request; what was sent is not repeated."""

    field: str
    message: str


class ProblemDocument(Given):
    """A problem (RFC 9457): `type` is for programs, `detail` for people."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Wrong]


# -- what is given out -------------------------------------------------------------------------------------------------


class BlockReason(Given):
    """Why something is blocked, who says so, and until when, null until that source takes it back."""

    reason: Reason
    source: str
    until: datetime | None


class Subscription(Given):
    """One sold item at one integration; `price` in BRL, `due_at` is when its next step may run."""

    key: str
    contract_id: str
    item_code: str
    sale: int
    product_type: str
    integration: str
    plan: str | None
    quantity: int
    price: Decimal | None
    desired: Desired
    observed: Observed
    block_reasons: list[BlockReason]
    remote_id: str | None
    state: State
    cause: str | None
    advice: str | None
    due_at: datetime | None
    generation: int


class Item(Given):
    """One item of a contract; `sales` counts how often it was sold."""

    code: str
    product_code: str
    plan: str | None
    integration: str | None
    quantity: int
    price: Decimal | None
    removed: bool
    sales: int


class ContractLine(Given):
    """A contract in a list."""

    contract_id: str = Field(validation_alias=AliasChoices("contract_id", "id"))
    customer_id: str
    status: ContractStatus
    due_day: int | None
    price: Decimal | None
    changed_at: datetime


class Contract(ContractLine):
    """A contract with its items, what was sold of them, and what blocks it."""

    block_reasons: list[BlockReason]
    items: list[Item]
    subscriptions: list[Subscription]


class Operation(Given):
    """One intention, and how it stands."""

    id: int
    contract_id: str
    item_code: str
    integration: str
    verb: Verb
    outcome: Outcome
    actor: str
    reason: str | None
    note: str | None
    superseded_by: int | None
    cause: str | None
    advice: str | None
    created_at: datetime
    ended_at: datetime | None


class Attempt(Given):
    """One try of a step at the provider; `certainty` is null while it is under way."""

    step: Step
    started_at: datetime
    ended_at: datetime | None
    certainty: Certainty | None
    cause: str | None


class OperationWhole(Given):
    """An operation, its subscription as it is now, and the attempts made for it."""

    operation: Operation
    subscription: Subscription
    attempts: list[Attempt]


class Plan(Given):
    """A plan of a provider's catalogue; one that is no longer offered has `retired_at`."""

    integration: str
    remote_id: str
    name: str
    description: str
    price: Decimal | None
    version: int
    retired_at: datetime | None
    synced_at: datetime


class Integration(Given):
    """A configured account at a provider; its settings and secrets are not told."""

    name: str
    provider: str
    title: str | None
    environment: Environment
    status: str
    cause: str | None
    live_subscriptions: int
    paused_until: datetime | None
    created_at: datetime


class Carried(Given):
    """What a verb made: operations, the contract's subscriptions that it was about, and what is left to say.

    `repeated` says that the idempotency key was known: then nothing new was asked.
    """

    operations: list[Operation]
    subscriptions: list[Subscription]
    remarks: list[str]
    repeated: bool


class ContractPage(Page[ContractLine]):
    """Contracts by their id."""


class SubscriptionPage(Page[Subscription]):
    """Subscriptions by contract, item and sale."""


class OperationPage(Page[Operation]):
    """Operations, the oldest first."""


class PlanPage(Page[Plan]):
    """Plans by integration and remote id."""


class IntegrationPage(Page[Integration]):
    """Integrations by name."""


# -- what is asked -----------------------------------------------------------------------------------------------------


class VerbBody(Asked):
    """What every verb takes."""

    item: Name | None = Field(None, description="Only this item of the contract.")
    note: str | None = Field(
        None, max_length=LONGEST_NOTE, description="Kept with the operation; write no personal data."
    )
    wait: Seconds = Field(0, description="Seconds to wait for the providers; the answer may come sooner.")


class Activate(VerbBody):
    """What to sell and activate."""


class Block(VerbBody):
    """What to block, and why."""

    reason: Reason | None = Field(None, description="`staff`, unless it is named.")
    until: date | None = Field(None, description="The block ends by itself at the start of that day.")


class Unblock(VerbBody):
    """Which reason to take away."""

    reason: Reason | None = Field(None, description="The only one there is, unless it is named.")
    admin: bool = Field(False, description="Take away fraud and legal that others set, too: for admin keys.")


class Cancel(VerbBody):
    """What to end for good."""


class Change(VerbBody):
    """What an item is to be: its plan, its quantity, or both."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["plan"], "properties": {"plan": {"type": "string"}}},
                {"required": ["quantity"], "properties": {"quantity": {"type": "integer"}}},
            ]
        }
    )

    plan: Name | None = Field(None, description="The plan's remote id.")
    quantity: Quantity | None = Field(None, description="How many of it.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.plan is None and self.quantity is None:
            raise ValueError("say what to change: plan or quantity")
        return self
