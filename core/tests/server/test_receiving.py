"""Reading deliveries: in which order, what follows from them, and what becomes of those that cannot be read."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from svahub import errors
from svahub.debt_rule import Policy
from svahub.store import inbox
from svahub.store.inbox import Delivery
from svahub.store.queue import Lane
from svahub.store.states import EventKind, InboxState, IntegrationState

AWAY = errors.Unreachable(errors.Cause.REFUSED)


def read_ids(doorbell: Any) -> list[str]:
    return [call for call in doorbell.isp.remote.calls if call.startswith("e")]


def alerts(doorbell: Any) -> list[str]:
    batches = doorbell.office.events.until_now(0, [EventKind.ALERT])
    return [event.details["sentence"] for batch in batches for event in batch]


def test_deliveries_about_one_thing_are_read_in_the_order_in_which_they_came(doorbell_on_each: Any) -> None:
    for number in range(1, 6):
        doorbell_on_each.ring(f"e{number}", about="c1")
    doorbell_on_each.read()
    assert read_ids(doorbell_on_each) == ["e1", "e2", "e3", "e4", "e5"]


def test_an_event_that_the_plugin_does_not_know_is_kept(doorbell: Any) -> None:
    doorbell.ring("e1", kind="weather")
    doorbell.read()
    (row,) = doorbell.kept
    assert (row.state, row.cause, bool(row.body)) == (InboxState.UNKNOWN, None, True)


def test_an_alert_is_told_to_the_operators(doorbell: Any) -> None:
    doorbell.ring("e1", kind="alarm")
    doorbell.read()
    assert alerts(doorbell) == ["The key expires: svahub integration rotate"]


# -- what follows ------------------------------------------------------------------------------------------------------


@pytest.fixture
def billed(doorbell: Any) -> Any:
    """Return an ISP that has sold C1, and blocks for debt at once."""
    doorbell.office.debts.set_policy(Policy(0, integrations=frozenset({"basic"})))
    doorbell.isp.sell()
    doorbell.isp.work()
    return doorbell


def test_a_debt_blocks_and_its_payment_unblocks(billed: Any) -> None:
    seen = []
    for kind in ("owed", "paid"):
        billed.ring(f"e-{kind}", kind=kind, about="c1", contract="C1")
        billed.read()
        seen.append(billed.isp.one.desired.value)
    assert seen == ["BLOCKED", "ACTIVE"]


def test_no_block_begins_while_it_is_still_to_be_read_whether_the_debt_was_paid(billed: Any) -> None:
    billed.office.debts.set_policy(Policy(30, integrations=frozenset({"basic"})))
    billed.ring("e-owed", kind="owed", about="c1", contract="C1")
    billed.read()
    billed.ring("e-paid", kind="paid", about="c1", contract="C1")
    billed.isp.clock.advance(days=30)
    assert billed.office.debts.judge_all().blocked == 0
    billed.read()
    assert [billed.isp.one.desired.value, billed.office.debts.count()] == ["ACTIVE", 0]


def test_a_block_begins_when_what_was_told_of_the_debt_is_read_or_lost(billed: Any) -> None:
    billed.office.debts.set_policy(Policy(30, integrations=frozenset({"basic"})))
    billed.ring("e-owed", kind="owed", about="c1", contract="C1")
    billed.read()
    billed.isp.remote.troubles.append(errors.Rejected("1", "no"))
    billed.ring("e-paid", kind="paid", about="c1", contract="C1")
    billed.isp.clock.advance(days=30)
    billed.read()
    assert billed.office.debts.judge_all().blocked == 1


def test_a_block_that_waited_begins_with_the_last_that_is_told_of_the_debt(billed: Any) -> None:
    for event in ("e1", "e2"):
        billed.ring(event, kind="owed", about="c1", contract="C1")
    billed.read()
    assert billed.isp.one.desired.value == "BLOCKED"


def test_a_debt_of_a_contract_that_there_is_not_is_told_with_the_delivery(billed: Any) -> None:
    billed.ring("e1", kind="owed", about="c9", contract="C9")
    billed.read()
    (row,) = billed.kept
    assert (row.state, row.cause) == (InboxState.DONE, "there is no contract C9: its debt is not kept")


# -- what cannot be read -----------------------------------------------------------------------------------------------


def test_while_the_provider_cannot_be_asked_a_delivery_waits_and_is_tried_again(doorbell: Any) -> None:
    doorbell.isp.remote.troubles.extend([AWAY, AWAY])
    doorbell.ring("e1")
    seen = []
    for _ in range(3):
        doorbell.read()
        seen.append((doorbell.kept[0].state.value, doorbell.kept[0].tries))
        doorbell.isp.clock.advance(minutes=5)
    assert seen == [("waiting", 1), ("waiting", 2), ("unknown", 2)]


def test_what_follows_a_delivery_that_waits_waits_too_and_the_rest_does_not(doorbell: Any) -> None:
    doorbell.isp.remote.troubles.append(AWAY)
    for id, about in (("e1", "c1"), ("e2", "c1"), ("e3", "c2")):
        doorbell.ring(id, about=about)
    doorbell.read()
    assert [row.state.value for row in doorbell.kept] == ["waiting", "waiting", "unknown"]
    doorbell.isp.clock.advance(minutes=5)
    doorbell.read()
    assert read_ids(doorbell) == ["e1", "e3", "e1", "e2"]


def test_one_that_is_tried_too_often_needs_a_person_and_its_followers_are_read(doorbell: Any) -> None:
    doorbell.office.integrations.set("basic", settings={"retry_budget": "2"})
    doorbell.isp.remote.troubles.extend([AWAY, AWAY])
    doorbell.ring("e1", about="c1")
    doorbell.ring("e2", about="c1")
    for _ in range(3):
        doorbell.read()
        doorbell.isp.clock.advance(minutes=5)
    failed, follower = doorbell.kept
    assert (failed.state, follower.state) == (InboxState.FAILED, InboxState.UNKNOWN)
    assert failed.cause.startswith("given up after 2 tries")
    assert alerts(doorbell) == ["A delivery could not be read."]


@pytest.mark.parametrize("trouble", [errors.Rejected("X", "no"), errors.NotFound(), ZeroDivisionError()])
def test_one_that_will_never_be_read_needs_a_person_at_once(doorbell: Any, trouble: Exception) -> None:
    doorbell.isp.remote.troubles.append(trouble)
    doorbell.ring("e1")
    doorbell.read()
    assert [row.state for row in doorbell.kept] == [InboxState.FAILED]


def test_a_limit_of_requests_pauses_the_integration_for_as_long_as_it_says(doorbell: Any) -> None:
    doorbell.isp.remote.troubles.append(errors.RateLimited(300.0))
    doorbell.ring("e1")
    doorbell.ring("e2", about="other")
    doorbell.read()
    asked = len(read_ids(doorbell))
    doorbell.isp.clock.advance(seconds=290)
    doorbell.read()
    assert len(read_ids(doorbell)) == asked
    doorbell.isp.clock.advance(seconds=20)
    doorbell.read()
    assert {row.state for row in doorbell.kept} == {InboxState.UNKNOWN}


def test_refused_credentials_quarantine_the_integration_and_the_delivery_waits(doorbell: Any) -> None:
    doorbell.isp.remote.troubles.append(errors.AuthenticationFailed())
    doorbell.ring("e1")
    doorbell.read()
    assert doorbell.office.bench.integration("basic").state is IntegrationState.QUARANTINED
    assert [row.state for row in doorbell.kept] == [InboxState.WAITING]
    assert doorbell.office.integrations.test("basic").ok
    doorbell.isp.clock.advance(minutes=1)
    doorbell.read()
    assert [row.state for row in doorbell.kept] == [InboxState.UNKNOWN]


def test_one_that_failed_is_read_once_more_when_somebody_says_so(doorbell: Any) -> None:
    doorbell.isp.remote.troubles.append(errors.Rejected("X"))
    doorbell.ring("e1", kind="alarm")
    doorbell.read()
    doorbell.office.inbox.replay([doorbell.kept[0].id])
    doorbell.read()
    assert [(row.state, row.cause, row.tries) for row in doorbell.kept] == [(InboxState.DONE, None, 0)]


numbers = itertools.count(1)
stories = st.lists(st.tuples(st.sampled_from(["c1", "c2", None]), st.booleans()), max_size=12)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=stories)
def test_whatever_fails_all_are_read_and_those_about_one_thing_in_their_order(
    doorbell: Any, story: list[tuple[str | None, bool]]
) -> None:
    remote = doorbell.isp.remote
    remote.calls.clear()
    remote.troubles.extend(AWAY if fails else None for _, fails in story)
    told = [(f"e{next(numbers)}", about) for about, _ in story]
    _keep(doorbell, told)
    while _something_waits(doorbell):
        doorbell.read()
        doorbell.isp.clock.advance(minutes=10)
    for about in ("c1", "c2"):
        wanted = [id for id, subject in told if subject == about]
        assert list(dict.fromkeys(id for id in remote.calls if id in wanted)) == wanted
    assert set(remote.calls) == {id for id, _ in told}
    remote.troubles.clear()


def _something_waits(doorbell: Any) -> bool:
    with doorbell.hub.store.read() as connection:
        return bool(inbox.waiting(connection))


def _keep(doorbell: Any, told: list[tuple[str, str | None]]) -> None:
    lane, store = Lane("default", "basic"), doorbell.hub.store
    for id, about in told:
        body = f'{{"id": "{id}", "kind": "chat"}}'.encode()
        with store.write() as connection:
            inbox.keep(connection, [Delivery(lane, id, "chat", about, {}, body)], store.now(connection))
