"""When a provider that answers nobody is left alone, and how it is probed until it answers.

Failures in a row are counted in the threads that call. Once there are too many, the store says so for all workers, and
one call at a time is let out, at growing intervals. What fails meanwhile was nobody's try: an outage, however long,
uses up no budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

from svahub import errors
from svahub.masking import mask_text
from svahub.store import breakers
from svahub.store.rows import BreakerRow
from svahub.telling import of_answers, of_silent

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from svahub.fleet import Held
    from svahub.opening import Opened
    from svahub.settings import IntegrationSettings
    from svahub.store.journal import Event
    from svahub.store.queue import Lane

AFTER_PROBE = timedelta(seconds=1)
"""So much later than the next probe is due what was probed last: each probe is somebody else's, if anybody waits."""


class Asked(Protocol):
    """What was asked of a provider under a lease or a claim."""

    @property
    def lane(self) -> Lane:
        """Of whose provider."""

    @property
    def opened(self) -> Opened:
        """How it is called."""

    @property
    def held(self) -> Held:
        """Under which conditions."""


def answers(result: object) -> bool | None:
    """Say whether a result shows that the provider answers; None when it shows nothing of that."""
    match result:
        case errors.NotSent() | errors.PluginBug():
            return None
        case errors.Unreachable() | errors.Maintenance() | errors.OutcomeUnknown():
            return False
    return True


@dataclass(slots=True)
class Noted:
    """What is to be told of providers, and until when those are left alone that answer nobody."""

    told: list[tuple[str, Event]] = field(default_factory=list)
    until: dict[Lane, datetime] = field(default_factory=dict)


@dataclass(slots=True)
class _Heard:
    """What results of one integration show in the end."""

    settings: IntegrationSettings
    answers: bool | None = None
    cause: str = ""
    probed: bool = False

    def add(self, asked: Asked, result: object) -> None:
        verdict = answers(result) if asked.held.calls else None
        self.probed = self.probed or asked.held.probe
        if verdict is not None:
            self.answers, self.cause = verdict, mask_text(str(result)) if verdict is False else ""


class Breakers:
    """Which providers answer nobody: as the store says, and as the calls of this process have found out since."""

    def __init__(self) -> None:
        self._rows: Mapping[Lane, BreakerRow] = {}
        self._failures: dict[Lane, int] = {}
        self._tripped: set[Lane] = set()
        self._noted: set[Lane] = set()

    # -- in the threads of calls ---------------------------------------------------------------------------------------

    def heed(self, lane: Lane, result: object, most: int) -> None:
        """Count failures in a row; after so many as `most`, nothing is let out any more."""
        verdict = answers(result)
        if verdict:
            self._answered(lane)
        elif verdict is False:
            self._failures[lane] = self._failures.get(lane, 0) + 1
            if self._failures[lane] >= most:
                self._tripped.add(lane)

    def _answered(self, lane: Lane) -> None:
        self._failures.pop(lane, None)
        self._tripped.discard(lane)

    def hold_back(self, lane: Lane) -> bool:
        """Say whether only a probe may be sent."""
        return lane in self._tripped or self._opened(lane) is not None

    def _opened(self, lane: Lane) -> BreakerRow | None:
        row = self._rows.get(lane)
        return row if row is not None and row.opened else None

    # -- leasing -------------------------------------------------------------------------------------------------------

    def know(self, rows: Mapping[Lane, BreakerRow]) -> None:
        """Take what the store says; where a provider answers again, it does not matter who has found that out.

        What this process has noted and the store does not say has been answered by another, before this one saw it.
        """
        silent = {lane for lane, row in rows.items() if row.opened}
        for lane in (self._rows.keys() - rows.keys()) | (self._noted - silent):
            self._answered(lane)
        self._noted.clear()
        for lane, row in rows.items():
            self._failures[lane] = max(row.failures, self._failures.get(lane, 0))
        self._rows = rows

    def may_be_called(self, lane: Lane, now: datetime) -> bool:
        """Say whether a provider answers, or may be probed now."""
        row = self._opened(lane)
        return row.probe_at <= now if row is not None else lane not in self._tripped

    def silent(self, lanes: Iterable[Lane]) -> list[Lane]:
        """Return those of which only a probe may be leased."""
        return [lane for lane in lanes if self._opened(lane) is not None]

    # -- writing -------------------------------------------------------------------------------------------------------

    def note(
        self, connection: Connection, ended: Iterable[tuple[Asked, Any]], now: datetime, draw: Callable[[], float]
    ) -> Noted:
        """Keep what results show of whether providers answer, in one order for all workers."""
        opened = {lane: row for lane, row in self._rows.items() if row.opened}
        noted = Noted(until={lane: max(now, row.probe_at) + AFTER_PROBE for lane, row in opened.items()})
        heard: dict[Lane, _Heard] = {}
        for asked, result in ended:
            heard.setdefault(asked.lane, _Heard(asked.opened.settings)).add(asked, result)
        for lane in sorted(heard, key=attrgetter("tenant", "integration")):
            if heard[lane].answers:
                self._close(connection, lane, noted)
            elif (row := self._after(lane, heard[lane], now, draw)) is not None:
                self._keep(connection, lane, row, noted)
        self._noted |= self._tripped & heard.keys()
        return noted

    def _close(self, connection: Connection, lane: Lane, noted: Noted) -> None:
        known = self._rows.get(lane)
        noted.until.pop(lane, None)
        if known is not None and breakers.forget(connection, lane) and known.opened:
            noted.told.append((lane.tenant, of_answers(known, "a call")))

    def _keep(self, connection: Connection, lane: Lane, row: BreakerRow, noted: Noted) -> None:
        if row.opened:
            noted.until[lane] = row.probe_at + AFTER_PROBE
        if self._opened(lane) is not None:
            breakers.change(connection, row)
        elif breakers.put(connection, row) and row.opened:
            noted.told.append((lane.tenant, of_silent(row)))

    def _after(self, lane: Lane, heard: _Heard, now: datetime, draw: Callable[[], float]) -> BreakerRow | None:
        """Return how it stands now where a provider has not answered; None where that has not changed."""
        opened = self._opened(lane)
        if opened is not None:
            return _after_probe(opened, heard, now, draw) if heard.probed else None
        if heard.answers is None:
            return None
        row = self._rows.get(lane) or BreakerRow(lane.tenant, lane.integration, now, heard.cause)
        row = row._replace(cause=heard.cause, failures=self._failures.get(lane, 0), probe_at=now)
        if lane not in self._tripped:
            return row
        return row._replace(opened=True, probe_at=now + _wait(heard.settings, 0, draw))


def _after_probe(row: BreakerRow, heard: _Heard, now: datetime, draw: Callable[[], float]) -> BreakerRow:
    if heard.answers is None:  # it needed no call, or could not be sent: another one probes
        return row._replace(probe_at=now, probing=False)
    wait = _wait(heard.settings, row.probes + 1, draw)
    return row._replace(cause=heard.cause, probes=row.probes + 1, probe_at=now + wait, probing=False)


def _wait(settings: IntegrationSettings, probes: int, draw: Callable[[], float]) -> timedelta:
    """Draw how long a provider is left alone: exponential with full jitter."""
    ceiling = min(settings.probe_cap, settings.probe_base * 2.0 ** min(probes, 30))
    return timedelta(seconds=draw() * ceiling)
