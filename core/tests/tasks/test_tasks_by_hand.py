"""Tasks that are left to a person: retried, confirmed, or let go."""

from __future__ import annotations

from typing import Any

import pytest
from svahub import errors
from svahub.areas.tasks import TaskView
from svahub.errors import Refused
from svahub.store.rows import LOST
from svahub.store.states import EventKind, Outcome, State

from .asked import ask, states


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
    for _ in range(2):  # it is looked up, and once more when the settle time has passed since
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
