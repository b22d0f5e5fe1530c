"""Rows of schedules: claimed by one process each, however many look; given up by one that has ended."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select, update

from svahub.store.inserting import insert_into
from svahub.store.states import RunOutcome
from svahub.store.tables import schedules


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A tenant's schedule, who runs it now, and how its last run ended."""

    tenant: str
    name: str
    cron: str
    enabled: bool
    next_due_at: datetime
    owner: str | None = None
    owned_until: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: RunOutcome | None = None
    message: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What names it."""
        return self.tenant, self.name


@dataclass(frozen=True, slots=True)
class Claim:
    """Who takes a schedule, since when, and until when unless it is renewed."""

    owner: str
    now: datetime
    until: datetime


def add_missing(connection: Connection, rows: Collection[ScheduleRow]) -> None:
    """Keep the schedules that are not there yet."""
    if rows:
        values = [{c.name: getattr(row, c.name) for c in schedules.c} for row in rows]
        connection.execute(insert_into(connection, schedules).on_conflict_do_nothing(), values)


def of_tenant(connection: Connection, tenant: str) -> list[ScheduleRow]:
    """Return a tenant's schedules."""
    query = select(schedules).where(schedules.c.tenant == tenant).order_by(schedules.c.name)
    return [ScheduleRow(*row) for row in connection.execute(query)]


def one(connection: Connection, tenant: str, name: str) -> ScheduleRow | None:
    """Return one schedule, locked until the transaction ends."""
    row = connection.execute(select(schedules).where(*_named(tenant, name)).with_for_update()).first()
    return ScheduleRow(*row) if row else None


def every(connection: Connection) -> list[ScheduleRow]:
    """Return the schedules of all tenants, for those who run them all."""
    return [ScheduleRow(*row) for row in connection.execute(select(schedules))]


def due(
    connection: Connection, tenants: Collection[str], names: Collection[str], now: datetime, *, lock: bool = False
) -> ScheduleRow | None:
    """Return the schedule that is due longest and that nobody runs; with `lock`, no other process gets it too."""
    c = schedules.c
    query = select(schedules).where(c.enabled, c.owner.is_(None), c.next_due_at <= now)
    query = query.where(c.tenant.in_(list(tenants)), c.name.in_(names)).order_by(c.next_due_at).limit(1)
    row = connection.execute(query.with_for_update(skip_locked=True) if lock else query).first()
    return ScheduleRow(*row) if row else None


def take(connection: Connection, row: ScheduleRow, claim: Claim, next_due_at: datetime) -> None:
    """Write who runs a schedule from now on, and when it is due next: runs that were missed are run once."""
    values: dict[str, Any] = {"owner": claim.owner, "owned_until": claim.until, "started_at": claim.now}
    values |= {"ended_at": None, "outcome": RunOutcome.RUNNING, "message": None, "next_due_at": next_due_at}
    change(connection, row, **values)


def renew(connection: Connection, row: ScheduleRow, claim: Claim) -> None:
    """Lengthen a claim that is still the owner's."""
    mine = (*_named(*row.key), schedules.c.owner == claim.owner)
    connection.execute(update(schedules).where(*mine).values(owned_until=claim.until))


def finish(connection: Connection, row: ScheduleRow, claim: Claim, outcome: RunOutcome, message: str) -> bool:
    """Write how a run ended; False when the claim was lost meanwhile, and nothing is written."""
    mine = (*_named(*row.key), schedules.c.owner == claim.owner)
    ended = {"owner": None, "owned_until": None, "ended_at": claim.now, "outcome": outcome, "message": message}
    return connection.execute(update(schedules).where(*mine).values(ended)).rowcount == 1


def owners(connection: Connection) -> list[str]:
    """Return who runs schedules now."""
    query = select(schedules.c.owner).where(schedules.c.owner.is_not(None)).distinct()
    return [owner for owner in connection.execute(query).scalars() if owner is not None]


def forsaken(connection: Connection, now: datetime, longest: datetime) -> bool:
    """Say whether some claim was not renewed in time, or lasts longer than any does: the clock was set back."""
    return connection.execute(select(schedules.c.name).where(_lost((), now, longest)).limit(1)).first() is not None


def give_up(connection: Connection, dead: Collection[str], now: datetime, longest: datetime, again_at: datetime) -> int:
    """Make due at `again_at` what ended processes ran, or what nobody renewed; return how many those were."""
    values: dict[str, Any] = {"owner": None, "owned_until": None, "ended_at": now, "next_due_at": again_at}
    values |= {"outcome": RunOutcome.LOST, "message": "the process that ran it ended before it did"}
    return connection.execute(update(schedules).where(_lost(dead, now, longest)).values(values)).rowcount


def _lost(dead: Collection[str], now: datetime, longest: datetime) -> ColumnElement[bool]:
    c = schedules.c
    return c.owner.is_not(None) & or_(c.owner.in_(dead), c.owned_until <= now, c.owned_until > longest)


def change(connection: Connection, row: ScheduleRow, **values: Any) -> None:
    """Write some columns of a schedule."""
    connection.execute(update(schedules).where(*_named(*row.key)).values(values))


def _named(tenant: str, name: str) -> tuple[Any, Any]:
    return schedules.c.tenant == tenant, schedules.c.name == name
