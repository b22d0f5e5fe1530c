"""Licences as units of a subscription: what is known of each, which are to leave and which to come. Pure.

A unit's reference is the subscription's key and a number: `key:2`, or `key:d2` where it was asked for with a device.
What our own table says of a call that just succeeded is believed over a listing, which may lag behind it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import count, islice

GONE = "ended at the provider"
NO_LONGER_WANTED = "no longer wanted"
NEVER = datetime.max.replace(tzinfo=UTC)


class Status(StrEnum):
    """How a licence stands; PENDING: it is wanted and not there yet, or not set up yet."""

    ACTIVE = "A"
    INACTIVE = "I"
    BLOCKED = "B"
    PENDING = "P"


@dataclass(frozen=True, slots=True)
class Unit:
    """One licence: `id` and `code` are Olli's, `leaving` says that somebody wants it gone, `cause` why it is not there.

    `made_at` is when it was first seen there, `changed_at` when our own table last heard of it.
    """

    reference: str
    status: Status = Status.PENDING
    id: str | None = None
    code: str | None = None
    device: str | None = None
    description: str | None = field(default=None, repr=False)
    leaving: bool = False
    cause: str | None = None
    made_at: datetime | None = None
    changed_at: datetime | None = None

    @property
    def live(self) -> bool:
        """Whether the provider has it."""
        return self.id is not None and self.status is not Status.INACTIVE

    @property
    def awaited(self) -> bool:
        """Whether it is wanted and not there yet."""
        return self.id is None and self.status is Status.PENDING and not self.leaving

    def ended(self, cause: str | None = None) -> Unit:
        """Return it as one that is no more."""
        return replace(self, status=Status.INACTIVE, cause=cause)


@dataclass(frozen=True, slots=True)
class Roll:
    """All that is known of the licences of one subscription, by reference; ended ones too.

    `twice` are the ids of licences that bear the reference of another one: never made by a rule that holds.
    """

    key: str
    units: Mapping[str, Unit]
    twice: tuple[str, ...] = ()

    @classmethod
    def of(cls, key: str, listed: Iterable[Unit], kept: Iterable[Unit], settled: datetime) -> Roll:
        """Return what a listing and our own table tell together; what the table heard before `settled` is no news."""
        known = {unit.reference: unit for unit in kept}
        there: dict[str, list[Unit]] = defaultdict(list)
        for unit in listed:
            if unit.reference.startswith(f"{key}:"):
                there[unit.reference].append(unit)
        merged = {reference: _merged(there[reference], known.get(reference), settled) for reference in known | there}
        chosen = {unit.id for unit in merged.values()}
        twice = (unit for units in there.values() for unit in units if unit.live and unit.id not in chosen)
        return cls(key, merged, tuple(str(unit.id) for unit in twice))

    @property
    def live(self) -> list[Unit]:
        """What the provider has, the oldest first."""
        return sorted((unit for unit in self.units.values() if unit.live), key=_age)

    def put(self, unit: Unit) -> Roll:
        """Return the roll with a unit as it now is."""
        return replace(self, units={**self.units, unit.reference: unit})

    def new(self) -> Iterable[Unit]:
        """Yield units that were never there, without end."""
        taken = {reference.removeprefix(f"{self.key}:") for reference in self.units}
        return (Unit(f"{self.key}:{number}") for number in count(1) if str(number) not in taken)


def _merged(listed: Sequence[Unit], kept: Unit | None, settled: datetime) -> Unit:
    if kept is None:
        return next((unit for unit in listed if unit.live), listed[0])
    if kept.id is not None and kept.changed_at is not None and kept.changed_at > settled:
        return kept
    if listed:
        return _known_as(min(listed, key=lambda unit: (not unit.live, unit.id != kept.id)), kept)
    return kept.ended(GONE) if kept.live else kept


def _known_as(listed: Unit, kept: Unit) -> Unit:
    """Return what was listed, with what only our own table tells of it; a new word tells nothing of its level."""
    untold = listed.status is Status.PENDING and kept.live
    return replace(
        listed,
        status=kept.status if untold else listed.status,
        device=kept.device,
        description=kept.description,
        leaving=kept.leaving,
        made_at=kept.made_at,
        changed_at=kept.changed_at,
    )


def _age(unit: Unit) -> tuple[datetime, int, str]:
    return unit.made_at or NEVER, len(unit.reference), unit.reference


@dataclass(frozen=True, slots=True)
class Plan:
    """What brings a roll to a number of licences: what is to be ended, created, and not awaited any more."""

    leaving: tuple[Unit, ...]
    coming: tuple[Unit, ...]
    dropped: tuple[Unit, ...]
    twice: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.leaving or self.coming or self.twice)


def planned(roll: Roll, wanted: int) -> Plan:
    """Return how `wanted` licences are reached: those that were named leave, then the newest; those asked for come."""
    staying = [unit for unit in roll.live if not unit.leaving]
    named = [unit for unit in roll.live if unit.leaving]
    awaited = sorted((unit for unit in roll.units.values() if unit.awaited), key=_age)
    missing = max(0, wanted - len(staying))
    asked_for = awaited[:missing]
    new = islice(roll.new(), missing - len(asked_for))
    return Plan((*named, *reversed(staying[wanted:])), (*asked_for, *new), tuple(awaited[missing:]), roll.twice)
