"""The simulator's own time, which can be moved on, and how due dates follow one another."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from svahub_asaas.simulator.writing import ZONE

if TYPE_CHECKING:
    from svahub.clock import Clock

MONTHS = {"MONTHLY": 1, "BIMONTHLY": 2, "QUARTERLY": 3, "SEMIANNUALLY": 6, "YEARLY": 12}
WEEKS = {"WEEKLY": 1, "BIWEEKLY": 2}
CYCLES = frozenset({*MONTHS, *WEEKS})


class MovableClock:
    """Another clock's time, moved on by hand."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._moved = timedelta()

    def move(self, days: int) -> None:
        """Let days pass at once."""
        self._moved += timedelta(days=days)

    def now(self) -> datetime:
        """Return the instant."""
        return self._clock.now() + self._moved

    def monotonic(self) -> float:
        """Return seconds since some start; moving counts."""
        return self._clock.monotonic() + self._moved.total_seconds()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self._clock.sleep(seconds)

    @property
    def today(self) -> date:
        """The date in Brasília."""
        return self.now().astimezone(ZONE).date()


def following(due: date, cycle: str, day_of_month: int) -> date:
    """Return the due date of the next charge; a day that a month does not have is its last."""
    if cycle in WEEKS:
        return due + timedelta(weeks=WEEKS[cycle])
    years, month = divmod(due.month - 1 + MONTHS[cycle], 12)
    year, month = due.year + years, month + 1
    return date(year, month, min(day_of_month, monthrange(year, month)[1]))
