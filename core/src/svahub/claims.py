"""Keeping a claim on something that takes long: renewed by a thread of its own while the work goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

log = logging.getLogger(__name__)


@contextmanager
def kept(renew: Callable[[], object], every: float, what: str) -> Iterator[None]:
    """Call `renew` every so many seconds until the block ends; one that fails is logged, as a claim outlasts some."""
    ended = Event()
    thread = Thread(target=_renewing, args=(renew, every, what, ended), name="svahub-claim", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _renewing(renew: Callable[[], object], every: float, what: str, ended: Event) -> None:
    while not ended.wait(every):
        try:
            renew()
        except Exception:
            log.exception("the claim on %s could not be renewed", what)
