"""How long each class of data is kept, and pruning what is older, in short transactions.

The audit itself tells, in an entry before and one after, what is emptied and which entries are dropped from the
chain's beginning: whoever checks the chain compares what is missing with that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from svahub.areas.bench import Bench
from svahub.chain import ERASE, PRUNE
from svahub.errors import Refused
from svahub.store import audit, journal, retention
from svahub.store.audit import Span
from svahub.store.states import AuditKind, DataClass
from svahub.verbs import KEPT_DAYS

SUBJECT = "audit"
LONGEST_DAYS = 36_500
AUDITED = {
    DataClass.EXCHANGES: AuditKind.EXCHANGES,
    DataClass.COMMANDS: AuditKind.COMMAND,
    DataClass.LOOKS: AuditKind.LOOK,
}


@dataclass(frozen=True, slots=True)
class Kept:
    """How many days a class is kept unless a tenant chooses otherwise, and why; never fewer than `least`."""

    days: int
    why: str
    least: int = 1


FIVE_YEARS = 5 * 366
DEFAULTS = {
    DataClass.EXCHANGES: Kept(180, "masked, yet of persons; for disputes with a provider over half a year"),
    DataClass.COMMANDS: Kept(FIVE_YEARS, "consumers' claims lapse after five years (CDC, art. 27)"),
    DataClass.LOOKS: Kept(FIVE_YEARS, "who saw a person's data is asked as long as who changed them"),
    DataClass.EVENTS: Kept(90, "what happened is in operations and exchanges too"),
    DataClass.IDEMPOTENCY_KEYS: Kept(KEPT_DAYS, "so long a repeated command is known", least=KEPT_DAYS),
    DataClass.INBOX: Kept(30, "unmasked, as providers sent it; so long a delivery may be read again"),
    DataClass.OUTBOX: Kept(30, "what other systems were told; so long it can be told again"),
    DataClass.ACTIVATION_LINKS: Kept(90, "revoked or expired; those by which was bought stay, as part of the consent"),
    DataClass.RECONCILIATIONS: Kept(366, "who compares with a provider's bill asks about the months of a year"),
    DataClass.CAMPAIGNS: Kept(366, "what was asked of each contract stays with its operations"),
    DataClass.TASKS: Kept(FIVE_YEARS, "what was charged is asked as long as consumers may claim (CDC, art. 27)"),
}


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a class is kept, the default, and the reason of that."""

    data_class: DataClass
    days: int
    default: int
    why: str


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many of each class are older than they are kept and were deleted, or would be.

    `dropped` counts entries that were empty and went from the chain's beginning.
    """

    exchanges: int = 0
    commands: int = 0
    looks: int = 0
    events: int = 0
    idempotency_keys: int = 0
    inbox: int = 0
    tasks: int = 0
    outbox: int = 0
    activation_links: int = 0
    reconciliations: int = 0
    campaigns: int = 0
    dropped: int = 0
    dry_run: bool = False

    def __str__(self) -> str:
        counts = {kind.value.replace("_", " "): getattr(self, kind.value) for kind in DataClass}
        told = [f"{count} {name}" for name, count in counts.items() if count]
        told += [f"{self.dropped} empty entries"] if self.dropped else []
        return f"{'would prune' if self.dry_run else 'pruned'} {', '.join(told)}" if told else "nothing to prune"

    @property
    def nothing(self) -> bool:
        """Whether nothing is older than it is kept."""
        return not (self.dropped or any(getattr(self, kind.value) for kind in DataClass))


@dataclass(frozen=True, slots=True)
class Keeping:
    """What one tenant keeps, and for how long."""

    bench: Bench

    def all(self) -> list[Retention]:
        """Return how long each class is kept."""
        with self.bench.store.read() as connection:
            chosen = retention.chosen(connection, self.bench.tenant)
        return [Retention(kind, chosen.get(kind, kept.days), kept.days, kept.why) for kind, kept in DEFAULTS.items()]

    def choose(self, kind: DataClass, days: int) -> Retention:
        """Have a class kept for so many days; Refused when that is too short or senseless."""
        kept = DEFAULTS[kind]
        if not kept.least <= days <= LONGEST_DAYS:
            raise Refused(f"{kind.value} are kept for {kept.least} to {LONGEST_DAYS} days, not for {days}: {kept.why}.")
        with self.bench.writing("audit retention", f"retention {kind.value}", days=days) as connection:
            retention.choose(connection, self.bench.tenant, kind, days)
        return Retention(kind, days, kept.days, kept.why)

    def prune(self, *, dry_run: bool = False, progress: Callable[[int], None] = lambda _gone: None) -> Pruned:
        """Delete what is older than it is kept, some rows at a time; with `dry_run`, only count it.

        What was said of a subscription that is not settled stays until it is. An interrupted run is repeated.
        """
        with self.bench.store.read() as connection:
            before = self._before(connection)
            due = self._due(connection, before)
        if dry_run or due.nothing:
            return due
        with self.bench.store.write() as connection:
            announced = self._announced(connection, before)
            self._say(connection, announced, journal.head(connection, self.bench.tenant).anchor)
        return self._pruned(before, announced, progress)

    def _before(self, connection: Connection) -> dict[DataClass, datetime]:
        now, chosen = self.bench.store.now(connection), retention.chosen(connection, self.bench.tenant)
        return {kind: now - timedelta(days=chosen.get(kind, kept.days)) for kind, kept in DEFAULTS.items()}

    def _due(self, connection: Connection, before: dict[DataClass, datetime]) -> Pruned:
        tenant = self.bench.tenant
        counts: dict[str, Any] = {
            kind.value: retention.count_entries(connection, tenant, AUDITED[kind], before[kind], ERASE)
            for kind in (DataClass.COMMANDS, DataClass.LOOKS)
        }
        last, anchor = retention.last_of_emptied_prefix(connection, tenant), journal.head(connection, tenant).anchor
        return Pruned(
            exchanges=retention.count_exchanges(connection, tenant, before[DataClass.EXCHANGES]),
            events=retention.count_events(connection, tenant, before[DataClass.EVENTS]),
            idempotency_keys=retention.count_keys(connection, tenant, before[DataClass.IDEMPOTENCY_KEYS]),
            inbox=retention.count_bodies(connection, tenant, before[DataClass.INBOX]),
            tasks=retention.count_tasks(connection, tenant, before[DataClass.TASKS]),
            outbox=retention.count_messages(connection, tenant, before[DataClass.OUTBOX]),
            activation_links=retention.count_links(connection, tenant, before[DataClass.ACTIVATION_LINKS]),
            reconciliations=retention.count_reconciliations(connection, tenant, before[DataClass.RECONCILIATIONS]),
            campaigns=retention.count_campaigns(connection, tenant, before[DataClass.CAMPAIGNS]),
            dropped=last - anchor, dry_run=True, **counts,
        )  # fmt: skip

    def _announced(self, connection: Connection, before: dict[DataClass, datetime]) -> dict[str, datetime]:
        """Return up to when entries are empty after this run: a longer retention fills none again."""
        announced = {kind.value: before[data_class] for data_class, kind in AUDITED.items()}
        for entry in audit.newest_about(connection, self.bench.tenant, [SUBJECT], Span()):
            told = entry.details.get("before", {}) if entry.command == PRUNE else {}
            for kind, text in told.items():
                announced[kind] = max(announced[kind], datetime.fromisoformat(text))
        return announced

    def _say(
        self, connection: Connection, before: dict[str, datetime], anchor: int, done: Pruned | None = None
    ) -> None:
        counts = None if done is None else {kind.value: getattr(done, kind.value) for kind in DataClass}
        told = {kind: instant.isoformat() for kind, instant in before.items()}
        self.bench.record(connection, AuditKind.COMMAND, PRUNE, SUBJECT, before=told, anchor=anchor, pruned=counts)

    def _pruned(
        self, before: dict[DataClass, datetime], announced: dict[str, datetime], progress: Callable[[int], None]
    ) -> Pruned:
        counts: dict[str, Any] = dict.fromkeys([kind.value for kind in DataClass], 0)
        for kind in DataClass:
            for gone in self._batches(kind, before[kind]):
                counts[kind.value] += gone
                progress(gone)
        done = Pruned(**counts)
        with self.bench.store.write() as connection:
            last = retention.last_of_emptied_prefix(connection, self.bench.tenant)
            self._say(connection, announced, last, done)
        return Pruned(**counts, dropped=self._dropped(last))

    def _batches(self, kind: DataClass, before: datetime) -> Iterator[int]:
        """Yield how many went with each transaction, until none is left."""
        tenant, entries = self.bench.tenant, 1
        while entries:
            with self.bench.store.write() as connection:
                if kind is DataClass.EXCHANGES:
                    entries, gone = retention.delete_exchanges(connection, tenant, before)
                elif kind in AUDITED:
                    entries = gone = retention.empty_entries(connection, tenant, AUDITED[kind], before, ERASE)
                else:
                    entries = gone = _PRUNES[kind](connection, tenant, before)
            yield gone

    def _dropped(self, last: int) -> int:
        dropped, gone = 0, 1
        while gone:
            with self.bench.store.write() as connection:
                gone = retention.move_anchor(connection, self.bench.tenant, last)
            dropped += gone
        return dropped


_PRUNES = {
    DataClass.EVENTS: retention.delete_events,
    DataClass.IDEMPOTENCY_KEYS: retention.delete_keys,
    DataClass.OUTBOX: retention.delete_messages,
    DataClass.ACTIVATION_LINKS: retention.delete_links,
    DataClass.RECONCILIATIONS: retention.delete_reconciliations,
    DataClass.CAMPAIGNS: retention.delete_campaigns,
    DataClass.INBOX: retention.empty_bodies,
    DataClass.TASKS: retention.empty_tasks,
}
