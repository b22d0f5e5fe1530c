"""Tasks as converge does them: asked for once, in order, under leases, looked up before they are repeated."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Thread
from typing import Any, ClassVar

import pytest
from svahub import FindsTasks, PerformsTasks, errors, hookimpl
from svahub.areas.tasks import TaskView
from svahub.errors import Refused, UnknownName
from svahub.hub import Hub
from svahub.models import Task, TaskResult
from svahub.registry import Registry
from svahub.store import tasks
from svahub.store.rows import LOST
from svahub.store.states import Certainty, EventKind, Outcome, Priority, State, TaskStep
from svahub.verbs import Action


@pytest.fixture
def charging(basic: Any) -> Any:
    """Return a provider that charges, and can be asked for a charge."""

    class Charging(basic, PerformsTasks, FindsTasks):  # type: ignore[misc]
        @hookimpl
        def perform(self, task: Task) -> TaskResult:
            return self._asked(f"perform {task.name}", lambda: self._charged(task))

        @hookimpl
        def find_task(self, task: Task) -> TaskResult | None:
            found: TaskResult | None = self.remote.asked(f"find {task.name}", lambda: self.remote.users.get(task.key))
            return found

        def _asked(self, call: str, apply: Any) -> TaskResult:
            done: TaskResult = self.remote.asked(call, apply)
            return done

        def _charged(self, task: Task) -> TaskResult:
            whose = task.account and task.account.customer.id
            made = TaskResult(f"pay_{task.name}", {"kind": task.kind, "whose": whose})
            self.remote.users[task.key] = made
            return made

    return Charging


@pytest.fixture
def blind(charging: Any) -> Any:
    """Return one that cannot be asked whether it has done anything."""

    class Blind(charging):  # type: ignore[misc]
        find_task = None

    return Blind


@pytest.fixture
def isp(open_isp: Any, charging: Any) -> Any:
    return open_isp(charging)


@pytest.fixture
def isp_on_each(open_isp_on_each: Any, charging: Any) -> Any:
    return open_isp_on_each(charging)


def ask(isp: Any, name: str, *, kind: str = "charge.create", payload: Mapping[str, Any] = {}, **more: Any) -> TaskView:
    with isp.office.transaction("test", "task") as transaction:
        view: TaskView = isp.office.tasks.submit(transaction, "basic", kind, name, payload, **more)
    return view


def states(isp: Any) -> list[tuple[str, State]]:
    return [(view.name, view.state) for view in isp.office.tasks.list()]


# -- asking ------------------------------------------------------------------------------------------------------------


def test_a_task_is_asked_for_once_by_its_name(isp_on_each: Any) -> None:
    isp = isp_on_each
    first, again = ask(isp, "2026-11", payload={"value": "10"}), ask(isp, "2026-11", payload={"value": "11"})
    assert (first.new, again.new, again.id) == (True, False, first.id)
    isp.work()
    done = isp.office.tasks.show(first.id)
    assert (done.outcome, done.remote_id, done.details["whose"]) == (Outcome.SUCCEEDED, "pay_2026-11", None)
    assert ask(isp, "2026-11").state is State.SETTLED
    isp.work()
    assert isp.remote.calls == ["perform 2026-11"]


def test_a_task_is_known_by_tenant_integration_kind_and_name(isp: Any) -> None:
    isp.integrate("other", "Y")
    keys = {ask(isp, "1").key, ask(isp, "2").key, ask(isp, "1", kind="mail.send").key}
    with isp.office.transaction("test", "task") as transaction:
        keys.add(isp.office.tasks.submit(transaction, "other", "charge.create", "1", {}).key)
    assert len(keys) == 4


def test_what_is_undone_asks_for_nothing(isp: Any) -> None:
    with isp.office.transaction("test", "task", dry_run=True) as transaction:
        isp.office.tasks.submit(transaction, "basic", "charge.create", "1", {})
    isp.work()
    assert (states(isp), isp.remote.calls) == ([], [])


def test_a_task_is_of_the_customer_it_is_asked_for_and_serves_before_anything_was_sold(isp_on_each: Any) -> None:
    isp = isp_on_each
    isp.office.contracts.take_in([])
    isp.sell("C1", "P1")
    isp.work()
    asked = ask(isp, "1", customer_id="P1", contract_id="C1")
    isp.work()
    assert isp.office.tasks.show(asked.id).details["whose"] == "P1"
    assert [view.name for view in isp.office.tasks.list(contract="C1", outcome=Outcome.SUCCEEDED)] == ["1"]


def test_a_task_of_an_integration_that_there_is_not_is_refused(isp: Any) -> None:
    with (
        pytest.raises(UnknownName, match="svahub integration list"),
        isp.office.transaction("test", "task") as transaction,
    ):
        isp.office.tasks.submit(transaction, "none", "charge.create", "1", {})


def test_an_integration_whose_tasks_have_not_ended_is_not_removed(isp: Any) -> None:
    asked = ask(isp, "1")
    with pytest.raises(Refused, match="1 tasks that have not ended"):
        isp.office.integrations.remove("basic")
    isp.office.tasks.discard(asked.id, "no longer wanted")
    isp.office.integrations.remove("basic")


# -- order and leases --------------------------------------------------------------------------------------------------


def test_what_waits_holds_its_stream_and_what_is_parked_holds_nobody(isp: Any) -> None:
    isp.remote.troubles.append(errors.Busy("later"))
    for name, kind in (("1", "charge.create"), ("2", "charge.cancel"), ("3", "mail.send")):
        ask(isp, name, kind=kind)
    isp.work()
    assert states(isp) == [("1", State.WAITING), ("2", State.DUE), ("3", State.SETTLED)]
    isp.remote.troubles.append(errors.Rejected("closed"))
    isp.clock.advance(hours=1)
    isp.work()
    assert states(isp) == [("1", State.PARKED), ("2", State.SETTLED), ("3", State.SETTLED)]
    assert isp.remote.calls == ["perform 1", "perform 3", "perform 1", "perform 2"]


def test_the_unblock_of_who_paid_goes_before_the_accounts_tasks_and_before_other_accounts(isp: Any) -> None:
    for contract, person in (("C1", "P1"), ("C2", "P2")):
        isp.sell(contract, person)
    isp.work()
    isp.ask(Action.BLOCK)
    isp.work()
    isp.remote.calls.clear()
    ask(isp, "of the other", customer_id="P2", priority=Priority.ACTIVATION)
    ask(isp, "of the payer", customer_id="P1", priority=Priority.ACTIVATION)
    isp.clock.advance(seconds=1)
    isp.ask(Action.UNBLOCK)
    (first,), leased = isp.desk().take(1)
    assert (leased, first.priority, first.row.contract_id) == (1, Priority.PAID, "C1")
    isp.clock.advance(hours=1)
    isp.work()
    assert isp.remote.calls[0] == "unblock"
    assert sorted(isp.remote.calls[1:]) == ["perform of the other", "perform of the payer"]


def test_a_result_is_written_only_under_the_lease_that_it_was_made_under(isp_on_each: Any) -> None:
    isp = isp_on_each
    asked = ask(isp, "1")
    frozen, next_one = isp.desk(), isp.desk()
    (work,), _ = frozen.take(1)
    assert next_one.take(1) == ([], 0)
    isp.clock.advance(minutes=5)
    (look,), _ = next_one.take(1)
    assert (look.step, look.attempt[1]) == (TaskStep.FIND, work.attempt[1] + 1)
    frozen.put([(work, TaskResult("too late"))])
    assert isp.office.tasks.show(asked.id).outcome is Outcome.QUEUED
    next_one.put([(look, TaskResult("seen"))])
    history = isp.office.tasks.history(asked.id)
    assert (history.task.outcome, history.task.remote_id) == (Outcome.SUCCEEDED, "seen")
    ends = [Certainty.UNKNOWN, Certainty.SUCCEEDED]
    assert [attempt.certainty for attempt in history.attempts] == ends


def test_a_task_that_is_asked_for_while_its_account_is_driven_is_done_next(isp: Any) -> None:
    ask(isp, "1")
    desk = isp.desk()
    (work,), _ = desk.take(1)
    ask(isp, "2")
    desk.put([(work, TaskResult("x"))])
    (following,), _ = desk.take(1)
    assert following.row.name == "2"


def test_a_task_that_is_asked_for_just_as_its_account_is_given_back_is_not_forgotten(isp_on_each: Any) -> None:
    isp = isp_on_each
    ask(isp, "1")
    desk = isp.desk()
    (work,), _ = desk.take(1)
    giving_back = Thread(target=desk.put, args=([(work, TaskResult("x"))],))
    with isp.office.transaction("test", "task") as transaction:
        isp.office.tasks.submit(transaction, "basic", "charge.create", "2", {})
        giving_back.start()
        giving_back.join(0.2)
    giving_back.join()
    (following,), _ = desk.take(1)
    assert following.row.name == "2"


# -- certainty ---------------------------------------------------------------------------------------------------------


def test_a_charge_of_which_nobody_knows_is_found_and_not_made_again(isp: Any) -> None:
    isp.remote.applies_before_trouble = True
    isp.remote.troubles.append(errors.OutcomeUnknown("cut"))
    asked = ask(isp, "1")
    isp.work()
    assert isp.office.tasks.show(asked.id).remote_id == "pay_1"
    assert isp.remote.calls == ["perform 1", "find 1"]


def test_a_charge_that_is_surely_not_there_is_made_after_the_settle_time(isp: Any) -> None:
    isp.remote.troubles.append(errors.OutcomeUnknown("cut"))
    ask(isp, "1")
    isp.work()
    assert isp.remote.calls == ["perform 1", "find 1"]
    isp.clock.advance(seconds=10)
    isp.work()
    assert isp.remote.calls[2:3] == ["find 1"]
    isp.clock.advance(hours=1)
    isp.work()
    assert isp.remote.calls == ["perform 1", "find 1", "find 1", "perform 1"]
    assert states(isp) == [("1", State.SETTLED)]


def test_credentials_that_are_refused_stop_the_integration_and_the_task_waits(isp: Any) -> None:
    isp.remote.troubles.append(errors.AuthenticationFailed())
    asked = ask(isp, "1")
    isp.work()
    assert isp.office.tasks.show(asked.id).state is State.QUARANTINED
    isp.work()
    assert isp.remote.calls == ["perform 1"]


def test_a_task_of_a_plugin_that_is_gone_waits_and_goes_on_when_it_is_back(isp: Any) -> None:
    asked = ask(isp, "1")
    without = Hub(isp.hub.store, Registry())
    with without.work(threads=1) as worker:
        worker.drain()
    gone = without.tenant("default").tasks
    assert (gone.show(asked.id).state, gone.show(asked.id).outcome) == (State.MISSING_PLUGIN, Outcome.QUEUED)
    assert gone.settle([asked.id], timeout=5)[0].state is State.MISSING_PLUGIN
    isp.work()
    assert isp.remote.calls == ["perform 1"]


# -- a person ----------------------------------------------------------------------------------------------------------


def parked(isp: Any) -> TaskView:
    """Ask for a task whose outcome a provider that cannot be asked leaves open."""
    isp.remote.troubles.append(errors.OutcomeUnknown("cut"))
    asked = ask(isp, "1", customer_id=None)
    isp.work()
    view: TaskView = isp.office.tasks.show(asked.id)
    assert (view.state, view.cause) == (State.PARKED, LOST)
    return view


def test_what_cannot_be_looked_up_is_told_with_what_to_do(open_isp: Any, blind: Any) -> None:
    isp = open_isp(blind)
    view = parked(isp)
    assert f"`svahub tasks retry {view.id}`" in str(view.advice)
    assert f"`svahub tasks confirm {view.id} --remote-id X`" in str(view.advice)
    (event,) = [event for batch in isp.office.events.until_now(0) for event in batch]
    assert (event.kind, event.details["task"], event.details["kind"]) == (EventKind.PARKED, view.id, "charge.create")


def test_what_a_person_has_not_seen_there_is_done_again(open_isp: Any, blind: Any) -> None:
    isp = open_isp(blind)
    isp.office.tasks.retry(parked(isp).id)
    isp.work()
    assert (isp.remote.calls, states(isp)) == (["perform 1", "perform 1"], [("1", State.SETTLED)])


def test_what_a_person_has_seen_there_is_done(open_isp: Any, blind: Any) -> None:
    isp = open_isp(blind)
    view = isp.office.tasks.confirm(parked(isp).id, "pay_9")
    assert (view.outcome, view.state, view.remote_id, view.cause) == (Outcome.SUCCEEDED, State.SETTLED, "pay_9", None)
    isp.work()
    assert isp.remote.calls == ["perform 1"]


def test_a_retry_of_what_may_have_been_done_looks_it_up_first(isp: Any) -> None:
    isp.remote.troubles += [errors.OutcomeUnknown("cut"), errors.Rejected("closed")]
    asked = ask(isp, "1")
    isp.work()
    isp.office.tasks.retry(asked.id)
    isp.work()
    assert isp.remote.calls == ["perform 1", "find 1", "find 1"]


def test_what_is_let_go_is_not_done_and_frees_what_follows(isp: Any) -> None:
    isp.remote.troubles.append(errors.Busy("later"))
    first = ask(isp, "1")
    ask(isp, "2", kind="charge.cancel")
    isp.work()
    isp.office.tasks.discard(first.id, "asked by 529.982.247-25")
    isp.clock.advance(hours=1)
    isp.work()
    assert isp.remote.calls == ["perform 1", "perform 2"]
    assert isp.office.tasks.show(first.id).outcome is Outcome.DISCARDED


def test_nothing_is_decided_about_what_has_ended_or_is_under_way(isp: Any) -> None:
    asked = ask(isp, "1")
    isp.desk().take(1)
    for decide in (isp.office.tasks.retry, lambda id: isp.office.tasks.discard(id, "x")):
        with pytest.raises(Refused, match="is under way"):
            decide(asked.id)
    isp.clock.advance(hours=1)
    isp.work()
    for decide in (isp.office.tasks.retry, lambda id: isp.office.tasks.confirm(id, "x")):
        with pytest.raises(Refused, match="has ended"):
            decide(asked.id)


def test_what_was_surely_refused_has_nothing_to_confirm(isp: Any) -> None:
    isp.remote.troubles.append(errors.Rejected("closed"))
    asked = ask(isp, "1")
    isp.work()
    with pytest.raises(Refused, match="nothing to confirm"):
        isp.office.tasks.confirm(asked.id, "x")


# -- what the plugin notes ---------------------------------------------------------------------------------------------


@pytest.fixture
def noting(charging: Any) -> Any:
    """Return one whose plugin notes what was done, as long as `trouble` lets it."""

    class Noting(charging):  # type: ignore[misc]
        trouble: Exception | None = None
        notes: ClassVar[list[str]] = []

        @hookimpl
        def recall(self, transaction: Any, subject: Any) -> Any:
            return {}

        @hookimpl
        def recorded(self, transaction: Any, subject: Any, result: Any) -> None:
            if isinstance(subject, Task):
                if type(self).trouble is not None:
                    raise type(self).trouble
                self.notes.append(subject.name)

    return Noting


def test_what_a_plugin_could_not_note_is_looked_up_and_noted_when_it_is_retried(open_isp: Any, noting: Any) -> None:
    noting.trouble = ValueError("a bug")
    isp = open_isp(noting)
    asked = ask(isp, "1")
    isp.work()
    assert isp.office.tasks.show(asked.id).state is State.PARKED
    noting.trouble = None
    isp.office.tasks.retry(asked.id)
    isp.work()
    assert (isp.remote.calls, noting.notes) == (["perform 1", "find 1"], ["1"])
    assert states(isp) == [("1", State.SETTLED)]


def test_a_database_in_use_is_no_reason_to_wait_for_a_person(open_isp: Any, noting: Any) -> None:
    from sqlalchemy.exc import OperationalError

    noting.trouble = OperationalError("UPDATE", {}, Exception("in use"))
    isp = open_isp(noting)
    asked = ask(isp, "1")
    isp.work()
    assert isp.office.tasks.show(asked.id).state is State.WAITING
    noting.trouble = None
    isp.clock.advance(hours=1)
    isp.work()
    assert (isp.remote.calls, states(isp)) == (["perform 1", "find 1"], [("1", State.SETTLED)])


# -- many --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def many(isp: Any) -> tuple[Any, list[int]]:
    """Return an ISP with sixty tasks of fifteen customers' accounts."""
    for n in range(15):
        isp.sell(f"C{n}", f"P{n}")
    with isp.office.transaction("test", "tasks") as transaction:
        ids = [
            isp.office.tasks.submit(
                transaction, "basic", "charge.create", f"{n}/{month}", {}, customer_id=f"P{n}"
            ).id
            for n in range(15)
            for month in range(4)
        ]  # fmt: skip
    return isp, ids


def test_many_tasks_are_settled_together_each_customers_in_order(many: tuple[Any, list[int]]) -> None:
    isp, ids = many
    done = isp.office.tasks.settle(ids, timeout=60)
    assert {view.outcome for view in done} == {Outcome.SUCCEEDED}
    performed = [call.removeprefix("perform ") for call in isp.remote.calls if call.startswith("perform")]
    assert len(performed) == len(set(performed)) == 60
    for n in range(15):
        assert [name for name in performed if name.startswith(f"{n}/")] == [f"{n}/{month}" for month in range(4)]


def test_settling_ends_with_its_time_even_while_there_is_work(many: tuple[Any, list[int]]) -> None:
    isp, ids = many
    before = isp.clock.monotonic()

    class Slow:
        """Every call takes a second of the hand's clock."""

        def popleft(self) -> None:
            isp.clock.advance(seconds=1)

        def __bool__(self) -> bool:
            return True

    isp.remote.troubles = Slow()
    settled = isp.office.tasks.settle(ids, timeout=5)
    assert 0 < sum(view.outcome is Outcome.SUCCEEDED for view in settled) < 45
    assert isp.clock.monotonic() - before < 60


def test_nothing_is_counted_that_has_ended(isp: Any) -> None:
    ask(isp, "1")
    isp.remote.troubles.append(errors.Rejected("closed"))
    isp.work()
    ask(isp, "2")
    with isp.hub.store.read() as connection:
        counted = tasks.counts(connection, "default")
    assert {(name, phase.value): many for (name, phase), many in counted.items()} == {
        ("basic", "parked"): 1,
        ("basic", "due"): 1,
    }
