"""How it stands with a provider that answers nobody."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from svahub.store.states import BreakerState
from svahub.store.types import EPOCH


class BreakerRow(NamedTuple):
    """Calls that failed one after the other: since when, why, how many. Once `opened`, the provider is only probed.

    Then `probes` of them were in vain, and the next may be made at `probe_at`.
    """

    tenant: str
    integration: str
    since: datetime
    cause: str
    failures: int = 0
    opened: bool = False
    probes: int = 0
    probe_at: datetime = EPOCH
    probing: bool = False

    @property
    def state(self) -> BreakerState:
        """How it stands."""
        if not self.opened:
            return BreakerState.CLOSED
        return BreakerState.PROBING if self.probing else BreakerState.OPEN
