"""Sending: in which order, how often, to whom beside a system that takes nothing; and what becomes of the rest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub.courier import READ_BYTES, Reply
from svahub.dispatching import PER_TARGET, Dispatching, _destination
from svahub.owners import Owner
from svahub.replies import FIRST, LONGEST, PATIENCE, after
from svahub.store import outbox
from svahub.store.outbox import Claim
from svahub.store.rows import MessageRow
from svahub.store.states import EventKind, MessageState, NewsKind
from svahub.testing.faults import Fault
from svahub.testing.http import Answer

DOWN = Answer(503)


@pytest.fixture
def two(telling: Any) -> Any:
    """Return an ISP with something to tell of two customers: two messages each."""
    telling.listen()
    for number in (1, 2):
        telling.isp.sell(f"C{number}", f"P{number}")
    telling.isp.work()
    return telling


def refusing(customer: str) -> Callable[[dict[str, Any]], Answer]:
    """Return an answer that refuses what is told of one customer."""
    return lambda told: DOWN if told["data"]["customer"] == customer else Answer(204)


def kinds(telling: Any) -> dict[str, list[str]]:
    return {id: [told["type"] for told in several] for id, several in telling.ear.by_customer.items()}


BOTH = ["customer.status", "subscription.activated"]


def test_what_fails_holds_back_what_follows_about_the_same_customer_and_nothing_else(two: Any) -> None:
    two.ear.answer = refusing("P1")
    two.dispatch()
    assert kinds(two) == {"P2": BOTH}
    two.ear.answer = refusing("nobody")
    two.isp.clock.advance(minutes=1)
    two.dispatch()
    assert kinds(two) == {"P1": BOTH, "P2": BOTH}


def test_what_fails_at_one_target_is_told_to_the_others(two: Any) -> None:
    two.office.outbox.add("https://127.0.0.1:1/", name="away", allow_private=True)
    two.isp.sell("C3", "P3")
    two.dispatch()
    assert kinds(two)["P3"] == ["customer.status"]
    assert [(s.target, s.waiting, s.failing) for s in two.office.outbox.status().targets] == [
        ("away", 1, 1),
        ("ear", 0, 0),
    ]


def test_what_is_sent_again_bears_the_same_id_and_the_same_body(two: Any) -> None:
    two.ear.answer = lambda _told: DOWN
    two.dispatch()
    two.isp.clock.advance(minutes=1)
    two.dispatch()
    asked = [request for request in two.ear.asked if b'"P1"' in request.body]
    assert len(asked) == 2
    assert asked[0].body == asked[1].body
    assert asked[0].header("webhook-id") == asked[1].header("webhook-id")
    assert int(asked[1].header("webhook-timestamp")) - int(asked[0].header("webhook-timestamp")) == 60


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.DROP_AFTER, Fault.ERROR_AFTER, Fault.TRUNCATED])
def test_a_broken_exchange_is_made_again_until_the_answer_is_a_success(two: Any, fault: Fault) -> None:
    two.ear.faults.next(fault, fault, fault)
    two.dispatch()
    for _ in range(5):
        two.isp.clock.advance(minutes=1)
        two.dispatch()
    assert kinds(two) == {"P1": BOTH, "P2": BOTH}
    assert two.status().waiting == 0


def test_a_redirect_is_not_followed(two: Any) -> None:
    two.ear.elsewhere = two.ear.url
    two.ear.faults.next(*[Fault.REDIRECT] * 2)
    two.dispatch()
    troubled = two.office.outbox.status().troubled
    assert [(message.status, message.cause) for message in troubled] == [
        (302, "302: it leads elsewhere, and redirects are not followed")
    ] * 2
    assert two.ear.heard == []


def test_of_an_answer_only_a_masked_excerpt_is_kept(two: Any) -> None:
    said = {"message": "no such person: 529.982.247-25", "more": "x" * 10 * READ_BYTES}
    two.ear.answer = lambda _told: Answer(422, said)
    two.dispatch()
    (message, _) = two.office.outbox.status().troubled
    assert message.cause.startswith('422: {"message":"no such person')
    assert len(message.cause) < 300
    assert "529.982" not in message.cause


def test_a_target_that_asks_for_a_pause_gets_it(two: Any) -> None:
    two.ear.answer = lambda _told: Answer(429, headers={"Retry-After": "600"})
    two.dispatch()
    asked = len(two.ear.asked)
    two.ear.answer = refusing("nobody")
    two.isp.clock.advance(seconds=590)
    two.isp.sell("C3", "P3")
    two.dispatch()
    assert (len(two.ear.asked), two.status().paused_until is not None) == (asked, True)
    two.isp.clock.advance(seconds=20)
    two.dispatch()
    assert two.status().waiting == 0


# -- three days --------------------------------------------------------------------------------------------------------


@pytest.fixture
def parked(two: Any) -> Any:
    """Return the same after three days in which P1's messages were not taken."""
    two.ear.answer = refusing("P1")
    for _ in range(19):
        two.dispatch()
        two.isp.clock.advance(hours=4)
    return two


def test_after_three_days_a_person_is_told_and_nothing_more_is_sent(parked: Any) -> None:
    first, second = (message for message in parked.messages() if message.customer_id == "P1")
    assert (first.state, second.state, second.tries) == (MessageState.PARKED, MessageState.WAITING, 0)
    (event,) = [e for batch in parked.office.events.until_now(0, [EventKind.MESSAGE_PARKED]) for e in batch]
    assert (event.at - first.created_at, event.details["message"]) == (PATIENCE, first.id)
    asked = len(parked.ear.asked)
    parked.isp.clock.advance(days=30)
    assert (parked.dispatch(), len(parked.ear.asked)) == (0, asked)


def test_a_replay_sends_it_and_what_was_held_behind_it_in_their_order(parked: Any) -> None:
    parked.ear.answer = refusing("nobody")
    (stuck,) = parked.office.outbox.status().troubled
    parked.office.outbox.replay([stuck.id])
    parked.dispatch()
    assert kinds(parked)["P1"] == BOTH
    assert parked.status().parked == 0


def test_letting_it_go_sends_what_was_held_behind_it(parked: Any) -> None:
    parked.ear.answer = refusing("nobody")
    (stuck,) = parked.office.outbox.status().troubled
    parked.office.outbox.discard(stuck.id)
    parked.dispatch()
    assert kinds(parked)["P1"] == ["subscription.activated"]


def test_what_is_told_of_a_customer_with_a_parked_message_is_held_too(parked: Any) -> None:
    parked.ear.answer = refusing("nobody")
    parked.isp.sell("C9", "P1")
    parked.isp.work()
    parked.dispatch()
    assert "P1" not in kinds(parked)
    assert parked.status().waiting == 2


def test_a_replay_since_a_day_sends_what_was_delivered_once_more_under_its_id(two: Any) -> None:
    two.dispatch()
    before = [id for id, _ in two.ear.heard]
    ids = list(two.office.outbox.since(two.isp.clock.now().date()))
    assert two.office.outbox.replay(ids, dry_run=True).replayed == 4
    assert two.dispatch() == 0
    two.office.outbox.replay(ids)
    two.dispatch()
    assert sorted(id for id, _ in two.ear.heard) == sorted(2 * before)
    assert kinds(two) == {"P1": BOTH, "P2": BOTH}


# -- who sends ---------------------------------------------------------------------------------------------------------


def claimed_by(telling: Any, owner: str, room: int = PER_TARGET) -> int:
    store = telling.hub.store
    with store.write() as connection:
        now = store.now(connection)
        claim = Claim(owner, now, now + timedelta(seconds=60))
        return len(outbox.claim(connection, {("default", "ear"): room}, claim, 100))


def test_what_one_process_sends_no_other_does(telling_on_each: Any) -> None:
    telling_on_each.listen()
    telling_on_each.isp.sell()
    assert claimed_by(telling_on_each, "another host 1 1 a") == 1
    with Dispatching(telling_on_each.hub) as dispatching:
        assert dispatching.turn() == 0
    telling_on_each.isp.clock.advance(seconds=61)
    assert telling_on_each.dispatch() == 1


def test_what_a_process_had_in_hand_that_has_ended_is_sent_at_once(telling_on_each: Any) -> None:
    telling_on_each.listen()
    telling_on_each.isp.sell()
    here = Owner.this_process()
    claimed_by(telling_on_each, str(Owner(here.host, 2**22 + 1, "1", "gone")))
    assert telling_on_each.dispatch() == 1


def test_no_more_than_a_few_are_sent_to_one_target_at_once(telling: Any) -> None:
    telling.listen()
    for number in range(3 * PER_TARGET):
        telling.isp.sell(f"C{number}", f"P{number}")
    with Dispatching(telling.hub, threads=64) as dispatching:
        assert dispatching.turn() == PER_TARGET
    assert telling.dispatch() >= 2 * PER_TARGET


def test_where_most_room_is_left_comes_first(telling: Any) -> None:
    for name in ("a-slow-one", "quick", "slow"):
        telling.listen(name)
    telling.isp.sell()
    left = {"a-slow-one": 1, "slow": 1, "quick": PER_TARGET}
    with Dispatching(telling.hub) as dispatching:
        (posting,) = dispatching._outtray.take(lambda to: left[to[1]], 1)
    assert posting.message.target == "quick"


def test_what_was_claimed_too_long_ago_is_not_sent_any_more(telling: Any) -> None:
    telling.listen()
    telling.isp.sell()
    with Dispatching(telling.hub) as dispatching:
        (posting,) = dispatching._outtray.take(lambda _to: 8, 8)
        dispatching._open(_destination(posting.target))
        telling.isp.clock.advance(seconds=61)
        assert "claim" in (dispatching._sent(posting).cause or "")
    assert telling.ear.asked == []


# -- how long is waited ------------------------------------------------------------------------------------------------


def message(telling_at: Any, tries: int, since: Any) -> MessageRow:
    return MessageRow(
        1, "default", "ear", "P1", "msg_1", NewsKind.BLOCKED, "C1", "1", "{}", telling_at, MessageState.WAITING,
        tries, since, None, None, None,
    )  # fmt: skip


@given(tries=st.integers(0, 200), draw=st.floats(0, 1), hours=st.floats(0, 100), pause=st.none() | st.floats(0, 7200))
def test_the_wait_grows_and_ends_after_three_days(tries: int, draw: float, hours: float, pause: float | None) -> None:
    began = datetime(2026, 11, 23, 12, tzinfo=UTC)
    now = began + timedelta(hours=hours)
    put = after(message(began, tries, began), Reply(503, 1, "503", pause), now, lambda: draw)
    if now >= began + PATIENCE:
        assert (put.parks, put.due_at) == (True, None)
        return
    assert put.due_at is not None
    ceiling = min(LONGEST, FIRST * 2.0 ** min(tries, 30))
    wanted = max(ceiling / 2, timedelta(seconds=pause or 0))
    assert min(now + wanted, began + PATIENCE) <= put.due_at <= began + PATIENCE
    assert put.due_at <= now + max(ceiling, timedelta(seconds=pause or 0))
