"""Tasks are asked for once, and done in order under leases."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
from svahub import errors
from svahub.errors import Refused, UnknownName
from svahub.models import TaskResult
from svahub.store.states import Certainty, Outcome, Priority, State, TaskStep
from svahub.verbs import Action

from .asked import ask, states

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
