"""What may have been done is looked up before it is repeated, and noted by the plugin in the end."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from svahub import errors, hookimpl
from svahub.hub import Hub
from svahub.models import Task
from svahub.registry import Registry
from svahub.store.states import Outcome, State

from .asked import ask, states

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
