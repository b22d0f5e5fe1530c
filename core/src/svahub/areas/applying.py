"""Applying a plan: what it saw of the provider becomes what we know, in one transaction; no provider is called."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from svahub import entries, reporting
from svahub.announcing import announce, changes_of, of_subscriptions
from svahub.areas.bench import Bench
from svahub.decisions import Facts, View
from svahub.errors import Refused
from svahub.models import Adopt
from svahub.news import News
from svahub.opening import facts_of, without_secrets
from svahub.plans import Digest, Guard
from svahub.reconciling.comparing import TO_MEND, Seen
from svahub.reconciling.correcting import Believed, Corrected, corrected
from svahub.reconciling.plans import changes, saw
from svahub.releases import Written, keep, told_of
from svahub.store import journal, listed_users, queue, reconciling, sales
from svahub.store.journal import Event
from svahub.store.queue import Lane
from svahub.store.rows import DifferenceRow, ReconciliationRow, SubscriptionRow
from svahub.store.states import AuditKind, Outcome, Phase, Priority, ReconcileState

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying a plan did, or would: how many subscriptions are known otherwise, and which steps are due."""

    plan: int
    integration: str
    hash: str
    corrected: int
    stopping: int
    dry_run: bool = False


class Changed(Refused):
    """Something of ours is not as a plan saw it."""


@dataclass
class Applying:
    """One plan being applied by somebody under a guard."""

    bench: Bench
    row: ReconciliationRow
    guard: Guard
    actor: str
    progress: Callable[[int], None]
    _corrected: int = 0
    _changed: list[str] = field(default_factory=list)
    _news: list[tuple[str, News]] = field(default_factory=list)
    _told: list[tuple[str, Event]] = field(default_factory=list)

    def run(self, *, dry_run: bool) -> Applied:
        """Apply it, all or nothing."""
        with self.bench.store.write(undo=dry_run) as connection:
            row = reconciling.one(connection, self.row.tenant, self.row.id, lock=True)
            assert row is not None  # its row was just read, and stays while its integration does
            self._require_ripe(connection, row)
            self._require_whole(connection, row)
            self._correct(connection)
            now = self.bench.store.now(connection)
            applied = {"state": ReconcileState.APPLIED, "applied_by": self.actor, "applied_at": now}
            reconciling.write(connection, row.id, **applied)
            self._tell(connection, now)
        return Applied(row.id, row.integration, row.digest or "", self._corrected, row.stopping or 0, dry_run)

    def _require_ripe(self, connection: Connection, row: ReconciliationRow) -> None:
        again = f"svahub reconcile run {row.integration}"
        if row.state is ReconcileState.LISTING:
            raise Refused(f"Plan {row.id} is not finished. Go on with it: {again}")
        if row.state is ReconcileState.APPLIED:
            raise Refused(
                f"Plan {row.id} was applied by {row.applied_by} at {row.applied_at}. For what is now: {again}"
            )
        newest = reconciling.newest_finished(connection, row.tenant, row.integration, row.started_at)
        if newest is not None and newest.id > row.id:
            raise Refused(f"Plan {newest.id} has seen the provider later: svahub reconcile show {newest.id}")
        if row.observing:
            raise Refused(
                f"Plan {row.id} is the first of {row.integration!r}, which only observes. Look at it "
                f"(svahub reconcile show {row.id}); when it is what you expect, {again} makes one that can be applied."
            )
        if row.approved_at is None:
            self.guard.check(
                row.stopping or 0,
                row.live or 0,
                otherwise=f"Plan {row.id} is not applied",
                approve=f"svahub reconcile approve {row.id} --note WHY",
            )

    def _require_whole(self, connection: Connection, row: ReconciliationRow) -> None:
        """Refuse a plan whose content is not what its hash was taken of."""
        digest = Digest(row.id, row.integration, row.started_at)
        for page in reconciling.pages(connection, row.id):
            digest.add(page)
        if digest.text(row.counts or {}, row.live or 0) != row.digest:
            again = f"Make a new one: svahub reconcile run {row.integration}"
            raise Refused(f"Plan {row.id} is not what its hash was taken of: somebody has changed it. {again}")

    # -- correcting ----------------------------------------------------------------------------------------------------

    def _correct(self, connection: Connection) -> None:
        facts, adopt = self._rules()
        after = ""
        while page := reconciling.accounts_page(connection, self.row.id, after):
            after = page[-1].account_key or ""
            self._page(connection, page, facts, adopt)
            self.progress(len(page))
        if self._changed:
            shown = "; ".join(self._changed[:SHOWN]) + ("; …" if len(self._changed) > SHOWN else "")
            raise Changed(
                f"Plan {self.row.id} is not applied: {len(self._changed)} of ours have changed since it was made "
                f"({shown}). Make a new one: svahub reconcile run {self.row.integration}"
            )

    def _rules(self) -> tuple[Facts, Adopt]:
        row = self.bench.integration(self.row.integration)
        kind = self.bench.registry.provider(row.provider)
        settings = without_secrets(kind, row.settings)
        return facts_of(kind, settings), settings.adopt

    def _page(self, connection: Connection, page: Sequence[DifferenceRow], facts: Facts, adopt: Adopt) -> None:
        by_account: dict[str, list[DifferenceRow]] = defaultdict(list)
        for row in page:
            by_account[row.account_key or ""].append(row)
        now = self.bench.store.now(connection)
        views = self._locked(connection, list(by_account), facts)
        busy = listed_users.with_open_attempts(connection, list(views))
        done = []
        for key, found in by_account.items():
            mend = [row for row in found if row.agreement in TO_MEND]
            if self._is_as_seen(views.get(key), mend, now, busy=key in busy) and mend:
                believed = [_believed(row) for row in mend]
                done.append((views[key], corrected(views[key], believed, now, adopt)))
                self._corrected += len(mend)
        if not self._changed:
            self._write(connection, done, now)

    def _locked(self, connection: Connection, keys: Sequence[str], facts: Facts) -> dict[str, View]:
        """Return accounts that nobody leases or writes before this transaction ends."""
        accounts = queue.locked(connection, keys)
        rows = defaultdict(list)
        for row in queue.subscriptions_of(connection, keys):
            rows[row.account_key].append(row)
        whom = {(account.tenant, account.holder) for account in accounts}
        customers = {row.id: row for row in queue.customers_of(connection, whom)}
        return {a.key: View(a, customers[a.holder], tuple(rows[a.key]), facts) for a in accounts}

    def _is_as_seen(self, view: View | None, found: Sequence[DifferenceRow], now: datetime, *, busy: bool) -> bool:
        """Note what of an account is not as the plan saw it; say whether all is."""
        before = len(self._changed)
        for one in found:
            row = next((r for r in view.rows if r.key == one.subscription_key), None) if view else None
            if row is None or view is None:
                self._changed.append(f"subscription {one.subscription_key}: it is gone")
                continue
            told = changes(one.saw or {}, saw(row, view.account))
            held = view.account.lease_until is not None and view.account.lease_until > now
            told += ["it is being driven now"] if busy or held else []
            if told:
                self._changed.append(f"contract {row.contract_id}/item {row.item_code}: {', '.join(told)}")
        return len(self._changed) == before

    def _write(self, connection: Connection, done: Sequence[tuple[View, Corrected]], now: datetime) -> None:
        self._reopen(connection, done)
        written = [Written(view, after.rows, after.remote_id) for view, after in done]
        keep(connection, written, [], now)
        for view, after in done:
            if after.remote_id != view.account.remote_id:
                queue.set_remote_id(connection, view.account.key, after.remote_id)
        queue.wake(connection, {view.account.key: _haste(after.rows) for view, after in done}, now)
        self._told += told_of(connection, written, now)
        altered = [one for w in written for one in changes_of(w.view.rows, w.rows, w.view.account)]
        reporting.changed(connection, altered, now)
        self._news += of_subscriptions(connection, altered, self._is_sensitive)

    def _reopen(self, connection: Connection, done: Sequence[tuple[View, Corrected]]) -> None:
        """Note with the newest operation of each what is known of it now, and open it where it goes on."""
        pairs = [(row, next(r for r in view.rows if r.key == row.key)) for view, after in done for row in after.rows]
        newest = sales.last_operation_ids(connection, self.row.tenant, [row.key for row, _ in pairs])
        for row, was in pairs:
            goes_on = was.phase is Phase.PARKED and row.phase is Phase.DUE
            if (id := newest.get(row.key)) is not None:
                sales.note_operation(connection, id, self._note(row), Outcome.QUEUED if goes_on else None)

    def _note(self, row: SubscriptionRow) -> str:
        return f"plan {self.row.id} of reconcile has seen it {row.observed.value}"

    def _is_sensitive(self, lane: Lane) -> bool:
        return self.bench.registry.provider(self.bench.integration(lane.integration).provider).sensitive

    def _tell(self, connection: Connection, now: datetime) -> None:
        journal.lock(connection, [self.row.tenant])
        journal.tell_each(connection, now, self._told)
        announce(connection, self._news, now)
        told = {"plan": self.row.id, "hash": self.row.digest, "corrected": self._corrected}
        subject = entries.of_integration(self.row.integration)
        self.bench.record(
            connection, AuditKind.COMMAND, "reconcile apply", subject, actor=self.actor, ours=told,
            max_changes=self.guard.max_changes, max_percent=self.guard.max_percent, approved_by=self.row.approved_by,
        )  # fmt: skip


def _believed(row: DifferenceRow) -> Believed:
    return Believed(row.agreement, row.subscription_key or "", Seen.of(row.seen) if row.seen else None)


def _haste(rows: Sequence[SubscriptionRow]) -> int:
    return min((row.priority for row in rows if row.phase is Phase.DUE), default=Priority.BULK.value)
