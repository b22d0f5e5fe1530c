"""Time as a parameter: the system's clock, the shape of any other that tests put in its place, and time as read."""

from __future__ import annotations

import time
from datetime import UTC, datetime, tzinfo
from typing import Protocol


class Clock(Protocol):
    """What svahub asks about time."""

    def now(self) -> datetime:
        """Return the instant, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that only grow, also while the process is frozen."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """Return the instant."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since some start."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block this thread."""
        time.sleep(seconds)


def local(at: datetime, zone: tzinfo) -> str:
    """Write an instant as people read it: in their zone, with its offset."""
    return at.astimezone(zone).isoformat(sep=" ", timespec="seconds")


def span(seconds: float) -> str:
    """Write seconds as people say them: the largest unit and the next."""
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    rest = round(seconds)
    parts: list[str] = []
    for name, size in units:
        count, rest = divmod(rest, size)
        if count or (name == "s" and not parts):
            parts.append(f"{count} {name}")
    return " ".join(parts[:2])
