"""Every fault at every verb, over real sockets: in the end exactly one remote user, as desired, nothing done twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from svahub.areas.subscriptions import SubscriptionView
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.models import Environment, Observed
from svahub.store.states import Certainty, IntegrationState, Outcome, State
from svahub.testing import Fault
from svahub.testing.clocks import HandClock
from svahub.verbs import Action, Command
from svahub_teleclinica.simulator import Status, TeleClinicaSimulator

VARIABLE = "SVAHUB_TEST_FAULTS"
ANA, BIA = "52998224725", "11144477735"


@dataclass
class Stage:
    """One ISP with a misbehaving provider and a clock moved by hand."""

    hub: Hub
    office: TenantHub
    simulator: TeleClinicaSimulator
    clock: HandClock
    plans: list[str]

    def sell(self, contract: str = "C1", document: str = ANA, status: str = "active") -> None:
        level: dict[str, Any] = {
            "contract_id": contract,
            "status": status,
            "customer": {"id": f"customer-{document}", "name": "Pessoa Inventada", "document": document},
            "items": [{"code": "1", "product_code": "TELE"}],
        }
        report = self.office.contracts.take_in([ContractRow.model_validate(level)])
        assert not report.errors

    def ask(self, action: Action, contract: str = "C1", **more: Any) -> None:
        self.office.verbs.issue(Command(action, contract, **more))

    def work(self) -> None:
        with self.hub.work(threads=2) as worker:
            worker.drain()

    def work_patiently(self, rounds: int = 6) -> None:
        for _ in range(rounds):
            self.work()
            self.clock.advance(seconds=400)

    def one(self, contract: str = "C1") -> SubscriptionView:
        (subscription,) = self.office.subscriptions.list(contract=contract)
        return subscription

    def certainties(self, contract: str = "C1") -> list[Certainty | None]:
        history = self.office.subscriptions.show(f"{contract}/1")
        return [attempt.certainty for attempt in history.attempts]

    def live(self) -> list[Any]:
        return [user for user in self.simulator.users if user.status is not Status.CANCELLED]

    def requests(self, method: str, ending: str = "") -> int:
        return sum(1 for seen in self.simulator.requests if seen.method == method and seen.path.endswith(ending))


@contextmanager
def staged(url: str, **settings: Any) -> Iterator[Stage]:
    clock = HandClock()
    simulator = TeleClinicaSimulator(seed=1, clock=clock)
    with (
        simulator.running(),
        Hub.open(url, clock=clock, draw=lambda: 0.5) as hub,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv(VARIABLE, simulator.credentials["password"])
        office = hub.tenant("default")
        own = {"username": simulator.credentials["username"], "timeout": 0.4, **settings}
        secret = {"password": f"env:{VARIABLE}"}
        address = simulator.url
        office.integrations.add(
            "tele", "teleclinica", Environment.STAGING, address=address, settings=own, secret=secret
        )
        office.catalogue.sync("tele")
        plans = sorted(p.remote_id for p in office.catalogue.plans("tele"))
        office.catalogue.link("TELE", "telemedicine", "tele", plans[0])
        yield Stage(hub, office, simulator, clock, plans)


@pytest.fixture
def stage(sqlite_url: str) -> Iterator[Stage]:
    with staged(sqlite_url) as there:
        yield there


def test_a_create_of_unknown_outcome_is_looked_up_and_not_repeated(stage: Stage) -> None:
    stage.sell()
    stage.simulator.faults.next(Fault.TIMEOUT_AFTER)
    stage.work()
    assert stage.requests("POST") == 1
    assert stage.certainties() == [Certainty.UNKNOWN, Certainty.SUCCEEDED]
    assert stage.one().state is State.SETTLED


def test_an_empty_look_is_believed_only_after_the_settle_time_and_twice(stage: Stage) -> None:
    stage.sell()
    stage.simulator.faults.next(Fault.ERROR_BEFORE)
    stage.work()
    assert (stage.requests("POST"), stage.one().state, stage.one().observed) == (1, State.WAITING, Observed.UNKNOWN)
    stage.clock.advance(seconds=59)
    stage.work()
    assert stage.requests("POST") == 1
    stage.clock.advance(seconds=2)
    stage.work()
    assert (stage.requests("POST"), stage.one().state) == (2, State.SETTLED)


def test_a_write_that_lookups_do_not_see_yet_is_found_in_time(stage: Stage) -> None:
    stage.simulator.timings.lag_seconds = 30
    stage.sell()
    stage.simulator.faults.next({Fault.LAG, Fault.TIMEOUT_AFTER})
    stage.work()
    assert stage.one().state is State.WAITING
    stage.clock.advance(seconds=61)
    stage.work()
    assert (stage.requests("POST"), stage.one().state, len(stage.live())) == (1, State.SETTLED, 1)


def test_a_rate_limit_pauses_the_whole_integration_for_as_long_as_it_says(stage: Stage) -> None:
    stage.sell("C1", ANA)
    stage.sell("C2", BIA)
    stage.simulator.timings.retry_after_seconds = 30
    with stage.hub.work(threads=1) as worker:
        stage.simulator.faults.next(Fault.RATE_LIMIT_RETRY_AFTER)
        worker.drain()
    assert stage.requests("POST") == 1
    stage.clock.advance(seconds=29)
    stage.work()
    assert stage.requests("POST") == 1
    stage.clock.advance(seconds=2)
    stage.work()
    assert {s.state for s in stage.office.subscriptions.list()} == {State.SETTLED}


def test_a_wrong_password_quarantines_the_integration_and_a_test_that_succeeds_frees_it(stage: Stage) -> None:
    stage.sell()
    right = stage.simulator.credentials["password"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, right + "x")
        stage.work()
    assert stage.office.integrations.show("tele").status == IntegrationState.QUARANTINED
    assert (stage.one().state, len(stage.simulator.users)) == (State.QUARANTINED, 0)
    assert stage.office.counts().stuck
    assert stage.office.integrations.test("tele").ok
    stage.work()
    assert stage.one().state is State.SETTLED


def test_a_rejection_parks_with_the_providers_code_and_nothing_personal(stage: Stage) -> None:
    stage.sell("C1", ANA)
    stage.simulator.faults.next(Fault.REDIRECT)
    stage.work()
    (operation,) = stage.office.operations.list(Outcome.PARKED)
    assert "redirect" in str(operation.cause)
    assert f"operations retry {operation.id}" in str(operation.advice)
    assert ANA not in str(operation)


def test_somebody_elses_user_with_the_same_cpf_is_never_adopted_unasked(stage: Stage) -> None:
    stranger = _registered_by_hand(stage)
    stage.sell()
    stage.work()
    assert (stage.one().state, len(stage.live())) == (State.PARKED, 1)
    (operation,) = stage.office.operations.list(Outcome.PARKED)
    assert stranger in str(operation.cause)
    stage.office.operations.retry(operation.id, actor="eva", adopt=True)
    stage.work()
    assert (stage.one().state, stage.one().remote_id) == (State.SETTLED, stranger)
    assert len(stage.live()) == 1


def test_the_policy_link_adopts_and_refuse_does_not_offer_to(sqlite_url: str) -> None:
    with staged(sqlite_url, adopt="link") as stage:
        stranger = _registered_by_hand(stage)
        stage.sell()
        stage.work()
        assert (stage.one().state, stage.one().remote_id) == (State.SETTLED, stranger)


def _registered_by_hand(stage: Stage) -> str:
    """Create a user of the same person past svahub."""
    import httpx

    auth = (stage.simulator.credentials["username"], stage.simulator.credentials["password"])
    body = {"externalReference": "by-hand", "name": "Pessoa Inventada", "cpf": ANA, "planId": stage.plans[1]}
    return str(httpx.post(f"{stage.simulator.url}/users", json=body, auth=auth).raise_for_status().json()["id"])


def test_a_user_that_vanished_is_drift_and_recreate_makes_it_anew(sqlite_url: str) -> None:
    with staged(sqlite_url) as stage:
        stage.sell()
        stage.work()
        stage.simulator.users.forget(str(stage.one().remote_id))
        stage.ask(Action.BLOCK)
        stage.work()
        assert (stage.one().state, stage.one().observed) == (State.PARKED, Observed.ABSENT)
        assert "vanished" in str(stage.one().cause)


def test_cancelling_a_user_that_vanished_succeeds(stage: Stage) -> None:
    stage.sell()
    stage.work()
    stage.simulator.users.forget(str(stage.one().remote_id))
    stage.ask(Action.CANCEL)
    stage.work()
    assert (stage.one().state, stage.one().observed) == (State.SETTLED, Observed.CANCELLED)


def test_a_change_of_customer_data_reaches_the_provider_once_for_all_contracts(stage: Stage) -> None:
    for contract in ("C1", "C2"):
        stage.sell(contract)
    stage.work()
    level = {
        "contract_id": "C1",
        "customer": {"id": f"customer-{ANA}", "name": "Outro Nome", "document": ANA},
        "items": [{"code": "1", "product_code": "TELE"}],
    }
    stage.office.contracts.take_in([ContractRow.model_validate(level)])
    stage.work()
    assert (stage.requests("PUT"), stage.live()[0].name) == (1, "Outro Nome")
