"""Clocks that tests move by hand: give the same one to hub and simulator."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class HandClock:
    """Time stands until somebody sleeps or advances it; instants and the monotonic clock move together."""

    def __init__(self, start: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)) -> None:
        self._start, self._passed = start, 0.0

    def now(self) -> datetime:
        """Return the instant."""
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        return self._passed

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self._passed += seconds

    def advance(self, **span: float) -> None:
        """Let a timedelta pass."""
        self._passed += timedelta(**span).total_seconds()


class RunningClock(HandClock):
    """Time passes as it does, and can be moved on by hand: what is limited by the clock ends in truth."""

    def __init__(self, start: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)) -> None:
        super().__init__(start)
        self._began = time.monotonic()

    def now(self) -> datetime:
        """Return the instant."""
        return super().now() + timedelta(seconds=self._ran())

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        return super().monotonic() + self._ran()

    def _ran(self) -> float:
        return time.monotonic() - self._began
