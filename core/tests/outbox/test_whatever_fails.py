"""Whatever fails and whoever is killed: each system hears all about each customer, in order, none twice by its id."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete
from svahub.announcing import announce
from svahub.dispatching import Dispatching
from svahub.news import News
from svahub.store import tables
from svahub.store.states import NewsKind
from svahub.testing.ear import Ear
from svahub.testing.faults import Fault

FAULTS = (Fault.DROP, Fault.DROP_AFTER, Fault.ERROR_BEFORE, Fault.ERROR_AFTER, Fault.MALFORMED, Fault.RATE_LIMIT)
told = st.tuples(st.just("tell"), st.sampled_from(["P1", "P2", "P3"]))
fails = st.tuples(st.just("fail"), st.sampled_from(FAULTS))
works = st.tuples(st.sampled_from(["dispatch", "killed", "wait", "replay"]), st.just(None))
stories = st.lists(told | fails | works, min_size=3, max_size=25)
numbers = itertools.count(1)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(story=stories)
def test_all_is_heard_in_order_and_twice_only_under_one_id(telling: Any, story: list[tuple[str, Any]]) -> None:
    ears = listening(telling)
    wanted: dict[str, list[int]] = {}
    for step, what in story:
        carry_out(telling, ears, step, what, wanted)
    for ear in ears:
        ear.faults.clear()
    while any(target.waiting for target in telling.office.outbox.status().targets):
        telling.dispatch()
        telling.isp.clock.advance(hours=5)
    for ear in ears:
        heard = {id: [one["data"]["quantity"] for one in several] for id, several in ear.by_customer.items()}
        assert heard == wanted
    assert {message.body for message in telling.messages()} == {body_of(ear, id) for ear in ears for id, _ in ear.heard}


def listening(telling: Any) -> list[Ear]:
    """Return the one system that is told, with nothing in its memory, nor in the outbox."""
    if not telling.office.outbox.list():
        telling.listen()
    with telling.hub.store.write() as connection:
        for table in (tables.outbox, tables.outbox_lines):
            connection.execute(delete(table))
    telling.ear.heard.clear()
    telling.ear.asked.clear()
    return [telling.ear]


def carry_out(telling: Any, ears: list[Ear], step: str, what: Any, wanted: dict[str, list[int]]) -> None:
    match step:
        case "tell":
            wanted.setdefault(what, []).append(tell(telling, what))
        case "fail":
            for ear in ears:
                ear.faults.next(what)
        case "dispatch":
            telling.dispatch()
        case "killed":
            be_killed_after_sending(telling)
        case "wait":
            telling.isp.clock.advance(seconds=20)
        case "replay":
            telling.office.outbox.replay([message.id for message in telling.messages()] or [1])


def tell(telling: Any, customer: str) -> int:
    """Tell of a customer, and return what tells it from all else."""
    number, store = next(numbers), telling.hub.store
    news = News(NewsKind.CHANGED, customer, "ACTIVE", quantity=number)
    with store.write() as connection:
        announce(connection, [("default", news)], store.now(connection))
    return number


def be_killed_after_sending(telling: Any) -> None:
    """Send what is due and keep nothing of it; what was claimed is free when the claims have ended."""
    with Dispatching(telling.hub) as dispatching:
        for _ in range(dispatching._take()):
            list(itertools.islice(dispatching._crew.ended(20), 1))
        dispatching._running.clear()
    telling.isp.clock.advance(seconds=61)


def body_of(ear: Ear, id: str) -> str:
    (body,) = {request.body.decode() for request in ear.asked if request.header("webhook-id") == id}
    return body
