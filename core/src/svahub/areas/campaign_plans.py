"""What a campaign proposes: of whom, what follows for each, and what that comes to; before anything of it is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Connection

from svahub import entries
from svahub.areas.bench import Bench
from svahub.campaigning import asking
from svahub.campaigning.choice import Where
from svahub.campaigning.planning import Planning, Totals
from svahub.commands import Command
from svahub.errors import Refused, UnknownName
from svahub.intake.names import Names
from svahub.store import campaigns, catalogue
from svahub.store.rows import CampaignLine, CampaignRow
from svahub.store.states import CampaignState


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """What was planned for one subscription; without a verb it stays as it is. A contract that is refused has one row.

    `state` is how far the campaign is with the contract, `cause` why that is refused, or what there is to say of it.
    """

    number: int
    contract_id: str | None
    item_code: str | None
    integration: str | None
    verb: str | None
    before: str | None
    after: str | None
    state: str
    cause: str | None


def planned_row(line: CampaignLine) -> Iterator[PlannedRow]:
    """Yield what was planned for each subscription of one contract."""
    for item, integration, verb, _, before, after in line.effects:
        state, cause = line.state.value, line.cause
        yield PlannedRow(line.number, line.contract_id, item, integration, verb, before, after, state, cause)
    if not line.effects:
        whose = (line.number, line.contract_id, line.item_code, None)
        cause = line.cause or "nothing of it is sold"
        yield PlannedRow(*whose, None, None, None, line.state.value, cause)


@dataclass
class Proposal:
    """One plan being made; its pages are streamed once, and counted as they come."""

    SHOWN: ClassVar = 50
    TOTALS: ClassVar = ("contracts", "refused", "repeated", "counts", "stopping", "live")

    bench: Bench
    asked: Command
    chosen: Where | Names
    now: datetime
    _totals: Totals = field(default_factory=Totals)

    def columns(self) -> dict[str, Any]:
        """Return what is known before anybody is chosen, for the row of a campaign."""
        by = self.chosen
        chosen = {"where": by.described()} if isinstance(by, Where) else {"file": by.source}
        who = {"tenant": self.bench.tenant, "actor": entries.acting(self.asked.actor)}
        state = {"state": CampaignState.PLANNING, "created_at": self.now}
        return asking.columns(self.asked) | {"chosen": chosen} | who | state

    def pages(self) -> Iterator[Sequence[CampaignLine]]:
        """Stream what is asked of whom, a page at a time."""
        planning = Planning(self.bench, self.asked, self.now.astimezone(self.bench.zone).date())
        by = self.chosen
        for page in planning.of_those(by) if isinstance(by, Where) else planning.of_names(by):
            self._totals.add(page)
            yield page
        if not self._totals.contracts:
            raise Refused(f"Nothing that is sold is {by}." if isinstance(by, Where) else "The file names no contract.")

    def totals(self, connection: Connection) -> dict[str, Any]:
        """Return what all pages came to, for the row of a campaign."""
        return {
            "contracts": self._totals.contracts,
            "refused": self._totals.refused,
            "repeated": 0 if isinstance(self.chosen, Where) else self.chosen.repeated,
            "counts": self._totals.by_integration(),
            "stopping": self._totals.stopping,
            "live": campaigns.live(connection, self.bench.tenant),
        }

    def as_row(self, connection: Connection) -> CampaignRow:
        """Return the row of a campaign that would come of it."""
        values: dict[str, Any] = dict.fromkeys(column.name for column in fields(CampaignRow))
        values |= self.columns() | self.totals(connection)
        return CampaignRow(**values | {"state": CampaignState.PLANNED})


def propose(bench: Bench, asked: Command, chosen: Where | Names) -> Proposal:
    """Return a proposal; Refused for what no contract could be asked, and for what is named and is not there."""
    with bench.store.read() as connection:
        now = bench.store.now(connection)
        if isinstance(chosen, Where):
            checked_where(bench, connection, chosen)
    return Proposal(bench, asking.checked(asked, now), chosen, now)


def checked_where(bench: Bench, connection: Connection, where: Where) -> None:
    """Raise UnknownName for an integration, product type or plan that there is not."""
    if where.integration is not None:
        bench.integration(where.integration)
    if where.product_type is not None:
        linked = {link.product_type for link in catalogue.links(connection, bench.tenant)}
        types = linked | campaigns.sold_types(connection, bench.tenant)
        if where.product_type not in types:
            raise UnknownName("product type", where.product_type, types, "All: svahub products list")
    plans = {name for integration, name in _plans(connection, bench) if where.integration in {None, integration}}
    if where.plan is not None and where.plan not in plans:
        raise UnknownName("plan", where.plan, plans, "All: svahub plans list")


def _plans(connection: Connection, bench: Bench) -> Iterator[tuple[str, str]]:
    return ((row.integration, row.remote_id) for row in catalogue.all_plans(connection, bench.tenant))
