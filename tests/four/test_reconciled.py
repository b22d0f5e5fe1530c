"""Both sides drift apart behind our back, at each of the four; a plan tells how, and applied, it brings them together.

What was done behind our back is done by a twin, which works on a copy of our store, and by a neighbour: another ISP
with the same account at the provider.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from svahub.extension.invented import person
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.lifecycle import GONE
from svahub.plans import Guard
from svahub.store.states import State
from svahub.testing.clocks import HandClock
from svahub.verbs import Action, Command
from svahub_teleclinica.simulator import TeleClinicaSimulator

from four.trades import TRADES, Trade

ANY = Guard(1000, 100)
SOLD = 5
CHANGES = {"tele": "plan", "stream": "plan", "casa": None, "bill": None}
"""What a listing tells of a subscription beside its level, and a twin can change."""


@dataclass
class Party:
    """An ISP at a provider: ourselves, our twin, or a neighbour."""

    hub: Hub
    trade: Trade
    name: str
    tenant: str = "default"

    @property
    def office(self) -> TenantHub:
        return self.hub.tenant(self.tenant)

    def sell(self, number: int, plan: int = 0) -> None:
        item = {"code": "1", "product_code": self.trade.plans[plan], "price": "49.90"}
        customer = person(number) | {"id": f"P{number}"}
        row = {"contract_id": f"C{number}", "customer": customer, "due_day": 10, "items": [item]}
        assert self.office.contracts.take_in([ContractRow.model_validate(row)]).rejected == 0

    def ask(self, action: Action, number: int, **more: Any) -> None:
        self.office.verbs.issue(Command(action, f"C{number}", **more))

    def work(self) -> None:
        with self.hub.work(threads=2) as worker:
            worker.drain()

    def compare(self) -> Any:
        return self.office.reconciling.run(self.name)

    def found(self, plan: Any) -> dict[str | None, tuple[str, str]]:
        """Return what a plan says of each contract: of which kind it is, and the step that follows."""
        rows = self.office.reconciling.rows(str(plan.plan))
        return {row.contract_id or row.agreement.value: (row.agreement.value, row.step) for row in rows}


@dataclass
class Town:
    """Ourselves, and the provider with whatever else is done there."""

    ours: Party
    simulator: Any
    clock: HandClock
    folder: Path
    stack: ExitStack
    patch: pytest.MonkeyPatch

    def behind_our_back(self) -> Party:
        """Open our twin: it has our store as it is now, and goes ways of its own."""
        file = self.ours.hub.store.url.database or ""
        for ending in ("", "-wal"):
            shutil.copy(file + ending, self.folder / f"twin.db{ending}")
        return self._party(f"sqlite:///{self.folder / 'twin.db'}")

    def neighbour(self) -> Party:
        """Open another ISP, which has sold nothing yet."""
        party = self._party(f"sqlite:///{self.folder / 'neighbour.db'}", "other")
        party.hub.add_tenant("other")
        self.furnish(party)
        return party

    def _party(self, url: str, tenant: str = "default") -> Party:
        hub = self.stack.enter_context(Hub.open(url, clock=self.clock))
        return Party(hub, self.ours.trade, self.ours.name, tenant)

    def furnish(self, party: Party) -> None:
        settings = {"recreate": True, "adopt": "link"}
        party.trade.register(party.office, party.name, self.simulator, self.patch, **settings)


@pytest.fixture(params=TRADES)
def town(
    sqlite_url: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Town]:
    """Return ourselves with five contracts at one provider after the other, compared once."""
    clock, trade = HandClock(), TRADES[request.param]
    with ExitStack() as stack:
        simulator = stack.enter_context(trade.simulator(seed=1, clock=clock).running())
        hub = stack.enter_context(Hub.open(sqlite_url, clock=clock))
        town = Town(Party(hub, trade, request.param), simulator, clock, tmp_path, stack, monkeypatch)
        town.furnish(town.ours)
        for number in range(1, SOLD + 1):
            town.ours.sell(number)
        town.ours.work()
        town.ours.ask(Action.BLOCK, 2)
        town.ours.work()
        clock.advance(minutes=10)
        town.ours.compare()
        yield town


def test_what_has_drifted_apart_is_told_and_brought_together(town: Town) -> None:
    ours, twin, neighbour = town.ours, town.behind_our_back(), town.neighbour()
    twin.ask(Action.BLOCK, 1)
    twin.ask(Action.UNBLOCK, 2)
    twin.ask(Action.CANCEL, 3)
    changes = CHANGES[ours.name]
    if changes == "plan":
        plans = {plan.name: plan.remote_id for plan in twin.office.catalogue.plans(ours.name)}
        twin.ask(Action.CHANGE, 4, item="1", plan=plans[ours.trade.plans[1]])
    twin.work()
    neighbour.sell(9)
    neighbour.work()
    town.clock.advance(minutes=10)

    before = ours.trade.holdings(town.simulator)
    plan = ours.compare()
    told = ours.found(plan)
    assert ours.trade.holdings(town.simulator) == before
    assert told.pop("unknown") == ("unknown", "nothing")
    ended = told.pop("C3")
    assert told.pop("C4", None) == (("wrong_plan", "change") if changes else None)
    assert told == {"C1": ("wrong_state", "unblock"), "C2": ("wrong_state", "block")}

    ours.office.reconciling.apply(str(plan.plan), actor="ana", guard=ANY)
    ours.work()
    town.clock.advance(minutes=10)
    again = ours.found(ours.compare())
    assert again.pop("unknown")
    assert again == {}
    views = {view.contract_id: view for view in ours.office.subscriptions.list()}
    lost = views.pop("C3")
    assert ended in {("missing", "create_user"), ("wrong_state", "park_drift")}
    made_again = ended[1] == "create_user"
    assert (lost.state, lost.observed.value) == (
        (State.SETTLED, "ACTIVE") if made_again else (State.PARKED, "CANCELLED")
    )
    assert {view.state for view in views.values()} == {State.SETTLED}
    assert {c: v.observed.value for c, v in views.items()} == {
        "C1": "ACTIVE", "C2": "BLOCKED", "C4": "ACTIVE", "C5": "ACTIVE",
    }  # fmt: skip
    held = [entry for user in town.simulator.people() for entry in user.subscriptions]
    levels = sorted(entry.status.value for entry in held if entry.status not in GONE)
    assert levels == ["ACTIVE"] * (4 + made_again) + ["BLOCKED"]
    assert len({entry.plan for entry in held if entry.status not in GONE}) == 1


# -- what can be seeded in the records of one simulator ----------------------------------------------------------------


@pytest.mark.parametrize("town", ["tele"], indirect=True)
def test_people_without_our_reference_and_people_who_are_there_twice_are_told(town: Town) -> None:
    simulator: TeleClinicaSimulator = town.simulator
    by_document = {user.cpf: user for user in simulator.users}
    lost, doubled = (by_document[person(number)["document"]] for number in (1, 4))
    simulator.users.forget(lost.id)
    simulator.users.write("usr_1", replace(lost, id="usr_1", reference="by-hand"))
    simulator.users.write("usr_2", replace(doubled, id="usr_2"))
    town.clock.advance(minutes=10)
    ours, plan = town.ours, town.ours.compare()
    assert ours.found(plan) == {"C1": ("unlinked", "create_user"), "duplicate": ("duplicate", "nothing")}
    ours.office.reconciling.apply(str(plan.plan), actor="ana", guard=ANY)
    ours.work()
    view = next(view for view in ours.office.subscriptions.list(contract="C1"))
    assert (view.state, view.remote_id) == (State.SETTLED, "usr_1")
    town.clock.advance(minutes=10)
    again = ours.compare()
    assert ours.found(again) == {"duplicate": ("duplicate", "nothing")}
    assert again.counts["duplicate"] == 1
