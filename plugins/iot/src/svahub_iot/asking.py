"""What the core asks of Olli beyond the lifecycle: licences brought to what is wanted as a task, and what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from svahub import (
    FindsTasks,
    KeepsRecords,
    Observed,
    PerformsTasks,
    RemoteUser,
    Subscription,
    Task,
    TaskResult,
    Webhook,
    hookimpl,
)
from svahub.errors import Partial, Unsupported

from svahub_iot.licences import told
from svahub_iot.units import Status, planned

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from svahub.extension import Transaction

    from svahub_iot.licences import Levelling
    from svahub_iot.units import Unit

LEVEL = "licences.level"
"""The kind of task that brings the licences of an item to what is wanted of them: ends, creates, replaces."""


class Asks(PerformsTasks, FindsTasks, KeepsRecords):
    """One account at Olli, as the plugin's commands use it."""

    def levelling(self, key: str, subscription: str, kept: Iterable[Unit]) -> Levelling:
        """Return what levels the licences of a subscription."""
        raise NotImplementedError

    @hookimpl
    def perform(self, task: Task) -> TaskResult:
        """Bring the licences of an item to what is wanted of them now."""
        go = self._levelling(task)
        if go is None:
            return TaskResult(details={"licences": []})
        go.to_number(task.kept["wanted"])
        go.to_status(_status(task))
        if go.failed is None:
            return self._result(task, go)
        customer = task.account.remote_id if task.account else None
        if customer is None:  # to tell of a part, one has to name whose it is
            raise go.failed
        entry = told(go.roll, task.kept["subscription"], None, Observed.ACTIVE)
        raise Partial(RemoteUser(customer, Observed.ACTIVE, None, (entry,)), go.failed)

    @hookimpl
    def find_task(self, task: Task) -> TaskResult | None:
        """Return how the licences stand if they are as they are wanted; None: something is left to do."""
        go = self._levelling(task)
        if go is None:
            return TaskResult(details={"licences": []})
        is_left = planned(go.roll, task.kept["wanted"]) or go.differing(_status(task))
        return None if is_left else self._result(task, go)

    @hookimpl
    def recall(self, transaction: Transaction, subject: Subscription | Task | Webhook) -> Mapping[str, Any]:
        """Return what is known of the licences that a step or a task is about."""
        from svahub_iot import ledger

        return ledger.recall(transaction, subject)

    @hookimpl
    def recorded(self, transaction: Transaction, subject: Subscription | Task | Webhook, result: Any) -> None:
        """Write how each licence stands."""
        from svahub_iot import ledger

        ledger.recorded(transaction, subject, result)

    def _levelling(self, task: Task) -> Levelling | None:
        """Return what levels the licences that a task is about; None where nothing is left to be levelled."""
        if task.kind != LEVEL:
            raise Unsupported(f"this plugin knows no task of the kind {task.kind}")
        kept = task.kept
        if kept.get("subscription") is None:
            return None
        return self.levelling(task.payload["key"], kept["subscription"], kept["licences"])

    def _result(self, task: Task, go: Levelling) -> TaskResult:
        held = told(go.roll, task.kept["subscription"], None, Observed.ACTIVE)
        names = ("reference", "status", "id", "code", "cause")  # no description: a task's details may name nobody
        licences = [{name: licence[name] for name in names} for licence in held.details["licences"]]
        details = {"subscription": held.details["subscription"], "licences": licences}
        return TaskResult(details=details, subscriptions=(held,))


def _status(task: Task) -> Status:
    """Return what the licences that a task is about are to be."""
    return Status.BLOCKED if task.kept["blocked"] else Status.ACTIVE
