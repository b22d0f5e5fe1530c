"""Looking again and again whether there is something to do, in a thread or until nothing is left."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Self

from svahub.clock import Clock
from svahub.masking import mask_text
from svahub.store import StoreUnavailable

LOOK_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 2.0

log = logging.getLogger(__name__)


class Rounds(ABC):
    """What goes its rounds; `what` says in the log what it looks at. To be closed."""

    what: str

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stopping, self._news = Event(), Event()
        self._refusals = 0

    @abstractmethod
    def turn(self) -> int:
        """Do one round; return how much was taken up."""

    @abstractmethod
    def is_busy(self) -> bool:
        """Say whether something that was taken up is under way."""

    @abstractmethod
    def nothing_left(self) -> bool:
        """Say whether nothing can be taken up now, and no other process has anything in hand."""

    @abstractmethod
    def close(self) -> None:
        """Bring to its end what is under way, and give the rest back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stop(self) -> None:
        """Ask it to take up nothing more; safe in a signal handler."""
        self._stopping.set()
        self._news.set()

    def wake(self) -> None:
        """Have it look at once, as something has come."""
        self._news.set()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Go on in a thread of its own until the block ends; `close` then lets what is under way come to its end."""
        thread = Thread(target=self.go_on, name=f"svahub-{type(self).__name__.lower()}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.stop()
            thread.join()

    def go_on(self) -> None:
        """Go round until it is asked to stop."""
        while not self._stopping.is_set():
            self._news.clear()
            if not self._turned() and not self.is_busy():
                self._news.wait(LOOK_SECONDS)

    def drain(self) -> int:
        """Go on until nothing is due any more, having waited for other processes; return how much was taken up."""
        done, left = 0, not self.nothing_left()
        while left and not self._stopping.is_set():
            taken = self.turn()
            done += taken
            left = self.is_busy() or not self.nothing_left()
            if left and not taken and not self.is_busy():
                self._clock.sleep(LOOK_SECONDS)
        return done

    def _turned(self) -> int:
        """Do a round; whatever it raises, a later one may go well."""
        try:
            taken = self.turn()
        except StoreUnavailable as error:
            log.warning("the %s cannot be read: %s", self.what, mask_text(str(error)))
        except Exception:
            log.exception("the %s could not be looked at", self.what)
        else:
            self._refusals = 0
            return taken
        self._refusals += 1
        self._stopping.wait(min(LOOK_SECONDS * 2.0 ** min(self._refusals, 10), LONGEST_WAIT_SECONDS))
        return 0
