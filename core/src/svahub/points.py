"""The points at which a process may be killed: after every durable write, before and after every send.

Nobody watches them but the proofs in the tests, which kill the process, or freeze it, at each in turn.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Point(StrEnum):
    """Where a process is."""

    WRITTEN = "written"
    BEFORE_SEND = "before_send"
    SENT = "sent"


_watcher: Callable[[Point], None] | None = None


def watch(watcher: Callable[[Point], None] | None) -> None:
    """Have every point of this process told to `watcher`, in the thread that is there; None ends it."""
    global _watcher
    _watcher = watcher


def reached(point: Point) -> None:
    """Tell whoever watches that this thread is there."""
    if _watcher is not None:
        _watcher(point)
