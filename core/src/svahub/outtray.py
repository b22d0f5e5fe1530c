"""The paperwork of dispatching: claiming lines of messages, and keeping what came of sending them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from svahub import logbook
from svahub.courier import Reply
from svahub.owners import Owner, dead
from svahub.replies import after, of_parked
from svahub.store import journal, outbox, targets
from svahub.store.outbox import Claim, Line, Put, line_of
from svahub.store.rows import MessageRow, TargetRow
from svahub.store.states import MessageState

if TYPE_CHECKING:
    from svahub.store import Store

CLAIMED = timedelta(seconds=60)
"""Longer than any try takes; a process that is frozen for longer sends nothing of it any more."""

To = tuple[str, str]
"""A target, by its tenant and its name."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One message that this process has claimed, to whom, and until when by the monotonic clock it may be sent."""

    message: MessageRow
    target: TargetRow = field(repr=False)
    before: float

    @property
    def line(self) -> Line:
        """The line that it is the first of."""
        return line_of(self.message)

    @property
    def to(self) -> To:
        """Its target."""
        return self.message.tenant, self.message.target


Sent = tuple[Posting, Reply]


class Outtray:
    """Claims, writes and gives back under one owner's name."""

    def __init__(self, store: Store, tenants: Collection[str], draw: Callable[[], float]) -> None:
        self._store, self._tenants, self._draw = store, tenants, draw
        self.owner = str(Owner.this_process())

    # -- claiming ------------------------------------------------------------------------------------------------------

    def take(self, rooms: Callable[[To], int], limit: int) -> list[Posting]:
        """Claim up to `limit` messages that may be sent now, to each target as many as there is room for.

        Where there is most room comes first: slow targets would else hold every thread that one of them gives back.
        """
        due = {to: row for to, row in self._due().items() if rooms(to) > 0}
        if not due or limit <= 0:
            return []
        roomiest = {to: rooms(to) for to in sorted(due, key=rooms, reverse=True)}
        deadline = self._store.clock.monotonic() + CLAIMED.total_seconds()
        with self._store.write() as connection:
            now = self._store.now(connection)
            claim = Claim(self.owner, now, now + CLAIMED)
            taken = outbox.claim(connection, roomiest, claim, limit)
            sendable = [(line, first) for line, first in taken if first and first.state is MessageState.WAITING]
            if idle := {line for line, _ in taken} - {line for line, _ in sendable}:
                outbox.release(connection, idle, now)
        return [Posting(first, due[line.tenant, line.target], deadline) for line, first in sendable]

    def _due(self) -> dict[To, TargetRow]:
        """Return the targets that have something to be sent and take it now."""
        with self._store.read() as connection:
            every = targets.every(connection, self._tenants)
            return self._due_of(connection, every, self._store.now(connection)) if every else {}

    def _due_of(self, connection: Connection, every: Iterable[TargetRow], now: datetime) -> dict[To, TargetRow]:
        free = [row for row in every if row.paused_until is None or row.paused_until <= now]
        return {(r.tenant, r.name): r for r in free if outbox.is_due(connection, r.tenant, r.name, now)}

    def free_dead(self) -> None:
        """Make due at once what processes of this host had claimed that have ended."""
        with self._store.read() as connection:
            gone = dead(outbox.owners(connection))
        if gone:
            with self._store.write() as connection:
                outbox.free_dead(connection, gone, self._store.now(connection))

    def nothing_left(self) -> bool:
        """Say whether nothing may be sent now and no other process sends anything."""
        with self._store.read() as connection:
            every = targets.every(connection, self._tenants)
            if not every:
                return True
            now, tenants = self._store.now(connection), {row.tenant for row in every}
            others = outbox.is_claimed_by_others(connection, self.owner, tenants, now)
            return not others and not self._due_of(connection, every, now)

    # -- writing -------------------------------------------------------------------------------------------------------

    def put(self, sent: Sequence[Sent]) -> None:
        """Write what came of messages and end their claims; what others have claimed meanwhile is not written."""
        for message in self._store.transact(lambda connection: self._put(connection, sent)):
            logbook.message_parked(message)

    def _put(self, connection: Connection, sent: Sequence[Sent]) -> list[MessageRow]:
        """Write it, and return the messages that are parked now."""
        now = self._store.now(connection)
        made = [(posting, reply, after(posting.message, reply, now, self._draw)) for posting, reply in sent]
        journal.lock(connection, {put.message.tenant for _, _, put in made if put.parks})  # before lines, as others do
        mine = outbox.still_mine(connection, self.owner, [posting.line for posting, _ in sent])
        kept = [one for one in made if one[0].line in mine]
        outbox.put(connection, [put for _, _, put in kept], now)
        self._count(connection, kept, now)
        parked = [put.message for _, _, put in kept if put.parks]
        journal.tell_each(connection, now, [(message.tenant, of_parked(message)) for message in parked])
        return parked

    def _count(self, connection: Connection, kept: Sequence[tuple[Posting, Reply, Put]], now: datetime) -> None:
        counted: dict[To, tuple[int, int]] = defaultdict(lambda: (0, 0))
        pauses: dict[To, float] = {}
        for posting, reply, _ in kept:
            sent, failed = counted[posting.to]
            counted[posting.to] = (sent + reply.delivered, failed + (not reply.delivered))
            if reply.pause:
                pauses[posting.to] = max(reply.pause, pauses.get(posting.to, 0.0))
        targets.count(connection, counted)
        _pause(connection, pauses, now)


def _pause(connection: Connection, pauses: Mapping[To, float], now: datetime) -> None:
    for (tenant, name), seconds in sorted(pauses.items()):
        targets.pause(connection, tenant, name, now + timedelta(seconds=seconds))
