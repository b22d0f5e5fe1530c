"""Bringing one campaign to its end in this process: what `work` does, for what this campaign has asked and no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from svahub.areas.campaign_reports import CampaignReports
from svahub.campaigning.feeding import PACE
from svahub.store import campaigns
from svahub.store.states import CampaignState, State

if TYPE_CHECKING:
    from svahub.campaigning.rounds import Campaigning
    from svahub.converge import Converge
    from svahub.hub import TenantHub

REST_SECONDS = 0.1
TELL_SECONDS = 0.5
HOPELESS = frozenset({State.QUARANTINED, State.MISSING_PLUGIN})


class Following:
    """One campaign that is fed and driven until nothing is left that waiting for brings about."""

    def __init__(self, office: TenantHub, campaign: int, progress: Callable[[int], None] = lambda _done: None) -> None:
        self._office, self._id, self._progress = office, campaign, progress
        self._store, self._clock = office.hub.store, office.hub.clock
        self._stopping = False
        self._accounts: Sequence[str] = ()
        self._taken = 0
        self._told, self._told_at = 0, float("-inf")

    def stop(self) -> None:
        """Ask it to take nothing more; safe in a signal handler."""
        self._stopping = True

    def run(self, *, timeout: float, threads: int = 32) -> None:
        """Go on until all has ended, until it is asked to stop, or for so many seconds."""
        deadline = self._clock.monotonic() + timeout
        hub, tenants = self._office.hub, [self._office.name]
        with (
            hub.campaigning(tenants=tenants, only=self._id) as feeding,
            hub.work(threads=threads, tenants=tenants) as worker,
        ):
            while not (self._stopping or self._has_ended() or self._clock.monotonic() >= deadline):
                if not self._turn(feeding, worker):
                    if self._is_hopeless():
                        break
                    self._clock.sleep(REST_SECONDS)
        self._tell()

    def _turn(self, feeding: Campaigning, worker: Converge) -> int:
        """Feed it, and drive what is open; return how much there was to do."""
        released = feeding.turn() if self._taken else feeding.feed()
        if released or not self._taken:
            with self._store.read() as connection:
                row = campaigns.one(connection, self._office.name, self._id)
                windows = (
                    max(1, len(row.counts or {})) if row else 1
                )  # one of them may be full of what cannot be called
                self._accounts = campaigns.waiting_accounts(connection, self._id, PACE.window * windows)
        self._taken = worker.turn(self._accounts) if self._accounts else 0  # of nobody named, it would be of everybody
        return released + self._taken

    def _has_ended(self) -> bool:
        """Say whether nothing more of it begins; now and then, tell how far it is."""
        with self._store.read() as connection:
            row = campaigns.one(connection, self._office.name, self._id)
        if self._clock.monotonic() - self._told_at >= TELL_SECONDS:
            self._tell()
        return row is None or row.state is not CampaignState.RUNNING

    def _tell(self) -> None:
        done = CampaignReports(self._office.bench).done(self._id)
        self._progress(done - self._told)
        self._told, self._told_at = done, self._clock.monotonic()

    def _is_hopeless(self) -> bool:
        """Say whether all that is open waits for a person to mend its integration."""
        with self._store.read() as connection:
            lanes = campaigns.queued(connection, self._id)
            stopped = self._office.subscriptions.stopped(connection)
        return bool(lanes) and all(name in stopped and stopped[name].state in HOPELESS for name in lanes)
