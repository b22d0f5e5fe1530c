"""Writing down what a campaign asks, some hundreds of contracts in one transaction, as long as there is room for more.

What was written down and has not ended is a small window, for each integration by itself: pause and cancel bite soon,
what waits for a provider that is away holds up no other, and the queue stays short. Whoever is killed leaves each row
either untouched or done: a row and what it asks for are written together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from sqlalchemy import Connection

from svahub import logbook
from svahub.areas.bench import Bench
from svahub.campaigning.asking import of_all, of_line, where
from svahub.campaigning.choice import still_fits
from svahub.commands import Command
from svahub.errors import Refused
from svahub.intentions import Level, locked_levels
from svahub.issuing import Issuing
from svahub.routes import Routes
from svahub.store import campaigns, debts
from svahub.store.engine import is_of_the_store
from svahub.store.rows import CampaignLine, CampaignRow
from svahub.store.states import CampaignState
from svahub.verbs import unknown_contract


@dataclass(frozen=True, slots=True)
class Pace:
    """How many contracts one transaction writes, and how many operations of one campaign at one integration are open.

    A chunk is so small that nobody who writes an unblock meanwhile waits longer than a moment.
    """

    chunk: int = 250
    window: int = 2_000


PACE = Pace()


@dataclass(frozen=True, slots=True)
class Feeding:
    """Feeds the campaigns of one tenant."""

    bench: Bench
    pace: Pace = PACE

    def feed(self, id: int) -> int:
        """Write down what there is room for, and end a campaign of which all has ended; return how many contracts.

        One that another process has in hand, or that does not run any more, is left alone.
        """
        try:
            return self.bench.store.transact(lambda connection: self._fed(connection, id))
        except Exception as error:
            if not _is_of_a_row(error):
                raise
        return self._fed_singly(id)

    def _fed_singly(self, id: int) -> int:
        """Write down each of the next rows by itself, so that the one at which svahub fails keeps no other."""
        with self.bench.store.read() as connection:
            row = campaigns.one(connection, self.bench.tenant, id)
            assert row is not None  # it was being fed
            lines = self._next(connection, row, campaigns.queued(connection, id))
        for line in lines:
            try:
                self.bench.store.transact(partial(self._fed, id=id, only=line.number))
            except Exception as error:
                if not _is_of_a_row(error):
                    raise
                logbook.cannot_ask(id, line.contract_id, error)
                cause = f"svahub failed at it ({type(error).__name__}): its log tells where"
                self.bench.store.transact(partial(_refused, id=id, causes={line.number: cause}))
        return len(lines)

    def _fed(self, connection: Connection, id: int, only: int | None = None) -> int:
        row = campaigns.free(connection, id)
        if row is None:
            return 0
        queued = campaigns.queued(connection, id)
        lines = [line for line in self._next(connection, row, queued) if only in {None, line.number}]
        if lines:
            _Chunk(connection, self.bench, row, lines).write()
        elif only is None and not queued and not campaigns.has_not_begun(connection, id):
            now = self.bench.store.now(connection)
            campaigns.write(connection, id, state=CampaignState.FINISHED, ended_at=now)
        return len(lines)

    def _next(self, connection: Connection, row: CampaignRow, queued: Mapping[str, int]) -> list[CampaignLine]:
        """Return the next rows: first those that need no provider, then as many of each integration that has room."""
        found = campaigns.not_begun(connection, row.id, None, self.pace.chunk)
        roomy = [name for name in row.counts or {} if queued.get(name, 0) + self.pace.chunk <= self.pace.window]
        for left, name in zip(range(len(roomy), 0, -1), roomy, strict=True):
            share = max(1, (self.pace.chunk - len(found)) // left)
            found += campaigns.not_begun(connection, row.id, name, share)
        return sorted(found)


def _is_of_a_row(error: Exception) -> bool:
    """Say whether something failed at what is asked, and not in the store, which may have been away just then."""
    return not isinstance(error, Refused) and not is_of_the_store(error)


def _refused(connection: Connection, id: int, causes: dict[int, str]) -> None:
    if campaigns.free(connection, id) is not None:
        campaigns.refuse(connection, id, causes)


class _Chunk:
    """Some rows of a campaign inside their transaction."""

    def __init__(self, connection: Connection, bench: Bench, row: CampaignRow, lines: Sequence[CampaignLine]) -> None:
        self._connection, self._bench, self._row, self._lines = connection, bench, row, lines
        self._asked, self._where = of_all(row), where(row)
        self._refused: dict[int, str] = {}

    def write(self) -> None:
        """Write what is asked of each contract, and with it that it was, or why not."""
        for some in _each_contract_once(self._lines):
            self._issue(some)
        released = [line.number for line in self._lines if line.number not in self._refused]
        campaigns.release(self._connection, self._row.id, released)
        campaigns.refuse(self._connection, self._row.id, self._refused)

    def _issue(self, lines: Sequence[CampaignLine]) -> None:
        tenant, ids = self._bench.tenant, {line.contract_id for line in lines if line.contract_id is not None}
        found = locked_levels(self._connection, tenant, ids)
        now = self._bench.store.now(self._connection)
        owing = self._owing(ids, now)
        issuing = Issuing(self._connection, tenant, Routes.of(self._connection, tenant, self._bench.registry), now)
        for line in lines:
            try:
                command = of_line(self._asked, line)
                level = self._level(found, command)
                self._require_fit(level, command, owing)
                issuing.take(command, level)
            except Refused as error:
                self._refused[line.number] = str(error)
        issuing.write()

    def _level(self, found: Mapping[str, Level], command: Command) -> Level:
        level = found.get(command.contract)
        if level is None:
            raise unknown_contract(self._connection, self._bench.tenant, command.contract)
        return level

    def _owing(self, ids: Iterable[str], now: datetime) -> frozenset[str] | None:
        """Return which contracts still owe for so long as was asked for; None where nothing was."""
        since = None if self._where is None else self._where.since(self._today(now))
        if since is None:
            return None
        open_ones = debts.of_contracts(self._connection, self._bench.tenant, list(ids))
        return frozenset(id for id, rows in open_ones.items() if any(row.since <= since for row in rows))

    def _today(self, now: datetime) -> date:
        return now.astimezone(self._bench.zone).date()

    def _require_fit(self, level: Level, command: Command, owing: frozenset[str] | None) -> None:
        """Refuse what was chosen when it was planned and does not fit any more: it was paid, or is another by now."""
        if self._where is None:
            return
        owes = owing is None or command.contract in owing
        if not owes or not still_fits(level, self._where, command.item):
            raise Refused(f"Since it was planned it has ceased to be {self._where}: nothing was asked.")


def _each_contract_once(lines: Iterable[CampaignLine]) -> Iterator[list[CampaignLine]]:
    """Yield the rows so that each contract is judged on its level as the row before has left it."""
    rest = list(lines)
    while rest:
        first = {line.contract_id: line for line in reversed(rest)}
        yield sorted(first.values())
        rest = [line for line in rest if first[line.contract_id] is not line]
