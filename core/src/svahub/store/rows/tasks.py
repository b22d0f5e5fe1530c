"""What plugins asked for beside the lifecycle, and every try."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from svahub.store.states import Certainty, Outcome, Phase, TaskStep


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
