"""Explanations: reads all that hangs on a contract, in one transaction, and has it explained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from pydantic import ValidationError
from sqlalchemy import Connection

from svahub.areas.bench import Bench
from svahub.areas.integrations import Integrations, usable
from svahub.areas.subscriptions import Subscriptions
from svahub.areas.tasks import Tasks
from svahub.decisions import Facts, View
from svahub.errors import UnknownName
from svahub.explanation import Case, Explanation, Owing, Reader, Sale, explained
from svahub.explanation.values import Exempt, Provider, Return
from svahub.intentions import Level, levels
from svahub.models import BlockScope, Deduplication, Observed
from svahub.opening import facts_of, without_secrets
from svahub.outcomes import ADDING
from svahub.settings import IntegrationSettings
from svahub.store import catalogue, contracts, debts, history, integrations, queue
from svahub.store.rows import AttemptRow, ItemRow, LinkRow, PlanRow, SubscriptionRow
from svahub.store.states import Certainty, Phase
from svahub.waiting import Stop

UNKNOWN = Facts(
    BlockScope.SUBSCRIPTION, frozenset(), Deduplication.REFERENCE, can_find=True, settle_seconds=0.0, recreate=False
)  # fmt: skip
"""What is supposed of a provider whose plugin is gone: nothing that is special."""


@dataclass(frozen=True, slots=True)
class Explanations:
    """Why the contracts of one tenant are as they are."""

    bench: Bench

    def of(
        self, contract: str, item: str | None = None, *, whole: bool = False, zone: tzinfo | None = None
    ) -> Explanation:
        """Explain a contract, or one item of it; with `whole`, every sale and operation that it ever had.

        `zone` is that of the times in sentences, the tenant's unless named.
        """
        with self.bench.store.read() as connection:
            level = self._level(connection, contract)
            items = [i for i in level.items if item in {None, i.code}]
            if not items and item is not None:
                raise UnknownName("item", item, [i.code for i in level.items])
            holder = contracts.customers_by_id(connection, self.bench.tenant, [level.contract.customer_id])
            reader = Reader(zone or self.bench.zone, self.bench.store.now(connection))
            owing = self._owing(connection, contract, reader.now, whole=whole)
            books = _Books(self.bench, connection, level, items, owing, whole=whole)
            tasks = Tasks(self.bench).of_contract(connection, contract, whole=whole)
            erased_at = holder[level.contract.customer_id].erased_at
            return explained(level.contract, books.cases(), reader, erased_at, owing, tasks)

    def _owing(self, connection: Connection, contract: str, now: datetime, *, whole: bool) -> Owing:
        tenant = self.bench.tenant
        rows = debts.of_contracts(connection, tenant, [contract], only_open=not whole)[contract]
        kept = debts.exemptions(connection, tenant).get(contract)
        exempt = Exempt(kept.actor, kept.created_at) if kept else None
        return Owing(now.astimezone(self.bench.zone).date(), tuple(rows), debts.policy(connection, tenant), exempt)

    def _level(self, connection: Connection, contract: str) -> Level:
        found = levels(connection, self.bench.tenant, [contract]).get(contract)
        if found is None:
            near = [c.id for c in contracts.contracts_near(connection, self.bench.tenant, contract)]
            raise UnknownName("contract", contract, near, "All: svahub contracts list")
        return found


class _Books:
    """All that the store has of some items of a contract."""

    def __init__(
        self,
        bench: Bench,
        connection: Connection,
        level: Level,
        items: Sequence[ItemRow],
        owing: Owing,
        *,
        whole: bool,
    ) -> None:
        self._bench, self._connection, self._level, self._items = bench, connection, level, items
        self._owing = owing
        codes = {item.code for item in items}
        self._rows = [row for row in level.subscriptions if row.item_code in codes and (whole or self._counts(row))]
        self._links = {link.code: link for link in catalogue.links(connection, bench.tenant)}
        self._operations = history.operations_of(connection, self._rows, whole=whole)
        since = {key: of[-1].generation for key, of in self._operations.items()}
        self._attempts = history.attempts_of(connection, dict.fromkeys(since, 0) if whole else since)
        self._views, self._providers, self._plans = self._accounts(), self._who_serves(), self._plans_sold()

    def _counts(self, row: SubscriptionRow) -> bool:
        """Whether a sale tells how its item is now: the newest, and an earlier one that is not over."""
        newest = self._level.latest(row.item_code)
        return newest is None or newest.key == row.key or row.phase is not Phase.SETTLED

    def _accounts(self) -> dict[str, View]:
        keys = {row.account_key for row in self._rows}
        accounts = history.accounts_of(self._connection, keys)
        whose = {(a.tenant, a.holder) for a in accounts.values()}
        customers = {c.id: c for c in queue.customers_of(self._connection, whose)} if whose else {}
        rows = queue.subscriptions_of(self._connection, keys) if keys else []
        return {
            key: View(a, customers[a.holder], tuple(r for r in rows if r.account_key == key), UNKNOWN)
            for key, a in accounts.items()
        }

    def _plans_sold(self) -> dict[tuple[str, str], PlanRow]:
        wanted = {(row.tenant, row.integration, row.plan) for row in self._rows if row.plan}
        return {(p.integration, p.remote_id): p for p in catalogue.plans_of(self._connection, wanted)}

    def _who_serves(self) -> dict[str, tuple[Facts, Provider]]:
        stopped = Subscriptions(self._bench).stopped(self._connection)
        idle = all(row.phase in {Phase.SETTLED, Phase.PARKED} for row in self._rows)
        obstacles = {} if idle else Integrations(self._bench).obstacles()
        names = {row.integration for row in self._rows}
        return {name: self._provider(name, stopped.get(name), obstacles.get(name)) for name in names}

    def _provider(self, name: str, stop: Stop | None, obstacle: str | None) -> tuple[Facts, Provider]:
        row = integrations.one(self._connection, self._bench.tenant, name)
        assert row is not None
        kind, _ = usable(self._bench, row)
        if kind is None:
            budget: int = IntegrationSettings().retry_budget
            return UNKNOWN, Provider(row.provider, budget, stop, None)
        try:
            settings = without_secrets(kind, row.settings)
        except ValidationError:  # the plugin has changed, and `stop` or `obstacle` tell so
            settings = IntegrationSettings()
        return facts_of(kind, settings), Provider(kind.title, settings.retry_budget, stop, obstacle)

    def cases(self) -> Iterator[Case]:
        """Return each sale, and each item that was never sold."""
        for item in self._items:
            reasons = tuple(self._level.reasons_for(item.code))
            link: LinkRow | None = self._links.get(item.product_code)
            sold = [self._sale(row) for row in self._rows if row.item_code == item.code]
            yield from (Case(self._level.contract, item, reasons, link, sale, self._owing) for sale in sold)
            if not sold:
                yield Case(self._level.contract, item, reasons, link, owing=self._owing)

    def _sale(self, row: SubscriptionRow) -> Sale:
        facts, provider = self._providers[row.integration]
        view = self._views[row.account_key]
        made = self._attempts.get(row.key, ())
        return Sale(
            row,
            View(view.account, view.customer, view.rows, facts),
            provider,
            self._plans.get((row.integration, row.plan or "")),
            self._operations.get(row.key, ()),
            made,
            history.exchanges_of(self._connection, made),
            self._unsure_call(row),
            self._came_back(row),
        )

    def _unsure_call(self, row: SubscriptionRow) -> AttemptRow | None:
        """Return the call since which it is not known what was added."""
        if row.uncertain_since is None:
            return None
        made = history.attempts_at(self._connection, row.key, row.uncertain_since)
        return next((a for a in made if a.step in ADDING and a.certainty is not Certainty.SUCCEEDED), None)

    def _came_back(self, row: SubscriptionRow) -> Return | None:
        """Return by what the store came back, if that is why it is not known what the provider has."""
        if row.observed is not Observed.UNKNOWN and row.uncertain_since is None:
            return None
        since = row.uncertain_since or row.changed_at
        found = history.return_since(self._connection, row.tenant, since)
        return Return(*found) if found else None
