"""One comparison with a provider under way: its users listed in batches, then judged account by account.

Whatever was listed is kept with each batch, under a claim that keeps others from the same comparison. Who is killed in
between leaves it to whoever compares next.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from svahub import claims
from svahub.areas.bench import GATHERED
from svahub.decisions import Facts, View
from svahub.errors import Cause, ProviderError, Refused, Unreachable
from svahub.lifecycle import GONE, Step
from svahub.models import Adopt, RemoteUser
from svahub.plans import Digest
from svahub.reconciling.comparing import TO_MEND, Compared, Moment, Seen, compared
from svahub.reconciling.correcting import Believed, corrected, step_after, stopping
from svahub.reconciling.plans import saw
from svahub.store import journal, listed_users, queue, reconciling
from svahub.store.rows import AccountRow, DifferenceRow, ListedRow, ReconciliationRow
from svahub.store.states import Agreement, ReconcileState

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from svahub.areas.bench import Bench
    from svahub.fleet import ExchangeLog
    from svahub.relay import Relay

BATCH = 1_000
OWNED = timedelta(minutes=5)
COUNTED = frozenset({Agreement.IN_SYNC, Agreement.SETTLING})
"""Of these there is no row in a plan."""
Progress = Callable[[int], None]


class EndedEarly(Refused):
    """A listing did not come to its end: nothing was judged by it."""


@dataclass
class Comparison:
    """One comparison under a claim: `facts` and `adopt` are what decides about the integration's steps."""

    bench: Bench
    row: ReconciliationRow
    relay: Relay
    facts: Facts
    adopt: Adopt
    log: ExchangeLog
    progress: Progress
    _counts: Counter[Agreement] = field(default_factory=Counter)
    _number: int = 0

    def run(self) -> ReconciliationRow:
        """List what is not listed yet, judge, and finish; EndedEarly where the listing did not come to its end."""
        try:
            with claims.kept(self._renew, OWNED.total_seconds() / 5, f"comparison {self.row.id}"):
                if not self.row.whole:
                    self._list()
                return self._judge()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        """Let others go on with a comparison that was not finished."""
        with self.bench.store.write() as connection:
            reconciling.write_own(connection, self.row.id, self.row.owner or "", owner=None, owned_until=None)

    def _renew(self) -> None:
        with self.bench.store.write() as connection:
            self._write(connection, owned_until=self.bench.store.now(connection) + OWNED)

    def _write(self, connection: Connection, **values: Any) -> None:
        assert self.row.owner is not None  # who runs it has claimed it
        if not reconciling.write_own(connection, self.row.id, self.row.owner, **values):
            raise Refused(f"Another process goes on with comparison {self.row.id} by now: this one was stopped.")

    # -- listing -------------------------------------------------------------------------------------------------------

    def _list(self) -> None:
        listed, batch = self.row.listed, list[RemoteUser]()
        try:
            for user in self._stream(self.row.last_remote_id):
                batch.append(user)
                if len(batch) == BATCH:
                    listed, batch = self._keep(batch, listed), []
        except ProviderError as error:
            raise self._ended_early(error, self._keep(batch, listed)) from error
        self._keep(batch, listed)
        with self.bench.store.write() as connection:
            self._write(connection, whole=True, cause=None)

    def _stream(self, last: str | None) -> Iterator[RemoteUser]:
        """Stream the users; what was exchanged for them is written as it gathers, however much."""
        users = self.relay.list_users(None) if last is None else self.relay.list_users_after(None, last)
        for number, user in enumerate(users, start=1):
            yield user
            if number % GATHERED == 0:
                self._record()

    def _record(self) -> None:
        with self.log.writing(self.bench.store) as (connection, exchanges):
            journal.write_exchanges(connection, exchanges, self.bench.store.now(connection))

    def _keep(self, batch: Sequence[RemoteUser], listed: int) -> int:
        """Keep the next users of a listing; return how many there are with them."""
        if not batch:
            return listed
        with self.bench.store.read() as connection:
            placed = listed_users.placed(connection, self.row.tenant, self.row.integration, batch)
        kept = [row for row in placed if row.account_key is not None or row.status not in GONE]
        with self.bench.store.write() as connection:
            self._write(connection, listed=listed + len(batch), last_remote_id=batch[-1].remote_id)
            listed_users.keep(connection, self.row.tenant, self.row.id, kept)
        self.progress(len(batch))
        return listed + len(batch)

    def _ended_early(self, error: ProviderError, listed: int) -> EndedEarly:
        lost = isinstance(error, Unreachable) and error.cause is Cause.INCOMPLETE and self.row.last_remote_id
        nothing_new = lost and listed == self.row.listed
        goes_on = self.relay.can("list_users_after") and not nothing_new
        with self.bench.store.write() as connection:
            self._write(connection, cause=str(error), **({} if goes_on else {"last_remote_id": None}))
        then = "goes on after them" if goes_on and listed else "begins anew"
        again = f"`svahub reconcile run {self.row.integration}` {then}"
        return EndedEarly(
            f"The listing of {self.row.integration!r} ended early, after {listed} users: {error}. "
            f"Nothing was judged by it. {again}."
        )

    # -- judging -------------------------------------------------------------------------------------------------------

    def _judge(self) -> ReconciliationRow:
        with self.bench.store.write() as connection:
            self._write(connection, whole=True)
            reconciling.forget_differences(connection, self.row.id)
        digest, stops = Digest(self.row.id, self.row.integration, self.row.started_at), 0
        for found in chain(self._of_ours(), self._of_strangers()):
            digest.add(found)
            stops += stopping(row.step for row in found)
        return self._finish(digest, stops)

    def _of_ours(self) -> Iterator[list[DifferenceRow]]:
        after = ""
        while page := self._page(after):
            yield self._kept(self._of_page(page))
            after = page[-1].holder

    def _page(self, after: str) -> Sequence[AccountRow]:
        with self.bench.store.read() as connection:
            return listed_users.accounts_after(connection, self.row.tenant, self.row.integration, after)

    def _of_strangers(self) -> Iterator[list[DifferenceRow]]:
        after = ""
        while page := self._strangers(after):
            yield self._kept([self._of_stranger(row) for row in page if row.status not in GONE])
            after = page[-1].remote_id

    def _strangers(self, after: str) -> Sequence[ListedRow]:
        with self.bench.store.read() as connection:
            return listed_users.strangers_after(connection, self.row.id, after)

    def _kept(self, found: list[DifferenceRow]) -> list[DifferenceRow]:
        if found:
            with self.bench.store.write() as connection:
                self._write(connection, whole=True)
                reconciling.add(connection, self.row.tenant, self.row.id, found)
        return found

    def _of_page(self, page: Sequence[AccountRow]) -> list[DifferenceRow]:
        with self.bench.store.read() as connection:
            listed = listed_users.of_accounts(connection, self.row.id, page)
            views = self._views(connection, page)
            busy = listed_users.with_open_attempts(connection, list(views))
        self._claim(page, listed)
        judged = {k: self._compared(view, listed.get(k, ()), busy=k in busy) for k, view in views.items()}
        told = {key: found for key, found in judged.items() if found}
        known = self._with_customers([views[key] for key in told])
        return [row for key, found in told.items() for row in self._differences(known[key], found)]

    def _claim(self, page: Sequence[AccountRow], listed: Mapping[str, Sequence[ListedRow]]) -> None:
        """Write whose those are that are known by their id alone: they are nobody's no more."""
        known = ((account.key, row) for account in page for row in listed.get(account.key, ()) if row.by_id)
        if others := {row.remote_id: key for key, row in known if row.account_key != key}:
            with self.bench.store.write() as connection:
                listed_users.claim(connection, self.row.id, others)

    def _views(self, connection: Connection, page: Sequence[AccountRow]) -> dict[str, View]:
        rows = defaultdict(list)
        for row in queue.subscriptions_of(connection, [account.key for account in page]):
            rows[row.account_key].append(row)
        return {a.key: View(a, None, tuple(rows[a.key]), self.facts) for a in page}

    def _with_customers(self, views: Sequence[View]) -> dict[str, View]:
        """Return views with their customers, who decide about what is due."""
        with self.bench.store.read() as connection:
            whom = {(view.account.tenant, view.account.holder) for view in views}
            customers = {row.id: row for row in queue.customers_of(connection, whom)}
        return {view.account.key: replace(view, customer=customers[view.account.holder]) for view in views}

    def _compared(self, view: View, listed: Sequence[ListedRow], *, busy: bool) -> list[Compared]:
        """Return what is to be told of an account; what is in sync, or cannot be judged now, is counted."""
        moment = Moment(self.row.started_at, timedelta(seconds=self.facts.settle_seconds))
        judged = compared(view, listed, moment, busy=busy)
        self._counts.update(one.agreement for one in judged)
        return [one for one in judged if one.agreement not in COUNTED]

    def _differences(self, view: View, judged: Sequence[Compared]) -> Iterator[DifferenceRow]:
        believed = [Believed(c.agreement, c.row.key, c.seen) for c in judged if c.row and c.agreement in TO_MEND]
        after = corrected(view, believed, self.row.started_at, self.adopt)
        rows = {row.key: row for row in after.rows}
        for one in judged:
            step = step_after(after.view, rows[one.row.key]) if one.row else Step.NOTHING
            yield self._numbered(one.agreement, view.account, one, step)

    def _numbered(self, agreement: Agreement, account: AccountRow | None, one: Compared, step: Step) -> DifferenceRow:
        self._number += 1
        return DifferenceRow(
            self._number, agreement, account.key if account else None, one.row.key if one.row else None, one.user,
            saw(one.row, account) if one.row and account else None, one.seen.column() if one.seen else None, step,
        )  # fmt: skip

    def _of_stranger(self, row: ListedRow) -> DifferenceRow:
        self._counts[Agreement.UNKNOWN] += 1
        plan = ", ".join(e.plan for e in row.entries if e.plan is not None and e.status not in GONE) or None
        one = Compared(Agreement.UNKNOWN, None, row.remote_id, Seen(row.status, plan, user=row.remote_id, ours=False))
        return self._numbered(Agreement.UNKNOWN, None, one, Step.NOTHING)

    # -- finishing -----------------------------------------------------------------------------------------------------

    def _finish(self, digest: Digest, stops: int) -> ReconciliationRow:
        counts = {agreement.value: self._counts[agreement] for agreement in Agreement}
        tenant, integration = self.row.tenant, self.row.integration
        with self.bench.store.write() as connection:
            live = reconciling.live(connection, tenant, integration)
            since = self.bench.integration(integration).created_at
            first = reconciling.newest_finished(connection, tenant, integration, since) is None
            ended = {"state": ReconcileState.FINISHED, "finished_at": self.bench.store.now(connection)}
            found = {"counts": counts, "live": live, "stopping": stops, "digest": digest.text(counts, live)}
            self._write(connection, **ended, **found, observing=first)
        self._forget()
        with self.bench.store.read() as connection:
            row = reconciling.one(connection, tenant, self.row.id)
        assert row is not None  # it was just written
        return row

    def _forget(self) -> None:
        """Delete what was listed, some at a time; what a kill leaves of it goes with the next comparison."""
        gone = 1
        while gone:
            with self.bench.store.write() as connection:
                gone = reconciling.forget_listed(connection, self.row.id)
