"""Which steps and tasks wait for each other: nothing is added while nobody knows what was. Pure.

A step and a task of one contract may add the same thing: a licence, a charge. Each is looked up before it is repeated;
until that has told what the last call came to, the other would not see it and add it once more.

The call of a process that was killed may reach the provider after it. Whatever would contradict it waits until that is
over, or the call that was made first would be the last to be carried out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from svahub.decisions import Decision, View, wanted
from svahub.lifecycle import Step
from svahub.outcomes import ADDING, READING
from svahub.store.rows import AttemptRow, SubscriptionRow, TaskRow, applied_column
from svahub.store.states import Phase

MAY_BE_UNDER_WAY = "a call of a worker that was killed may be under way yet: what contradicts it waits until it is over"
WAITS_FOR_TASK = "nobody knows yet what a task of this contract came to: that is looked up first"


def step_in_turn(decision: Decision, tasks: Iterable[TaskRow]) -> Decision:
    """Return the decision; its row waits instead where a task of the contract is to be looked up first."""
    if decision.row is None or decision.step not in ADDING:
        return decision
    until = _latest((task.contract_id, task.due_at) for task in tasks if task.adds and task.uncertain_since is not None)
    at = until.get(decision.row.contract_id)
    if at is None:
        return decision
    waits = decision.row._replace(phase=Phase.WAITING, due_at=at, cause=WAITS_FOR_TASK)
    return Decision(updated=(*decision.updated, waits))


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The attempt of a process that ended before the answer, whose call may be under way `until` then."""

    attempt: AttemptRow
    until: datetime


def step_after_a_cut(view: View, decision: Decision, cut: UnderWay, now: datetime) -> Decision:
    """Return the decision; its row waits instead where the step contradicts a call that may be under way yet."""
    row, step, before = decision.row, decision.step, cut.attempt
    if row is None or now >= cut.until or step in READING:
        return decision
    if _is_once_more(view, row, step, before) or _was_looked_up(view, before):
        return decision
    waits = row._replace(phase=Phase.WAITING, due_at=cut.until, cause=MAY_BE_UNDER_WAY)
    return Decision(updated=(*decision.updated, waits))


def _is_once_more(view: View, row: SubscriptionRow, step: Step, before: AttemptRow) -> bool:
    """Whether a step asks for what the call before it asked for: it does not matter which of them comes last."""
    if step is not before.step or step not in ADDING:
        return step is before.step
    return (row.key, applied_column(wanted(view, row))) == (before.subscription_key, before.sent)


def _was_looked_up(view: View, before: AttemptRow) -> bool:
    """Whether a look has told what became of a creation, as the core believes looks; of a change no look tells all."""
    made = before.step is Step.CREATE_USER
    return made and all(row.uncertain_since is None for row in view.rows if row.key == before.subscription_key)


def tasks_in_turn(view: View, tasks: Iterable[TaskRow]) -> list[TaskRow]:
    """Return the tasks that are not to be begun before a step of their contract was looked up, due no earlier."""
    unsure = (row for row in view.rows if row.uncertain_since is not None and row.phase is not Phase.PARKED)
    until = _latest((row.contract_id, row.due_at) for row in unsure)
    new = (task for task in tasks if task.adds and task.uncertain_since is None and task.phase is not Phase.PENDING)
    return [_not_before(task, until[task.contract_id]) for task in new if task.contract_id in until]


def _latest(dues: Iterable[tuple[str | None, datetime | None]]) -> dict[str | None, datetime]:
    latest: dict[str | None, datetime] = {}
    for contract, at in dues:
        if contract is not None and at is not None:
            latest[contract] = max(at, latest.get(contract, at))
    return latest


def _not_before(task: TaskRow, at: datetime) -> TaskRow:
    return task._replace(due_at=max(at, task.due_at or at))
