"""What an explanation is made from, and what it is made of: frozen values, without sentences of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from svahub.clock import local
from svahub.debt_rule import Policy
from svahub.decisions import View, step_for
from svahub.lifecycle import Step
from svahub.models import BlockScope, Consent, Desired, Observed, Reason
from svahub.store.rows import (
    AttemptRow,
    ContractRow,
    DebtRow,
    ItemRow,
    LinkRow,
    OperationRow,
    PlanRow,
    ReasonRow,
    SubscriptionRow,
)
from svahub.store.states import Certainty, ContractStatus, Outcome, State
from svahub.waiting import Stop, state_of


class LinkKind(StrEnum):
    """What a link of the chain tells of, in the order of cause and effect."""

    DEBT = "debt"
    RULE = "rule"
    REASON = "reason"
    OPERATION = "operation"
    ATTEMPT = "attempt"
    EXCHANGE = "exchange"
    OBSERVED = "observed"


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom the sentences are: where their day begins, what time it is, and from which source the contract comes."""

    zone: tzinfo
    now: datetime
    origin: str | None = None

    def at(self, instant: datetime) -> str:
        """Write an instant."""
        return local(instant, self.zone)

    def due(self, instant: datetime) -> str:
        """Write an instant to come, and how far off it is."""
        return f"{self.at(instant)} (in {_span((instant - self.now).total_seconds())})"


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


@dataclass(frozen=True, slots=True)
class Provider:
    """Who serves a sale: its name for people, and what stands against calling it.

    `stop` holds for every process, `obstacle` for this one; `budget` is how often a step is tried.
    """

    title: str
    budget: int
    stop: Stop | None = None
    obstacle: str | None = None


class Return(NamedTuple):
    """When the store came back, and by which command: it no longer knew then what the providers had."""

    at: datetime
    command: str


@dataclass(frozen=True, slots=True)
class Sale:
    """One sold item with what the store knows of it: `view` is its account, and the books are as far as asked for.

    `unsure_call` may be older than they are: the one of which it is not known whether it was applied.
    """

    row: SubscriptionRow
    view: View
    provider: Provider
    plan: PlanRow | None = None
    operations: tuple[OperationRow, ...] = ()
    attempts: tuple[AttemptRow, ...] = ()
    exchanges: tuple[Mapping[str, Any], ...] = ()
    unsure_call: AttemptRow | None = None
    came_back: Return | None = None

    @property
    def stands(self) -> Stop:
        """What it waits for, if anything."""
        return state_of(self.row, running=self.open_attempt is not None, stopped=self.provider.stop)

    @property
    def open_attempt(self) -> AttemptRow | None:
        """The attempt that has not ended."""
        return next((attempt for attempt in reversed(self.attempts) if attempt.ended_at is None), None)

    def if_unsure(self, step: Step) -> Step:
        """Return what is decided once a step that adds may have been applied or not."""
        seen = Observed.ACTIVE if step is Step.CHANGE else Observed.UNKNOWN
        unsure = self.row._replace(observed=seen, uncertain_since=self.row.changed_at, handle=None, remote_id=None)
        return step_for(self.view, unsure._replace(desired=Desired.ACTIVE))

    @property
    def newest_operation(self) -> OperationRow | None:
        """The last that was asked."""
        return max(self.operations, key=lambda o: o.id, default=None)

    @property
    def whole_users(self) -> bool:
        """Whether its provider blocks whole users."""
        return self.view.facts.block_scope is BlockScope.ACCOUNT


class Exempt(NamedTuple):
    """Who said that a contract is not blocked for debt, and when."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Owing:
    """A contract's debts, the policy about them, and the day that it is where the ISP is."""

    today: date = date.min
    debts: tuple[DebtRow, ...] = ()
    policy: Policy | None = None
    exempt: Exempt | None = None

    @property
    def open(self) -> list[DebtRow]:
        """The debts that are not settled."""
        return [row for row in self.debts if row.settled_at is None]


@dataclass(frozen=True, slots=True)
class Case:
    """One item of a contract to explain; `sale` is None when it was never sold, `link` when nothing serves it."""

    contract: ContractRow
    item: ItemRow
    reasons: tuple[ReasonRow, ...] = ()
    link: LinkRow | None = None
    sale: Sale | None = None
    owing: Owing = Owing()


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the chain: a sentence, and the values that it tells."""

    kind: LinkKind
    sentence: str
    at: datetime | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Blocked:
    """One reason to block, and how it goes."""

    reason: Reason
    source: str
    since: datetime
    until: datetime | None
    whole_contract: bool
    sentence: str
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """The last attempt that did not succeed; `status` and `message` are what the provider answered."""

    at: datetime
    step: Step
    certainty: Certainty
    cause: str | None
    status: int | None
    message: str | None
    permits: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Prospect:
    """What happens next: `step`, at `at` if a time brings it on, as attempt `attempt` of `budget`.

    `waits_for` are contracts that come first, `commands` what a person can do to help, `blocks_on` the day on which
    the item is blocked unless its debts are paid.
    """

    sentence: str
    step: Step | None = None
    at: datetime | None = None
    attempt: int | None = None
    budget: int | None = None
    waits_for: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    blocks_on: date | None = None


@dataclass(frozen=True, slots=True)
class DebtExplained:
    """A debt, and the first day on which it blocks; None: it never does, as the sentence says."""

    integration: str
    reference: str
    since: date
    amount: Decimal
    blocks_on: date | None
    settled_at: datetime | None
    sentence: str


@dataclass(frozen=True, slots=True)
class TaskExplained:
    """What a plugin asked for about a contract, how it stands, and what a person can do about it."""

    id: int
    integration: str
    kind: str
    name: str
    state: State
    outcome: Outcome
    due_at: datetime | None
    sentence: str
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ItemExplained:
    """Why one item is as it is, and what comes next; what it was never sold for is None."""

    item_code: str
    product_code: str
    sentence: str
    blocked: tuple[Blocked, ...]
    failure: Failure | None
    next: Prospect
    remarks: tuple[str, ...]
    chain: tuple[Link, ...]
    sale: int | None = None
    sales: int = 0
    subscription_key: str | None = None
    integration: str | None = None
    provider: str | None = None
    plan: str | None = None
    quantity: int | None = None
    desired: Desired | None = None
    observed: Observed | None = None
    state: State | None = None
    generation: int | None = None
    remote_id: str | None = None
    consent: Consent | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a contract is as it is; `at` is when it was explained, `source` where it comes from (None: a file)."""

    contract_id: str
    customer_id: str
    status: ContractStatus
    zone: str
    at: datetime
    sentence: str
    erased_at: datetime | None
    items: tuple[ItemExplained, ...]
    debts: tuple[DebtExplained, ...] = ()
    tasks: tuple[TaskExplained, ...] = ()
    source: str | None = None
