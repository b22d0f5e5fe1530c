"""Waiting for tasks that a command asked for, and with which exit code it ends after that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from svahub.cli.exits import ExitCode
from svahub.cli.progress import bar
from svahub.store.states import Outcome, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from svahub.areas.tasks import TaskView
    from svahub.hub import TenantHub

PAGE = 100


def settled(office: TenantHub, tasks: Sequence[int], timeout: float, label: str) -> list[TaskView]:
    """Work on tasks until they have ended or for `timeout` seconds, and return them as they then are."""
    left = office.hub.clock.monotonic() + timeout
    done: list[TaskView] = []
    with bar(label, len(tasks)) as told:
        for start in range(0, len(tasks), PAGE):
            page = tasks[start : start + PAGE]
            done += office.tasks.settle(page, timeout=max(0.0, left - office.hub.clock.monotonic()))
            told(len(page))
    return done


def ended(tasks: Sequence[TaskView], *, waits: bool = True) -> ExitCode:
    """Return the exit code: a person is needed, or it still waits, or it was reached."""
    if any(task.state in {State.PARKED, State.QUARANTINED, State.MISSING_PLUGIN} for task in tasks):
        return ExitCode.NEEDS_PERSON
    waiting = any(task.outcome is Outcome.QUEUED for task in tasks)
    return ExitCode.WAITING if waiting and waits else ExitCode.REACHED
