"""Runs what is due by the clock: each schedule claimed by one process, however many look; a missed run runs once."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from threading import Event, Thread
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from svahub import claims, cron, discovery
from svahub.errors import Refused, SvahubError, UnknownName
from svahub.extension import Schedule
from svahub.masking import clean, mask_text
from svahub.owners import Owner, dead
from svahub.store import StoreUnavailable, schedules
from svahub.store.rows import TenantRow
from svahub.store.schedules import Claim, ScheduleRow
from svahub.store.states import RunOutcome

if TYPE_CHECKING:
    from svahub.hub import Hub

LOOK_SECONDS = 1.0
PREPARE_SECONDS = 60.0
"""So often it is seen to new tenants, new plugins and a clock that was set back."""
OWNED = timedelta(minutes=5)
AGAIN = timedelta(minutes=1)
"""A run whose process ended is repeated after so long."""
LONGEST = 2_000
"""So many characters of what a run tells are kept."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Installed:
    """One schedule that the core or a plugin brings; `problem` says why it cannot be run."""

    name: str
    distribution: str | None
    schedule: Schedule | None
    problem: str | None = None


def installed() -> dict[str, Installed]:
    """Return every schedule that is installed, by its name."""
    return {loaded.name: _installed(loaded) for loaded in discovery.load_all(discovery.SCHEDULES)}


def _installed(loaded: discovery.Loaded) -> Installed:
    if isinstance(loaded.plugin, Schedule):
        try:
            cron.checked(loaded.plugin.cron)
        except Refused as error:
            return Installed(loaded.name, loaded.distribution, None, str(error))
        return Installed(loaded.name, loaded.distribution, loaded.plugin)
    reason = loaded.reason or "it is no svahub.extension.Schedule"
    return Installed(loaded.name, loaded.distribution, None, reason)


@dataclass(frozen=True, slots=True)
class Ran:
    """How one run ended."""

    tenant: str
    name: str
    outcome: RunOutcome
    message: str


class Timekeeper:
    """Looks for schedules of some tenants (none named: of all) and runs them, one after another."""

    def __init__(self, hub: Hub, tenants: Collection[str] = ()) -> None:
        self._hub, self._only = hub, tenants
        self._owner = str(Owner.this_process())
        self._ended = Event()
        self._prepared_at = float("-inf")

    @cached_property
    def _installed(self) -> dict[str, Installed]:
        return installed()

    def stop(self) -> None:
        """Ask it to begin no further run; safe in a signal handler."""
        self._ended.set()

    def run_due(self) -> list[Ran]:
        """Run everything that is due, and return how each run ended."""
        tenants = {row.name: row for row in self._hub.tenants() if not self._only or row.name in self._only}
        self._prepare(tenants.values())
        ran = []
        while not self._ended.is_set() and (claimed := self._next(tenants)) is not None:
            ran.append(self._carry_out(*claimed))
        return ran

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look every second, in a thread of its own, until the block ends; the run that is under way ends first."""
        thread = Thread(target=self._look, name="svahub-timekeeper", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.stop()
            thread.join()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            try:
                self.run_due()
            except StoreUnavailable as error:
                log.warning("the schedules cannot be read: %s", mask_text(str(error)))
            except Exception:  # whatever it was, the next look may go well
                log.exception("the schedules could not be looked at")

    def run_now(self, tenant: TenantRow, name: str) -> Ran:
        """Run one schedule at once, due or not; Refused while it is run elsewhere."""
        found = self._installed.get(name)
        if found is None:
            raise UnknownName("schedule", name, self._installed, "All: svahub schedule list")
        if found.problem:
            raise Refused(f"The schedule {name!r} of {found.distribution} cannot be run: {found.problem}")
        self._see_to_rows([tenant])
        with self._hub.store.write() as connection:
            row = schedules.one(connection, tenant.name, name)
            assert row is not None  # it was just prepared
            if row.owner is not None:
                raise Refused(f"The schedule {name!r} is being run since {row.started_at:%Y-%m-%d %H:%M:%S} UTC.")
            claim = self._claim(connection)
            schedules.take(connection, row, claim, row.next_due_at)
        return self._carry_out(row, claim)

    def _claim(self, connection: Connection) -> Claim:
        now = self._hub.store.now(connection)
        return Claim(self._owner, now, now + OWNED)

    # -- claiming ------------------------------------------------------------------------------------------------------

    def _prepare(self, tenants: Collection[TenantRow]) -> None:
        """Take from the dead what they ran; now and then, see that every schedule has its row and a time to come."""
        with self._hub.store.read() as connection:
            now = self._hub.store.now(connection)
            gone = dead(schedules.owners(connection))
            lost = gone or schedules.forsaken(connection, now, now + 2 * OWNED)
        if lost:
            with self._hub.store.write() as connection:
                schedules.give_up(connection, gone, now, now + 2 * OWNED, now + AGAIN)
        if self._hub.clock.monotonic() - self._prepared_at >= PREPARE_SECONDS:
            self._see_to_rows(tenants)
            self._prepared_at = self._hub.clock.monotonic()

    def _see_to_rows(self, tenants: Collection[TenantRow]) -> None:
        with self._hub.store.read() as connection:
            now = self._hub.store.now(connection)
            there = {row.key: row for row in schedules.every(connection)}
        missing = [row for row in self._first_rows(tenants, now) if row.key not in there]
        late = list(_brought_back(tenants, there.values(), now))
        if missing or late:
            with self._hub.store.write() as connection:
                schedules.add_missing(connection, missing)
                for row, due in late:
                    schedules.change(connection, row, next_due_at=due)

    def _first_rows(self, tenants: Collection[TenantRow], now: datetime) -> Iterator[ScheduleRow]:
        for tenant in tenants:
            for one in self._installed.values():
                if one.schedule is not None:
                    yield first_row(tenant, one.name, one.schedule, now)

    def _next(self, tenants: Mapping[str, TenantRow]) -> tuple[ScheduleRow, Claim] | None:
        """Claim the schedule that is due longest, with when it is due next in its tenant's zone."""
        runnable = [one.name for one in self._installed.values() if one.schedule is not None]
        with self._hub.store.read() as connection:
            if not schedules.due(connection, tenants, runnable, self._hub.store.now(connection)):
                return None
        with self._hub.store.write() as connection:
            claim = self._claim(connection)
            row = schedules.due(connection, tenants, runnable, claim.now, lock=True)
            if row is not None:
                zone = ZoneInfo(tenants[row.tenant].zone)
                schedules.take(connection, row, claim, cron.next_due(row.cron, claim.now, zone))
        return (row, claim) if row is not None else None

    # -- running -------------------------------------------------------------------------------------------------------

    def _carry_out(self, row: ScheduleRow, claim: Claim) -> Ran:
        every = OWNED.total_seconds() / 5
        with claims.kept(lambda: self._renew(row), every, f"schedule {row.name}"):
            outcome, message = self._outcome(row)
        with self._hub.store.write() as connection:
            ended = Claim(claim.owner, self._hub.store.now(connection), claim.until)
            schedules.finish(connection, row, ended, outcome, message)
        level = logging.INFO if outcome is RunOutcome.SUCCEEDED else logging.ERROR
        log.log(level, "schedule %s of %s %s: %s", row.name, row.tenant, outcome.value, message)
        return Ran(row.tenant, row.name, outcome, message)

    def _outcome(self, row: ScheduleRow) -> tuple[RunOutcome, str]:
        schedule = self._installed[row.name].schedule
        assert schedule is not None  # only those that can be run are claimed
        try:
            office = self._hub.tenant(row.tenant, f"schedule:{row.name}")
            return RunOutcome.SUCCEEDED, _told(schedule.run(office))
        except SvahubError as error:
            return RunOutcome.FAILED, _told(error)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  # a plugin may raise anything, SystemExit too
            return RunOutcome.FAILED, f"it raised {type(error).__name__}"

    def _renew(self, row: ScheduleRow) -> None:
        with self._hub.store.write() as connection:
            schedules.renew(connection, row, self._claim(connection))


def first_row(tenant: TenantRow, name: str, schedule: Schedule, now: datetime) -> ScheduleRow:
    """Return the row of a schedule that a tenant has not had yet: enabled, first due after now."""
    due = cron.next_due(schedule.cron, now, ZoneInfo(tenant.zone))
    return ScheduleRow(tenant.name, name, schedule.cron, enabled=True, next_due_at=due)


def _brought_back(
    tenants: Iterable[TenantRow], rows: Iterable[ScheduleRow], now: datetime
) -> Iterator[tuple[ScheduleRow, datetime]]:
    """Return the schedules that are due sooner than they say: the clock was set back since, or the zone is another."""
    zones = {tenant.name: ZoneInfo(tenant.zone) for tenant in tenants}
    for row in rows:
        if row.tenant in zones and row.next_due_at > now:
            due = cron.next_due(row.cron, now, zones[row.tenant])
            if due < row.next_due_at:
                yield row, due


def _told(what: object) -> str:
    return clean(mask_text(str(what)))[:LONGEST]
