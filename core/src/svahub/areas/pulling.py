"""One pull of a source: its contracts taken in and its receivables told of, in batches, each in a transaction.

Whoever is killed in between repeats it: what was written is unchanged then. Up to when all was read is written only
after a whole stream, under the claim that keeps others from pulling the same source.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from svahub.areas.bench import GATHERED
from svahub.areas.contracts import Contracts
from svahub.areas.debts import Debts
from svahub.errors import Refused
from svahub.extension import Transaction
from svahub.intake.reading import SeenIds
from svahub.models import Debt, DebtSettled
from svahub.origins import Origin
from svahub.store import debts, journal, sources

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from svahub.areas.bench import Bench
    from svahub.imports import Report
    from svahub.intake import ContractRow, Rejected
    from svahub.opening import Opened
    from svahub.source_clock import HeedingLog
    from svahub.store.rows import DebtRow
    from svahub.store.sources import Claim, SourceRow

BATCH = 500
T = TypeVar("T")


class ClaimLost(Refused):
    """Another process pulls the source by now."""


@dataclass(frozen=True, slots=True)
class Receivables:
    """How many receivables were read: owed, or owed no more; `waiting` are of contracts that are not known here.

    `vanished` are debts that the source no longer tells of at all: they are owed no more.
    """

    owed: int = 0
    settled: int = 0
    waiting: int = 0
    vanished: int = 0

    def plus(self, owed: int, settled: int, waiting: int) -> Receivables:
        """Return them with those of one more batch."""
        return Receivables(self.owed + owed, self.settled + settled, self.waiting + waiting, self.vanished)


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull brought, or would: `since` is from when on it asked, by the source's clock, None: for all."""

    name: str
    since: datetime | None
    contracts: Report
    receivables: Receivables | None
    dry_run: bool = False

    def __str__(self) -> str:
        counts = ("added", "changed", "unchanged", "rejected")
        told = ", ".join(f"{getattr(self.contracts, name)} {name}" for name in counts)
        owed = self.receivables
        return f"contracts: {told}" + (f"; receivables: {owed.owed} owed, {owed.settled} settled" if owed else "")


@dataclass
class Pull:
    """One pull under way; without a `claim` it is a dry run, and writes nothing but what was exchanged."""

    bench: Bench
    row: SourceRow
    claim: Claim | None
    opened: Opened
    log: HeedingLog
    full: bool
    overlap: timedelta
    progress: Callable[[int], None]
    now: Callable[[], datetime] = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.bench.clock.now

    def run(self) -> Pulled:
        """Read both streams; what one has brought stays, whatever becomes of the other."""
        since = self._since(self.row.contracts_until)
        report = self._contracts(since)
        receivables = self._receivables() if self.opened.relay.can("receivables") else None
        return Pulled(self.row.name, since, report, receivables, self.claim is None)

    def _since(self, until: datetime | None) -> datetime | None:
        """Return from when on to ask: before the last pull, or before now if our clock was set back since."""
        if self.full or until is None:
            return None
        now, ended_at = self.bench.now(), self.row.ended_at
        return (min(until, now) if ended_at is not None and ended_at > now else until) - self.overlap

    def _gathered(self, stream: Iterable[T]) -> Iterator[T]:
        """Stream what the source brings; what was exchanged for it is written as it gathers, however much."""
        for number, one in enumerate(stream, start=1):
            yield one
            if number % GATHERED == 0:
                with self.log.writing(self.bench.store) as (connection, exchanges):
                    journal.write_exchanges(connection, exchanges, self.bench.store.now(connection))

    def _guard(self, connection: Connection) -> None:
        if self.claim is not None and not sources.is_held(connection, self.row, self.claim):
            raise ClaimLost(f"Another process pulls {self.row.name!r} by now: this pull was stopped. Nothing is lost.")

    def _advance(self, stream: str, began: datetime, also: Callable[[Connection], None] | None = None) -> None:
        """Write up to when a stream was read to its end: its beginning, by the source's clock; and `also` something."""
        if self.claim is None:
            return
        with self.bench.store.write() as connection:
            self._guard(connection)
            sources.change(connection, self.row, **{stream: self.log.there(began)})
            if also is not None:
                also(connection)

    # -- contracts -----------------------------------------------------------------------------------------------------

    def _contracts(self, since: datetime | None) -> Report:
        began, before, again = self.now(), self._rejected(), set[str]()

        def heard(stream: Iterable[ContractRow | Rejected]) -> Iterator[ContractRow | Rejected]:
            for row in stream:
                if row.contract_id in before:
                    again.add(row.contract_id)
                yield row

        report = Contracts(self.bench).take_in(
            heard(self._gathered(self.opened.relay.contracts(since))),
            dry_run=self.claim is None,
            progress=self.progress,
            source=f"source {self.row.name}",
            origin=Origin.of_source(self.row.name, bulk=since is None),
            guard=self._guard,
        )
        now = _reasons(report)
        new = {id: reason for id, reason in now.items() if before.get(id) != reason}
        taken = [] if report.errors_left_out else sorted(again - now.keys())
        self._advance("contracts_until", began, lambda connection: self._put_rejected(connection, new, taken))
        return report

    def _rejected(self) -> dict[str, str]:
        with self.bench.store.read() as connection:
            return sources.rejected(connection, self.bench.tenant, self.row.name)

    def _put_rejected(self, connection: Connection, new: Mapping[str, str], taken: Sequence[str]) -> None:
        """Keep which contracts are left out: a later pull does not ask for them until they change."""
        sources.put_rejected(connection, self.row, new, taken, self.bench.store.now(connection))

    # -- receivables ---------------------------------------------------------------------------------------------------

    def _receivables(self) -> Receivables:
        since, began = self._since(self.row.receivables_until), self.now()
        done, seen = Receivables(), SeenIds()
        self._place()
        stream = self._gathered(self.opened.relay.receivables(since))
        while batch := list(islice(stream, BATCH)):
            last = list({one.reference: one for one in batch}.values())
            done = done.plus(*self._batch(last))
            self.progress(len(batch))
            if since is None:
                for one in last:
                    seen.add(one.reference)
        if since is None:
            done = Receivables(done.owed, done.settled, done.waiting, self._settle_all_but(seen))
        self._advance("receivables_until", began)
        return done

    def _place(self) -> None:
        """Tell of the debts that waited for their contracts, as far as these are known by now."""
        with self.bench.store.read() as connection:
            waiting = sources.unplaced(connection, self.bench.tenant, self.row.name)
        for start in range(0, len(waiting), BATCH):
            self._batch(waiting[start : start + BATCH])

    def _batch(self, told: Sequence[Debt | DebtSettled]) -> tuple[int, int, int]:
        """Keep what is told of debts; return how many are owed, how many no more, and how many wait."""
        waiting = self.bench.store.transact(lambda connection: self._told(connection, told), undo=self.claim is None)
        owed = sum(isinstance(one, Debt) for one in told)
        return owed, len(told) - owed, waiting

    def _told(self, connection: Connection, told: Sequence[Debt | DebtSettled]) -> int:
        self._guard(connection)
        tenant, name = self.bench.tenant, self.row.name
        transaction = Transaction(connection, tenant, self.bench.store.now(connection), name)
        unknown = set(Debts(self.bench).report(transaction, name, told))
        waiting = {one.reference: one for one in told if isinstance(one, Debt) and one.contract in unknown}
        before = {d.reference: d for d in sources.unplaced_among(connection, tenant, name, [o.reference for o in told])}
        sources.forget_unplaced(connection, tenant, name, sorted(before.keys() - waiting.keys()))
        new = [debt for reference, debt in waiting.items() if before.get(reference) != debt]
        sources.put_unplaced(connection, tenant, name, new)
        return len(waiting)

    def _settle_all_but(self, seen: SeenIds) -> int:
        """Settle the debts that a whole listing did not tell of; return how many those were."""
        vanished, after = self._forget_all_but(seen), ""
        while page := self._open_after(after):
            gone = [DebtSettled(row.contract_id, row.reference) for row in page if row.reference not in seen]
            if gone:
                self._batch(gone)
            vanished, after = vanished + len(gone), page[-1].reference
        return vanished

    def _forget_all_but(self, seen: SeenIds) -> int:
        """Let those that wait for their contracts wait no longer."""
        with self.bench.store.read() as connection:
            waiting = sources.waiting(connection, self.bench.tenant, self.row.name)
        gone = [DebtSettled(debt.contract, debt.reference) for debt in waiting if debt.reference not in seen]
        for start in range(0, len(gone), BATCH):
            self._batch(gone[start : start + BATCH])
        return len(gone)

    def _open_after(self, after: str) -> Sequence[DebtRow]:
        with self.bench.store.read() as connection:
            return debts.open_at(connection, self.bench.tenant, self.row.name, after, BATCH)


def _reasons(report: Report) -> dict[str, str]:
    """Return what is wrong with each contract that was left out, by its id."""
    found: dict[str, list[str]] = defaultdict(list)
    for error in report.errors:
        if error.contract_id is not None:
            found[error.contract_id].append(f"{error.column}: {error.reason}" if error.column else error.reason)
    return {id: "; ".join(reasons) for id, reasons in found.items()}
