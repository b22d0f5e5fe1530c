"""A provider's bill checked against what was there: columns told once, lines in batches, then what has no line."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from svahub import entries
from svahub.areas.bench import Bench
from svahub.bills.checking import Checked, Prices, Sold, judged, not_billed
from svahub.bills.layout import Layout
from svahub.bills.reading import BilledLine, Unreadable, bare_document, read
from svahub.bills.truth import Known, Month, there_in
from svahub.errors import Refused
from svahub.models import Observed
from svahub.reconciling.comparing import TO_MEND, Seen
from svahub.store import bills, catalogue, listed_users, queue, reconciling
from svahub.store.rows import AccountRow
from svahub.store.states import AuditKind

BATCH = 500
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Bills:
    """The bills of one tenant's providers."""

    bench: Bench

    def check(
        self,
        integration: str,
        file: Path,
        month: str,
        *,
        columns: Mapping[str, str] | None = None,
        prices: Mapping[str, Decimal] | None = None,
        progress: Progress = lambda _lines: None,
    ) -> Checked:
        """Check a bill of a month (2026-10); what is told of its columns and prices is kept for the next one.

        Refused where the file cannot be read, or it is not known which of its columns is what.
        """
        self.bench.integration(integration)
        layout = self._layout(integration).told(columns or {}, prices or {})
        check = _Check(self.bench, integration, self._month(month), layout, Checked(integration, month), progress)
        check.run(file)
        self._keep(integration, layout, month, check.checked)
        return check.checked

    def _layout(self, integration: str) -> Layout:
        with self.bench.store.read() as connection:
            return Layout.read(bills.layout(connection, self.bench.tenant, integration))

    def _month(self, told: str) -> Month:
        found = _MONTH.fullmatch(told)
        if found is None:
            raise Refused(f"{told!r} is no month: write one as 2026-10.")
        year, number = int(found[1]), int(found[2])
        following = (year + number // 12, number % 12 + 1)
        first, end = (datetime(y, m, 1, tzinfo=self.bench.zone) for y, m in ((year, number), following))
        return Month(first, end)

    def _keep(self, integration: str, layout: Layout, month: str, checked: Checked) -> None:
        """Keep the layout, and in the audit that somebody looked at who was billed."""
        told = {"month": month, "lines": checked.lines, "found": len(checked.found)}
        with self.bench.store.write() as connection:
            if layout != Layout.read(bills.layout(connection, self.bench.tenant, integration)):
                bills.put_layout(connection, self.bench.tenant, integration, layout.kept())
            subject = entries.of_integration(integration)
            self.bench.record(connection, AuditKind.LOOK, "reconcile invoice", subject, ours=told)


@dataclass
class _Check:
    """One bill being checked."""

    bench: Bench
    integration: str
    month: Month
    layout: Layout
    checked: Checked
    progress: Progress
    _later: list[BilledLine] = field(default_factory=list)

    def run(self, file: Path) -> None:
        """Judge every line, and then what no line is for."""
        with self.bench.store.read() as connection:
            plans = catalogue.all_plans(connection, self.bench.tenant, self.integration)
        prices, billed = Prices(plans, self.layout.prices), set[str]()
        stream = read(file, self.layout)
        while batch := list(islice(stream, BATCH)):
            self._batch(batch, prices, billed)
            self.progress(len(batch))
        former = self._former({line.user for line in self._later})
        for start in range(0, len(self._later), BATCH):
            lines = self._later[start : start + BATCH]
            self._judge(lines, {line.line: former.get(line.user, []) for line in lines}, prices, billed)
        for sold in self._every():
            if sold.there.active and sold.row.key not in billed:
                self.checked.add(not_billed(sold, prices))
        self.checked.found.sort(key=lambda one: (one.line is None, one.line or 0))

    def _batch(self, batch: Sequence[BilledLine | Unreadable], prices: Prices, billed: set[str]) -> None:
        self.checked.unreadable += [one for one in batch if isinstance(one, Unreadable)]
        lines = [one for one in batch if isinstance(one, BilledLine)]
        with self.bench.store.read() as connection:
            whose = self._whose(connection, lines)
        self._later += [line for line in lines if line.user is not None and not whose[line.line]]
        self._judge([line for line in lines if line.user is None or whose[line.line]], whose, prices, billed)

    def _judge(
        self, lines: Sequence[BilledLine], whose: Mapping[int, Sequence[str]], prices: Prices, billed: set[str]
    ) -> None:
        with self.bench.store.read() as connection:
            keys = {key for line in lines for key in whose[line.line]}
            sold = self._sold(connection, bills.accounts_of(connection, keys))
        for line in lines:
            theirs = [one for key in whose[line.line] for one in sold.get(key, ())]
            named = {line.reference, line.user} - {None}
            own = [one for one in theirs if {one.row.key, one.row.remote_id} & named]
            self.checked.add(judged(line, own or theirs, billed, prices))

    def _whose(self, connection: Connection, lines: Sequence[BilledLine]) -> dict[int, list[str]]:
        """Return the accounts that each line may be for: by our reference, by the user, else by the document."""
        where = (connection, self.bench.tenant, self.integration)
        references = bills.by_reference(*where, {line.reference for line in lines if line.reference})
        users = bills.by_user(*where, {line.user for line in lines if line.user})
        documents = {line.line: bare_document(line.document or "") for line in lines}
        persons = listed_users.by_document(*where, {one for one in documents.values() if one is not None})
        found = {}
        for line in lines:
            known = references.get(line.reference or "") or users.get(line.user or "")
            found[line.line] = [known] if known else persons.get(documents[line.line] or "", [])
        return found

    def _former(self, ids: Collection[str | None]) -> dict[str | None, list[str]]:
        """Return whose each of some users, or subscriptions, was: of who has ended, no account tells any more."""
        if not ids:
            return {}
        found = ((sold.row.remote_id, sold.row.account_key) for sold in self._every())
        return {id: [account] for id, account in found if id in ids}

    def _every(self) -> Iterator[Sold]:
        after = ""
        while page := self._page(after):
            with self.bench.store.read() as connection:
                for theirs in self._sold(connection, page).values():
                    yield from theirs
            after = page[-1].holder

    def _page(self, after: str) -> Sequence[AccountRow]:
        with self.bench.store.read() as connection:
            return listed_users.accounts_after(connection, self.bench.tenant, self.integration, after)

    def _sold(self, connection: Connection, accounts: Sequence[AccountRow]) -> dict[str, list[Sold]]:
        """Return what was ever sold to some accounts, by account, each with what was there in the month."""
        users = {account.key: account.remote_id for account in accounts}
        rows = queue.subscriptions_of(connection, list(users))
        keys = [row.key for row in rows]
        made, seen = bills.attempts_of(connection, keys), self._seen(connection, keys)
        found: dict[str, list[Sold]] = defaultdict(list)
        for row in rows:
            there = there_in(self.month, row, made.get(row.key, ()), seen.get(row.key, ()))
            found[row.account_key].append(Sold(row, users[row.account_key], there))
        return found

    def _seen(self, connection: Connection, keys: Sequence[str]) -> dict[str, list[Known]]:
        """Return what plans of reconcile that were applied have seen of some subscriptions."""
        found: dict[str, list[Known]] = defaultdict(list)
        for row, plan in reconciling.about(connection, keys):
            if row.agreement in TO_MEND and plan.finished_at is not None and row.subscription_key is not None:
                seen = Seen.of(row.seen) if row.seen else Seen(Observed.ABSENT)
                if seen.ours:
                    found[row.subscription_key].append(Known(plan.finished_at, seen.status, seen.plan, seen.quantity))
        return found
