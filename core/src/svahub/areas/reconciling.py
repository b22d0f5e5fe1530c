"""Reconciling: comparing a provider's users with ours, showing what differs, approving that, and applying it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from svahub import entries
from svahub.areas.applying import Applied, Applying
from svahub.areas.bench import Bench
from svahub.areas.comparing import OWNED, Comparison
from svahub.errors import Refused, UnknownName
from svahub.fleet import ExchangeLog
from svahub.opening import Opened
from svahub.owners import Owner, dead
from svahub.plans import Guard
from svahub.registry import ProviderKind
from svahub.store import integrations, reconciling, sales
from svahub.store.rows import DifferenceRow, ReconciliationRow
from svahub.store.states import Agreement, AuditKind, IntegrationState, ReconcileState

LISTS = "list_users"
LASTS = timedelta(hours=24)
"""A listing that was begun longer ago is not gone on with: what it has is too old."""
FEWEST = 4
"""So many characters of a hash are enough to name a plan."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A comparison as people see it: how many are of each kind, and what may be done with it.

    `live` are our subscriptions that the provider had, `stopping` those that applying would block or cancel; `next`
    says what to do.
    """

    plan: int
    integration: str
    state: str
    hash: str | None
    actor: str
    started_at: datetime
    finished_at: datetime | None
    listed: int
    counts: dict[str, int]
    live: int | None
    stopping: int | None
    observing: bool
    cause: str | None
    approved_by: str | None
    approval: str | None
    applied_by: str | None
    applied_at: datetime | None
    next: str

    def __str__(self) -> str:
        told = [f"{count} {name.replace('_', ' ')}" for name, count in self.counts.items() if count]
        return f"plan {self.plan}: {', '.join(told) or 'nobody there, and nothing of ours'}"


@dataclass(frozen=True, slots=True)
class Difference:
    """One row of a plan: `known` is what we knew, `seen` what the provider has, `step` what applying leads to."""

    number: int
    agreement: Agreement
    contract_id: str | None
    item_code: str | None
    remote_id: str | None
    known: str | None
    seen: str | None
    step: str
    subscription_key: str | None


@dataclass(frozen=True, slots=True)
class Reconciling:
    """The comparisons of one tenant."""

    bench: Bench

    def comparable(self) -> list[str]:
        """Return the integrations that can be compared now: enabled, and their providers list their users."""
        rows = self.bench.integrations()
        return [row.name for row in rows if row.state is IntegrationState.ENABLED and self._lists(row.provider)]

    def _lists(self, provider: str) -> bool:
        registry = self.bench.registry
        if not registry.installed(provider):
            return False
        kind = registry.provider(provider)
        return not kind.is_source and LISTS in kind.capabilities

    def run(self, name: str, *, progress: Callable[[int], None] = lambda _listed: None) -> Plan:
        """Compare an integration's users with ours; changes nothing, neither there nor of ours.

        Goes on with a listing that was begun and ended early. Refused while another process compares, or where the
        provider lists nobody; EndedEarly where the listing ended early once more.
        """
        row = self.bench.integration(name)
        self._require_listing(self.bench.registry.provider(row.provider), name)
        log = ExchangeLog()
        with self.bench.calling(name, log) as opened:
            comparison = Comparison(
                self.bench, self._claimed(opened), opened.relay, opened.facts, opened.settings.adopt, log, progress
            )
            return self._view(comparison.run())

    def _require_listing(self, kind: ProviderKind, name: str) -> None:
        if LISTS not in kind.capabilities:
            raise Refused(f"{kind.title} lists no users, so {name!r} cannot be compared: there is nothing to go by.")

    def _claimed(self, opened: Opened) -> ReconciliationRow:
        """Take up the comparison that was begun, or begin one; whoever else begins waits for this transaction."""
        name = opened.row.name
        with self.bench.store.write() as connection:
            integrations.lock(connection, self.bench.tenant, name)
            begun = reconciling.unfinished(connection, self.bench.tenant, name)
            now = self.bench.store.now(connection)
            claim: dict[str, Any] = {"owner": str(Owner.this_process()), "owned_until": now + OWNED}
            self.bench.record(connection, AuditKind.LOOK, "reconcile run", entries.of_integration(name))
            if begun is None:
                row = self._begun(connection, name, now, claim)
            else:
                row = self._taken_up(connection, begun, claim if _goes_on(begun, opened, now) else claim | _anew(now))
        self._clear(name)
        return row

    def _taken_up(self, connection: Connection, begun: ReconciliationRow, values: dict[str, Any]) -> ReconciliationRow:
        self._refuse_held(begun, self.bench.store.now(connection))
        reconciling.write(connection, begun.id, **values)
        row = reconciling.one(connection, self.bench.tenant, begun.id)
        assert row is not None  # it was just written
        return row

    def _begun(self, connection: Connection, name: str, now: datetime, claim: dict[str, Any]) -> ReconciliationRow:
        who = {"tenant": self.bench.tenant, "integration": name, "actor": entries.acting(self.bench.actor)}
        fresh = {"state": ReconcileState.LISTING, "observing": False}
        return reconciling.begin(connection, who | fresh | _anew(now) | claim)

    def _clear(self, name: str) -> None:
        """Forget whom earlier listings had, some at a time, where a kill left that or a listing begins anew."""
        with self.bench.store.read() as connection:
            ids = reconciling.left_over(connection, self.bench.tenant, name)
        for id in ids:
            while self._forgot_some(id):
                pass

    def _forgot_some(self, id: int) -> int:
        with self.bench.store.write() as connection:
            return reconciling.forget_listed(connection, id)

    def _refuse_held(self, begun: ReconciliationRow, now: datetime) -> None:
        if begun.owner is None or begun.owned_until is None or begun.owned_until <= now or dead([begun.owner]):
            return
        held = Owner.parse(begun.owner)
        raise Refused(f"{begun.integration!r} is being compared by {held.process if held else 'another process'} now.")

    # -- showing -------------------------------------------------------------------------------------------------------

    def list(self, integration: str | None = None, limit: int = 50) -> list[Plan]:
        """Return the newest plans."""
        if integration is not None:
            self.bench.integration(integration)
        with self.bench.store.read() as connection:
            rows = reconciling.of_tenant(connection, self.bench.tenant, integration, limit)
        return [self._view(row) for row in rows]

    def show(self, plan: str) -> Plan:
        """Return one plan, by its number or the beginning of its hash."""
        return self._view(self._row(plan))

    def rows(self, plan: str, agreements: Sequence[Agreement] = ()) -> Iterator[Difference]:
        """Stream a plan's rows, those of some kinds if named."""
        row = self._row(plan)
        with self.bench.store.read() as connection:
            for page in reconciling.pages(connection, row.id, agreements):
                keys = [one.subscription_key for one in page if one.subscription_key]
                sold = {s.key: (s.contract_id, s.item_code) for s in sales.by_keys(connection, row.tenant, keys)}
                yield from (_difference(one, *sold.get(one.subscription_key or "", (None, None))) for one in page)

    def _row(self, plan: str) -> ReconciliationRow:
        with self.bench.store.read() as connection:
            row = self._by_number(connection, plan) or self._by_hash(connection, plan)
            if row is None:
                known = [str(r.id) for r in reconciling.of_tenant(connection, self.bench.tenant, None, 20)]
                raise UnknownName("plan", plan, known, "All: svahub reconcile list")
        return row

    def _by_number(self, connection: Connection, plan: str) -> ReconciliationRow | None:
        number = int(plan) if plan.isascii() and plan.isdigit() and len(plan) < 10 else None
        return None if number is None else reconciling.one(connection, self.bench.tenant, number)

    def _by_hash(self, connection: Connection, plan: str) -> ReconciliationRow | None:
        found = reconciling.by_digest(connection, self.bench.tenant, plan.lower()) if len(plan) >= FEWEST else []
        if len(found) > 1:
            raise Refused(f"The hashes of {len(found)} plans begin with {plan!r}: write more of it, or the number.")
        return found[0] if found else None

    def _view(self, row: ReconciliationRow) -> Plan:
        with self.bench.store.read() as connection:
            newest = reconciling.newest_finished(connection, row.tenant, row.integration, row.started_at)
        return Plan(
            row.id, row.integration, row.state.value, row.digest, row.actor, row.started_at, row.finished_at,
            row.listed, row.counts or {}, row.live, row.stopping, row.observing, row.cause, row.approved_by,
            row.approval, row.applied_by, row.applied_at, _next(row, newest),
        )  # fmt: skip

    # -- deciding ------------------------------------------------------------------------------------------------------

    def approve(self, plan: str, *, note: str, actor: str) -> Plan:
        """Let a plan be applied that blocks or cancels more than the guard lets pass."""
        row = self._row(plan)
        if row.state is not ReconcileState.FINISHED:
            raise Refused(f"Plan {row.id} is {row.state.value}: there is nothing to approve.")
        told = {"plan": row.id, "hash": row.digest, "stopping": row.stopping}
        with self.bench.store.write() as connection:
            now = self.bench.store.now(connection)
            given = {"approved_by": entries.acting(actor), "approval": note, "approved_at": now}
            reconciling.write(connection, row.id, **given)
            subject = entries.of_integration(row.integration)
            self.bench.record(
                connection, AuditKind.COMMAND, "reconcile approve", subject, actor=actor, note=note, ours=told
            )
        return self.show(str(row.id))

    def apply(
        self,
        plan: str,
        *,
        actor: str,
        guard: Guard | None = None,
        dry_run: bool = False,
        progress: Callable[[int], None] = lambda _done: None,
    ) -> Applied:
        """Believe what a plan has seen, all of it or nothing; `work` then does what is due.

        Refused where the plan observes only, is not the newest, takes too much away without an approval, or where
        something of ours has changed since it was made.
        """
        row = self._row(plan)
        return Applying(self.bench, row, guard or Guard(), entries.acting(actor), progress).run(dry_run=dry_run)


def _goes_on(begun: ReconciliationRow, opened: Opened, now: datetime) -> bool:
    """Whether a listing that was begun is gone on with, or judged: it is recent, and its provider can go on."""
    recent = now - begun.started_at <= LASTS
    after = begun.last_remote_id is not None and opened.relay.can("list_users_after")
    return recent and (begun.whole or after)


def _anew(now: datetime) -> dict[str, Any]:
    return {"started_at": now, "listed": 0, "last_remote_id": None, "whole": False, "cause": None}


def _next(row: ReconciliationRow, newest: ReconciliationRow | None) -> str:
    """Return what to do with a plan."""
    again = f"svahub reconcile run {row.integration}"
    if row.state is ReconcileState.LISTING:
        return f"it is not finished: {again}"
    if row.state is ReconcileState.APPLIED:
        return "svahub work"
    if newest is not None and newest.id > row.id:
        return f"plan {newest.id} has seen the provider later: svahub reconcile show {newest.id}"
    if row.observing:
        return f"the first of its integration only observes: look at it, then {again}"
    return f"svahub reconcile apply {row.id}"


def _difference(row: DifferenceRow, contract: str | None, item: str | None) -> Difference:
    return Difference(
        row.number, row.agreement, contract, item, row.remote_id, _known(row.saw), _seen(row.seen), row.step.value,
        row.subscription_key,
    )  # fmt: skip


def _known(saw: dict[str, Any] | None) -> str | None:
    return None if saw is None else _told(saw["observed"], saw["plan given"], saw["quantity given"])


def _seen(seen: dict[str, Any] | None) -> str | None:
    return "nothing" if seen is None else _told(seen["status"], seen["plan"], seen["quantity"])


def _told(level: str, plan: str | None, quantity: int | None) -> str:
    return " ".join(filter(None, (level, plan, f"x {quantity}" if quantity not in {None, 1} else None)))
