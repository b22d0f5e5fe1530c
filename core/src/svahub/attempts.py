"""What a worker does under one lease: one step of a subscription, or one try of a task. Each is one attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from svahub.decisions import Decision, View
from svahub.errors import ProviderError
from svahub.models import BlockReason, Customer, Subscription, Task
from svahub.steps import carry_out
from svahub.store.states import TaskStep

if TYPE_CHECKING:
    from svahub.endings import Result as StepResult
    from svahub.endings import Rules
    from svahub.fleet import Held
    from svahub.opening import Opened
    from svahub.relay import Relay
    from svahub.store.queue import Lane
    from svahub.store.rows import SubscriptionRow, TaskRow
    from svahub.taskwork import Result as TaskResult


@dataclass(frozen=True, slots=True)
class _Leased:
    view: View
    opened: Opened
    rules: Rules
    held: Held

    @property
    def relay(self) -> Relay:
        """What makes the call."""
        return self.opened.relay

    @property
    def attempt(self) -> tuple[str, int]:
        """What the attempt is known by: its account and the number of the lease."""
        return self.view.account.key, self.view.account.lease_number

    @property
    def lane(self) -> Lane:
        """The integration that is called."""
        return self.opened.lane


@dataclass(frozen=True, slots=True)
class Work(_Leased):
    """One step of one subscription."""

    decision: Decision
    subscription: Subscription
    reasons: frozenset[BlockReason]
    broken: ProviderError | None = None

    @property
    def row(self) -> SubscriptionRow:
        """The subscription that the step is for."""
        assert self.decision.row is not None
        return self.decision.row

    @property
    def priority(self) -> int:
        """How urgent it is."""
        return self.row.priority

    @property
    def customer(self) -> Customer | None:
        """Whom it is about."""
        return self.subscription.account.customer

    def carried_out(self) -> StepResult:
        """Call the provider once, as the step says, unless its plugin could not tell what that needs."""
        if self.broken is not None:
            return self.broken
        return carry_out(self.relay, self.decision, self.subscription, self.reasons)


@dataclass(frozen=True, slots=True)
class TaskWork(_Leased):
    """One try of one task: what is to be done, or looked up."""

    row: TaskRow
    step: TaskStep
    task: Task

    @property
    def priority(self) -> int:
        """How urgent it is."""
        return self.row.priority

    @property
    def customer(self) -> Customer | None:
        """Whom it is about."""
        return self.task.account.customer if self.task.account else None

    def carried_out(self) -> TaskResult:
        """Call the provider, as the step says."""
        try:
            return self.relay.find_task(self.task) if self.step is TaskStep.FIND else self.relay.perform(self.task)
        except ProviderError as error:
            return error


Undertaken = Work | TaskWork
"""Whatever is done under a lease."""
