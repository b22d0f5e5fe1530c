"""How often the interpreter looks for garbage in cycles: rarely while a worker is at it, whose rows make hardly any.

By its own measure it looks at each of a batch's thousands of rows again and again, a sixth of a worker's time.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

RARELY = (50_000, 10, 5)
"""After so many objects more than before; each older generation after so many looks at the one before it."""


class _Wishes:
    """How many want that, and what was before: the interpreter has one measure for all threads."""

    def __init__(self) -> None:
        self._lock, self._many, self._before = Lock(), 0, gc.get_threshold()

    def more(self, many: int) -> None:
        with self._lock:
            if self._many == 0:
                self._before = gc.get_threshold()
            self._many += many
            gc.set_threshold(*(RARELY if self._many else self._before))


_wishes = _Wishes()


@contextmanager
def rarely_looked_for() -> Iterator[None]:
    """Have cycles looked for rarely until the block ends, and those of all other threads that are in one."""
    _wishes.more(1)
    try:
        yield
    finally:
        _wishes.more(-1)
