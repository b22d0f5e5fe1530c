"""One contract with something of all four providers, from its signature to its end, over real sockets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from click.testing import CliRunner
from svahub.cli import main
from svahub.hub import Hub
from svahub.intake import ContractRow
from svahub.models import Desired
from svahub.store.states import State
from svahub.testing.clocks import RunningClock
from svahub_asaas.simulator import AsaasSimulator

from four.trades import ACTIVE, BLOCKED, CANCELLED, TRADES, Holding
from lives.workplace import Workplace

BY_THE_CLOCK = {"asaas-overdue-sweep", "debts-judge"}
"""What is done by the clock in this life; what else there is proves itself elsewhere."""

FAREWELLS = {"tele", "stream"}
"""Where a customer ends with the last of their items; at the others they stay."""


@dataclass
class Item:
    """What the contract says of one item: where it is served, as what it is there, and its level."""

    integration: str
    things: list[str]
    level: Desired = ACTIVE


def _signed() -> dict[str, Item]:
    """Return the items that are served; the internet itself, which nobody serves, is not among them."""
    return {
        "fatura": Item("bill", ["119.90 a month"]),
        "medico": Item("tele", ["Individual"]),
        "filmes": Item("stream", ["Filmes e séries"]),
        "infantil": Item("stream", ["Infantil"]),
        "cameras": Item("casa", ["Câmera interna", *["licence for None"] * 3]),
    }


PRODUCTS = {
    "net": "NET", "fatura": "Internet 600 Mega", "medico": "Individual", "filmes": "Filmes e séries",
    "infantil": "Infantil", "cameras": "Câmera interna",
}  # fmt: skip


@dataclass
class Life:
    """An ISP with all four providers, and what its contract C1 says; Asaas counts its days itself."""

    hub: Hub
    workplace: Workplace
    simulators: dict[str, Any]
    items: dict[str, Item] = field(default_factory=_signed)
    charges: list[str] = field(default_factory=lambda: ["PENDING"])

    @property
    def asaas(self) -> AsaasSimulator:
        """The one who charges."""
        asaas: AsaasSimulator = self.simulators["bill"]
        return asaas

    def sign(self) -> None:
        """Import the contract, and do what follows."""
        items = [{"code": code, "product_code": product} for code, product in PRODUCTS.items()]
        items[-1]["quantity"] = "3"
        items[1]["price"] = "119.90"
        customer = {"id": "P1", "name": "Ana Inventada", "document": "52998224725", "email": "ana@example.com"}
        contract = {"contract_id": "C1", "customer": customer, "due_day": 10, "items": items}
        taken = self.hub.tenant("default").contracts.take_in([ContractRow.model_validate(contract)])
        assert (taken.rejected, dict(taken.not_served)) == (0, {"NET": 1})
        self.work()

    def ask(self, *arguments: str) -> Any:
        """Run a command, and return the document that it prints."""
        result = CliRunner().invoke(main, [*arguments, "--json"], obj=self.hub)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def want(self, *arguments: str) -> None:
        """Ask for a verb, and have done what follows."""
        self.ask(*arguments, "--yes", "--no-wait")
        self.work()

    def work(self) -> None:
        """Have done what is due."""
        self.workplace.rest(self.hub)

    def pass_days(self, days: int) -> None:
        """Let days pass, and have done what is due by the clock."""
        self.asaas.advance(days)
        self.workplace.clock.advance(days=days)
        self.work()

    def pay(self) -> None:
        """Let the customer pay the oldest debt, and have it noticed."""
        self.asaas.pay(next(one["reference"] for one in self.ask("debts", "list") if one["integration"] == "bill"))
        self.ask("schedule", "run", "asaas-overdue-sweep")
        self.work()

    def put(self, level: Desired, *items: str) -> None:
        """Note that the contract now wants another level for some items."""
        for code in items:
            self.items[code].level = level

    def plan(self, name: str) -> str:
        """Return the remote id of a plan."""
        plans = self.hub.tenant("default").catalogue.plans()
        return next(plan.remote_id for plan in plans if plan.name == name)

    # -- what must hold ------------------------------------------------------------------------------------------------

    def agree(self, step: str) -> None:
        """Assert that every simulator holds what the contract says, that and nothing else; and so do we."""
        theirs = {name: TRADES[name].holdings(simulator) for name, simulator in self.simulators.items()}
        assert theirs == {name: [self._wanted(name)] for name in TRADES}, step
        assert self._charged() == self.charges, step
        views = self.hub.tenant("default").subscriptions.list()
        ours = {view.item_code: (view.desired, view.observed.value, view.state) for view in views}
        assert ours == {code: (item.level, item.level.value, State.SETTLED) for code, item in self.items.items()}, step

    def _wanted(self, integration: str) -> Holding:
        here = [item for item in self.items.values() if item.integration == integration]
        live = [(thing, item.level) for item in here if item.level is not CANCELLED for thing in item.things]
        levels = {level for _, level in live}
        stays = integration not in FAREWELLS or ACTIVE in levels
        return Holding(ACTIVE if stays else BLOCKED if levels else CANCELLED, sorted(live))

    def _charged(self) -> list[str]:
        payments = self.asaas.state()["payments"]
        return [one["status"] for one in sorted(payments, key=lambda one: one["dueDate"]) if not one["deleted"]]


@pytest.fixture
def life(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    """Return an ISP with all four providers, which has sold nothing yet."""
    with opened(workplace, monkeypatch) as (hub, simulators), closing(workplace):
        yield Life(hub, workplace, simulators)


@contextmanager
def opened(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Hub, dict[str, Any]]]:
    """Open the ISP, and all four providers, which it knows."""
    with ExitStack() as stack:
        hub, simulators = stack.enter_context(Hub.open(workplace.url, clock=workplace.clock)), dict[str, Any]()
        for name, trade in TRADES.items():
            clock = RunningClock() if name == "bill" else workplace.clock
            simulators[name] = stack.enter_context(trade.simulator(seed=1, clock=clock).running())
            settings = {"cancel_deletes_charges": True} if name == "bill" else {}
            trade.register(hub.tenant("default"), name, simulators[name], monkeypatch, **settings)
        schedules = hub.tenant("default").schedules
        for one in schedules.list():
            (schedules.enable if one.name in BY_THE_CLOCK else schedules.disable)(one.name)
        yield hub, simulators


def test_at_every_step_of_its_life_all_four_hold_exactly_what_the_contract_says(life: Life) -> None:
    watched = ("--product-type", "telemedicine", "--product-type", "streaming")  # cameras keep watching
    life.ask("policy", "set", "--grace-days", "5", *watched, "--yes")

    life.sign()
    life.agree("everything is activated")

    life.pass_days(18)
    life.charges = ["OVERDUE", "PENDING"]
    life.agree("the charge of the 10th was not paid, and five days of grace are left")

    life.pass_days(5)
    life.put(BLOCKED, "medico", "filmes", "infantil")
    life.agree("the grace is over: what the policy names is blocked, the cameras and the bill are not")

    life.pay()
    life.charges = ["RECEIVED", "PENDING"]
    life.put(ACTIVE, "medico", "filmes", "infantil")
    life.agree("it is paid, and all is unblocked")

    life.want("change", "C1", "--item", "medico", "--plan", life.plan("Família"))
    life.want("change", "C1", "--item", "infantil", "--plan", life.plan("Jornais e revistas"))
    life.items["medico"].things = ["Família"]
    life.items["infantil"].things = ["Jornais e revistas"]
    life.agree("two plans are changed")

    licence = life.ask("iot", "licences", "list", "C1")[0]["licence"]
    life.ask("iot", "licences", "replace", "C1", licence, "SN-2001", "--yes")
    life.items["cameras"].things[-1] = "licence for SN-2001"
    life.agree("one device is replaced")

    life.want("cancel", "C1", "--item", "filmes")
    life.put(CANCELLED, "filmes")
    life.agree("one of two streaming products is cancelled, and the subscriber stays")

    life.want("cancel", "C1")
    life.put(CANCELLED, *life.items)
    life.charges = ["RECEIVED"]
    life.agree("all is cancelled: nobody has anything, and nothing is charged any more")
