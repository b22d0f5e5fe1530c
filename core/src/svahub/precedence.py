"""Which steps and tasks of one contract wait for each other: nothing is added while nobody knows what was. Pure.

A step and a task may add the same thing: a licence, a charge. Each is looked up before it is repeated; until that has
told what the last call came to, the other would not see it and add it once more.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from svahub.decisions import Decision, View
from svahub.outcomes import ADDING
from svahub.store.rows import TaskRow
from svahub.store.states import Phase

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
