"""Pulls sources as often as their settings say, each by one process however many look, and tells them what happened.

A source is claimed by one process. Whoever is killed while it pulls leaves it claimed: it is pulled again, from where
it was.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, NamedTuple

from svahub.areas.sources import OWNED
from svahub.crew import Crew
from svahub.errors import Refused, SvahubError
from svahub.masking import mask_text
from svahub.owners import Owner, dead
from svahub.reporting import Reporter
from svahub.rounds import Rounds
from svahub.store import sources
from svahub.store.sources import Claim, SourceRow
from svahub.store.states import RunOutcome

if TYPE_CHECKING:
    from svahub.hub import Hub

GATHER_SECONDS = 0.05
SWEEP_SECONDS = 1.0
THREADS = 4
LEFT = "svahub stopped: the next pull goes on"

log = logging.getLogger(__name__)

Claimed = tuple[SourceRow, Claim]


class Ended(NamedTuple):
    """How a pull ended."""

    tenant: str
    source: str
    outcome: RunOutcome
    message: str


class Watching(Rounds):
    """Pulls the sources of some tenants (none named: of all), and tells them; with `once`, each at most once.

    `heed` hears of each pull that has ended. To be closed.
    """

    what = "sources"

    def __init__(
        self,
        hub: Hub,
        tenants: Collection[str] = (),
        *,
        once: bool = False,
        heed: Callable[[Ended], None] = lambda _ended: None,
    ) -> None:
        super().__init__(hub.clock)
        self._heed = heed
        self._hub, self._store, self._tenants, self._once = hub, hub.store, tenants, once
        self._reporter = Reporter(hub, tenants)
        self._crew: Crew[Claimed, Ended] = Crew(THREADS, self._pull)
        self._running: dict[tuple[str, str], Claimed] = {}
        self._pulled: set[tuple[str, str]] = set()
        self._owner = str(Owner.this_process())
        self._swept = float("-inf")

    def turn(self) -> int:
        """Do one round: sweep, tell, begin to pull what is due, see what has ended; return how much was taken up."""
        self._sweep()
        done = self._reporter.tell() + self._take()
        self._collect()
        return done

    def is_busy(self) -> bool:
        """Say whether a source is being pulled here."""
        return bool(self._running)

    def nothing_left(self) -> bool:
        """Say whether nothing is due now and no other process pulls anything."""
        with self._store.read() as connection:
            now = self._store.now(connection)
            others = sources.are_pulled_by_others(connection, self._owner, self._tenants)
            due = self._among(sources.due(connection, self._tenants, now))
            return not others and not due and self._reporter.nothing_left(connection, now)

    def close(self) -> None:
        """End what is under way at its next batch: another pull goes on from there."""
        try:
            self.stop()
            while self._running:
                self._collect()
        finally:
            self._crew.dismiss()
            self._reporter.close()

    def _sweep(self) -> None:
        monotonic = self._clock.monotonic()
        if monotonic - self._swept < SWEEP_SECONDS:
            return
        self._swept = monotonic
        with self._store.read() as connection:
            now = self._store.now(connection)
            gone = dead(sources.owners(connection))
            lost = gone or sources.forsaken(connection, now, now + 2 * OWNED)
        if lost:
            with self._store.write() as connection:
                sources.give_up(connection, gone, now, now + 2 * OWNED)

    def _take(self) -> int:
        room = THREADS - len(self._running)
        if room <= 0 or not self._is_any_due():
            return 0
        with self._store.write() as connection:
            now = self._store.now(connection)
            claim = Claim(self._owner, now, now + OWNED)
            rows = self._among(sources.due(connection, self._tenants, now, lock=True))[:room]
            for row in rows:
                sources.take(connection, row, claim)
        for row in rows:
            self._begin((row, claim))
        return len(rows)

    def _is_any_due(self) -> bool:
        with self._store.read() as connection:
            return bool(self._among(sources.due(connection, self._tenants, self._store.now(connection))))

    def _among(self, rows: list[SourceRow]) -> list[SourceRow]:
        return [row for row in rows if not self._once or (row.tenant, row.name) not in self._pulled]

    def _begin(self, claimed: Claimed) -> None:
        row, _ = claimed
        self._pulled.add((row.tenant, row.name))
        self._running[row.tenant, row.name] = claimed
        self._crew.begin(claimed)

    def _pull(self, claimed: Claimed) -> Ended:
        """Pull a source and say how that went; runs in a thread of the crew."""
        row, claim = claimed
        try:
            office = self._hub.tenant(row.tenant, f"source:{row.name}")
            pulled = office.sources.pull_claimed(row, claim, progress=self._go_on_only_if_asked)
        except SvahubError as error:
            return Ended(row.tenant, row.name, RunOutcome.FAILED, mask_text(str(error)))
        except BaseException as error:  # noqa: BLE001  # a thread must bring something back, whatever happens
            return Ended(row.tenant, row.name, RunOutcome.FAILED, f"it raised {type(error).__name__}")
        return Ended(row.tenant, row.name, RunOutcome.SUCCEEDED, str(pulled))

    def _go_on_only_if_asked(self, _read: int) -> None:
        if self._stopping.is_set():
            raise Refused(LEFT)

    def _collect(self) -> None:
        for (row, _), ended in self._crew.ended(GATHER_SECONDS if self._running else 0.0):
            self._running.pop((row.tenant, row.name), None)
            level = logging.INFO if ended.outcome is RunOutcome.SUCCEEDED else logging.WARNING
            log.log(level, "source %s of %s %s: %s", ended.source, ended.tenant, ended.outcome.value, ended.message)
            self._heed(ended)
