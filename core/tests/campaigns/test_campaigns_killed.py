"""A campaign that is killed after any of its transactions, and gone on with: nothing is asked twice or forgotten."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from svahub.campaigning.feeding import Pace
from svahub.campaigning.rounds import Campaigning
from svahub.errors import Refused
from svahub.hub import Hub
from svahub.plans import Guard
from svahub.store import Store
from svahub.store.tables import operations, subscriptions

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY = "C1\nC2\nC9\nC3\nC4\n"
ANY = Guard(1000, 100)


def reopened(here: Any, url: str) -> Hub:
    """Open a store as another process does after the one that was killed."""
    return Hub(Store(url, here.clock), here.office.hub.registry)


def asked(hub: Hub) -> Counter[str]:
    """Count the operations of the campaign on each contract."""
    query = select(subscriptions.c.contract_id).join(operations, operations.c.subscription_key == subscriptions.c.key)
    with hub.store.read() as connection:
        return Counter(connection.execute(query.where(operations.c.campaign_id == 1)).scalars())


def finish(hub: Hub, pace: Pace) -> None:
    with Campaigning(hub, pace=pace) as feeding, hub.work(threads=1) as worker:
        feeding.drain()
        worker.drain()
        while feeding.drain():
            worker.drain()


def test_who_is_killed_while_feeding_has_asked_nothing_twice(
    town: Callable[..., Any], killed_in: Callable[..., list[str]]
) -> None:
    here = town(4)
    here.pace = Pace(2, 100)
    here.start(here.plan(EVERY))
    stores = killed_in(here.office.hub.store.url, here.feed)
    assert len(stores) > 2
    for url in stores:
        hub = reopened(here, url)
        finish(hub, here.pace)
        assert asked(hub) == {"C1": 1, "C2": 1, "C3": 1, "C4": 1}
        assert hub.tenant("default").campaigns.show("1").state == "finished"
        hub.close()


def test_who_is_killed_anywhere_from_the_start_to_the_end_leaves_what_can_be_gone_on_with(
    town: Callable[..., Any], killed_in: Callable[..., list[str]]
) -> None:
    here = town(3)
    here.pace = Pace(1, 1)
    campaign = here.plan("C1\nC2\nC3\n")

    def whole() -> None:
        here.start(campaign)
        here.finish()

    stores = killed_in(here.office.hub.store.url, whole)
    assert len(stores) > 8
    for url in stores[::3]:
        hub = reopened(here, url)
        here.clock.advance(minutes=2)  # what the killed one had leased
        finish(hub, Pace(1, 1))
        assert asked(hub) == {"C1": 1, "C2": 1, "C3": 1}
        assert {row.observed.value for row in hub.tenant("default").subscriptions.list()} == {"BLOCKED"}
        assert hub.tenant("default").campaigns.show(campaign).state == "finished"
        hub.close()


def test_a_plan_that_was_killed_is_not_started_and_may_be_cancelled(
    town: Callable[..., Any], killed_in: Callable[..., list[str]]
) -> None:
    here = town(1)
    began, *_ = killed_in(here.office.hub.store.url, lambda: here.plan("C1"))
    hub = reopened(here, began)
    campaigns = hub.tenant("default").campaigns
    with pytest.raises(Refused, match="Campaign 1 is planning: there is nothing to start"):
        campaigns.start("1", actor="eva", guard=ANY)
    assert campaigns.cancel("1", actor="eva").state == "cancelled"
    hub.close()


def test_two_that_feed_in_turns_ask_nothing_twice(town: Callable[..., Any]) -> None:
    here = town(4)
    here.start(here.plan(EVERY))
    hub = here.office.hub
    with Campaigning(hub, pace=Pace(1, 100)) as one, Campaigning(hub, pace=Pace(1, 100)) as other:
        while one.turn() + other.turn():
            pass
    assert asked(hub) == {"C1": 1, "C2": 1, "C3": 1, "C4": 1}
