"""A step of several calls, the last of which was surely not applied: those before it were, so nobody knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from svahub import errors
from svahub.decisions import Decision, Facts, View, decide, due
from svahub.endings import Ending, Rules
from svahub.lifecycle import Step
from svahub.models import Adopt, Aspect, BlockScope, Deduplication, Desired, DocumentKind, Observed, RemoteUser
from svahub.outcomes import ending
from svahub.precedence import UnderWay, step_after_a_cut
from svahub.store.rows import CUT_OFF, AccountRow, AttemptRow, CustomerRow, SubscriptionRow
from svahub.store.states import Certainty, Phase

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
RULES = Rules(Adopt.ASK, retry_budget=5, retry_base=10, retry_cap=600, random=lambda: 1.0)
CUSTOMER = CustomerRow("default", "1", "Maria", "52998224725", DocumentKind.CPF, None, None, None, None, "d1", None)
GIVEN = {"plan": "p1", "quantity": 1, "price": None, "due_day": None, "customer": "d1"}
WANTED = {Step.CREATE_USER: Desired.ACTIVE, Step.BLOCK: Desired.BLOCKED, Step.UNBLOCK: Desired.ACTIVE}
WANTED |= {Step.CHANGE: Desired.ACTIVE, Step.CANCEL: Desired.CANCELLED}
SEEN = {Step.CREATE_USER: Observed.ABSENT, Step.UNBLOCK: Observed.BLOCKED}


def sold(step: Step, item: str = "1") -> SubscriptionRow:
    """Return a subscription whose next step this is."""
    there = step is not Step.CREATE_USER
    plan = "p2" if step is Step.CHANGE else "p1"
    values: dict[str, Any] = {
        "key": f"s{item}", "tenant": "default", "contract_id": "C1", "item_code": item, "sale": 1,
        "product_type": "any", "integration": "clinic", "account_key": "a", "plan": plan, "quantity": 1, "price": None,
        "due_day": None, "attributes": {}, "consent": None, "desired": WANTED[step], "generation": 1,
        "observed": SEEN.get(step, Observed.ACTIVE), "remote_id": f"r{item}" if there else None,
        "applied": GIVEN if there else None, "sent": None, "uncertain_since": None, "looks": 0, "phase": Phase.DUE,
        "due_at": NOW, "priority": 1, "tries": 0, "cause": None, "advice": None, "handle": None, "candidate": None,
        "created_at": NOW, "changed_at": NOW,
    }  # fmt: skip
    return SubscriptionRow(**values)


def view_of(*rows: SubscriptionRow, scope: BlockScope = BlockScope.SUBSCRIPTION) -> View:
    there = "u1" if any(row.remote_id for row in rows) else None
    account = AccountRow("a", "default", "clinic", "1", there, 1, NOW, "me", 7, NOW)
    facts = Facts(scope, frozenset({Aspect.PLAN}), Deduplication.REFERENCE, True, 60.0, False)
    return View(account, CUSTOMER, rows, facts)


def ended(view: View, error: errors.ProviderError, *, wrote: bool = True) -> Ending:
    decision = decide(view, NOW)
    assert decision.row is not None
    return ending(view, decision, error, NOW, RULES, wrote=wrote)


STEPS = [Step.CREATE_USER, Step.BLOCK, Step.UNBLOCK, Step.CHANGE, Step.CANCEL]
AWAY: list[errors.ProviderError] = [
    errors.NotSent("the lease does not outlast the call"),
    errors.Unreachable(errors.Cause.TIMEOUT),
    errors.RateLimited(30),
    errors.Busy("later"),
    errors.Maintenance("tonight"),
    errors.AuthenticationFailed(),
]
REFUSED: list[errors.ProviderError] = [errors.Rejected("no"), errors.Conflict("no"), errors.NoLicences("none left")]


@pytest.mark.parametrize("error", [*AWAY, *REFUSED], ids=repr)
@pytest.mark.parametrize("step", STEPS)
def test_what_was_written_before_the_call_that_failed_makes_the_step_unsure(
    step: Step, error: errors.ProviderError
) -> None:
    view = view_of(sold(step))
    sure, unsure = ended(view, error, wrote=False), ended(view, error)
    (before,), (after,) = sure.rows, unsure.rows
    assert (unsure.certainty, before.observed) == (Certainty.UNKNOWN, view.rows[0].observed)
    assert after.observed is Observed.UNKNOWN or after.uncertain_since == NOW
    waits = (unsure.cause, unsure.pause, after.phase, after.due_at, after.tries)
    assert waits == (sure.cause, sure.pause, before.phase, before.due_at, before.tries)


@pytest.mark.parametrize(("step", "level"), [(Step.BLOCK, Desired.ACTIVE), (Step.UNBLOCK, Desired.BLOCKED)])
def test_a_level_that_is_taken_back_then_is_sent(step: Step, level: Desired) -> None:
    (row,) = ended(view_of(sold(step)), errors.RateLimited(30)).rows
    back = decide(view_of(due(row._replace(desired=level), NOW)), NOW)
    assert back.step is {Desired.ACTIVE: Step.UNBLOCK, Desired.BLOCKED: Step.BLOCK}[level]


@pytest.mark.parametrize("step", [Step.CREATE_USER, Step.CHANGE])
def test_what_adds_is_looked_up_then(step: Step) -> None:
    (row,) = ended(view_of(sold(step)), errors.Busy("later")).rows
    assert decide(view_of(due(row, NOW)), NOW).step is Step.FIND


def test_what_was_registered_and_then_refused_is_looked_up_when_a_person_has_it_tried_again() -> None:
    (row,) = ended(view_of(sold(Step.CREATE_USER)), errors.NoLicences("none left")).rows
    assert row.phase is Phase.PARKED
    assert decide(view_of(due(row, NOW)), NOW).step is Step.FIND


def test_who_shares_the_user_is_unsure_too() -> None:
    both = [sold(Step.BLOCK), sold(Step.BLOCK, "2")._replace(phase=Phase.SETTLED, due_at=None)]
    rows = ended(view_of(*both, scope=BlockScope.ACCOUNT), errors.Busy("later")).rows
    assert {row.key: row.observed for row in rows} == {"s1": Observed.UNKNOWN, "s2": Observed.UNKNOWN}


def test_that_the_user_is_gone_holds_whatever_was_written_before() -> None:
    blocked, cancelled = (ended(view_of(sold(step)), errors.NotFound("gone")) for step in (Step.BLOCK, Step.CANCEL))
    assert [end.rows[0].observed for end in (blocked, cancelled)] == [Observed.ABSENT, Observed.CANCELLED]


@pytest.mark.parametrize("step", [Step.BLOCK, Step.UNBLOCK, Step.CHANGE])
def test_a_part_of_which_nothing_is_told_but_the_user_makes_the_step_unsure(step: Step) -> None:
    end = ended(view_of(sold(step)), errors.Partial(RemoteUser("u1", Observed.ACTIVE), errors.Busy("later")))
    assert end.certainty is Certainty.PARTIAL
    assert end.rows[0].observed is Observed.UNKNOWN or end.rows[0].uncertain_since == NOW


@pytest.mark.parametrize("step", STEPS)
def test_nobody_is_advised_to_discard_what_cannot_be_as_nobody_knows_what_is_there(step: Step) -> None:
    (row,) = ended(view_of(sold(step)), errors.Rejected("no")).rows
    assert row.advice is not None
    assert "operations retry" in row.advice
    assert ("discard" in row.advice) is (row.observed is not Observed.UNKNOWN)


@pytest.mark.parametrize("step", [Step.BLOCK, Step.CANCEL])
def test_a_part_of_what_is_gone_leaves_nothing_that_nobody_goes_on_with(step: Step) -> None:
    part = errors.Partial(RemoteUser("u1", Observed.ACTIVE), errors.NotFound("gone"))
    (row,) = ended(view_of(sold(step)), part).rows
    assert row.phase is not Phase.SETTLED or row.observed is Observed.CANCELLED
    assert row.observed is not Observed.UNKNOWN or row.remote_id is not None


@pytest.mark.parametrize("error", [errors.Busy("later"), errors.Rejected("no")], ids=repr)
def test_who_was_held_by_a_block_of_the_same_user_goes_on_after_it(error: errors.ProviderError) -> None:
    held = sold(Step.BLOCK, "2")._replace(phase=Phase.WAITING, due_at=None, cause="held")
    rows = {row.key: row for row in ended(view_of(sold(Step.BLOCK), held, scope=BlockScope.ACCOUNT), error).rows}
    assert (rows["s2"].observed, rows["s2"].due_at) == (Observed.UNKNOWN, NOW)


@pytest.mark.parametrize("step", STEPS)
def test_what_was_accepted_and_is_refused_after_a_write_of_its_poll_is_unsure(step: Step) -> None:
    view = view_of(sold(step)._replace(phase=Phase.PENDING, handle=f"{step.value}:h1"))
    sure, unsure = ended(view, errors.Rejected("no"), wrote=False), ended(view, errors.Rejected("no"))
    assert (sure.certainty, sure.rows[0].observed) == (Certainty.REJECTED, view.rows[0].observed)
    (row,) = unsure.rows
    assert (unsure.certainty, row.handle) == (Certainty.UNKNOWN, None)
    assert row.observed is Observed.UNKNOWN or row.uncertain_since == NOW


def test_a_poll_that_was_turned_away_is_asked_again_whatever_it_wrote() -> None:
    view = view_of(sold(Step.CREATE_USER)._replace(phase=Phase.PENDING, handle="create_user:h1"))
    (row,) = ended(view, errors.Busy("later")).rows
    assert (row.handle, row.uncertain_since) == ("create_user:h1", None)


def test_a_look_that_failed_leaves_everything_as_it_was() -> None:
    view = view_of(sold(Step.CREATE_USER))
    looked = ending(view, Decision(Step.FIND, view.rows[0]), errors.Busy("later"), NOW, RULES, wrote=True)
    assert (looked.certainty, looked.rows[0].observed) == (Certainty.NOT_APPLIED, Observed.ABSENT)


# -- the last call of a worker that was killed -------------------------------------------------------------------------


def after_a_cut(row: SubscriptionRow, step: Step) -> Step:
    """Return what is done next where a killed worker's call, that gave what is kept as given, may be under way."""
    attempt = AttemptRow("a", 6, "default", row.key, step, 1, GIVEN, NOW, NOW, Certainty.UNKNOWN, CUT_OFF)
    view = view_of(row)
    return step_after_a_cut(view, decide(view, NOW), UnderWay(attempt, NOW + timedelta(seconds=5)), NOW).step


def test_a_change_to_something_else_waits_although_a_look_saw_nothing_of_the_one_before() -> None:
    assert after_a_cut(sold(Step.CHANGE), Step.CHANGE) is Step.NOTHING


def test_the_same_change_once_more_does_not_wait() -> None:
    row = sold(Step.CHANGE)._replace(plan="p1", applied=GIVEN | {"plan": "p2"})
    assert after_a_cut(row, Step.CHANGE) is Step.CHANGE


def test_what_follows_a_creation_that_a_look_has_seen_does_not_wait() -> None:
    assert after_a_cut(sold(Step.BLOCK), Step.CREATE_USER) is Step.BLOCK
