"""Who drives an account: one at a time, only while the lease holds; what a dead or frozen worker leaves is taken up."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from svahub.attempts import Work
from svahub.desk import Desk
from svahub.endings import Result
from svahub.errors import NotSent
from svahub.extension import invented
from svahub.fleet import Fleet, holding
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.models import Environment, Observed
from svahub.owners import Owner
from svahub.precedence import MAY_BE_UNDER_WAY
from svahub.steps import carry_out
from svahub.store import queue
from svahub.store.states import Certainty, Priority, State
from svahub.testing.clocks import HandClock
from svahub.verbs import Action, Command
from svahub_teleclinica.simulator import Status, TeleClinicaSimulator

VARIABLE = "SVAHUB_TEST_LEASES"
_NAME_ITSELF = "from svahub.owners import Owner; print(Owner.this_process())"


@dataclass
class Isp:
    """One ISP whose accounts are leased by hand."""

    hub: Hub
    office: TenantHub
    simulator: TeleClinicaSimulator
    clock: HandClock
    fleets: list[Fleet] = field(default_factory=list)

    def desk(self) -> Desk:
        self.fleets.append(Fleet(self.hub.registry, self.clock))
        return Desk(self.hub.store, self.fleets[-1], self.clock, lambda: 0.5)

    def sell(self, number: int) -> None:
        cpf = invented.cpf(number)
        level: dict[str, Any] = {
            "contract_id": f"C{number}",
            "customer": {"id": f"P{number}", "name": "Pessoa Inventada", "document": cpf},
            "items": [{"code": "1", "product_code": "TELE"}],
        }
        self.office.contracts.take_in([ContractRow.model_validate(level)])

    def lose_whoever_holds(self) -> None:
        """Have all leases held by a process of this host that has ended."""
        ended = subprocess.run([sys.executable, "-c", _NAME_ITSELF], capture_output=True, text=True, check=True)
        held = queue.accounts.c.lease_owner.is_not(None)
        with self.hub.store.write() as connection:
            connection.execute(queue.accounts.update().where(held).values(lease_owner=ended.stdout.strip()))

    def ask(self, action: Action, **more: Any) -> None:
        self.office.verbs.issue(Command(action, "C1", **more))

    def statuses(self) -> list[Status]:
        """Return what the users at the provider are."""
        return [user.status for user in self.simulator.users]

    def waits_for_the_dead(self) -> bool:
        """Say whether C1 waits for what a killed worker may have under way."""
        (subscription,) = self.office.subscriptions.list(contract="C1")
        return (subscription.state, subscription.cause) == (State.WAITING, MAY_BE_UNDER_WAY)

    def state(self, number: int) -> State:
        (subscription,) = self.office.subscriptions.list(contract=f"C{number}")
        return subscription.state

    def work(self) -> None:
        with self.hub.work(threads=4) as worker:
            worker.drain()


@pytest.fixture
def isp(usual_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Isp]:
    clock = HandClock()
    simulator = TeleClinicaSimulator(seed=1, clock=clock)
    with simulator.running(), Hub.open(usual_database_url, clock=clock, draw=lambda: 0.5) as hub:
        monkeypatch.setenv(VARIABLE, simulator.credentials["password"])
        office = hub.tenant("default")
        own, secret = {"username": simulator.credentials["username"]}, {"password": f"env:{VARIABLE}"}
        address = simulator.url
        office.integrations.add(
            "tele", "teleclinica", Environment.STAGING, address=address, settings=own, secret=secret
        )
        office.catalogue.sync("tele")
        office.catalogue.link("TELE", "telemedicine", "tele", office.catalogue.plans("tele")[0].remote_id)
        there = Isp(hub, office, simulator, clock)
        yield there
        for fleet in there.fleets:
            fleet.close()


def _called(work: Work) -> Result:
    with holding(work.held):
        return carry_out(work.relay, work.decision, work.subscription, work.reasons)


def test_two_workers_never_hold_the_same_account(isp: Isp) -> None:
    for number in range(6):
        isp.sell(number)
    first, second = isp.desk(), isp.desk()
    held = [{w.view.account.key for w in desk.take(3)[0]} for desk in (first, second)]
    assert (len(held[0]), len(held[1]), held[0] & held[1]) == (3, 3, set())
    assert first.take(3) == ([], 0)


def test_a_worker_frozen_past_its_lease_sends_nothing_and_writes_nothing(isp: Isp) -> None:
    isp.sell(1)
    frozen = isp.desk()
    (work,), _ = frozen.take(1)
    isp.clock.advance(seconds=11)
    result = _called(work)
    assert isinstance(result, NotSent)
    assert not list(isp.simulator.users)
    isp.clock.advance(seconds=60)
    isp.work()
    isp.clock.advance(seconds=61)
    isp.work()
    assert isp.state(1) is State.SETTLED
    frozen.put([(work, NotSent("thawed"))])
    assert isp.state(1) is State.SETTLED
    history = isp.office.subscriptions.show("C1/1")
    assert history.attempts[0].certainty is Certainty.UNKNOWN
    assert len(list(isp.simulator.users)) == 1


def test_a_renewed_lease_lets_slow_work_go_on(isp: Isp) -> None:
    isp.sell(1)
    desk = isp.desk()
    (work,), _ = desk.take(1)
    isp.clock.advance(seconds=8)
    desk.renew([work])
    isp.clock.advance(seconds=4)
    desk.put([(work, _called(work))])
    assert isp.state(1) is State.SETTLED


def test_a_successor_waits_for_the_lease_and_the_longest_call(isp: Isp) -> None:
    isp.sell(1)
    isp.desk().take(1)
    successor = isp.desk()
    isp.clock.advance(seconds=14)
    assert successor.take(1) == ([], 0)
    isp.clock.advance(seconds=2)
    assert successor.take(1)[1] == 1


def test_what_a_dead_process_of_this_host_held_is_taken_up_at_once(isp: Isp) -> None:
    isp.sell(1)
    isp.desk().take(1)
    isp.lose_whoever_holds()
    successor = isp.desk()
    assert successor.take(1) == ([], 0)
    successor.release_dead()
    assert successor.take(1)[1] == 1


def killed_while_blocking(isp: Isp) -> Work:
    """Have a worker be killed while it blocks C1, with its call under way; return what it was doing."""
    isp.sell(1)
    isp.work()
    isp.ask(Action.BLOCK)
    (block,), _ = isp.desk().take(1)
    isp.lose_whoever_holds()
    assert isinstance(block, Work)
    return block


def test_what_contradicts_a_call_of_a_killed_worker_waits_until_that_call_is_over(isp: Isp) -> None:
    block = killed_while_blocking(isp)
    isp.ask(Action.UNBLOCK)
    isp.work()
    assert isp.waits_for_the_dead()
    carry_out(block.relay, block.decision, block.subscription, block.reasons)  # it comes late to the provider
    isp.ask(Action.CHANGE, plan=isp.office.catalogue.plans("tele")[1].remote_id)
    isp.work()
    assert isp.statuses() == [Status.BLOCKED]
    isp.clock.advance(seconds=5)
    isp.work()
    assert isp.statuses() == [Status.ACTIVE]


def test_what_a_killed_worker_was_doing_is_done_again_at_once(isp: Isp) -> None:
    killed_while_blocking(isp)
    isp.work()
    assert isp.statuses() == [Status.BLOCKED]
    isp.ask(Action.UNBLOCK)
    isp.work()
    assert isp.statuses() == [Status.BLOCKED]
    isp.clock.advance(seconds=5)
    isp.work()
    assert isp.statuses() == [Status.ACTIVE]


def test_a_call_of_a_killed_worker_is_waited_for_also_where_its_lease_was_renewed(isp: Isp) -> None:
    isp.sell(1)
    isp.work()
    isp.ask(Action.BLOCK)
    desk = isp.desk()
    work, _ = desk.take(1)
    isp.clock.advance(seconds=8)
    desk.renew(work)
    isp.clock.advance(seconds=8)  # it is killed now, and its last call was made just before
    isp.lose_whoever_holds()
    isp.ask(Action.UNBLOCK)
    isp.work()
    assert isp.waits_for_the_dead()


def test_it_is_waited_for_however_often_its_account_was_leased_since(isp: Isp) -> None:
    killed_while_blocking(isp)
    for action in [Action.UNBLOCK, Action.BLOCK] * 10 + [Action.UNBLOCK]:
        isp.ask(action)
        isp.work()
    assert isp.statuses() == [Status.BLOCKED]
    assert isp.waits_for_the_dead()


def test_a_sale_that_waited_long_for_its_call_is_not_made_twice_when_the_worker_is_killed(isp: Isp) -> None:
    isp.sell(1)
    desk = isp.desk()
    (create,), _ = desk.take(1)
    for _ in range(10):  # many others are called for before
        isp.clock.advance(seconds=7)
        desk.renew([create])
    isp.lose_whoever_holds()
    isp.work()
    assert isp.state(1) is State.WAITING
    carry_out(create.relay, create.decision, create.subscription, create.reasons)  # its call was made at the very end
    isp.clock.advance(seconds=61)
    isp.work()
    assert (isp.state(1), isp.simulator.counts["POST /users", 201]) == (State.SETTLED, 1)


def test_what_the_dead_held_is_taken_up_but_for_what_another_transaction_changes_now(isp: Isp) -> None:
    if isp.hub.store.dialect == "sqlite":
        pytest.skip("nobody else writes to SQLite meanwhile")
    for number in (1, 2):
        isp.sell(number)
    work, _ = isp.desk().take(2)
    with isp.hub.store.write() as connection:
        connection.execute(queue.accounts.update().values(lease_owner="gone"))
        now = isp.hub.store.now(connection)
    with isp.hub.store.write() as other, isp.hub.store.write() as connection:
        other.execute(queue.accounts.select().where(queue.accounts.c.key == work[0].attempt[0]).with_for_update())
        connection.exec_driver_sql("SET LOCAL lock_timeout = '500ms'")
        assert queue.release_dead(connection, ["gone"], now) == 1


def test_a_living_process_and_another_hosts_are_not_taken_for_dead() -> None:
    here = Owner.this_process()
    elsewhere = Owner("elsewhere", 1, "0.00", "abc")
    assert not here.dead
    assert not elsewhere.dead
    assert Owner.parse(str(here)) == here


def test_the_most_urgent_account_is_leased_first(isp: Isp) -> None:
    for number in range(3):
        isp.sell(number)
    isp.work()
    isp.office.verbs.issue(Command(Action.BLOCK, "C2"))
    isp.work()
    isp.office.verbs.issue(Command(Action.BLOCK, "C0"))
    isp.office.verbs.issue(Command(Action.CANCEL, "C1"))
    isp.clock.advance(seconds=1)
    isp.office.verbs.issue(Command(Action.UNBLOCK, "C2"))
    desk = isp.desk()
    (work,), _ = desk.take(1)
    assert (work.row.contract_id, work.row.priority) == ("C2", Priority.PAID)


def test_what_is_desired_while_a_call_is_under_way_is_not_lost(isp: Isp) -> None:
    isp.sell(1)
    desk = isp.desk()
    (work,), _ = desk.take(1)
    result = _called(work)
    isp.office.verbs.issue(Command(Action.BLOCK, "C1"))
    desk.put([(work, result)])
    assert isp.state(1) is State.DUE
    isp.work()
    (subscription,) = isp.office.subscriptions.list(contract="C1")
    assert (subscription.observed, subscription.state) == (Observed.BLOCKED, State.SETTLED)


def test_an_operation_that_runs_is_not_superseded(isp: Isp) -> None:
    isp.sell(1)
    desk = isp.desk()
    (work,), _ = desk.take(1)
    isp.office.verbs.issue(Command(Action.BLOCK, "C1"))
    assert [o.outcome.value for o in isp.office.operations.list()] == ["queued", "queued"]
    desk.put([(work, _called(work))])
    assert [o.outcome.value for o in isp.office.operations.list()] == ["succeeded", "queued"]


def test_several_workers_at_once_do_every_step_once(isp: Isp) -> None:
    for number in range(40):
        isp.sell(number)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: isp.work(), range(3)))
    assert {isp.state(number) for number in range(40)} == {State.SETTLED}
    assert isp.simulator.counts["POST /users", 201] == 40
    assert {user.status for user in isp.simulator.users} == {Status.ACTIVE}


def test_a_block_with_an_end_is_lifted_by_work_when_its_time_has_come(isp: Isp) -> None:
    isp.sell(1)
    isp.work()
    until = isp.clock.now().replace(hour=20)
    isp.office.verbs.issue(Command(Action.BLOCK, "C1", until=until))
    isp.work()
    assert [u.status for u in isp.simulator.users] == [Status.BLOCKED]
    isp.clock.advance(hours=9)
    isp.work()
    assert [u.status for u in isp.simulator.users] == [Status.ACTIVE]
