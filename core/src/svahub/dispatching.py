"""Sends other systems what they are to be told: customers beside each other, the messages of one in their order.

A line of messages is claimed by one process and its first message sent outside of any transaction. Whoever is killed
between leaves it claimed: it is sent once more, under the same id.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from svahub import points, secrets, signing
from svahub.courier import Courier, Destination, Reply
from svahub.crew import Crew
from svahub.deadlines import resolved
from svahub.errors import Refused
from svahub.masking import mask_text
from svahub.outtray import Outtray, Posting, Sent, To
from svahub.points import Point
from svahub.rounds import Rounds
from svahub.store import StoreUnavailable
from svahub.store.rows import TargetRow

if TYPE_CHECKING:
    from datetime import datetime

    from svahub.courier import Resolve
    from svahub.hub import Hub

SWEEP_SECONDS = 1.0
UNUSED_SECONDS = 60.0
"""Longer than any try takes."""
PER_TARGET = 8
"""So many are sent to one target at once, so that a slow one leaves room for the others."""

log = logging.getLogger(__name__)


class Dispatching(Rounds):
    """Sends the messages of some tenants (none named: of all), `threads` at once. To be closed."""

    what = "outbox"

    def __init__(
        self,
        hub: Hub,
        tenants: Collection[str] = (),
        *,
        threads: int = 16,
        draw: Callable[[], float] = random.random,
        resolve: Resolve = resolved,
    ) -> None:
        super().__init__(hub.clock)
        self._outtray, self._threads, self._resolve = Outtray(hub.store, tenants, draw), threads, resolve
        self._crew: Crew[Posting, Reply] = Crew(threads, self._sent)
        self._couriers: dict[Destination, Courier] = {}
        self._used: dict[Destination, float] = {}
        self._running: list[Posting] = []
        self._unwritten: list[Sent] = []
        self._swept = float("-inf")

    def turn(self) -> int:
        """Do one round: sweep, claim what there are threads for, write what was sent; return how much was claimed."""
        self._sweep()
        taken = self._take()
        self._collect()
        return taken

    def is_busy(self) -> bool:
        """Say whether a message is being sent here."""
        return bool(self._running)

    def nothing_left(self) -> bool:
        """Say whether nothing may be sent now and no other process sends anything."""
        return self._outtray.nothing_left()

    def close(self) -> None:
        """Write what has been sent when it has ended, if the store takes it."""
        try:
            while self._running:
                self._collect()
        except StoreUnavailable as error:  # who comes next finds it claimed by nobody alive, and sends it again
            log.warning("messages are left to be sent again: %s", mask_text(str(error)))
        finally:
            self._crew.dismiss()
            for courier in self._couriers.values():
                courier.close()

    def _sweep(self) -> None:
        now = self._clock.monotonic()
        if now - self._swept >= SWEEP_SECONDS:
            self._outtray.free_dead()
            self._close_unused()
            self._swept = now

    def _close_unused(self) -> None:
        """Close the connections to where nothing was sent for a while."""
        before = self._clock.monotonic() - UNUSED_SECONDS
        for to in [to for to, used in self._used.items() if used < before]:
            del self._used[to]
            self._couriers.pop(to).close()

    def _take(self) -> int:
        busy = Counter(posting.to for posting in self._running)

        def room(to: To) -> int:
            return PER_TARGET - busy[to]

        postings = self._outtray.take(room, self._threads - len(self._running))
        for posting in postings:
            self._running.append(posting)
            self._open(_destination(posting.target))
            self._crew.begin(posting)
        return len(postings)

    def _open(self, to: Destination) -> None:
        if to not in self._couriers:
            courier = Courier(to, connections=PER_TARGET, monotonic=self._clock.monotonic, resolve=self._resolve)
            self._couriers[to] = courier
        self._used[to] = self._clock.monotonic()

    def _sent(self, posting: Posting) -> Reply:
        """Send a message; runs in a thread of the crew."""
        message, body = posting.message, (posting.message.body or "").encode()
        try:
            courier = self._couriers[_destination(posting.target)]
            return send_signed(courier, posting.target, message.message_id, body, self._clock.now(), posting.before)
        except Refused as error:
            return Reply(None, 0, mask_text(str(error)))
        except BaseException as error:  # a thread must bring something back, whatever happens
            log.exception("message %s could not be sent", message.id)
            return Reply(None, 0, f"sending it raised {type(error).__name__}")

    def _collect(self) -> None:
        """Write what has been sent, gathered for a moment so that many share one commit."""
        self._crew.gather(self._unwritten, len(self._running), self._clock.monotonic)
        if self._unwritten:
            self._outtray.put(self._unwritten)
            written = {posting.line for posting, _ in self._unwritten}
            self._running = [posting for posting in self._running if posting.line not in written]
            self._unwritten.clear()


def send_signed(
    courier: Courier, target: TargetRow, message_id: str, body: bytes, now: datetime, before: float = float("inf")
) -> Reply:
    """Sign a message and send it; Refused when the target's secret cannot be read here."""
    headers = signing.headers(valid_secrets(target, now), message_id, now, body)
    points.reached(Point.BEFORE_SEND)
    reply = courier.send(body, headers, now=now, before=before)
    points.reached(Point.SENT)
    return reply


def valid_secrets(target: TargetRow, now: datetime) -> list[str]:
    """Return the secrets that a target knows us by now, the newest first; Refused when that cannot be read here.

    A former one that cannot is left out: who took it away has the target know the new one.
    """
    return [secrets.resolve(target.secret), *_former(target, now)]


def _former(target: TargetRow, now: datetime) -> Iterator[str]:
    if target.former_secret and target.former_until and now < target.former_until:
        with suppress(Refused):
            yield secrets.resolve(target.former_secret)


def _destination(target: TargetRow) -> Destination:
    return Destination(target.url, target.allow_private)
