"""What did plugins ask for about a contract, how does it stand, and what can a person do about it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from svahub.explanation.values import Reader, TaskExplained
from svahub.store.states import Outcome, State
from svahub.waiting import commands_in

if TYPE_CHECKING:
    from svahub.areas.tasks import TaskView

STANDS = {
    State.DUE: "is due",
    State.WAITING: "waits",
    State.PENDING: "was accepted, and is asked after",
    State.PARKED: "waits for a person",
    State.QUARANTINED: "waits, as its integration is quarantined",
    State.MISSING_PLUGIN: "waits for its plugin",
}


def asked(task: TaskView, reader: Reader) -> TaskExplained:
    """Explain one task."""
    sentence = f"{task.id}, {task.kind} {task.name} at {task.integration}, {_stands(task, reader)}."
    return TaskExplained(
        task.id, task.integration, task.kind, task.name, task.state, task.outcome, task.due_at, sentence,
        commands_in(task.advice),
    )  # fmt: skip


def _stands(task: TaskView, reader: Reader) -> str:
    if task.state is State.SETTLED:
        return _ended(task, reader)
    cause = f": {task.cause}" if task.cause else ""
    again = f"; next at {reader.due(task.due_at)}" if task.due_at is not None and task.due_at > reader.now else ""
    advice = f"; {task.advice}" if task.advice else ""
    return f"{STANDS[task.state]}{cause}{again}{advice}"


def _ended(task: TaskView, reader: Reader) -> str:
    if task.outcome is Outcome.DISCARDED:
        return f"was let go at {reader.at(task.changed_at)}"
    known = f", and is known there as {task.remote_id}" if task.remote_id else ""
    return f"was done at {reader.at(task.changed_at)}{known}"
