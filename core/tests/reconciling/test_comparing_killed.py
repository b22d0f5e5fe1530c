"""A comparison that is killed after any of its transactions, and made again: it ends as one that was not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, func, select, update
from svahub import Observed, RemoteUser
from svahub.areas.applying import Applied
from svahub.hub import Hub
from svahub.plans import Guard
from svahub.store import Store
from svahub.store.states import ReconcileState
from svahub.store.tables import listed_users, reconciliations

if TYPE_CHECKING:
    from collections.abc import Callable

STRANGERS = 2_500
ANY = Guard(1000, 100)


@pytest.fixture
def here(compared: Callable[..., Any], resuming: type) -> Any:
    """Return an ISP with three contracts whose provider has 2,500 users beside them; one of ours is lost."""
    here = compared(3, base=resuming)
    here.lose("C2")
    for number in range(STRANGERS):
        here.remote.users[f"s{number}"] = RemoteUser(f"s{number}", Observed.ACTIVE)
    return here


def reopened(here: Any, url: str) -> Any:
    """Open a store as another process does after the one that was killed, whose claim it knows to be dead."""
    hub = Hub(Store(url, here.clock), here.office.hub.registry)
    with hub.store.write() as connection:
        connection.execute(update(reconciliations).values(owner=None, owned_until=None))
    return hub.tenant("default").reconciling


def listed(url: str) -> int:
    engine = create_engine(url)
    with engine.connect() as connection:
        found: int = connection.execute(select(func.count()).select_from(listed_users)).scalar_one()
    engine.dispose()
    return found


def compare_again(here: Any, url: str) -> None:
    """Compare in the store that a kill left, and see that the plan is as it should be."""
    reconciling = reopened(here, url)
    plan = reconciling.run("basic")
    rows = list(reconciling.rows(str(plan.plan)))
    assert (plan.counts["in_sync"], plan.counts["missing"], plan.counts["unknown"]) == (2, 1, STRANGERS)
    assert [row.number for row in rows] == list(range(1, STRANGERS + 2))
    assert listed(url) == 0
    reconciling.apply(str(plan.plan), actor="ana", guard=ANY, dry_run=True)
    reconciling.bench.store.close()


def test_a_comparison_that_is_killed_while_it_lists_goes_on_after_the_last_user(
    here: Any, killed_in: Callable[..., list[str]]
) -> None:
    stores = killed_in(here.office.hub.store.url, here.run)
    halfway = next(url for url in stores if listed(url) >= 2_000)
    before = len(here.remote.calls)
    compare_again(here, halfway)
    assert here.remote.calls[before:] == ["list after s1997"]


@pytest.mark.deep
def test_a_comparison_that_is_killed_anywhere_ends_as_one_that_was_not(
    here: Any, killed_in: Callable[..., list[str]]
) -> None:
    stores = killed_in(here.office.hub.store.url, here.run)
    assert len(stores) > 12
    for url in stores[:-1]:
        compare_again(here, url)


def test_a_plan_is_applied_whole_or_not_at_all(here: Any, killed_in: Callable[..., list[str]]) -> None:
    plan = here.run()
    done: list[Applied] = []

    def apply() -> None:
        done.append(here.office.reconciling.apply(str(plan.plan), actor="ana", guard=ANY))

    (after,) = killed_in(here.office.hub.store.url, apply)
    assert reopened(here, after).show(str(plan.plan)).state == ReconcileState.APPLIED.value
    assert here.observed("C1", "C2") == ["ACTIVE", "ABSENT"]


@pytest.mark.deep
def test_more_accounts_than_a_page_are_each_judged_once(compared: Callable[..., Any]) -> None:
    here = compared(1_201)
    for number in (1, 500, 501, 1_000, 1_201):
        here.lose(f"C{number}")
    plan = here.run()
    assert (plan.counts["in_sync"], plan.counts["missing"]) == (1_196, 5)
    assert here.office.reconciling.apply(str(plan.plan), actor="ana", guard=ANY).corrected == 5
