"""The paperwork of receiving: claiming deliveries, and keeping in one transaction what reading them came to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from svahub import logbook
from svahub.errors import AuthenticationFailed, PluginBug, ProviderError
from svahub.extension import Transaction
from svahub.fleet import Fleet, Held
from svahub.models import Received, Webhook
from svahub.opening import Opened
from svahub.owners import Owner, dead
from svahub.receipts import Heard, Receipt, failed, receipt
from svahub.store import StoreUnavailable, breakers, inbox, integrations, journal
from svahub.store.engine import TRIES, Crossed, is_of_a_value
from svahub.store.inbox import Claim
from svahub.store.journal import Event
from svahub.store.queue import Lane
from svahub.store.rows import InboxRow
from svahub.telling import of_quarantined

if TYPE_CHECKING:
    from svahub.hub import Hub, TenantHub

CLAIMED = timedelta(seconds=60)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """One delivery that this process has claimed, with what reads it and what the plugin recalled for it."""

    row: InboxRow
    opened: Opened
    held: Held
    kept: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def lane(self) -> Lane:
        """Whose delivery it is."""
        return Lane(self.row.tenant, self.row.integration)

    @property
    def webhook(self) -> Webhook:
        """The delivery as a plugin gets it."""
        return Webhook(self.row.headers, self.row.body or b"", self.row.received_at, self.kept)


Ended = tuple[Reading, Heard]


class Intray:
    """Claims, writes and gives back under one owner's name."""

    def __init__(self, hub: Hub, fleet: Fleet, draw: Callable[[], float]) -> None:
        self._hub, self._store, self._fleet, self._draw = hub, hub.store, fleet, draw
        self._offices: dict[str, TenantHub] = {}
        self.owner = str(Owner.this_process())

    # -- claiming ------------------------------------------------------------------------------------------------------

    def take(self, room: int) -> tuple[list[Reading], list[Ended]]:
        """Claim what may be read now; return it, and of what the plugins' tables could tell nothing, why."""
        lanes = self._lanes_due()
        if not lanes:
            return [], []
        with self._store.write() as connection:
            now = self._store.now(connection)
            claim = Claim(self.owner, now, now + CLAIMED)
            rows = inbox.claim(connection, lanes, claim, room)
            probes = self._probes(connection, rows, claim)
        return self._recalled(rows, probes)

    def _probes(self, connection: Connection, rows: Iterable[InboxRow], claim: Claim) -> set[int]:
        """Return which of the claimed may call a provider that answers nobody, as this process is to probe it."""
        first: dict[Lane, int] = {}
        for row in rows:
            first.setdefault(Lane(row.tenant, row.integration), row.id)
        mine = breakers.lock_for_probe(connection, self._fleet.breakers.silent(first), claim.now)
        for lane in mine:
            breakers.begin_probe(connection, lane, claim.until)
        return {first[lane] for lane in mine}

    def _lanes_due(self) -> list[Lane]:
        """Return the integrations that have something to read and may be called; reading may need no call."""
        with self._store.read() as connection:
            now = self._store.now(connection)
            self._fleet.refresh(connection, now)  # what is being read heeds it, too
            return self._lanes(inbox.lanes_due(connection, self._fleet.tenants, now), now)

    def _lanes(self, due: Collection[Lane], now: datetime) -> list[Lane]:
        return self._fleet.lanes(now, among=due, also_silent=True) if due else []

    def _recalled(self, rows: Sequence[InboxRow], probes: Collection[int]) -> tuple[list[Reading], list[Ended]]:
        readings: list[Reading] = []
        silent: list[Ended] = []
        with self._store.read() as connection:
            now = self._store.now(connection)
            for row in rows:
                held = Held(float("inf"), probe=row.id in probes)
                reading = Reading(row, self._fleet.opened(Lane(row.tenant, row.integration)), held)
                try:
                    readings.append(self._with_kept(connection, reading, now))
                except ProviderError as error:
                    silent.append((reading, error))
        return readings, silent

    def _with_kept(self, connection: Connection, reading: Reading, now: datetime) -> Reading:
        row = reading.row
        with connection.begin_nested():  # what fails in it spoils the others' nothing
            transaction = Transaction(connection, row.tenant, now, row.integration)
            return replace(reading, kept=reading.opened.relay.recall(transaction, reading.webhook))

    def renew(self, ids: Collection[int]) -> None:
        """Keep what is being read claimed."""
        with self._store.write() as connection:
            inbox.renew(connection, self.owner, ids, self._store.now(connection) + CLAIMED)

    def give_back(self, ids: Collection[int]) -> None:
        """Let others claim what nobody here has begun to read."""
        with self._store.write() as connection:
            inbox.give_back(connection, self.owner, ids, self._store.now(connection))

    def free_dead(self) -> None:
        """Make due at once what processes of this host had claimed that have ended."""
        with self._store.read() as connection:
            gone = dead(inbox.owners(connection))
        if gone:
            with self._store.write() as connection:
                inbox.free_dead(connection, gone, self._store.now(connection))

    def nothing_left(self) -> bool:
        """Say whether nothing may be read now and no other process reads anything."""
        with self._store.read() as connection:
            now = self._store.now(connection)
            if inbox.is_claimed_by_others(connection, self.owner, self._fleet.tenants, now):
                return False
            due = inbox.lanes_due(connection, self._fleet.tenants, now)
            if due:
                self._fleet.refresh(connection, now)
            return not self._lanes(due, now)

    # -- writing -------------------------------------------------------------------------------------------------------

    def put_alone(self, reading: Reading, heard: Heard) -> None:
        """Write one result, so that it takes no other along; what no store takes is the plugin's bug."""
        for _ in range(TRIES - 1):
            try:
                self.put([(reading, heard)])
            except Crossed:
                continue
            except StoreUnavailable:
                raise
            except Exception as error:  # noqa: BLE001  # whatever it is, the others must go on
                heard = PluginBug(f"what it brought cannot be kept ({type(error).__name__})")
            else:
                return
        self.put([(reading, heard)])

    def put(self, ended: Sequence[Ended]) -> None:
        """Write results and end their claims; what others have claimed meanwhile is not written."""
        with self._fleet.log.writing(self._store) as (connection, exchanges):
            now = self._store.now(connection)
            mine = inbox.still_mine(connection, self.owner, [reading.row.id for reading, _ in ended])
            noted = self._fleet.breakers.note(connection, ended, now, self._draw)
            self._fleet.pacing.settle(connection, ended, now)
            kept = [
                (reading, self._kept(connection, reading, heard, now, noted.until.get(reading.lane)))
                for reading, heard in ended
                if reading.row.id in mine
            ]
            told = [(reading.row.tenant, event) for reading, receipt in kept for event in receipt.told]
            told += noted.told
            told += self._stopped(connection, ended, kept, now)
            tenants = {tenant for tenant, *_ in exchanges} | {tenant for tenant, _ in told}
            journal.lock(connection, tenants if told else ())
            journal.write_exchanges(connection, exchanges, now)
            journal.tell_each(connection, now, told)
        logbook.happened(told, self._fleet.is_sensitive)

    def _kept(
        self, connection: Connection, reading: Reading, heard: Heard, now: datetime, silent_until: datetime | None
    ) -> Receipt:
        rules = replace(reading.opened.rules(self._draw), silent_until=silent_until)
        came = receipt(reading.row, heard, now, rules)
        if isinstance(heard, Received):
            try:
                with connection.begin_nested():  # one that fails takes no other along
                    came = self._recorded(connection, reading, heard, came, now)
            except PluginBug as bug:
                came = receipt(reading.row, bug, now, rules)
            except Exception as error:
                if isinstance(error, SQLAlchemyError) and not is_of_a_value(error):
                    raise
                log.exception("delivery %s could not be kept", reading.row.id)
                came = failed(reading.row, f"what it brought cannot be kept ({type(error).__name__})")
        inbox.put(connection, came.row, now)
        return came

    def _recorded(
        self, connection: Connection, reading: Reading, received: Received, came: Receipt, now: datetime
    ) -> Receipt:
        """Write what a delivery came to; the plugin's own rows first, as they may say whose debt it is."""
        row = reading.row
        transaction = Transaction(connection, row.tenant, now, row.integration)
        reading.opened.relay.recorded(transaction, reading.webhook, received)
        if not came.debts:
            return came
        reported = self._office(row.tenant).debts.report(transaction, row.integration, came.debts)
        return came.without(reported)

    def _office(self, tenant: str) -> TenantHub:
        if tenant not in self._offices:
            self._offices[tenant] = self._hub.tenant(tenant)
        return self._offices[tenant]

    def _stopped(
        self, connection: Connection, ended: Sequence[Ended], kept: Sequence[tuple[Reading, Receipt]], now: datetime
    ) -> list[tuple[str, Event]]:
        """Quarantine and pause what was told to be, in one order for all workers; return what to tell of it."""
        told = []
        pauses = {reading.lane: came.pause for reading, came in kept if came.pause is not None}
        refused = {
            reading.lane: (reading.opened, heard)
            for reading, heard in ended
            if isinstance(heard, AuthenticationFailed) and self._fleet.judges(reading.opened)
        }
        for lane in sorted({*pauses, *refused}, key=attrgetter("tenant", "integration")):
            if lane in refused and integrations.quarantine(connection, refused[lane][0].row, str(refused[lane][1])):
                told.append((lane.tenant, of_quarantined(lane.integration, str(refused[lane][1]))))
            if lane in pauses:
                integrations.pause(connection, lane.tenant, lane.integration, now + timedelta(seconds=pauses[lane]))
                self._fleet.pause(lane, pauses[lane])
        return told
