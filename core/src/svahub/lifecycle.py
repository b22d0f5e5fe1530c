"""Which step leads from what is observed to what is desired: one pure table, first match wins. No I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from svahub.models import Desired, Observed

GONE = frozenset({Observed.ABSENT, Observed.CANCELLED})
"""What a provider no longer, or not yet, has."""


class Step(StrEnum):
    """What converge does next for one subscription."""

    FIND = "find"
    CREATE_USER = "create_user"
    BLOCK = "block"
    UNBLOCK = "unblock"
    CHANGE = "change"
    CANCEL = "cancel"
    POLL = "poll"
    NOTHING = "nothing"
    PARK_DRIFT = "park_drift"


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the next step depends on.

    `uncertain`: the last step added something (a user, a plan, a quantity) and its outcome is not known.
    `differs`: what was applied is not what is wanted now, in an aspect that the provider can change.
    """

    desired: Desired
    observed: Observed
    has_remote_id: bool
    uncertain: bool = False
    differs: bool = False


def next_step(now: Situation) -> Step:
    """Return the step that brings the provider nearer to what is desired."""
    if now.uncertain and now.observed is Observed.UNKNOWN and not now.has_remote_id:
        return Step.FIND
    match now.desired:
        case Desired.CANCELLED:
            return Step.NOTHING if now.observed in GONE else Step.CANCEL
        case Desired.BLOCKED:
            return Step.BLOCK if now.observed in {Observed.ACTIVE, Observed.UNKNOWN} else Step.NOTHING
        case Desired.ACTIVE:
            return _toward_active(now)


def _toward_active(now: Situation) -> Step:
    match now.observed:
        case Observed.ABSENT:
            return Step.CREATE_USER
        case Observed.BLOCKED | Observed.UNKNOWN:
            return Step.UNBLOCK
        case Observed.CANCELLED:
            return Step.PARK_DRIFT
        case Observed.ACTIVE if now.uncertain:
            return Step.FIND
        case Observed.ACTIVE if now.differs:
            return Step.CHANGE
        case Observed.ACTIVE:
            return Step.NOTHING
