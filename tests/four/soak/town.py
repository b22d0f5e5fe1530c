"""An ISP that sells of all four providers, what is asked of it at random, and what it must have come to in the end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from random import Random
from typing import Any

from svahub.areas.reconciling import Difference
from svahub.areas.subscriptions import SubscriptionView
from svahub.extension.invented import person
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.lifecycle import GONE
from svahub.models import Desired, Observed
from svahub.store.states import Agreement, Outcome, State
from svahub.testing import Fault
from svahub.verbs import Action, Command
from svahub_asaas.simulator import AsaasSimulator

BILL, DOCTOR, FILMS, CAMERAS = "fatura", "medico", "filmes", "cameras"
SOLD = {BILL: "Internet 600 Mega", DOCTOR: "Individual", FILMS: "Filmes e séries", CAMERAS: "Câmera interna"}
"""The product of each item of a contract."""

AMONG = {DOCTOR: ("tele", ("Individual", "Família")), FILMS: ("stream", ("Filmes e séries", "Infantil"))}
"""Where the plan of an item changes, and to which names."""

FAULTS = {
    Fault.DROP: 0.008,
    Fault.DROP_AFTER: 0.008,
    Fault.ERROR_BEFORE: 0.008,
    Fault.ERROR_AFTER: 0.008,
    Fault.MALFORMED: 0.004,
    Fault.TRUNCATED: 0.004,
    Fault.TIMEOUT_AFTER: 0.002,
    Fault.RATE_LIMIT_RETRY_AFTER: 0.001,
    Fault.LAG: 0.005,
}
"""One exchange in twenty goes wrong."""

PATIENT = {"settle_seconds": 0.6, "retry_base": 0.05, "retry_cap": 1.0, "timeout": 2.0, "retry_budget": 100}
LAG_SECONDS = 0.3
"""Shorter than the time after which an empty look is believed."""


@dataclass
class Household:
    """What was asked last of one contract. Those who pay are charged, owe and pay, and never leave."""

    number: int
    pays: bool
    plans: dict[str, str] = field(default_factory=lambda: {item: SOLD[item] for item in AMONG})
    cameras: int = 1
    by_staff: bool = False
    owes: bool = False
    gone: bool = False

    @property
    def id(self) -> str:
        return f"C{self.number}"

    @property
    def document(self) -> str:
        return str(person(self.number)["document"])

    def level(self, item: str) -> Desired:
        """Return what is wanted of an item: who raises a debt goes on raising bills."""
        if self.gone:
            return Desired.CANCELLED
        return Desired.BLOCKED if self.by_staff or (self.owes and item != BILL) else Desired.ACTIVE


@dataclass
class Town:
    """The ISP, its providers, and its customers."""

    hub: Hub
    simulators: dict[str, Any]
    random: Random
    households: list[Household] = field(default_factory=list)
    charges: dict[str, str] = field(default_factory=dict)

    @property
    def office(self) -> TenantHub:
        return self.hub.tenant("default", "eva")

    @property
    def asaas(self) -> AsaasSimulator:
        asaas: AsaasSimulator = self.simulators["bill"]
        return asaas

    def sign(self, many: int) -> None:
        """Sell everything to so many households, of which every third pays, owes and pays again."""
        self.households = [Household(number, pays=number % 3 == 0) for number in range(1, many + 1)]
        report = self.office.contracts.take_in([ContractRow.model_validate(_row(one)) for one in self.households])
        assert report.rejected == 0, report

    def charge(self) -> None:
        """Note which charge each household that pays has been sent."""
        sold = {view.remote_id: view.contract_id for view in self.office.subscriptions.list(integration="bill")}
        for payment in self.asaas.state()["payments"]:
            self.charges.setdefault(sold[payment["subscription"]], payment["id"])

    def let_them_fail(self) -> None:
        """Let one exchange in twenty go wrong at every provider."""
        for simulator in self.simulators.values():
            simulator.timings.answer_seconds = 0.02
            simulator.timings.lag_seconds = LAG_SECONDS
            simulator.faults.set(FAULTS)

    def let_them_be(self) -> None:
        """Let nothing go wrong any more."""
        for simulator in self.simulators.values():
            simulator.faults.clear()

    def ask(self, action: Action, one: Household, item: str | None = None, **more: Any) -> None:
        """Ask for a verb and do not wait."""
        self.office.verbs.issue(Command(action, one.id, item=item, actor="eva", **more))

    def plan(self, integration: str, name: str) -> str:
        """Return the remote id of a plan."""
        found = (plan.remote_id for plan in self.office.catalogue.plans(integration) if plan.name == name)
        return next(found)

    # -- how it ends ---------------------------------------------------------------------------------------------------

    def left(self) -> list[object]:
        """Return what has not come to rest; what was given up is tried again, as a person would."""
        for operation in self.office.operations.list(Outcome.PARKED):
            self.office.operations.retry(operation.id, actor="eva")
        for task in self.office.tasks.list(outcome=Outcome.PARKED):
            self.office.tasks.retry(task.id)
        views = [view for view in self.office.subscriptions.list() if view.state is not State.SETTLED]
        tasks = [task for task in self.office.tasks.list() if task.outcome is Outcome.QUEUED]
        return [*views, *tasks, *(one for one in self.office.health.beside() if one.unread)]

    def agree(self) -> None:
        """Assert that our store and all four providers have what was asked last, and nobody twice."""
        views = self.office.subscriptions.list()
        newest = {(view.contract_id, view.item_code): view for view in sorted(views, key=attrgetter("sale"))}
        live = [view for view in self.office.subscriptions.list() if view.observed not in GONE]
        assert all(newest[view.contract_id, view.item_code] == view for view in live)
        for one in self.households:
            for item in SOLD:
                assert newest[one.id, item].desired is one.level(item), (one, newest[one.id, item])
                assert _is_as_wanted(newest[one.id, item]), newest[one.id, item]
        self._plans_agree(newest)
        for name in self.simulators:
            self._agrees(name, live)
            plan = self.office.reconciling.run(name).plan
            differences = [row for row in self.office.reconciling.rows(str(plan)) if not _waits(row)]
            assert not differences, (name, differences)

    def _agrees(self, name: str, live: Iterable[SubscriptionView]) -> None:
        """Assert that one provider has what our store says that it has, each person once, and of nobody else."""
        held = _held(self.simulators[name])
        for one in self.households:
            ours = [view for view in live if (view.integration, view.contract_id) == (name, one.id)]
            told = Counter(_shown(_told(view), view.observed) for view in ours)
            there = held.pop(one.document, Counter())
            assert there == told, f"{name} has {there} of {one}, we {told}:\n{self._story(name, one)}"
        assert not any(held.values()), (name, held)
        people = Counter(u.document for u in self.simulators[name].people() if u.status not in GONE and u.document)
        assert set(people.values()) <= {1}, (name, people)

    def _story(self, name: str, one: Household) -> str:
        """Return all that was done about one household at an integration, in its order."""
        sold = self.office.subscriptions.list(integration=name)
        shown = [self.office.subscriptions.show(view.key) for view in sold if view.contract_id == one.id]
        lines = [(a.started_at, f"{a.step} {a.certainty} {a.cause or ''}") for each in shown for a in each.attempts]
        lines += [
            (e["at"], f"    {e['method']} {e['path']} {e['status']} {e['error'] or ''} {e['response_body']}")
            for each in shown
            for e in each.exchanges
        ]
        return "\n".join(f"{at:%H:%M:%S.%f} {line}" for at, line in sorted(lines))

    def _plans_agree(self, newest: dict[tuple[str, str], Any]) -> None:
        for one in self.households:
            for item, (integration, _) in AMONG.items():
                view = newest[one.id, item]
                if view.observed not in GONE:
                    assert view.plan == self.plan(integration, one.plans[item]), (one, view)
            view = newest[one.id, CAMERAS]
            if view.observed not in GONE:
                assert view.quantity == one.cameras, (one, view)


def _row(one: Household) -> dict[str, Any]:
    items = [{"code": code, "product_code": product} for code, product in SOLD.items()]
    items[0]["price"] = "119.90"
    customer = person(one.number) | {"email": f"p{one.number}@example.com"}
    return {"contract_id": one.id, "customer": customer, "due_day": 10, "items": items}


def _is_as_wanted(view: SubscriptionView) -> bool:
    """Say whether it has come to what is wanted; what is blocked before it is made is made when it is unblocked."""
    if view.observed in GONE:
        return view.desired is Desired.CANCELLED or (view.desired, view.observed) == (Desired.BLOCKED, Observed.ABSENT)
    return view.observed.value == view.desired.value


Things = Counter[tuple[str | None, Observed]]


def _held(simulator: Any) -> dict[str | None, Things]:
    """Count by document what people have: one thing, but who is blocked in the middle of a change has two so long."""
    held: dict[str | None, Things] = defaultdict(Counter)
    for user in simulator.people():
        shown = [_shown(entry.plan, entry.status) for entry in user.subscriptions if entry.status not in GONE]
        held[user.document].update(shown if (None, Observed.BLOCKED) not in shown else set(shown))
    return held


def _waits(row: Difference) -> bool:
    """Say whether a difference is the second thing of somebody who was blocked in the middle of a change."""
    return row.agreement is Agreement.UNKNOWN and (row.seen or "").startswith(Observed.BLOCKED.value)


def _told(view: SubscriptionView) -> str | None:
    """Return the plan that its provider tells of: Asaas knows prices only."""
    return None if view.integration == "bill" else view.plan


def _shown(plan: str | None, status: Observed) -> tuple[str | None, Observed]:
    """Return what must be the same on both sides: what is blocked has the plan that it had, until it is unblocked."""
    return plan if status is Observed.ACTIVE else None, status
