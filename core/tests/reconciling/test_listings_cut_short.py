"""Listings that end early remove nobody: they go on where they can, and begin anew where they cannot."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update
from svahub.areas.comparing import EndedEarly
from svahub.errors import Refused
from svahub.owners import Owner
from svahub.store.tables import reconciliations

from .plans import applied

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_listing_that_ends_early_removes_nobody(compared: Callable[..., Any]) -> None:
    here = compared(3)
    here.remote.breaks_after = 1
    with pytest.raises(EndedEarly, match="after 1 users"):
        here.run()
    plan = here.office.reconciling.list()[0]
    assert (plan.state, plan.counts, here.rows(plan)) == ("listing", {}, [])
    with pytest.raises(Refused, match="is not finished"):
        applied(here, plan)


def test_a_listing_that_cannot_go_on_begins_anew(compared: Callable[..., Any]) -> None:
    here = compared(3)
    here.remote.breaks_after = 2
    with pytest.raises(EndedEarly, match="begins anew"):
        here.run()
    here.lose("C1")
    here.remote.breaks_after = None
    plan = here.run()
    assert (plan.plan, plan.listed, here.rows(plan)) == (2, 2, [("missing", "C1", "park_drift")])


def test_a_listing_that_can_goes_on_after_the_last_user(compared: Callable[..., Any], resuming: type) -> None:
    here = compared(3, base=resuming)
    here.remote.breaks_after = 2
    with pytest.raises(EndedEarly, match="goes on after them"):
        here.run()
    here.remote.breaks_after = None
    plan = here.run()
    assert here.remote.calls[-1] == "list after user-2"
    assert (plan.plan, plan.listed, plan.counts["in_sync"]) == (2, 3, 3)


def test_a_listing_whose_last_user_is_gone_begins_anew_the_time_after(
    compared: Callable[..., Any], resuming: type
) -> None:
    here = compared(3, base=resuming)
    here.remote.breaks_after = 2
    with pytest.raises(EndedEarly):
        here.run()
    here.lose("C2")
    here.remote.breaks_after = None
    with pytest.raises(EndedEarly, match="begins anew"):
        here.run()
    assert here.rows(here.run()) == [("missing", "C2", "park_drift")]


def test_a_listing_of_yesterday_is_not_gone_on_with(compared: Callable[..., Any], resuming: type) -> None:
    here = compared(2, base=resuming)
    here.remote.breaks_after = 1
    with pytest.raises(EndedEarly):
        here.run()
    here.remote.breaks_after = None
    here.clock.advance(days=2)
    here.run()
    assert here.remote.calls[-1] == "list"


def test_one_process_compares_an_integration_at_a_time(compared: Callable[..., Any]) -> None:
    here = compared(1)
    here.remote.breaks_after = 0
    with pytest.raises(EndedEarly):
        here.run()
    held = {"owner": str(Owner.this_process()), "owned_until": here.clock.now() + timedelta(minutes=1)}
    with here.office.hub.store.write() as connection:
        connection.execute(update(reconciliations).where(reconciliations.c.id == 2).values(held))
    with pytest.raises(Refused, match="is being compared by process"):
        here.run()


def test_a_provider_that_lists_nobody_is_not_compared(open_isp: Callable[..., Any], finding: type) -> None:
    office = open_isp(finding).office
    assert office.reconciling.comparable() == []
    with pytest.raises(Refused, match="lists no users"):
        office.reconciling.run("basic")
