"""Random verbs, faults and crashes against the simulator: in the end it has what is wanted, once each."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from svahub.desk import Desk
from svahub.errors import Refused
from svahub.fleet import Fleet, holding
from svahub.hub import Hub
from svahub.intake import ContractRow
from svahub.models import Desired, Environment, Observed, Reason
from svahub.steps import carry_out
from svahub.store.states import Outcome, State
from svahub.testing import Fault
from svahub.testing.clocks import HandClock
from svahub.verbs import Action, Command
from svahub_campsoft.simulator import CampsoftSimulator

OWNERS = {"A1": ("ana", "52998224725"), "A2": ("ana", "52998224725"), "B1": ("bia", "11144477735")}
SLOW = {Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER, Fault.DELAY, Fault.REFUSE, Fault.HUGE, Fault.DRIP}
FOR_A_PERSON = {Fault.UNAUTHORIZED, Fault.REPEATING}
FAULTS = sorted(set(Fault) - SLOW - FOR_A_PERSON - {Fault.SHORT_PAGE, Fault.REPEATED_PAGE})
contracts = st.sampled_from(sorted(OWNERS))
plans = st.integers(0, 3)


class Isp(RuleBasedStateMachine):
    """One ISP with three contracts of two people at a Campsoft that misbehaves."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.folder = tempfile.TemporaryDirectory()
        self.simulator = CampsoftSimulator(seed=1, clock=self.clock)
        self.simulator.timings.lag_seconds = 20
        self.server = self.simulator.running()
        self.server.__enter__()
        self.url = f"sqlite:///{shutil.copy(self.template, self.folder.name)}"
        self.hub = self.opened()

    def opened(self) -> Hub:
        return Hub.open(self.url, clock=self.clock, draw=lambda: 0.5)

    @property
    def office(self) -> Any:
        return self.hub.tenant("default")

    @initialize()
    def register(self) -> None:
        for name, value in self.simulator.credentials.items():
            os.environ[f"SVAHUB_TEST_ANY_ORDER_{name.upper()}"] = value
        secret = {name: f"env:SVAHUB_TEST_ANY_ORDER_{name.upper()}" for name in self.simulator.credentials}
        self.office.integrations.add("tv", "campsoft", Environment.STAGING, address=self.simulator.url, secret=secret)
        self.office.catalogue.sync("tv")
        self.plans = sorted(plan.remote_id for plan in self.office.catalogue.plans("tv"))[:4]
        for number, plan in enumerate(self.plans):
            self.office.catalogue.link(f"TV{number}", "streaming", "tv", plan)

    def teardown(self) -> None:
        try:
            self.everything_agrees_in_the_end()
        finally:
            self.hub.close()
            self.server.__exit__(None, None, None)
            self.folder.cleanup()

    # -- what people do

    @rule(contract=contracts, items=st.lists(plans, min_size=1, max_size=2))
    def sell(self, contract: str, items: list[int]) -> None:
        person, document = OWNERS[contract]
        level = {
            "contract_id": contract,
            "status": "active",
            "customer": {"id": person, "name": "Pessoa Inventada", "document": document},
            "items": [{"code": f"{n}", "product_code": f"TV{plan}"} for n, plan in enumerate(items)],
        }
        assert not self.office.contracts.take_in([ContractRow.model_validate(level)]).errors

    def _ask(self, action: Action, contract: str, **more: Any) -> None:
        try:
            self.office.verbs.issue(Command(action, contract, actor="eva", **more))
        except Refused:
            return

    @rule(contract=contracts, action=st.sampled_from([Action.ACTIVATE, Action.BLOCK, Action.UNBLOCK, Action.CANCEL]))
    def ask(self, contract: str, action: Action) -> None:
        self._ask(action, contract, **({} if action in {Action.ACTIVATE, Action.CANCEL} else {"reason": Reason.STAFF}))

    @rule(contract=contracts, item=st.sampled_from("01"), plan=plans)
    def change(self, contract: str, item: str, plan: int) -> None:
        self._ask(Action.CHANGE, contract, item=item, plan=self.plans[plan])

    # -- what happens

    @rule(fault=st.sampled_from(FAULTS), spared=st.integers(0, 3), writes=st.booleans())
    def the_provider_misbehaves(self, fault: Fault, spared: int, writes: bool) -> None:
        self.simulator.faults.next(*[None] * spared, fault, path="/customers" if writes else "")

    @rule(plan=plans, left=st.sampled_from([0, None]))
    def licences_run_out_or_are_bought(self, plan: int, left: int | None) -> None:
        self.simulator.products[self.plans[plan]].licences = left

    @rule()
    def work(self) -> None:
        with self.hub.work(threads=2) as worker:
            worker.drain()

    @rule(seconds=st.sampled_from([1, 15, 70, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds=seconds)

    @rule(sent=st.booleans(), cut=st.none() | st.integers(0, 2))
    def the_process_dies(self, sent: bool, cut: int | None) -> None:
        self._die(sent=sent, cut=cut)

    @rule(contract=contracts, plan=plans, cut=st.integers(1, 3))
    def a_change_is_cut_off(self, contract: str, plan: int, cut: int) -> None:
        with self.hub.work(threads=2) as worker:
            worker.drain()
        self._ask(Action.CHANGE, contract, item="0", plan=self.plans[plan])
        self._die(sent=True, cut=cut)

    def _die(self, *, sent: bool, cut: int | None) -> None:
        """Die between attempt and result: before the call, in the middle of its requests, or after them."""
        fleet = Fleet(self.hub.registry, self.clock)
        desk = Desk(self.hub.store, fleet, self.clock, lambda: 0.5)
        for work in desk.take(1 if sent else 2)[0]:
            if sent:
                if cut is not None:
                    self.simulator.faults.next(*[None] * cut, Fault.DROP, path="/customers")
                with holding(work.held):
                    carry_out(work.relay, work.decision, work.subscription, work.reasons)
        fleet.close()
        self.hub.close()
        self.hub = self.opened()

    # -- what holds

    @invariant()
    def nobody_is_there_twice_and_nothing_is_held_twice(self) -> None:
        documents = [one.document["number"] for one in self.simulator.subscribers]
        assert len(documents) == len(set(documents))
        assert all(len(one.products) == len(set(one.products)) for one in self.simulator.subscribers)

    def everything_agrees_in_the_end(self) -> None:
        self.simulator.faults.clear()
        for product in self.simulator.products.values():
            product.licences = None
        for contract in OWNERS:
            self._ask(Action.UNBLOCK, contract, reason=Reason.STAFF)
        for _ in range(8):
            self.clock.advance(seconds=400)
            self.work()
            for operation in self.office.operations.list(Outcome.PARKED):
                self.office.operations.retry(operation.id, actor="eva")
        self.work()
        for person, document in set(OWNERS.values()):
            self._agrees(person, document)

    def _agrees(self, person: str, document: str) -> None:
        ours = [s for s in self.office.subscriptions.list() if OWNERS[s.contract_id][0] == person]
        assert {s.state for s in ours} <= {State.SETTLED}, ours
        wanted = {s.plan for s in ours if s.desired is Desired.ACTIVE}
        there = [one for one in self.simulator.subscribers if one.document["number"] == document]
        assert sorted(product for one in there for product in one.products) == sorted(wanted)
        assert {one.status.value for one in there} <= {"active" if wanted else "inactive"}
        assert all(s.observed in {Observed.ACTIVE, Observed.CANCELLED, Observed.ABSENT} for s in ours)


CI = settings(max_examples=4, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck))
DEEP = settings(CI, max_examples=200, stateful_step_count=30)


def test_any_order_of_verbs_faults_and_crashes_leaves_what_is_wanted_once_each(sqlite_template: Path) -> None:
    run_state_machine_as_test(type("Here", (Isp,), {"template": sqlite_template}), settings=CI)  # type: ignore[no-untyped-call]


@pytest.mark.deep
def test_many_orders_leave_what_is_wanted_once_each(sqlite_template: Path) -> None:
    run_state_machine_as_test(type("Here", (Isp,), {"template": sqlite_template}), settings=DEEP)  # type: ignore[no-untyped-call]
