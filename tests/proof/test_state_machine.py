"""Random verbs, imports, faults and crashes against the real simulator, compared with a model of what was asked."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from svahub.areas.subscriptions import SubscriptionView
from svahub.desk import Desk
from svahub.errors import Refused
from svahub.fleet import Fleet, holding
from svahub.hub import Hub
from svahub.intake import ContractRow
from svahub.models import Desired, Environment, Observed, Reason
from svahub.steps import carry_out
from svahub.store import sales
from svahub.store.states import Outcome, State
from svahub.testing import Fault
from svahub.testing.clocks import HandClock
from svahub.verbs import Action, Command
from svahub_teleclinica.simulator import Status, TeleClinicaSimulator

from proof.machines import USUAL, Stored, on_file, on_server

VARIABLE = "SVAHUB_TEST_STATE_MACHINE"
OWNERS = {"A1": ("ana", "52998224725"), "A2": ("ana", "52998224725"), "B1": ("bia", "11144477735")}
OTHERWISE = {Fault.UNAUTHORIZED, Fault.REPEATING, Fault.REPEATED_PAGE, Fault.DRIP}  # each waits for a person, or long
FAULTS = sorted(set(Fault) - OTHERWISE - {Fault.SHORT_PAGE, Fault.DELAY, Fault.REFUSE, Fault.HUGE})
contracts = st.sampled_from(sorted(OWNERS))
reasons = st.sampled_from([Reason.OVERDUE, Reason.STAFF, Reason.CUSTOMER_REQUEST])


@dataclass
class Wanted:
    """What was asked of one contract, kept as simply as the design says it."""

    status: str = "absent"
    item: str = "never sold"
    reasons: set[tuple[Reason, str]] = field(default_factory=set)
    file: dict[str, Any] = field(default_factory=dict)

    @property
    def desired(self) -> Desired | None:
        if self.item == "never sold":
            return None
        if self.item == "cancelled":
            return Desired.CANCELLED
        return Desired.BLOCKED if self.reasons else Desired.ACTIVE

    def follow(self, *, sell_again: bool = False) -> None:
        if self.status == "cancelled" and self.item == "sold":
            self.item = "cancelled"
        if self.status == "active" and (self.item == "never sold" or sell_again):
            self.item = "sold"


class Isp(Stored, RuleBasedStateMachine):
    """One ISP with three contracts of two people at one provider that misbehaves."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.folder = tempfile.TemporaryDirectory()
        self.simulator = TeleClinicaSimulator(seed=1, clock=self.clock)
        self.simulator.timings.lag_seconds = 20
        self.server = self.simulator.running()
        self.server.__enter__()
        os.environ[VARIABLE] = self.simulator.credentials["password"]
        self.url = self.fresh_url(Path(self.folder.name))
        self.hub = self.opened()
        self.wanted = {contract: Wanted() for contract in OWNERS}

    def opened(self) -> Hub:
        return Hub.open(self.url, clock=self.clock, draw=lambda: 0.5)

    @initialize()
    def register(self) -> None:
        office = self.hub.tenant("default")
        own = {"username": self.simulator.credentials["username"], "timeout": 0.4}
        secret = {"password": f"env:{VARIABLE}"}
        address = self.simulator.url
        office.integrations.add(
            "tele", "teleclinica", Environment.STAGING, address=address, settings=own, secret=secret
        )
        office.catalogue.sync("tele")
        self.plans = sorted(p.remote_id for p in office.catalogue.plans("tele"))
        office.catalogue.link("TELE", "telemedicine", "tele", self.plans[0])

    def teardown(self) -> None:
        try:
            self.everything_agrees_in_the_end()
        finally:
            self.hub.close()
            self.server.__exit__(None, None, None)
            self.folder.cleanup()

    # -- what people do ------------------------------------------------------------------------------------------------

    @rule(
        contract=contracts,
        status=st.sampled_from(["active", "active", "pending", "cancelled"]),
        blocked=st.none() | st.sets(reasons, max_size=2),
    )
    def import_file(self, contract: str, status: str, blocked: set[Reason] | None) -> None:
        person, document = OWNERS[contract]
        level: dict[str, Any] = {
            "contract_id": contract,
            "status": status,
            "customer": {"id": person, "name": "Pessoa Inventada", "document": document},
            "items": [{"code": "1", "product_code": "TELE"}],
        }
        if blocked is not None:
            level["block_reasons"] = sorted(blocked)
        report = self.hub.tenant("default").contracts.take_in([ContractRow.model_validate(level)])
        assert not report.errors
        self._file_said(self.wanted[contract], status, blocked)

    def _file_said(self, wanted: Wanted, status: str, blocked: set[Reason] | None) -> None:
        was_active = wanted.status == "active"
        if status != wanted.file.get("status"):
            wanted.status = status
        if blocked is not None:
            said = wanted.file.get("reasons", set())
            wanted.reasons |= {(reason, "import") for reason in blocked - said}
            wanted.reasons -= {(reason, "import") for reason in said - blocked}
            wanted.file["reasons"] = set(blocked)
        wanted.file["status"] = status
        wanted.follow(sell_again=not was_active)

    def _ask(self, action: Action, contract: str, **more: Any) -> bool:
        try:
            self.hub.tenant("default").verbs.issue(Command(action, contract, actor="eva", **more))
        except Refused:
            return False
        return True

    @rule(contract=contracts)
    def activate(self, contract: str) -> None:
        wanted = self.wanted[contract]
        done = self._ask(Action.ACTIVATE, contract)
        assert done is (wanted.status != "absent" and wanted.desired is not Desired.BLOCKED)
        if done:
            wanted.status = "active"
            wanted.follow(sell_again=True)

    @rule(contract=contracts, reason=reasons)
    def block(self, contract: str, reason: Reason) -> None:
        wanted = self.wanted[contract]
        done = self._ask(Action.BLOCK, contract, reason=reason)
        assert done is (wanted.status not in {"absent", "cancelled"})
        if done:
            wanted.reasons.add((reason, "operator:eva"))

    @rule(contract=contracts, reason=reasons)
    def unblock(self, contract: str, reason: Reason) -> None:
        wanted = self.wanted[contract]
        if self._ask(Action.UNBLOCK, contract, reason=reason):
            wanted.reasons = {(r, source) for r, source in wanted.reasons if r is not reason}

    @rule(contract=contracts)
    def cancel(self, contract: str) -> None:
        wanted = self.wanted[contract]
        assert self._ask(Action.CANCEL, contract) is (wanted.status != "absent")
        if wanted.status != "absent":
            wanted.status = "cancelled"
            wanted.follow()

    @rule(contract=contracts, plan=st.integers(0, 1))
    def change(self, contract: str, plan: int) -> None:
        self._ask(Action.CHANGE, contract, plan=self.plans[plan])

    # -- what happens --------------------------------------------------------------------------------------------------

    @rule(fault=st.sampled_from(FAULTS), spared=st.integers(0, 2))
    def the_provider_misbehaves(self, fault: Fault, spared: int) -> None:
        self.simulator.faults.next(*[None] * spared, fault)

    @rule()
    def work(self) -> None:
        with self.hub.work(threads=2) as worker:
            worker.drain()

    @rule(seconds=st.sampled_from([1, 15, 70]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds=seconds)

    @rule(sent=st.booleans())
    def the_process_dies(self, sent: bool) -> None:
        """Die between attempt and result, before or after the call, and come back."""
        fleet = Fleet(self.hub.registry, self.clock)
        desk = Desk(self.hub.store, fleet, self.clock, lambda: 0.5)
        for work in desk.take(1 if sent else 2)[0]:
            if sent:
                with holding(work.held):
                    carry_out(work.relay, work.decision, work.subscription, work.reasons)
        fleet.close()
        self.hub.close()
        self.hub = self.opened()

    # -- what holds ----------------------------------------------------------------------------------------------------

    @invariant()
    def nobody_is_there_twice(self) -> None:
        live = [user.cpf for user in self.simulator.users if user.status is not Status.CANCELLED]
        assert len(live) == len(set(live))

    @invariant()
    def what_was_asked_is_what_is_desired(self) -> None:
        newest = {s.contract_id: s.desired for s in self.hub.tenant("default").subscriptions.list()}
        assert newest == {c: w.desired for c, w in self.wanted.items() if w.desired is not None}

    def everything_agrees_in_the_end(self) -> None:
        self.simulator.faults.clear()
        office = self.hub.tenant("default")
        for _ in range(12):
            self.clock.advance(seconds=400)
            self.work()
            for operation in office.operations.list(Outcome.PARKED):
                office.operations.retry(operation.id, actor="eva")
        self.work()
        self.nobody_is_there_twice()
        self.what_was_asked_is_what_is_desired()
        for person in {person for person, _ in OWNERS.values()}:
            self._agrees(person)

    def _agrees(self, person: str) -> None:
        ours = [
            s
            for s in self.hub.tenant("default").subscriptions.list()
            if OWNERS[s.contract_id][0] == person and s.observed not in {Observed.CANCELLED, Observed.ABSENT}
        ]
        document = next(doc for name, doc in OWNERS.values() if name == person)
        theirs = [u for u in self.simulator.users if u.cpf == document and u.status is not Status.CANCELLED]
        assert len(theirs) == bool(ours)
        for user in theirs:
            assert {p.id for p in user.plans if p.status is not Status.CANCELLED} == self._given(ours)
            assert {s.observed.value for s in ours} == {user.status.value}
            assert {s.remote_id for s in ours} == {user.id}
        held = any(s.desired is Desired.ACTIVE for s in ours)
        for s in ours:
            blocked_with_others = s.desired is Desired.BLOCKED and held
            assert s.observed.value == (Desired.ACTIVE if blocked_with_others else s.desired).value
            assert s.state is (State.WAITING if blocked_with_others else State.SETTLED), s

    def _given(self, ours: list[SubscriptionView]) -> set[str | None]:
        """Return the plans that the provider was given; a change of what is blocked waits for the unblock."""
        with self.hub.store.read() as connection:
            rows = sales.by_keys(connection, "default", [s.key for s in ours])
        given = {row.key: row.what_was_applied() for row in rows}
        plans = {key: applied.plan for key, applied in given.items() if applied is not None}
        assert all(plans[s.key] == s.plan for s in ours if s.desired is Desired.ACTIVE)
        return set(plans.values())


CI = settings(USUAL, max_examples=8, stateful_step_count=25)
DEEP = settings(CI, max_examples=600, stateful_step_count=40)


def test_any_order_of_verbs_imports_faults_and_crashes_ends_in_agreement(sqlite_template: Path) -> None:
    run_state_machine_as_test(on_file(Isp, sqlite_template), settings=CI)  # type: ignore[no-untyped-call]


@pytest.mark.deep
def test_many_orders_of_verbs_imports_faults_and_crashes_end_in_agreement(sqlite_template: Path) -> None:
    run_state_machine_as_test(on_file(Isp, sqlite_template), settings=DEEP)  # type: ignore[no-untyped-call]


@pytest.mark.deep
def test_and_so_they_do_on_postgresql(postgresql_url: str) -> None:
    run_state_machine_as_test(on_server(Isp, postgresql_url), settings=settings(DEEP, max_examples=200))  # type: ignore[no-untyped-call]
