"""Subscriptions as people and scripts see them: what is wanted, what was seen, and what keeps them apart."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from svahub.areas.bench import Bench
from svahub.areas.integrations import usable
from svahub.clock import local
from svahub.errors import UnknownName
from svahub.masking import mask_consent
from svahub.models import BlockReason, Desired, Observed
from svahub.store import breakers, contracts, integrations, sales
from svahub.store.rows import AttemptRow, BreakerRow, IntegrationRow, ReasonRow, SubscriptionRow
from svahub.store.states import IntegrationState, Phase, State
from svahub.waiting import STUCK, Stop, state_of


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    """One subscription; `price` in BRL, `due_at` is when its next step may run, None while no time brings it on."""

    key: str
    contract_id: str
    item_code: str
    sale: int
    product_type: str
    integration: str
    plan: str | None
    quantity: int
    price: Decimal | None
    desired: Desired
    observed: Observed
    block_reasons: tuple[BlockReason, ...]
    remote_id: str | None
    state: State
    cause: str | None
    advice: str | None
    due_at: datetime | None
    generation: int
    consent: dict[str, Any] | None

    @property
    def item(self) -> str:
        """The item's code; of one that was sold again, which sale of it this is."""
        return f"{self.item_code} (sale {self.sale})" if self.sale > 1 else self.item_code

    @property
    def rests(self) -> bool:
        """Whether waiting brings nothing: it is settled, needs a person, or hangs on something else than time."""
        at_rest = self.state in {State.SETTLED, *STUCK}
        return at_rest or (self.state is State.WAITING and self.due_at is None)


@dataclass(frozen=True, slots=True)
class SubscriptionHistory:
    """One subscription with every attempt made for it and what was said, masked."""

    subscription: SubscriptionView
    attempts: tuple[AttemptRow, ...]
    exchanges: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The subscriptions of one tenant."""

    bench: Bench

    def list(
        self, integration: str | None = None, state: State | None = None, contract: str | None = None
    ) -> Iterator[SubscriptionView]:
        """Stream the subscriptions by contract, item and sale."""
        if integration is not None:
            self.bench.integration(integration)
        with self.bench.store.read() as connection:
            rows = self._rows(connection, integration, contract)
            while page := list(islice(rows, 500)):
                yield from (view for view in self.views(connection, page) if state in {None, view.state})

    def page(
        self,
        after: tuple[str, str, int],
        limit: int,
        *,
        integration: str | None = None,
        contract: str | None = None,
    ) -> Sequence[SubscriptionView]:
        """Return the first subscriptions that follow a contract, item and sale."""
        with self.bench.store.read() as connection:
            tenant = self.bench.tenant
            rows = sales.after_sale(connection, tenant, after, limit, integration=integration, contract=contract)
            return self.views(connection, rows)

    def _rows(self, connection: Connection, integration: str | None, contract: str | None) -> Iterator[SubscriptionRow]:
        if contract is None:
            return sales.pages(connection, self.bench.tenant, integration)
        rows = contracts.subscriptions_of(connection, self.bench.tenant, [contract])
        return iter([row for row in rows if integration in {None, row.integration}])

    def views(self, connection: Connection, rows: Collection[SubscriptionRow]) -> Sequence[SubscriptionView]:
        """Return rows as people see them."""
        ids = {row.contract_id for row in rows}
        reasons = contracts.reasons_of(connection, self.bench.tenant, ids)
        unsettled = [row.key for row in rows if row.phase is not Phase.SETTLED]
        running = sales.running(connection, self.bench.tenant, unsettled) if unsettled else set()
        stopped = self.stopped(connection)
        newest = sales.last_operation_ids(connection, self.bench.tenant, [row.key for row in rows if row.advice])
        advised = [row._replace(advice=row.advised(newest.get(row.key))) for row in rows]
        return [_view(row, reasons, running, stopped.get(row.integration)) for row in advised]

    def next_due(self) -> datetime | None:
        """Return when the next subscription that waits for a time is due."""
        with self.bench.store.read() as connection:
            return sales.next_due(connection, self.bench.tenant)

    def stopped(self, connection: Connection, now: datetime | None = None) -> dict[str, Stop]:
        """Return the integrations that cannot be called, and why: at that instant, which is else asked for."""
        found: dict[str, Stop] = {}
        now = now or self.bench.store.now(connection)
        silent = breakers.opened(connection, self.bench.tenant)
        for row in integrations.of_tenant(connection, self.bench.tenant):
            stop = self._stop(row, now) or (self._unanswered(silent[row.name]) if row.name in silent else None)
            if stop is not None:
                found[row.name] = stop
        return found

    def _stop(self, row: IntegrationRow, now: datetime) -> Stop | None:
        _, problem = usable(self.bench, row)
        if problem:
            return Stop(State.MISSING_PLUGIN, problem)
        if row.state is IntegrationState.QUARANTINED:
            mend = f"mend the credentials, then `svahub integration test {row.name}`"
            return Stop(State.QUARANTINED, row.cause, remedy=mend)
        if row.state is IntegrationState.DISABLED:
            return Stop(State.WAITING, "the integration is disabled", remedy=f"`svahub integration enable {row.name}`")
        if row.paused_until is not None and row.paused_until > now:
            cause = f"the provider asked for a pause until {local(row.paused_until, self.bench.zone)}"
            return Stop(State.WAITING, cause, row.paused_until)
        return None

    def _unanswered(self, row: BreakerRow) -> Stop:
        """Return why nothing is sent to a provider that answers nobody but a probe now and then."""
        since, probe = (local(at, self.bench.zone) for at in (row.since, row.probe_at))
        next_ = "it is being probed" if row.probing else f"the next probe is due at {probe}"
        remedy = f"`svahub integration test {row.integration}` probes it now: if it answers, all goes on"
        return Stop(
            State.WAITING,
            f"the provider has answered nobody since {since} ({row.cause}); {next_}",
            row.probe_at,
            remedy,
        )

    def one(self, key: str) -> SubscriptionRow:
        """Return a subscription by its key, or by CONTRACT/ITEM: the newest sale."""
        contract, _, item = key.partition("/")
        with self.bench.store.read() as connection:
            if item:
                rows = contracts.subscriptions_of(connection, self.bench.tenant, [contract])
                rows = [row for row in rows if row.item_code == item]
            else:
                rows = sales.by_keys(connection, self.bench.tenant, [key]) if _is_key(key) else []
        if not rows:
            raise UnknownName("subscription", key, [], "Name it by its key or as CONTRACT/ITEM.")
        return rows[-1]

    def show(self, key: str) -> SubscriptionHistory:
        """Return one subscription with its attempts and masked exchanges."""
        row = self.one(key)
        with self.bench.store.read() as connection:
            attempts = sales.attempts_of(connection, row.key)
            numbers = [attempt.lease_number for attempt in attempts]
            exchanges = sales.exchanges_of(connection, row.account_key, numbers)
            (view,) = self.views(connection, [row])
        return SubscriptionHistory(view, tuple(attempts), tuple(exchanges))

    def of_keys(self, keys: Collection[str]) -> Sequence[SubscriptionView]:
        """Return some subscriptions."""
        with self.bench.store.read() as connection:
            return self.views(connection, sales.by_keys(connection, self.bench.tenant, keys))


def _is_key(text: str) -> bool:
    return len(text) == 36 and text.count("-") == 4


def _view(
    row: SubscriptionRow,
    reasons: Iterable[ReasonRow],
    running: Collection[str],
    stopped: Stop | None,
) -> SubscriptionView:
    state, cause, due_at, remedy = state_of(row, running=row.key in running, stopped=stopped)
    why = tuple(
        r.block_reason() for r in reasons if r.contract_id == row.contract_id and r.item_code in {"", row.item_code}
    )
    return SubscriptionView(
        row.key, row.contract_id, row.item_code, row.sale, row.product_type, row.integration, row.plan, row.quantity,
        row.price, row.desired, row.observed, why, row.remote_id, state, cause, row.advice or remedy, due_at,
        row.generation, mask_consent(row.consent),
    )  # fmt: skip
