"""How often somebody may ask: each is counted by a name, and told for how long to wait."""

from __future__ import annotations

from time import time

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter


class Turnstile:
    """Lets each through as often as `rate` says, `600/minute` for example."""

    def __init__(self, rate: str) -> None:
        self._rate = parse(rate)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def seconds_to_wait(self, *who: str) -> int:
        """Count one who asks; return after how many seconds they may, 0 when they may now."""
        if self._limiter.hit(self._rate, *who):
            return 0
        return max(1, round(self._limiter.get_window_stats(self._rate, *who).reset_time - time()))
