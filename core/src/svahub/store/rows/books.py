"""What was asked, tried, and happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from svahub.lifecycle import Step
from svahub.store.states import Certainty, EventKind, Outcome, Verb


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
    campaign_id: int | None = None


CUT_OFF = "the process that made it ended before the answer"
"""The cause of an attempt that nobody closed; its call may have been under way then."""


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
