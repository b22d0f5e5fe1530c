"""Planning a campaign: each contract judged as its verb will judge it, a page at a time; nothing is written here."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection

from svahub.areas.bench import Bench
from svahub.campaigning.asking import of_contract
from svahub.campaigning.choice import Where, asked_of, states
from svahub.commands import Command
from svahub.errors import Refused
from svahub.intake.names import Named
from svahub.intentions import Level, levels
from svahub.issuing import Effect, Issuing, Taken
from svahub.models import Desired
from svahub.routes import Routes
from svahub.store import campaigns
from svahub.store.campaigns import Fit
from svahub.store.rows import CampaignLine, SubscriptionRow
from svahub.store.states import RowState, Verb
from svahub.verbs import unknown_contract

PAGE = 500
NOTHING = "nothing"
"""What is counted of a subscription that stays as it is."""


class Meant(NamedTuple):
    """Of whom something is asked: a contract or one item of it; a `problem` says why a line names none."""

    contract_id: str | None
    item: str | None = None
    problem: str | None = None


@dataclass(slots=True)
class Totals:
    """What a plan comes to: contracts, and by integration what follows for how many subscriptions.

    `stopping` are the subscriptions that would be blocked or cancelled.
    """

    contracts: int = 0
    refused: int = 0
    stopping: int = 0
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, lines: Iterable[CampaignLine]) -> None:
        """Count more rows."""
        for line in lines:
            self.contracts += 1
            self.refused += line.state is RowState.REFUSED
            for _, integration, verb, stops, *_ in line.effects:
                self.counts[integration][verb or NOTHING] += 1
                self.stopping += stops

    def by_integration(self) -> dict[str, dict[str, int]]:
        """Return the counts in the order of the integrations' names."""
        return {name: dict(sorted(self.counts[name].items())) for name in sorted(self.counts)}


@dataclass(frozen=True, slots=True)
class Planning:
    """One plan being made: `asked` of all, for the day that it is today."""

    bench: Bench
    asked: Command
    today: date

    def of_names(self, names: Iterable[Named]) -> Iterator[list[CampaignLine]]:
        """Stream the rows for contracts that were named one by one, in pages."""
        stream, number = iter(names), 0
        while page := list(islice(stream, PAGE)):
            meant = [self._meant(one) for one in page]
            with self.bench.store.read() as connection:
                ids = {one.contract_id for one in meant if one.contract_id is not None}
                rows = self._judged(connection, meant, levels(connection, self.bench.tenant, ids), number)
            yield rows
            number += len(rows)

    def _meant(self, named: Named) -> Meant:
        problem = f"line {named.line}: {named.problem}" if named.problem else None
        return Meant(named.contract_id, named.item or self.asked.item, problem)

    def of_those(self, where: Where) -> Iterator[list[CampaignLine]]:
        """Stream the rows for all that fits, in the order of the contracts' ids, in pages."""
        after, number = "", 0
        while True:
            with self.bench.store.read() as connection:
                ids = campaigns.fitting(connection, self.bench.tenant, self._fit(where), after, PAGE)
                found = levels(connection, self.bench.tenant, ids)
                rows = self._judged(connection, list(self._chosen(found, where)), found, number)
            if not ids:
                return
            yield rows
            after, number = ids[-1], number + len(rows)

    def _fit(self, where: Where) -> Fit:
        of_one = (where.integration, where.product_type, where.plan)
        return Fit(states(Verb(self.asked.action.value)), *of_one, self.asked.item, where.since(self.today))

    def _chosen(self, found: Mapping[str, Level], where: Where) -> Iterator[Meant]:
        for id in sorted(found):
            for item in asked_of(found[id], where, Verb(self.asked.action.value), self.asked.item):
                yield Meant(id, item)

    # -- judging -------------------------------------------------------------------------------------------------------

    def _judged(
        self, connection: Connection, page: Sequence[Meant], found: Mapping[str, Level], number: int
    ) -> list[CampaignLine]:
        routes = Routes.of(connection, self.bench.tenant, self.bench.registry)
        issuing = Issuing(connection, self.bench.tenant, routes, self.bench.store.now(connection))
        return [self._line(connection, one, issuing, found, n) for n, one in enumerate(page, number + 1)]

    def _line(
        self, connection: Connection, one: Meant, issuing: Issuing, found: Mapping[str, Level], number: int
    ) -> CampaignLine:
        try:
            taken = self._taken(connection, one, issuing, found)
        except Refused as error:
            return CampaignLine(number, one.contract_id, one.item, None, RowState.REFUSED, str(error), [])
        told = [_told(effect) for effect in taken.effects]
        lanes = [integration for _, integration, verb, *_ in told if verb] or [row[1] for row in told]
        lane, remarks = next(iter(lanes), None), "; ".join(taken.remarks) or None
        return CampaignLine(number, one.contract_id, one.item, lane, RowState.PLANNED, remarks, told)

    def _taken(self, connection: Connection, one: Meant, issuing: Issuing, found: Mapping[str, Level]) -> Taken:
        if one.problem or one.contract_id is None:
            raise Refused(one.problem or "the line names no contract")
        level = found.get(one.contract_id)
        if level is None:
            raise unknown_contract(connection, self.bench.tenant, one.contract_id)
        return issuing.take(of_contract(self.asked, one.contract_id, one.item), level)


def _told(effect: Effect) -> list[Any]:
    """Return what follows for one subscription: item, integration, verb, whether that stops it, before, after."""
    before, after = effect.before, effect.after
    return [
        after.item_code, after.integration, _verb(effect), _stops(effect),
        _standing(before, after) if before else None, _standing(after, before),
    ]  # fmt: skip


def _verb(effect: Effect) -> str | None:
    before, after = effect.before, effect.after
    if before is None:
        return Verb.CREATE_USER.value
    if before.generation == after.generation:
        return None
    if before.desired is after.desired:
        return Verb.CHANGE.value if _what(before) != _what(after) else None
    by_level = {Desired.CANCELLED: Verb.CANCEL, Desired.BLOCKED: Verb.BLOCK, Desired.ACTIVE: Verb.UNBLOCK}
    return by_level[after.desired].value


def _stops(effect: Effect) -> bool:
    before, after = effect.before, effect.after
    if before is None or before.desired is after.desired:
        return False
    return after.desired is not Desired.ACTIVE


def _what(row: SubscriptionRow) -> tuple[str | None, int]:
    return row.plan, row.quantity


def _standing(row: SubscriptionRow, other: SubscriptionRow | None) -> str:
    """Return how a subscription is wanted; its plan and quantity where they become others."""
    told: str = row.desired.value
    if other is None or row.plan != other.plan:
        told += f", plan {row.plan}" if row.plan else ""
    if other is None or row.quantity != other.quantity:
        told += f", quantity {row.quantity}"
    return told
