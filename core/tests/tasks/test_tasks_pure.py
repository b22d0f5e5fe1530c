"""The rules of tasks: which comes next, and what a try permits. Nothing that adds is ever added twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from svahub import errors, taskwork
from svahub.endings import Rules
from svahub.models import Adopt, Observed, RemoteUser, TaskResult
from svahub.store.rows import LOST, TaskRow
from svahub.store.states import Certainty, Outcome, Phase, Priority, TaskStep

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SETTLE = 60.0
RULES = Rules(Adopt.ASK, retry_budget=5, retry_base=10, retry_cap=600, random=lambda: 1.0)
PERFORM, FIND = TaskStep.PERFORM, TaskStep.FIND


def task(id: int = 1, kind: str = "charge.create", **more: Any) -> TaskRow:
    whole: dict[str, Any] = {
        "id": id, "key": f"key-{id}", "tenant": "default", "integration": "bank", "account_key": "a", "kind": kind,
        "name": str(id), "contract_id": "C1", "payload": {}, "adds": True, "actor": "eva", "note": None,
        "outcome": Outcome.QUEUED, "phase": Phase.DUE, "due_at": NOW, "priority": Priority.ORDINARY, "tries": 0,
        "uncertain_since": None, "looks": 0, "cause": None, "advice": None, "remote_id": None, "details": {},
        "created_at": NOW, "changed_at": NOW,
    }  # fmt: skip
    return TaskRow(**whole | more)


def ended(
    row: TaskRow, result: taskwork.Result, step: TaskStep = PERFORM, now: datetime = NOW, *, wrote: bool = False
) -> taskwork.Done:
    return taskwork.ending(row, step, result, now, SETTLE, RULES, wrote=wrote)


# -- which comes next --------------------------------------------------------------------------------------------------

LATER = NOW + timedelta(hours=1)
WAITS = {"phase": Phase.WAITING, "due_at": LATER}


def following(*rows: TaskRow) -> int | None:
    chosen = taskwork.next_task(rows, (), NOW)
    return chosen.id if chosen else None


def test_tasks_of_one_stream_are_done_in_the_order_in_which_they_were_asked() -> None:
    assert following(task(1), task(2, "charge.cancel", priority=Priority.PAID)) == 1


def test_one_that_waits_holds_what_follows_in_its_stream_and_nothing_else() -> None:
    assert following(task(1, **WAITS), task(2, "charge.cancel")) is None
    assert following(task(1, **WAITS), task(2, "charge.cancel"), task(3, "mail.send")) == 3


def test_of_several_streams_the_most_urgent_is_done_first() -> None:
    urgent = task(2, "mail.send", priority=Priority.PAID)
    assert following(task(1), urgent) == 2
    assert following(task(1, due_at=NOW - timedelta(seconds=1)), task(2, "mail.send")) == 1


# -- what a try permits ------------------------------------------------------------------------------------------------

USER = RemoteUser("u1", Observed.ACTIVE)
DONE = TaskResult("pay_1", {"value": "10.00"}, "u1")
UNSURE = NOW  # the instant since which nobody knows


@pytest.mark.parametrize(
    ("result", "certainty", "phase", "unsure"),
    [
        (DONE, Certainty.SUCCEEDED, Phase.SETTLED, None),
        (errors.NotSent("no"), Certainty.NOT_APPLIED, Phase.DUE, None),
        (errors.Unreachable(errors.Cause.REFUSED), Certainty.NOT_APPLIED, Phase.WAITING, None),
        (errors.Busy("later"), Certainty.NOT_APPLIED, Phase.WAITING, None),
        (errors.RateLimited(30), Certainty.NOT_APPLIED, Phase.WAITING, None),
        (errors.AuthenticationFailed(), Certainty.NOT_APPLIED, Phase.DUE, None),
        (errors.OutcomeUnknown("cut"), Certainty.UNKNOWN, Phase.WAITING, UNSURE),
        (errors.PluginBug("oops"), Certainty.UNKNOWN, Phase.PARKED, UNSURE),
        (errors.Pending("h1"), Certainty.PENDING, Phase.PENDING, UNSURE),
        (errors.Rejected("closed"), Certainty.REJECTED, Phase.PARKED, None),
        (errors.NotFound("gone"), Certainty.REJECTED, Phase.PARKED, None),
        (errors.NeedsPerson("sign"), Certainty.REJECTED, Phase.PARKED, None),
        (errors.Unsupported("never"), Certainty.REJECTED, Phase.PARKED, None),
        (errors.Partial(USER, errors.OutcomeUnknown("cut")), Certainty.PARTIAL, Phase.WAITING, UNSURE),
        (errors.Partial(USER, errors.Rejected("closed")), Certainty.PARTIAL, Phase.PARKED, None),
    ],
)  # fmt: skip
def test_each_ending_of_a_try_permits_what_it_permits(
    result: Any, certainty: Certainty, phase: Phase, unsure: datetime | None
) -> None:
    done = ended(task(), result)
    assert (done.certainty, done.row.phase, done.row.uncertain_since) == (certainty, phase, unsure)
    assert (done.row.due_at is None) is (phase in {Phase.SETTLED, Phase.PARKED})
    assert (done.row.advice is not None) is (phase is Phase.PARKED)


@pytest.mark.parametrize("error", [errors.NotSent("no"), errors.RateLimited(30), errors.Rejected("no")], ids=repr)
def test_a_try_whose_first_calls_were_answered_is_unsure_whatever_the_last_one_said(
    error: errors.ProviderError,
) -> None:
    sure, unsure = ended(task(), error), ended(task(), error, wrote=True)
    assert (unsure.certainty, unsure.row) == (Certainty.UNKNOWN, sure.row._replace(uncertain_since=NOW))
    assert taskwork.step_for(unsure.row, can_find=True) is FIND


@pytest.mark.parametrize("result", [DONE, errors.Partial(USER, errors.Busy("later")), errors.Pending("h1")], ids=repr)
def test_what_the_plugin_tells_of_what_was_written_holds(result: Any) -> None:
    assert ended(task(), result, wrote=True) == ended(task(), result)


def test_a_user_that_a_task_found_or_made_is_kept() -> None:
    assert ended(task(), DONE).account_remote_id == "u1"
    assert ended(task(), errors.Partial(USER, errors.Busy("later"))).account_remote_id == "u1"


@pytest.mark.parametrize(
    ("result", "certainty", "phase"),
    [
        (errors.Busy("later"), Certainty.NOT_APPLIED, Phase.WAITING),
        (errors.OutcomeUnknown("cut"), Certainty.NOT_APPLIED, Phase.WAITING),
        (errors.Rejected("no"), Certainty.REJECTED, Phase.PARKED),
        (errors.PluginBug("oops"), Certainty.REJECTED, Phase.PARKED),
        (errors.Unsupported("no such look"), Certainty.REJECTED, Phase.PARKED),
    ],
)
def test_a_look_that_failed_tells_nothing_of_what_was_tried(result: Any, certainty: Certainty, phase: Phase) -> None:
    done = ended(task(uncertain_since=NOW), result, FIND)
    assert (done.certainty, done.row.phase, done.row.uncertain_since) == (certainty, phase, NOW)


def test_what_cannot_be_looked_up_is_a_persons_to_decide() -> None:
    assert ended(task(uncertain_since=NOW), errors.Unsupported("no"), FIND).row.cause == LOST
    assert taskwork.step_for(task(uncertain_since=NOW), can_find=False) is None


def test_what_adds_is_looked_up_at_once_and_a_level_is_sent_again_after_a_while() -> None:
    unsure = ended(task(), errors.OutcomeUnknown("cut")).row
    assert (unsure.due_at, taskwork.step_for(unsure, can_find=True)) == (NOW, FIND)
    level = ended(task(adds=False), errors.OutcomeUnknown("cut")).row
    assert level.due_at == NOW + timedelta(seconds=10)
    assert taskwork.step_for(level, can_find=True) is PERFORM


def test_what_was_accepted_is_asked_after_even_if_it_is_a_level() -> None:
    accepted = ended(task(adds=False), errors.Pending("h1")).row
    assert taskwork.step_for(accepted, can_find=True) is FIND


def test_not_there_is_believed_after_the_settle_time_and_two_empty_looks() -> None:
    once = ended(task(uncertain_since=NOW), None, FIND).row
    assert (once.looks, once.phase, once.due_at) == (1, Phase.WAITING, NOW + timedelta(seconds=SETTLE))
    early = ended(once, None, FIND, NOW + timedelta(seconds=59)).row
    assert early.uncertain_since == NOW
    late = ended(once, None, FIND, NOW + timedelta(seconds=60)).row
    assert (late.uncertain_since, taskwork.step_for(late, can_find=True)) == (None, PERFORM)
    assert ended(task(uncertain_since=NOW), errors.NotFound("none"), FIND).row == once


def test_a_crash_is_unsure_since_it_was_seen() -> None:
    seen = NOW + timedelta(seconds=30)
    assert taskwork.crashed(task(looks=1), seen) == task(uncertain_since=seen)
    assert taskwork.crashed(task(uncertain_since=NOW), seen).uncertain_since == NOW


def test_when_the_budget_is_spent_a_person_decides_and_what_is_unsure_stays_so() -> None:
    spent = ended(task(tries=4), errors.OutcomeUnknown("cut")).row
    assert (spent.phase, spent.outcome, spent.uncertain_since) == (Phase.PARKED, Outcome.PARKED, NOW)
    assert spent.cause == "given up after 5 tries: cut"
    assert "`svahub tasks retry 1`" in str(spent.advice)


# -- a provider that does what it likes --------------------------------------------------------------------------------


@dataclass
class Bank:
    """Keeps what was added, each after `lag` seconds visible to a look; `weather` is how its calls end."""

    weather: list[str]
    lag: float
    now: datetime = NOW
    added: list[datetime] = field(default_factory=list)

    def answer(self, step: TaskStep) -> taskwork.Result:
        how = self.weather.pop(0) if self.weather else "fine"
        if step is FIND:
            return self._looked(how)
        if how in {"fine", "lost after", "crash after", "bug after"}:
            self.added.append(self.now)
        return {
            "fine": DONE, "lost after": errors.OutcomeUnknown("cut"), "lost before": errors.OutcomeUnknown("cut"),
            "busy": errors.Busy("later"), "bug after": errors.PluginBug("odd"), "limited": errors.RateLimited(90),
        }.get(how)  # fmt: skip

    def _looked(self, how: str) -> taskwork.Result:
        if how not in {"fine", "crash after", "crash before"}:
            return errors.OutcomeUnknown("cut") if how.startswith("lost") else errors.Busy("later")
        seen = [at for at in self.added if at + timedelta(seconds=self.lag) <= self.now]
        return DONE if seen else None


WEATHER = ["fine", "lost after", "lost before", "busy", "limited", "crash after", "crash before", "bug after"]


def driven(bank: Bank, row: TaskRow) -> TaskRow:
    """Drive one task as a worker does, a person retrying what is parked."""
    for _ in range(200):
        if row.phase is Phase.SETTLED:
            return row
        if row.phase is Phase.PARKED:
            row = row._replace(phase=Phase.DUE, due_at=bank.now, tries=0, looks=0, cause=None, advice=None)
        bank.now = max(bank.now, row.due_at or bank.now)
        step = taskwork.step_for(row, can_find=True)
        assert step is not None
        crashes = bank.weather[:1] in (["crash after"], ["crash before"])
        result = bank.answer(step)
        if crashes:  # another process of the same host goes on at once
            row = taskwork.crashed(row, bank.now) if step is PERFORM else row
        else:
            row = ended(row, result, step, bank.now).row
        bank.now += timedelta(seconds=1)
    raise AssertionError("it goes on for ever")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(WEATHER), max_size=12), st.floats(0, SETTLE))
def test_whatever_the_provider_does_a_charge_is_made_exactly_once(weather: list[str], lag: float) -> None:
    bank = Bank([*weather], lag)
    done = driven(bank, task())
    assert (done.outcome, len(bank.added)) == (Outcome.SUCCEEDED, 1)
