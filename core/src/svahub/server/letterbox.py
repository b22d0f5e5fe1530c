"""Keeps deliveries: one thread writes together what has come together, and each is answered once it is durable."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, NamedTuple

from svahub.masking import mask_text
from svahub.store import StoreUnavailable, inbox
from svahub.store.engine import is_of_a_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from svahub.store import Store
    from svahub.store.inbox import Delivery

BATCH = 500
MOST_WAITING = 64 * 1024 * 1024
"""So many bytes of bodies may wait for the store; then deliveries are refused, and their providers send them again."""

log = logging.getLogger(__name__)


class Unkeepable(Exception):
    """No store takes this delivery as it is."""


class Letter(NamedTuple):
    """A delivery, and what tells who waits for it that it is kept."""

    delivery: Delivery
    kept: Future[None]


class Letterbox:
    """Writes to one store; `told` is called after each batch. To be opened and closed."""

    def __init__(self, store: Store, told: Callable[[], None] = lambda: None) -> None:
        self._store, self._told = store, told
        self._letters: SimpleQueue[Letter | None] = SimpleQueue()
        self._waiting, self._lock = 0, Lock()
        self._thread = Thread(target=self._write_on, name="svahub-letterbox", daemon=True)

    def open(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, delivery: Delivery) -> Future[None]:
        """Have a delivery kept; the future ends when it is durable, with StoreUnavailable when it is not.

        One that is cancelled before it is begun is not kept.
        """
        letter = Letter(delivery, Future())
        if self._waiting > MOST_WAITING:
            letter.kept.set_exception(StoreUnavailable("Too much waits for the store: send it again later."))
            return letter.kept
        self._count(len(delivery.body))
        self._letters.put(letter)
        return letter.kept

    def close(self) -> None:
        """Write what has come, and end."""
        self._letters.put(None)
        self._thread.join()

    def _count(self, octets: int) -> None:
        with self._lock:
            self._waiting += octets

    def _write_on(self) -> None:
        while (letter := self._letters.get()) is not None:
            batch = [letter]
            while len(batch) < BATCH and not self._letters.empty() and (letter := self._letters.get()) is not None:
                batch.append(letter)
            self._write(batch)
            if letter is None:
                return

    def _write(self, batch: Sequence[Letter]) -> None:
        self._count(-sum(len(letter.delivery.body) for letter in batch))
        begun = [letter for letter in batch if letter.kept.set_running_or_notify_cancel()]
        try:
            self._keep(begun)
        except StoreUnavailable as error:
            log.warning("%d deliveries could not be kept: %s", len(begun), mask_text(str(error)))
            for letter in begun:
                letter.kept.set_exception(error)
        except Exception:  # noqa: BLE001  # each is told of its own
            self._write_each(begun)
        else:
            for letter in begun:
                letter.kept.set_result(None)
        self._told()

    def _write_each(self, letters: Sequence[Letter]) -> None:
        """Write each alone, so that one that no store takes takes no other along."""
        for letter in letters:
            try:
                self._keep([letter])
            except Exception as error:
                log.exception("a delivery could not be kept")
                failure = Unkeepable() if is_of_a_value(error) else error
                letter.kept.set_exception(failure)
            else:
                letter.kept.set_result(None)

    def _keep(self, letters: Sequence[Letter]) -> None:
        if letters:
            deliveries = [letter.delivery for letter in letters]
            self._store.transact(lambda c: inbox.keep(c, deliveries, self._store.now(c)))
