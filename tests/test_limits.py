"""The limits of an integration hold for all workers together, and for what they really call."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select
from svahub.desk import Desk
from svahub.errors import NotSent
from svahub.extension.invented import cpf
from svahub.fleet import Fleet, Held
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.models import Observed
from svahub.pacing import AHEAD, Pacing
from svahub.settings import IntegrationSettings
from svahub.store import Store, paces
from svahub.store.queue import Lane
from svahub.store.states import State
from svahub.store.tables import exchanges
from svahub.testing.clocks import HandClock

LANE = Lane("default", "tele")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def hub(sqlite_url: str, clock: HandClock) -> Iterator[Hub]:
    with Hub.open(sqlite_url, clock=clock, draw=lambda: 0.5) as hub:
        yield hub


@pytest.fixture
def fleets() -> Iterator[list[Fleet]]:
    fleets: list[Fleet] = []
    yield fleets
    for fleet in fleets:
        fleet.close()


def sold(office: TenantHub, many: int, **settings: Any) -> None:
    """Limit the integration, and have so many accounts due."""
    office.catalogue.sync("tele")
    office.catalogue.link("TELE", "telemedicine", "tele", min(p.remote_id for p in office.catalogue.plans("tele")))
    office.integrations.set("tele", settings=settings)
    for number in range(many):
        customer = {"id": f"P{number}", "name": "Pessoa Inventada", "document": cpf(number)}
        level = {"contract_id": f"C{number}", "customer": customer, "items": [{"code": "1", "product_code": "TELE"}]}
        assert not office.contracts.take_in([ContractRow.model_validate(level)]).errors


def desk(office: TenantHub, fleets: list[Fleet]) -> Desk:
    hub = office.hub
    fleets.append(Fleet(hub.registry, hub.clock, (), hub.store))
    return Desk(hub.store, fleets[-1], hub.clock, lambda: 0.5)


def instants(office: TenantHub, after: datetime) -> list[datetime]:
    """Return when the provider was called, but for what was called before."""
    with office.hub.store.read() as connection:
        query = select(exchanges.c.at).where(exchanges.c.at > after).order_by(exchanges.c.at)
        return list(connection.execute(query).scalars())


# -- calls a second ----------------------------------------------------------------------------------------------------


def test_no_call_comes_sooner_after_another_than_its_limit_says(office: TenantHub, clock: HandClock) -> None:
    sold(office, 12, calls_per_second=4)
    clock.advance(seconds=60)
    began = clock.now() - timedelta(seconds=1)
    with office.hub.work(threads=1) as worker:
        worker.drain()
    assert {view.observed for view in office.subscriptions.list()} == {Observed.ACTIVE}
    made = instants(office, began)
    assert len(made) == 12
    assert min(b - a for a, b in pairwise(made)) >= timedelta(seconds=0.2499)
    assert made[-1] - made[0] < timedelta(seconds=3.5)


def test_workers_share_the_instants_at_which_a_call_may_begin(
    office: TenantHub, clock: HandClock, fleets: list[Fleet]
) -> None:
    sold(office, 20, calls_per_second=25)
    first, second = desk(office, fleets), desk(office, fleets)
    one, _ = first.take(6)
    other, leased = second.take(20)
    assert leased == 4  # ten fit into what is given ahead
    begin = [work.held.begins or 0.0 for work in (*one, *other)]
    assert [round(b - a, 3) for a, b in pairwise(begin)] == [0.04] * 9
    assert second.take(20) == ([], 0)
    clock.advance(seconds=0.1)
    assert second.take(20)[1] == 3


def test_without_a_limit_nothing_is_held_back_and_nothing_kept(office: TenantHub, fleets: list[Fleet]) -> None:
    sold(office, 20, timeout=5)
    assert desk(office, fleets).take(20)[1] == 20
    with office.hub.store.read() as connection:
        assert connection.execute(select(paces.paces)).all() == []


def test_what_is_called_beside_the_workers_waits_its_turn_and_counts(
    office: TenantHub, clock: HandClock, fleets: list[Fleet]
) -> None:
    sold(office, 20, calls_per_second=0.5)
    before = clock.monotonic()
    for _ in range(3):
        office.catalogue.sync("tele")
    assert clock.monotonic() - before == pytest.approx(4)
    assert desk(office, fleets).take(20) == ([], 0)


def _work(settings: IntegrationSettings) -> Any:
    return SimpleNamespace(lane=LANE, opened=SimpleNamespace(settings=settings), held=Held(0.0))


def _free_in(store: Store, clock: HandClock) -> float:
    with store.write() as connection:
        return (paces.lock(connection, LANE, clock.now()) - clock.now()).total_seconds()


def test_steps_that_call_several_times_are_counted_as_they_call_and_fewer_are_leased_then(
    office: TenantHub, clock: HandClock
) -> None:
    store, settings = office.hub.store, IntegrationSettings(calls_per_second=10)
    pacing = Pacing(lambda _lane: settings)
    for _ in range(60):
        work = [_work(settings) for _ in range(5)]
        with store.write() as connection:
            pacing.give(connection, work, clock.now(), clock.monotonic())
            for one in work:
                one.held.calls = 3
            pacing.settle(connection, [(one, None) for one in work], clock.now())
        assert _free_in(store, clock) == pytest.approx(1.5, abs=0.001)
        clock.advance(seconds=1.5)
    assert pacing._span(LANE, 10).total_seconds() == pytest.approx(0.3, abs=0.01)
    assert pacing._beginning(LANE, clock.now(), clock.now()) == AHEAD // timedelta(seconds=0.3) + 1


def test_an_instant_that_was_given_is_given_to_nobody_else_although_it_was_not_used(
    office: TenantHub, clock: HandClock, fleets: list[Fleet]
) -> None:
    sold(office, 20, calls_per_second=25)
    worker = desk(office, fleets)
    work, _ = worker.take(5)
    others, _ = worker.take(5)
    worker.put([(one, NotSent("given back")) for one in work])
    assert worker.take(20) == ([], 0)
    assert len(others) == 5


# -- accounts at once --------------------------------------------------------------------------------------------------


def test_no_more_accounts_are_leased_at_once_than_the_limit_says_whoever_leases_them(
    office: TenantHub, clock: HandClock, fleets: list[Fleet]
) -> None:
    sold(office, 10, calls_at_once=3)
    first, second = desk(office, fleets), desk(office, fleets)
    work, leased = first.take(2)
    assert (leased, second.take(10)[1], second.take(10)[1]) == (2, 1, 0)
    first.put([(work[0], NotSent("given back"))])
    assert second.take(10)[1] == 1


def test_what_a_lost_worker_held_is_not_counted_for_longer_than_its_lease(
    office: TenantHub, clock: HandClock, fleets: list[Fleet]
) -> None:
    sold(office, 10, calls_at_once=3)
    first, second = desk(office, fleets), desk(office, fleets)
    first.take(10)
    clock.advance(seconds=14)
    assert second.take(10)[1] == 0
    clock.advance(seconds=2)
    assert second.take(10)[1] == 3


def test_with_both_limits_all_is_done_in_the_end(office: TenantHub, clock: HandClock) -> None:
    sold(office, 8, calls_at_once=2, calls_per_second=20)
    with office.hub.work(threads=1) as worker:
        worker.drain()
    assert {view.state for view in office.subscriptions.list()} == {State.SETTLED}
