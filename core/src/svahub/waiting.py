"""What a subscription waits for, as people see it: its own phase, or what stops its integration. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from svahub.store.rows import SubscriptionRow
from svahub.store.states import Phase, State

STUCK = frozenset({State.PARKED, State.QUARANTINED, State.MISSING_PLUGIN})
"""What is in these states waits for a person."""


class Stop(NamedTuple):
    """Why a step is not made now, until when and what to do about it, where that is known."""

    state: State
    cause: str | None
    until: datetime | None = None
    remedy: str | None = None


def state_of(row: SubscriptionRow, *, running: bool, stopped: Stop | None) -> Stop:
    """Return what a subscription waits for, and why: an integration that is stopped comes before its own phase."""
    if row.phase in {Phase.SETTLED, Phase.PARKED}:
        return Stop(State(row.phase.value), row.cause)
    if running:
        return Stop(State.RUNNING, row.cause, row.due_at)
    return stopped or Stop(State(row.phase.value), row.cause, row.due_at)


def commands_in(advice: str | None) -> tuple[str, ...]:
    """Return the commands that an advice names between backticks."""
    return tuple(re.findall(r"`([^`]*)`", advice or ""))
