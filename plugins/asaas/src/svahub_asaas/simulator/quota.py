"""How many requests the account has left: counted from the first one of a window, whatever they ask for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from svahub_asaas.simulator.refusals import Refusal

if TYPE_CHECKING:
    from svahub.clock import Clock

CONCURRENT_GETS = 50


@dataclass
class Quota:
    """The account's requests per window; what is beyond `limit` is refused with 429."""

    clock: Clock
    limit: int = 25_000
    window_seconds: int = 12 * 3600
    used: int = 0
    gets_under_way: int = 0
    _began: datetime | None = None

    def take(self, method: str) -> None:
        """Count one request; raise Refusal when it is one too many."""
        if self.reset_seconds <= 0:
            self.used, self._began = 0, self.clock.now()
        self.used += 1
        if self.used > self.limit:
            raise _too_many("Você atingiu o limite de requisições da sua conta. Tente novamente mais tarde.")
        if method == "GET" and self.gets_under_way > CONCURRENT_GETS:
            raise _too_many("Você atingiu o limite de requisições concorrentes.")

    @property
    def reset_seconds(self) -> int:
        """How long the window lasts; 0 where there is none."""
        if self._began is None:
            return 0
        left = self._began + timedelta(seconds=self.window_seconds) - self.clock.now()
        return max(0, -(-left // timedelta(seconds=1)))

    def headers(self) -> dict[str, str]:
        """Return what every answer tells of it."""
        left = max(0, self.limit - self.used)
        told = {"Limit": self.limit, "Remaining": left, "Reset": self.reset_seconds}
        return {f"RateLimit-{name}": str(value) for name, value in told.items()}


def _too_many(sentence: str) -> Refusal:
    return Refusal(("too_many_requests", sentence), status=429)
