"""Feeds the campaigns that run, round after round; a campaign that another process has in hand is left to it.

Nobody holds a campaign between two transactions: who is killed leaves nothing to be taken over.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from svahub.campaigning.feeding import PACE, Feeding, Pace
from svahub.rounds import Rounds
from svahub.store import campaigns
from svahub.store.states import CampaignState

if TYPE_CHECKING:
    from svahub.hub import Hub
    from svahub.store.rows import CampaignRow

IDLE_SECONDS = 1.0
"""So often it is looked whether a campaign runs, while none does or none has room."""

log = logging.getLogger(__name__)


class Campaigning(Rounds):
    """Feeds the campaigns of some tenants (none named: of all), or only one. To be closed."""

    what = "campaigns"

    def __init__(self, hub: Hub, tenants: Collection[str] = (), *, only: int | None = None, pace: Pace = PACE) -> None:
        super().__init__(hub.clock)
        self._hub, self._store, self._tenants = hub, hub.store, tenants
        self._only, self._pace = only, pace
        self._look_at = float("-inf")

    def turn(self) -> int:
        """Feed each campaign that runs once, unless there was nothing to feed a moment ago."""
        if self._clock.monotonic() < self._look_at:
            return 0
        released = self.feed()
        if not released:
            self._look_at = self._clock.monotonic() + IDLE_SECONDS
        return released

    def feed(self) -> int:
        """Feed each campaign that runs once; return how many contracts that were."""
        return sum(map(self._feed, self._running()))

    def drain(self) -> int:
        """Feed as long as there is room; return how many contracts that were."""
        released = 0
        while more := self.feed():
            released += more
        return released

    def is_busy(self) -> bool:
        """Say no: nothing is under way between two turns."""
        return False

    def nothing_left(self) -> bool:
        """Say yes: what there is no room for waits for converge, not for this."""
        return True

    def close(self) -> None:
        """Feed no more."""
        self.stop()

    def _running(self) -> Sequence[CampaignRow]:
        with self._store.read() as connection:
            rows = campaigns.in_state(connection, CampaignState.RUNNING, self._tenants)
        return [row for row in rows if self._only in {None, row.id}]

    def _feed(self, row: CampaignRow) -> int:
        if self._stopping.is_set():
            return 0
        released = Feeding(self._hub.tenant(row.tenant).bench, self._pace).feed(row.id)
        if released:
            log.info("campaign %s of %s: %d contracts more", row.id, row.tenant, released)
        return released
