"""Checks that an audit is as it was written: each entry's digest and link, and each exchange's. Pure.

What may be missing is told by the chain itself: `audit prune` says up to when it empties entries and which it drops,
`customers erase` whose exchanges it empties. Whoever can write the whole store can also write a whole new chain; only
an anchor that was noted elsewhere shows that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from svahub.errors import Refused
from svahub.store.audit import EntryRow
from svahub.store.journal import (
    SAID,
    Entry,
    Head,
    canonical,
    digest_of_batch,
    digest_of_entry,
    digest_of_exchange,
    hash_of,
    without_query,
)
from svahub.store.states import AuditKind

PRUNE = "audit prune"
"""The command whose entries say in `before` (by kind, instants) what is emptied, in `anchor` what is dropped."""

ERASE = "customers erase"
"""The command whose entries say whose exchanges before them are emptied: `accounts` (keys), `exchanges` (other ids)."""


class Fault(StrEnum):
    """What is wrong at a place."""

    CHANGED = "the entry was changed"
    MISSING = "the entry is missing"
    ADDED = "the entry was added"
    EMPTIED = "the entry was emptied, and no `audit prune` tells of it"
    DROPPED = "the entries up to here were dropped, and no `audit prune` tells of it"
    OTHER_ANCHOR = "the entry has another hash than the anchor"
    EXCHANGE_CHANGED = "an exchange was changed"
    EXCHANGE_MISSING = "an exchange is missing"
    EXCHANGE_ADDED = "an exchange was added"
    EXCHANGE_EMPTIED = "an exchange was emptied, and no `customers erase` tells of it"


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place that does not hold: the number of an entry, and the id of an exchange if it is one."""

    number: int
    fault: Fault
    exchange: int | None = None

    @property
    def reference(self) -> str:
        """Return the place as people write it."""
        return f"{self.number}" if self.exchange is None else f"{self.number}/{self.exchange}"

    def __str__(self) -> str:
        return f"{self.reference}: {self.fault.value}"


class Anchor(NamedTuple):
    """A link that somebody noted, as NUMBER:HASH."""

    number: int
    hash: str

    @classmethod
    def read(cls, text: str) -> Anchor:
        """Read one; Refused when it is none."""
        number, _, link = text.strip().partition(":")
        if not (number.isascii() and number.isdigit() and len(link) == 64):
            raise Refused(f"{text!r} is no anchor: write NUMBER:HASH as `svahub audit verify` shows its head.")
        return cls(int(number), link.lower())

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


@dataclass(slots=True)
class Checked:
    """How much was checked, and what broke it; `head` is where the chain ends, `pruned` entries are links only."""

    head: Anchor
    entries: int = 0
    pruned: int = 0
    exchanges: int = 0
    redacted: int = 0
    emptied_before: dict[str, datetime] = field(default_factory=dict)
    broken: Broken | None = None


class _Breaks(Exception):
    def __init__(self, number: int, fault: Fault, exchange: int | None = None) -> None:
        super().__init__(fault)
        self.broken = Broken(number, fault, exchange)


def check(
    tenant: str,
    head: Head,
    entries: Iterable[EntryRow],
    exchanges: Iterable[dict[str, Any]],
    noted: Anchor | None = None,
    progress: Callable[[int], None] = lambda _done: None,
) -> Checked:
    """Walk a chain from its anchor to its head, both streams in its order; stop at the first place that breaks."""
    walk = _Walk(tenant, head, noted)
    try:
        walk.through(entries, _by_number(exchanges), progress)
    except _Breaks as breaks:
        walk.checked.broken = breaks.broken
    return walk.checked


Batch = tuple[int, list[dict[str, Any]]]


def _by_number(exchanges: Iterable[dict[str, Any]]) -> Iterator[Batch]:
    return ((number, list(batch)) for number, batch in groupby(exchanges, key=itemgetter("audit_number")))


class _Walk:
    def __init__(self, tenant: str, head: Head, noted: Anchor | None) -> None:
        self.tenant, self.head, self.noted = tenant, head, noted
        self.checked = Checked(Anchor(head.entry, head.hash))
        self.number, self.link = head.anchor, head.anchor_hash
        self.dropped = 0
        self.emptied: dict[str, tuple[datetime, int]] = {}
        self.redacted: dict[int, tuple[int, str | None]] = {}

    def through(self, entries: Iterable[EntryRow], batches: Iterator[Batch], progress: Callable[[int], None]) -> None:
        self._compare_with_noted()
        batch = next(batches, None)
        for entry in entries:
            self._link(entry)
            here: list[dict[str, Any]] = []
            if batch is not None and batch[0] <= entry.number:
                if batch[0] < entry.number:
                    raise _Breaks(batch[0], Fault.EXCHANGE_ADDED, batch[1][0]["id"])
                here, batch = batch[1], next(batches, None)
            self._content(entry, here)
            progress(1)
        if self.number < self.head.entry:
            raise _Breaks(self.number + 1, Fault.MISSING)
        if self.link != self.head.hash:
            raise _Breaks(self.number, Fault.CHANGED)
        if batch is not None:
            raise _Breaks(batch[0], Fault.EXCHANGE_ADDED, batch[1][0]["id"])
        self._settle()

    # -- links ---------------------------------------------------------------------------------------------------------

    def _link(self, entry: EntryRow) -> None:
        expected = self.number + 1
        if entry.number < expected or expected > self.head.entry:
            raise _Breaks(entry.number, Fault.ADDED)
        if entry.number > expected:
            raise _Breaks(expected, Fault.MISSING)
        link = hash_of(self.link, self.tenant, entry.number, entry.at, entry.kind, entry.digest)
        if entry.hash != link:
            raise _Breaks(entry.number, Fault.CHANGED)
        self.number, self.link = entry.number, link
        self.checked.entries += 1
        self._compare_with_noted()

    def _compare_with_noted(self) -> None:
        if self.noted is not None and self.noted.number == self.number and self.noted.hash != self.link:
            raise _Breaks(self.number, Fault.OTHER_ANCHOR)

    # -- what the entries tell -----------------------------------------------------------------------------------------

    def _content(self, entry: EntryRow, batch: list[dict[str, Any]]) -> None:
        if batch and (entry.kind is not AuditKind.EXCHANGES or entry.pruned):
            raise _Breaks(entry.number, Fault.EXCHANGE_ADDED, batch[0]["id"])
        if entry.pruned:
            self._pruned(entry)
        elif entry.kind is AuditKind.EXCHANGES:
            self._batch(entry, batch)
        elif entry.digest != digest_of_entry(Entry(entry.kind, *entry[4:8])):
            raise _Breaks(entry.number, Fault.CHANGED)
        else:
            self._heed(entry)

    def _pruned(self, entry: EntryRow) -> None:
        if any(value is not None for value in entry[4:8]):
            raise _Breaks(entry.number, Fault.CHANGED)
        self.checked.pruned += 1
        newest = self.emptied.get(entry.kind.value)
        if newest is None or entry.at > newest[0]:
            self.emptied[entry.kind.value] = entry.at, entry.number

    def _heed(self, entry: EntryRow) -> None:
        """Take in what a command says that it emptied or dropped."""
        if entry.command == PRUNE:
            self.dropped = max(self.dropped, entry.details.get("anchor", 0))
            for kind, text in entry.details.get("before", {}).items():
                before = datetime.fromisoformat(text)
                self.checked.emptied_before[kind] = max(before, self.checked.emptied_before.get(kind, before))
        elif entry.command == ERASE:
            accounts, ids = set(entry.details.get("accounts", ())), set(entry.details.get("exchanges", ()))
            covered = [id for id, (_, account) in self.redacted.items() if account in accounts or id in ids]
            for id in covered:
                del self.redacted[id]

    def _batch(self, entry: EntryRow, batch: list[dict[str, Any]]) -> None:
        for row in batch:
            self._exchange(entry.number, row)
        said = canonical([entry.actor, entry.command, entry.subject, entry.details])
        told = self._told(entry.details)
        if entry.digest != digest_of_batch(batch):
            fault = Fault.EXCHANGE_MISSING if len(batch) < told else Fault.EXCHANGE_CHANGED
            raise _Breaks(entry.number, Fault.EXCHANGE_ADDED if len(batch) > told else fault)
        if said != canonical([None, None, None, {"exchanges": len(batch)}]):
            raise _Breaks(entry.number, Fault.CHANGED)
        self.checked.exchanges += len(batch)

    @staticmethod
    def _told(details: Any) -> int:
        told = details.get("exchanges") if isinstance(details, dict) else None
        return told if isinstance(told, int) else 0

    def _exchange(self, number: int, row: Mapping[str, Any]) -> None:
        if row["redacted_at"] is None:
            holds = row["digest"] == digest_of_exchange(row)
        else:
            self.checked.redacted += 1
            self.redacted[row["id"]] = number, row["account_key"]
            holds = row["path"] == without_query(row["path"]) and not any(row[name] for name in SAID)
        if not holds:
            raise _Breaks(number, Fault.EXCHANGE_CHANGED, row["id"])

    def _settle(self) -> None:
        """Compare what is emptied or dropped with what the commands told of it."""
        if self.head.anchor > self.dropped:
            raise _Breaks(self.head.anchor, Fault.DROPPED)
        for kind, (at, number) in self.emptied.items():
            before = self.checked.emptied_before.get(kind)
            if before is None or at >= before:
                raise _Breaks(number, Fault.EMPTIED)
        for id, (number, _) in self.redacted.items():
            raise _Breaks(number, Fault.EXCHANGE_EMPTIED, id)
        if self.noted is not None and self.noted.number > self.head.entry:
            raise _Breaks(self.head.entry + 1, Fault.MISSING)
