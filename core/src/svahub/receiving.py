"""Reads what providers told, in the order in which it came; what follows from it is kept in the same transaction.

A delivery is claimed by one process and read by its plugin outside of any transaction. Whoever is killed between leaves
it claimed: it is read once more.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from svahub.crew import Crew
from svahub.errors import PluginBug, ProviderError
from svahub.fleet import Fleet, holding
from svahub.intray import Ended, Intray, Reading
from svahub.masking import mask_text
from svahub.receipts import Heard
from svahub.rounds import Rounds
from svahub.store import StoreUnavailable
from svahub.store.engine import Crossed

if TYPE_CHECKING:
    from svahub.hub import Hub

SWEEP_SECONDS = 1.0
RENEW_SECONDS = 15.0
BATCH = 64

log = logging.getLogger(__name__)


class Receiving(Rounds):
    """Reads deliveries of some tenants (none named: of all), `threads` at once. To be closed."""

    what = "inbox"

    def __init__(
        self,
        hub: Hub,
        tenants: Collection[str] = (),
        *,
        threads: int = 8,
        draw: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(hub.clock)
        self._fleet = Fleet(hub.registry, hub.clock, tenants, hub.store)
        self._intray = Intray(hub, self._fleet, draw)
        self._crew: Crew[Reading, Heard] = Crew(threads, self._read)
        self._running: dict[int, Reading] = {}
        self._unwritten: list[Ended] = []
        self._swept = self._renewed = float("-inf")

    def turn(self) -> int:
        """Do one round: sweep, claim what there is room for, write what has been read; return how much was claimed."""
        self._renew()
        self._sweep()
        taken = self._take()
        self._collect()
        return taken

    def is_busy(self) -> bool:
        """Say whether a delivery is being read here."""
        return bool(self._running)

    def nothing_left(self) -> bool:
        """Say whether nothing may be read now and no other process reads anything."""
        return self._intray.nothing_left()

    def close(self) -> None:
        """Give back what nobody has begun to read, and write the rest when it has ended, if the store takes it."""
        try:
            self._give_back_unstarted()
            while self._running:
                self._collect()
        except StoreUnavailable as error:  # who comes next finds it claimed by nobody alive, and reads it again
            log.warning("deliveries are left to be read again: %s", mask_text(str(error)))
        finally:
            self._crew.dismiss()
            self._fleet.close()

    def _renew(self) -> None:
        now = self._clock.monotonic()
        if self._running and now - self._renewed >= RENEW_SECONDS:
            self._intray.renew(list(self._running))
            self._renewed = now

    def _sweep(self) -> None:
        now = self._clock.monotonic()
        if now - self._swept >= SWEEP_SECONDS:
            self._fleet.close_retired([reading.opened for reading in self._running.values()])
            self._intray.free_dead()
            self._swept = now

    def _take(self) -> int:
        room = BATCH - len(self._running)
        if room < BATCH // 2:
            return 0
        readings, silent = self._intray.take(room)
        self._running |= {reading.row.id: reading for reading in (*readings, *(one for one, _ in silent))}
        self._unwritten += silent
        for reading in readings:
            self._crew.begin(reading)
        return len(readings) + len(silent)

    def _read(self, reading: Reading) -> Heard:
        """Have the plugin read a delivery; runs in a thread of the crew."""
        heard: Heard
        try:
            with holding(reading.held):
                heard = self._heard(reading)
        except BaseException as error:  # noqa: BLE001  # a thread must bring something back, whatever happens
            heard = PluginBug(f"reading it raised {type(error).__name__}")
        return heard

    def _heard(self, reading: Reading) -> Heard:
        heard: Heard
        try:
            heard = reading.opened.relay.receive_webhook(reading.webhook)
        except ProviderError as error:
            heard = error
        self._fleet.heed(reading.opened, heard)
        return heard

    def _collect(self) -> None:
        """Write what has been read, gathered for a moment so that many results share one commit."""
        self._crew.gather(self._unwritten, len(self._running), self._clock.monotonic)
        if self._unwritten:
            self._write()

    def _write(self) -> None:
        """Write results together; if that cannot be, each alone. While the store takes none, they are kept."""
        try:
            self._intray.put(self._unwritten)
        except StoreUnavailable as error:
            if not isinstance(error, Crossed):
                raise
            self._write_each()
        except Exception:
            log.exception("deliveries could not be written together")
            self._write_each()
        self._written(len(self._unwritten))

    def _write_each(self) -> None:
        while self._unwritten:
            self._intray.put_alone(*self._unwritten[0])
            self._written(1)

    def _written(self, count: int) -> None:
        for reading, _ in self._unwritten[:count]:
            self._running.pop(reading.row.id, None)
        del self._unwritten[:count]

    def _give_back_unstarted(self) -> None:
        unbegun = [reading.row.id for reading in self._crew.take_back()]
        if unbegun:
            self._intray.give_back(unbegun)
        for id in unbegun:
            del self._running[id]
