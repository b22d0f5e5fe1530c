"""Cron lines in a tenant's zone: which are right, what they say in words, when they are due next. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from svahub.errors import Refused

ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def checked(line: str) -> str:
    """Return a cron line; Refused says what is wrong with one that is none, or is never due."""
    try:
        next(CronSim(line, ANY_DAY))
    except CronSimError as error:
        raise Refused(
            f"{line!r} is no cron line ({error}). Write minute, hour, day of month, month and day of week, "
            "for example: 15 3 * * *"
        ) from error
    except StopIteration:
        raise Refused(f"The cron line {line!r} is never due.") from None
    return line


def in_words(line: str) -> str:
    """Return what a cron line says: `At 03:15 every day`."""
    return CronSim(line, ANY_DAY).explain()


def next_due(line: str, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant after one at which a line is due in a zone, in UTC.

    An hour that summer time leaves out is due after it, one that it repeats is due once.
    """
    due: datetime = next(CronSim(line, after.astimezone(zone)))
    return due.astimezone(UTC)
