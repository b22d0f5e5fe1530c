"""The audit of one tenant: who did what, who looked at whom, what was said to providers; and whether it still holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from heapq import merge
from typing import Any

from sqlalchemy import Connection, Row

from svahub import chain, entries
from svahub.areas.bench import Bench
from svahub.areas.retention import Keeping, Pruned, Retention
from svahub.errors import Refused, UnknownName
from svahub.store import audit, contracts, journal
from svahub.store.audit import EntryRow, Span
from svahub.store.states import AuditKind, DataClass


class LineKind(StrEnum):
    """What a line of the audit tells of."""

    COMMAND = "command"
    LOOK = "look"
    EXCHANGE = "exchange"


@dataclass(frozen=True, slots=True)
class Line:
    """One entry, or one exchange of an entry: `reference` is its number, or the entry's and the exchange's."""

    reference: str
    at: datetime
    kind: LineKind
    actor: str | None = None
    command: str | None = None
    subject: str | None = None
    details: dict[str, Any] | None = None
    integration: str | None = None
    method: str | None = None
    path: str | None = None
    status: int | None = None
    milliseconds: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines are asked for; days are the tenant's, `until` is the last one."""

    kind: LineKind | None = None
    actor: str | None = None
    contract: str | None = None
    customer: str | None = None
    integration: str | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class EntryView:
    """One entry, whole; what was pruned is None. An entry of exchanges has a line for each."""

    reference: str
    at: datetime
    kind: AuditKind
    actor: str | None
    command: str | None
    subject: str | None
    details: dict[str, Any] | None
    pruned: bool
    digest: str
    hash: str
    exchanges: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class ExchangeView:
    """One exchange, whole, as it was kept: masked. Bodies are None where there was none or it was redacted."""

    reference: str
    at: datetime
    integration: str
    account_key: str | None
    lease_number: int | None
    method: str
    path: str
    status: int | None
    milliseconds: int
    request_headers: dict[str, str]
    request_body: str | None
    response_headers: dict[str, str]
    response_body: str | None
    error: str | None
    redacted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit of one tenant."""

    bench: Bench

    # -- reading -------------------------------------------------------------------------------------------------------

    def list(self, wanted: Wanted = Wanted()) -> Iterator[Line]:
        """Stream the lines that are wanted, the newest first; what was pruned is not among them."""
        with self.bench.store.read() as connection:
            yield from merge(*self._streams(connection, wanted), key=_place, reverse=True)

    def _streams(self, connection: Connection, wanted: Wanted) -> Iterator[Iterable[Line]]:
        span = self._span(wanted)
        if wanted.kind is not LineKind.EXCHANGE:
            yield from (map(_line, rows) for rows in self._entries(connection, wanted, span))
        if wanted.kind in {None, LineKind.EXCHANGE} and wanted.actor is None:
            yield from (map(_exchange_line, rows) for rows in self._exchanges(connection, wanted, span))

    def _span(self, wanted: Wanted) -> Span:
        return Span(self._start_of(wanted.since), self._start_of(wanted.until, days=1))

    def _start_of(self, day: date | None, *, days: int = 0) -> datetime | None:
        """Return when a day begins, or one `days` after it; None, no bound, at either end of the calendar."""
        if day is None:
            return None
        try:
            return datetime.combine(day + timedelta(days), time.min, self.bench.zone).astimezone(UTC)
        except OverflowError:
            return None

    def _entries(self, connection: Connection, wanted: Wanted, span: Span) -> Iterator[Iterator[EntryRow]]:
        """Yield streams of commands and looks, each led by one index: subjects are few, an actor has many."""
        tenant = self.bench.tenant
        kinds = [AuditKind(wanted.kind)] if wanted.kind else [AuditKind.COMMAND, AuditKind.LOOK]
        actor = None if wanted.actor is None else entries.acting(wanted.actor)
        subjects = self._subjects(connection, wanted)
        if subjects is not None:
            found = audit.newest_about(connection, tenant, subjects, span)
            yield (row for row in found if row.kind in kinds and actor in {None, row.actor})
        elif actor is not None:
            found = audit.newest_by_actor(connection, tenant, actor, span)
            yield (row for row in found if row.kind in kinds)
        else:
            yield from (audit.newest_of_kind(connection, tenant, kind, span) for kind in kinds)

    def _subjects(self, connection: Connection, wanted: Wanted) -> Collection[str] | None:
        """Return what entries must be about; None when they may be about anything."""
        asked = []
        if wanted.contract is not None:
            asked.append(self._of_contracts(connection, [wanted.contract]))
        if wanted.customer is not None:
            held = contracts.contracts_of_customer(connection, self.bench.tenant, wanted.customer)
            of_contracts = self._of_contracts(connection, [contract.id for contract in held])
            asked.append({entries.of_customer(wanted.customer), *of_contracts})
        if wanted.integration is not None:
            asked.append({entries.of_integration(wanted.integration)})
        return {entries.fitted(s) for s in set.intersection(*asked)} if asked else None

    def _of_contracts(self, connection: Connection, ids: Collection[str]) -> set[str]:
        items = contracts.items_of(connection, self.bench.tenant, ids)
        return {*map(entries.of_contract, ids), *(entries.of_contract(i.contract_id, i.code) for i in items)}

    def _exchanges(self, connection: Connection, wanted: Wanted, span: Span) -> Iterator[Iterable[Row[Any]]]:
        tenant = self.bench.tenant
        accounts = []
        if wanted.contract is not None:
            accounts.append(audit.accounts_of_contract(connection, tenant, wanted.contract))
        if wanted.customer is not None:
            accounts.append(audit.accounts_of_customer(connection, tenant, wanted.customer))
        if accounts:
            rows = audit.exchanges_of_accounts(connection, set.intersection(*accounts), span)
            yield [row for row in rows if wanted.integration in {None, row.integration}]
        else:
            names = [wanted.integration] if wanted.integration else audit.integrations_heard(connection, tenant)
            yield from (audit.newest_exchanges(connection, tenant, name, span) for name in names)

    def show(self, reference: str) -> EntryView | ExchangeView:
        """Return an entry by its number, or an exchange as ENTRY/EXCHANGE; UnknownName when it is not there."""
        number, _, id = reference.partition("/")
        if not _are_numbers(number, *([id] if "/" in reference else [])):
            raise Refused(f"{reference!r} names nothing: write an entry's NUMBER or NUMBER/EXCHANGE, as 12 or 12/345.")
        with self.bench.store.read() as connection:
            if id:
                found = audit.exchange(connection, self.bench.tenant, int(number), int(id))
                if found is not None:
                    return _exchange_view(found)
            elif row := audit.one(connection, self.bench.tenant, int(number)):
                return _entry_view(row, audit.exchanges_of(connection, self.bench.tenant, row.number))
            raise self._unknown(connection, reference)

    def _unknown(self, connection: Connection, reference: str) -> UnknownName:
        head = journal.head(connection, self.bench.tenant)
        there = f"Kept are {head.anchor + 1} to {head.entry}: svahub audit list" if head.entry else "There is none yet."
        return UnknownName("entry of the audit", reference, [], there)

    # -- checking ------------------------------------------------------------------------------------------------------

    def verify(self, anchor: str | None = None, progress: Callable[[int], None] = lambda _done: None) -> chain.Checked:
        """Check the whole chain and every exchange that is kept; `broken` is None when all holds.

        `anchor` is a head that was noted earlier, NUMBER:HASH. Refused when that entry was dropped since.
        """
        noted = chain.Anchor.read(anchor) if anchor else None
        with self._frozen() as connection:
            return verified(connection, self.bench.tenant, noted, progress)

    def length(self) -> int:
        """Return how many entries the chain has."""
        with self.bench.store.read() as connection:
            head = journal.head(connection, self.bench.tenant)
        return head.entry - head.anchor

    @contextmanager
    def _frozen(self) -> Iterator[Connection]:
        with self.bench.store.read() as connection:
            audit.freeze(connection)
            yield connection

    # -- retention -----------------------------------------------------------------------------------------------------

    def retention(self) -> Iterable[Retention]:
        """Return how long each class of data is kept."""
        return Keeping(self.bench).all()

    def retain(self, kind: DataClass, days: int) -> Retention:
        """Have a class of data kept for so many days from now on; Refused when that is too short."""
        return Keeping(self.bench).choose(kind, days)

    def prune(self, *, dry_run: bool = False, progress: Callable[[int], None] = lambda _gone: None) -> Pruned:
        """Delete what is older than it is kept; with `dry_run`, only count it."""
        return Keeping(self.bench).prune(dry_run=dry_run, progress=progress)


def verified(
    connection: Connection,
    tenant: str,
    noted: chain.Anchor | None = None,
    progress: Callable[[int], None] = lambda _done: None,
) -> chain.Checked:
    """Check a tenant's chain as one transaction sees it."""
    head = journal.head(connection, tenant)
    if noted is not None and noted.number < head.anchor:
        raise Refused(
            f"Entry {noted.number} was pruned, the chain begins after {head.anchor}: nothing can be told by that "
            "anchor. Note a newer head."
        )
    checked = chain.check(
        tenant, head, audit.chain(connection, tenant), audit.chained_exchanges(connection, tenant), noted, progress
    )
    stray = audit.unchained_exchange(connection, tenant)
    if checked.broken is None and stray is not None:
        checked.broken = chain.Broken(0, chain.Fault.EXCHANGE_ADDED, stray)
    return checked


def _are_numbers(*texts: str) -> bool:
    return all(text.isascii() and text.isdigit() and len(text) < 10 for text in texts)


def _place(line: Line) -> tuple[datetime, list[int]]:
    return line.at, [int(number) for number in line.reference.split("/")]


def _line(row: EntryRow) -> Line:
    return Line(str(row.number), row.at, LineKind(row.kind.value), row.actor, row.command, row.subject, row.details)


def _exchange_line(row: Row[Any]) -> Line:
    return Line(
        _reference(row.audit_number, row.id), row.at, LineKind.EXCHANGE, integration=row.integration, method=row.method,
        path=row.path, status=row.status, milliseconds=row.milliseconds, error=row.error,
    )  # fmt: skip


def _entry_view(row: EntryRow, lines: Iterable[Row[Any]]) -> EntryView:
    return EntryView(
        str(row.number), row.at, row.kind, row.actor, row.command, row.subject, row.details, row.pruned,
        row.digest, row.hash, tuple(map(_exchange_line, lines)),
    )  # fmt: skip


def _exchange_view(row: dict[str, Any]) -> ExchangeView:
    kept = {name: row[name] for name in ExchangeView.__slots__ if name != "reference"}
    return ExchangeView(_reference(row["audit_number"], row["id"]), **kept)


def _reference(number: int | None, exchange: int) -> str:
    return f"{number or 0}/{exchange}"  # one without an entry was put there by somebody: `verify` names it alike
