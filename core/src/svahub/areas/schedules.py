"""What a tenant has done by the clock: showing it, and setting when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from svahub import cron
from svahub.areas.bench import Bench
from svahub.errors import Refused, UnknownName
from svahub.store import schedules
from svahub.store.rows import TenantRow
from svahub.store.schedules import ScheduleRow
from svahub.store.states import RunOutcome
from svahub.timekeeper import Installed, first_row, installed


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """A schedule and how its last run ended; `when` is its cron line in words, `problem` why it cannot be run."""

    name: str
    purpose: str | None
    cron: str
    when: str
    zone: str
    enabled: bool
    next_due_at: datetime | None
    running: bool
    last_started_at: datetime | None
    last_ended_at: datetime | None
    last_outcome: RunOutcome | None
    last_message: str | None
    distribution: str | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Schedules:
    """The schedules of one tenant."""

    bench: Bench
    tenant: TenantRow

    def list(self) -> Sequence[ScheduleView]:
        """Return every schedule that is installed, or was: the row of a plugin that is gone stays."""
        with self.bench.store.read() as connection:
            rows = {row.name: row for row in schedules.of_tenant(connection, self.tenant.name)}
            now = self.bench.store.now(connection)
        there = installed()
        fresh = {n: first_row(self.tenant, n, one.schedule, now) for n, one in there.items() if one.schedule}
        return [
            self._view(name, (fresh | rows).get(name), there.get(name)) for name in sorted(there.keys() | rows.keys())
        ]

    def show(self, name: str) -> ScheduleView:
        """Return one schedule; UnknownName when there is none of that name."""
        views = {view.name: view for view in self.list()}
        if name not in views:
            raise UnknownName("schedule", name, views, "All: svahub schedule list")
        return views[name]

    def _view(self, name: str, row: ScheduleRow | None, one: Installed | None) -> ScheduleView:
        schedule = one.schedule if one else None
        line = row.cron if row else ""
        problem = "missing: the package that brought it is not installed" if one is None else one.problem
        due = row.next_due_at if row and row.enabled and not problem else None
        return ScheduleView(
            name, schedule.purpose if schedule else None, line, cron.in_words(line) if line else "", self.tenant.zone,
            row.enabled if row else False, due, row is not None and row.owner is not None,
            row.started_at if row else None, row.ended_at if row else None, row.outcome if row else None,
            row.message if row else None, one.distribution if one else None, problem,
        )  # fmt: skip

    def set(self, name: str, line: str) -> ScheduleView:
        """Have a schedule run by another cron line, in the tenant's zone; Refused says what is wrong with it."""
        cron.checked(line)
        return self._change("set", name, cron=line)

    def enable(self, name: str) -> ScheduleView:
        """Have a schedule run again, from its next time on: what it missed meanwhile is not made up for."""
        return self._change("enable", name, enabled=True)

    def disable(self, name: str) -> ScheduleView:
        """Have a schedule not run by the clock."""
        return self._change("disable", name, enabled=False)

    def _change(self, verb: str, name: str, **values: Any) -> ScheduleView:
        self.show(name)
        with self.bench.writing(f"schedule {verb}", f"schedule {name}", **values) as connection:
            row = self._row(connection, name)
            line = values.get("cron", row.cron)
            due = cron.next_due(line, self.bench.store.now(connection), self.bench.zone)
            schedules.change(connection, row, next_due_at=due, **values)
        return self.show(name)

    def _row(self, connection: Connection, name: str) -> ScheduleRow:
        row = schedules.one(connection, self.tenant.name, name)
        if row is not None:
            return row
        found = installed()[name]
        if found.schedule is None:
            raise Refused(f"The schedule {name!r} of {found.distribution} cannot be run: {found.problem}")
        row = first_row(self.tenant, name, found.schedule, self.bench.store.now(connection))
        schedules.add_missing(connection, [row])
        return row
