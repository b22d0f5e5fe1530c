"""What converge does when others are in the way: siblings of one account, workers that died or froze, the store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from svahub import BlockScope, Observed, RemoteUser, Subscription, errors, hookimpl
from svahub.fleet import LOOK_AGAIN_SECONDS
from svahub.store import Store, StoreUnavailable
from svahub.store.states import Outcome, State
from svahub.testing.clocks import HandClock
from svahub.verbs import Action

Opening = Callable[..., Any]


class Hurried(HandClock):
    """A clock on which nobody waits longer than an hour."""

    def __init__(self) -> None:
        super().__init__()
        self.began = self.monotonic()

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        assert self.monotonic() < self.began + 3600, "it waits without end"


@contextmanager
def refusing(store: Store, times: int) -> Iterator[list[str]]:
    """Have the store refuse so many results of attempts; what was refused is told."""
    refused: list[str] = []

    def refuse(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("UPDATE attempts") and len(refused) < times:
            refused.append(statement)
            raise OperationalError(statement, {}, Exception("database is locked"))

    event.listen(store.engine, "before_cursor_execute", refuse)
    yield refused
    event.remove(store.engine, "before_cursor_execute", refuse)


def outcomes(isp: Any) -> list[tuple[str, Outcome]]:
    return [(operation.verb, operation.outcome) for operation in isp.office.operations.list()]


# -- workers that were frozen or died ----------------------------------------------------------------------------------


def test_renewing_a_lease_that_was_lost_does_not_open_the_gate_again(open_isp: Opening, finding: type[Any]) -> None:
    isp = open_isp(finding)
    isp.sell()
    frozen, other = isp.desk(), isp.desk()
    (work,), _ = frozen.take(1)
    isp.clock.advance(seconds=60)
    other.take(1)
    frozen.renew([work])
    assert work.held.deadline < isp.clock.monotonic()


def test_a_failed_authentication_that_comes_late_still_quarantines(open_isp: Opening, finding: type[Any]) -> None:
    isp = open_isp(finding)
    isp.sell()
    frozen, other = isp.desk(), isp.desk()
    (work,), _ = frozen.take(1)
    isp.clock.advance(seconds=60)
    other.take(1)
    frozen.put([(work, errors.AuthenticationFailed())])
    assert isp.office.integrations.show("basic").status == "quarantined"


def test_what_was_quarantined_and_enabled_is_called_again_by_the_same_worker(
    open_isp: Opening, finding: type[Any]
) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.remote.troubles.append(errors.AuthenticationFailed())
    with isp.hub.work(threads=1) as worker:
        worker.drain()
        assert isp.office.integrations.show("basic").status == "quarantined"
        isp.office.integrations.enable("basic")
        isp.clock.advance(seconds=LOOK_AGAIN_SECONDS)
        worker.drain()
    assert (isp.remote.calls, isp.one.state) == (["create", "create"], State.SETTLED)


def test_a_late_failure_leaves_disabled_what_somebody_disabled(open_isp: Opening, finding: type[Any]) -> None:
    isp = open_isp(finding)
    isp.sell()
    desk = isp.desk()
    (work,), _ = desk.take(1)
    isp.office.integrations.disable("basic")
    desk.put([(work, errors.AuthenticationFailed())])
    assert isp.office.integrations.show("basic").status == "disabled"


def test_work_ends_although_a_dead_worker_holds_an_account_of_a_stopped_integration(
    open_isp: Opening, finding: type[Any]
) -> None:
    isp = open_isp(finding, clock=Hurried())
    isp.sell()
    desk = isp.desk()
    desk.owner = "elsewhere 1 0.00 abc"
    desk.take(1)
    isp.office.integrations.disable("basic")
    isp.work()
    assert isp.remote.calls == []


def test_what_a_crash_left_open_is_superseded_by_a_newer_verb(open_isp: Opening, finding: type[Any]) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    isp.ask(Action.BLOCK)
    isp.desk().take(1)
    isp.ask(Action.UNBLOCK)
    isp.clock.advance(seconds=60)
    isp.work()
    assert ("block", Outcome.SUPERSEDED) in outcomes(isp)


def test_what_a_crash_left_open_does_not_stay_parked(open_isp: Opening, finding: type[Any]) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    isp.ask(Action.BLOCK)
    isp.desk().take(1)
    isp.ask(Action.UNBLOCK)
    isp.clock.advance(seconds=60)
    isp.work()  # closes it; the unblock waits as long as a call may take
    isp.clock.advance(seconds=5)
    isp.remote.troubles.append(errors.Conflict("not now"))
    isp.work()
    isp.office.operations.retry(isp.parked().id, actor="eva")
    isp.work()
    assert isp.one.state is State.SETTLED
    assert Outcome.PARKED not in {outcome for _, outcome in outcomes(isp)}


# -- others of the same account, and of other integrations -------------------------------------------------------------


def test_one_integrations_backlog_does_not_starve_another(open_isp: Opening, finding: type[Any]) -> None:
    isp = open_isp(finding)
    isp.integrate("other", "OTHER")
    for n in range(30):
        isp.sell(f"C{n}", f"P{n}")
    isp.sell("Z", "PZ", product="OTHER")
    work, _ = isp.desk().take(10)
    assert "other" in {one.lane.integration for one in work}


def test_no_step_of_an_account_overlaps_a_pending_one(open_isp: Opening, later: type[Any]) -> None:
    isp = open_isp(later)
    isp.sell("C1")
    isp.work()
    isp.remote.troubles.append(errors.Pending("h2"))
    isp.sell("C2")
    isp.work()
    isp.ask(Action.CANCEL, "C1")
    isp.work()
    assert isp.remote.calls == ["create", "create"]


def test_an_adoption_is_kept_or_refused_while_a_sibling_is_driven(open_isp: Opening, finding: type[Any]) -> None:
    class Foreign(finding):
        @hookimpl
        def find_user(self, subscription: Subscription) -> RemoteUser:
            return RemoteUser("theirs", Observed.ACTIVE)

    isp = open_isp(Foreign)
    isp.sell("C1")
    isp.remote.troubles.append(errors.AlreadyExists())
    isp.work()
    isp.sell("C2")
    isp.desk().take(1)
    with pytest.raises(errors.Refused, match="try again in a moment"):
        isp.office.operations.retry(isp.parked().id, actor="eva", adopt=True)


def test_a_held_block_is_looked_at_again_when_its_sibling_is_gone(open_isp: Opening, finding: type[Any]) -> None:
    isp = open_isp(type("Whole", (finding,), {"block_scope": BlockScope.ACCOUNT}))
    isp.sell("C1")
    isp.sell("C2")
    isp.work()
    isp.ask(Action.BLOCK, "C1")
    isp.work()
    assert isp.of("C1").state is State.WAITING
    isp.remote.troubles.append(errors.NotFound("gone"))
    isp.ask(Action.CHANGE, "C2", plan="p2")
    isp.work()
    assert isp.of("C2").state is State.PARKED
    assert isp.of("C1").state is not State.WAITING


def test_a_cancel_that_waited_for_a_look_at_its_sibling_goes_on_after_it(open_isp: Opening, finding: type[Any]) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    isp.remote.applies_before_trouble = True
    isp.remote.troubles.extend([errors.OutcomeUnknown(), errors.Busy()])
    isp.sell("C2")
    isp.work()
    isp.ask(Action.CANCEL)
    isp.clock.advance(seconds=600)
    isp.work()
    assert [isp.of(c).observed for c in ("C1", "C2")] == [Observed.CANCELLED, Observed.ACTIVE]
    assert [isp.of(c).state for c in ("C1", "C2")] == [State.SETTLED, State.SETTLED]


def test_a_look_that_does_not_see_the_block_of_a_sibling_yet_is_not_believed(
    open_isp: Opening, finding: type[Any]
) -> None:
    class Lagging(finding):
        block_scope = BlockScope.ACCOUNT

        @hookimpl
        def find_user(self, subscription: Subscription) -> RemoteUser | None:
            user: RemoteUser = super().find_user(subscription)
            status = Observed.ACTIVE if self.remote.calls.count("find") == 1 else Observed.BLOCKED
            return replace(user, status=status, subscriptions=(replace(user.subscriptions[0], status=status),))

    isp = open_isp(Lagging)
    isp.sell("C1")
    isp.work()
    isp.ask(Action.BLOCK, "C1")
    isp.work()
    isp.remote.applies_before_trouble = True
    isp.remote.troubles.append(errors.OutcomeUnknown("lost"))
    isp.sell("C2")
    for _ in range(4):
        isp.work()
        isp.clock.advance(seconds=15)
    assert isp.remote.calls[-3:] == ["find", "find", "unblock"]
    assert (isp.of("C2").observed, isp.of("C2").state) == (Observed.ACTIVE, State.SETTLED)


# -- a store that cannot be written ------------------------------------------------------------------------------------


def test_a_store_that_refuses_for_a_moment_loses_no_result(open_isp: Opening, basic: type[Any]) -> None:
    isp = open_isp(basic)
    isp.sell()
    with refusing(isp.hub.store, 1) as refused:
        isp.work()
    assert len(refused) == 1
    assert (isp.remote.calls, isp.one.state) == (["create"], State.SETTLED)


def test_a_store_that_goes_on_refusing_leaves_no_thread_behind(open_isp: Opening, basic: type[Any]) -> None:
    isp = open_isp(basic)
    isp.sell()
    before = set(threading.enumerate())
    with refusing(isp.hub.store, 1000), pytest.raises(StoreUnavailable):
        isp.work()
    assert not [t for t in threading.enumerate() if t not in before and t.name.startswith("svahub-")]
