"""Steps and tasks of one contract: neither adds while nobody knows what the other added; each tells the other."""

from __future__ import annotations

from typing import Any

import pytest
from svahub import FindsTasks, PerformsTasks, errors, hookimpl
from svahub.models import Observed, RemoteSubscription, Task, TaskResult
from svahub.store.states import State
from svahub.verbs import Action


@pytest.fixture
def isp(open_isp: Any, finding: Any) -> Any:
    """Return an ISP at a provider whose tasks can be looked up, with two contracts of one person sold."""

    class Levelling(finding, PerformsTasks, FindsTasks):  # type: ignore[misc]
        @hookimpl
        def perform(self, task: Task) -> TaskResult:
            done: TaskResult = self.remote.asked(f"perform {task.contract_id}", lambda: self._done(task))
            return done

        @hookimpl
        def find_task(self, task: Task) -> TaskResult | None:
            found: TaskResult | None = self.remote.asked("find task", lambda: self.remote.users.get(task.key))
            return found

        def _done(self, task: Task) -> TaskResult:
            told = [RemoteSubscription("p1", Observed.ACTIVE, key, quantity=n) for key, n in task.payload.items()]
            self.remote.users[task.key] = TaskResult(subscriptions=tuple(told))
            done: TaskResult = self.remote.users[task.key]
            return done

    opened = open_isp(Levelling)
    for contract in ("C1", "C2"):
        opened.sell(contract)
    opened.work()
    opened.remote.calls.clear()
    return opened


def ask(isp: Any, contract: str = "C1", **told: int) -> None:
    with isp.office.transaction("test", "task") as transaction:
        isp.office.tasks.submit(
            transaction, "basic", f"{contract}.level", contract, told, customer_id="P1", contract_id=contract
        )


def later(isp: Any, **much: float) -> list[str]:
    """Work some time later, and return what was asked of the provider."""
    isp.remote.calls.clear()
    isp.clock.advance(**much)
    isp.work()
    calls: list[str] = isp.remote.calls
    return calls


def test_a_task_is_not_begun_before_a_change_of_its_contract_was_looked_up(isp: Any) -> None:
    isp.remote.troubles.append(errors.OutcomeUnknown("cut off"))
    isp.ask(Action.CHANGE, "C1", quantity=2)
    assert later(isp) == ["change ['quantity']"]
    ask(isp, "C1")
    ask(isp, "C2")
    assert later(isp) == ["perform C2"]
    assert isp.of("C1").state is State.WAITING
    calls = [call for _ in range(4) for call in later(isp, minutes=1)]
    assert calls[:2] == ["find", "find"]
    assert sorted(calls[2:]) == ["change ['quantity']", "perform C1"]


def test_a_change_is_not_tried_before_a_task_of_its_contract_was_looked_up(isp: Any) -> None:
    isp.remote.troubles.append(errors.OutcomeUnknown("cut off"))
    ask(isp, "C1")
    assert later(isp) == ["perform C1", "find task"]
    isp.ask(Action.CHANGE, "C1", quantity=2)
    isp.ask(Action.CHANGE, "C2", quantity=2)
    assert later(isp) == ["change ['quantity']"]
    assert (isp.of("C1").state, isp.of("C2").state) == (State.WAITING, State.SETTLED)
    assert "a task of this contract" in isp.of("C1").cause
    calls = [call for _ in range(3) for call in later(isp, minutes=1)]
    assert calls[0] == "find task"
    assert sorted(calls[1:]) == ["change ['quantity']", "perform C1"]


def test_a_block_waits_for_no_task(isp: Any) -> None:
    isp.remote.troubles.append(errors.OutcomeUnknown("cut off"))
    ask(isp, "C1")
    later(isp)
    isp.ask(Action.BLOCK, "C1")
    assert later(isp) == ["block ['staff']"]


def test_a_task_that_waits_for_a_person_holds_no_change(isp: Any) -> None:
    isp.remote.troubles.extend([errors.OutcomeUnknown("cut off"), errors.Rejected("no such thing")])
    ask(isp, "C1")
    later(isp)
    isp.ask(Action.CHANGE, "C1", quantity=2)
    assert later(isp) == ["change ['quantity']"]


def test_what_a_task_tells_of_how_many_there_are_is_made_what_is_wanted(isp: Any) -> None:
    ask(isp, "C1", **{isp.of("C1").key: 3})
    assert later(isp) == ["perform C1", "change ['quantity']"]
    assert isp.of("C1").state is State.SETTLED


def test_a_task_may_have_done_what_a_change_was_to_do(isp: Any) -> None:
    isp.remote.troubles.append(errors.Busy("later"))
    isp.ask(Action.CHANGE, "C1", quantity=3)
    later(isp)
    ask(isp, "C1", **{isp.of("C1").key: 3})
    assert later(isp) == ["perform C1"]
    assert isp.of("C1").state is State.SETTLED


def test_while_a_contract_is_blocked_what_a_task_tells_waits_for_the_unblock(isp: Any) -> None:
    isp.ask(Action.BLOCK, "C1")
    later(isp)
    ask(isp, "C1", **{isp.of("C1").key: 3})
    assert later(isp) == ["perform C1"]
    isp.ask(Action.UNBLOCK, "C1")
    assert later(isp) == ["unblock", "change ['quantity']"]
