"""An ISP with some contracts at a made-up provider, of whom campaigns ask something."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update
from svahub.areas.campaign_reports import CampaignReports
from svahub.campaigning.choice import Where
from svahub.campaigning.feeding import PACE
from svahub.campaigning.rounds import Campaigning
from svahub.intake import ContractRow
from svahub.intake.names import Names
from svahub.plans import Guard
from svahub.store import debts, tables
from svahub.store.rows import DebtRow
from svahub.verbs import Action, Command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ANY = Guard(100_000, 100)


class Town:
    """The ISP, its contracts C1, C2 … sold and settled, and short words for campaigns."""

    def __init__(self, isp: Any, folder: Path, sold: int) -> None:
        self.isp, self.office, self.remote, self.clock, self.folder = isp, isp.office, isp.remote, isp.clock, folder
        if sold:
            assert not self.office.contracts.take_in(map(self.row, range(1, sold + 1))).errors
            isp.work()
        self.remote.calls.clear()
        self.pace = PACE

    def row(self, number: int, *items: dict[str, Any]) -> ContractRow:
        """Return what is sold to a customer: one item, unless others are named."""
        customer = {"id": f"P{number}", "name": "Pessoa Inventada", "document": "52998224725"}
        sold = items or ({"code": "1", "product_code": "X", "plan": "p1"},)
        return ContractRow.model_validate({"contract_id": f"C{number}", "customer": customer, "items": sold})

    def names(self, text: str, name: str = "ids.txt") -> Names:
        """Return what a file names that holds a text."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return Names(path)

    def plan(self, chosen: Where | Names | str, action: Action = Action.BLOCK, **asked: Any) -> str:
        """Plan a campaign, for those of a file if `chosen` is its text; return its number."""
        whom = self.names(chosen) if isinstance(chosen, str) else chosen
        return str(self.office.campaigns.plan(Command(action, "", actor="eva", **asked), whom).campaign)

    def start(self, campaign: str) -> Any:
        """Start a campaign, however much it stops."""
        return self.office.campaigns.start(campaign, actor="eva", guard=ANY)

    def feed(self) -> int:
        """Feed what runs until there is no room."""
        with Campaigning(self.isp.hub, pace=self.pace) as feeding:
            return feeding.drain()

    def finish(self) -> None:
        """Feed and work until nothing moves."""
        self.feed()
        self.isp.work()
        while self.feed():
            self.isp.work()

    def owe(self, *contracts: str, days: int = 30) -> None:
        """Let some contracts owe for so many days."""
        now = self.clock.now()
        since = now.astimezone(self.office.bench.zone).date() - timedelta(days=days)
        with self.isp.hub.store.write() as connection:
            rows = [DebtRow("default", "basic", f"d-{id}", id, since, Decimal(10), now, None) for id in contracts]
            debts.put(connection, rows)

    def pay(self, contract: str) -> None:
        """Settle what a contract owes, and nothing that follows from that."""
        with self.isp.hub.store.write() as connection:
            owed = update(tables.debts).where(tables.debts.c.contract_id == contract)
            connection.execute(owed.values(settled_at=self.clock.now()))

    def state(self, campaign: str) -> str:
        """Return how far a campaign is."""
        return str(self.office.campaigns.show(campaign).state)

    def report(self, campaign: str) -> list[tuple[str | None, str]]:
        """Return what became of each contract."""
        return [(line.contract_id, line.outcome.value) for line in CampaignReports(self.office.bench).of(campaign)]

    def planned(self, campaign: str) -> list[tuple[str | None, str | None, str | None, str]]:
        """Return what is planned: of which contract, which verb, and how far that is."""
        rows = self.office.campaigns.rows(campaign)
        return [(row.contract_id, row.item_code, row.verb, row.state) for row in rows]

    def desired(self, *contracts: str) -> list[str]:
        """Return what is wanted of some contracts' subscriptions."""
        return [self.isp.of(contract).desired.value for contract in contracts]


@pytest.fixture
def town(open_isp: Callable[..., Any], finding: type, tmp_path: Path) -> Callable[..., Town]:
    """Return what opens such an ISP with some contracts."""
    return lambda sold=3, base=finding: Town(open_isp(base), tmp_path, sold)


@pytest.fixture
def town_on_each(open_isp_on_each: Callable[..., Any], finding: type, tmp_path: Path) -> Callable[..., Town]:
    """Return the same, once on each database."""
    return lambda sold=3: Town(open_isp_on_each(finding), tmp_path, sold)
