"""Which integrations a worker may call: what stops one, what brings it back, and what is told of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from secrets import token_urlsafe

import pytest
from svahub.client import ProviderClient
from svahub.converge import Converge
from svahub.errors import RateLimited
from svahub.fleet import LOOK_AGAIN_SECONDS, Fleet
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.models import Observed
from svahub.store import integrations, setback
from svahub.store.queue import Lane
from svahub.store.states import IntegrationState, State
from svahub.testing.clocks import HandClock
from svahub.verbs import Action, Command
from svahub_teleclinica.simulator import TeleClinicaSimulator

VARIABLE = "WORD_OF_THE_CLINIC"
NEW = "NEW_WORD_OF_THE_CLINIC"
LANE = Lane("default", "tele")


class SetBack(HandClock):
    """A clock that somebody sets back; the monotonic one goes on."""

    back = timedelta()

    def now(self) -> datetime:
        return super().now() - self.back


@pytest.fixture
def clock() -> SetBack:
    return SetBack()


@pytest.fixture
def hub(sqlite_url: str, clock: SetBack) -> Iterator[Hub]:
    with Hub.open(sqlite_url, clock=clock, draw=lambda: 0.5) as hub:
        yield hub


@pytest.fixture
def selling(office: TenantHub) -> TenantHub:
    """Return the office, with one subscription sold and made."""
    office.catalogue.sync("tele")
    office.catalogue.link("TELE", "telemedicine", "tele", min(p.remote_id for p in office.catalogue.plans("tele")))
    customer = {"id": "P1", "name": "Pessoa Inventada", "document": "52998224725"}
    level = {"contract_id": "C1", "customer": customer, "items": [{"code": "1", "product_code": "TELE"}]}
    assert not office.contracts.take_in([ContractRow.model_validate(level)]).errors
    with office.hub.work(threads=1) as worker:
        worker.drain()
    return office


def former(office: TenantHub) -> object:
    with office.hub.store.read() as connection:
        row = integrations.one(connection, office.name, "tele")
    assert row is not None
    return row.former_secrets


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    """Return what was told of integrations since it was last asked."""
    lines = [(r.levelno, r.getMessage()) for r in caplog.records if "integration" in r.getMessage()]
    caplog.clear()
    return lines


def rotate_elsewhere(office: TenantHub, clinic: TeleClinicaSimulator, patch: pytest.MonkeyPatch) -> None:
    """Rotate to a variable that only the operator's shell has."""
    patch.setenv(NEW, clinic.credentials["password"])
    assert office.integrations.rotate("tele", {"password": f"env:{NEW}"}).former_kept
    patch.delenv(NEW)


def block_and_work(office: TenantHub, worker: Converge) -> State:
    office.verbs.issue(Command(Action.BLOCK, "C1"))
    worker.drain()
    (one,) = office.subscriptions.list(contract="C1")
    assert one.observed is Observed.BLOCKED or one.state is not State.SETTLED
    return one.state


# -- secrets that this process cannot read -----------------------------------------------------------------------------


def test_a_worker_that_cannot_read_the_new_secret_goes_on_with_the_former_and_keeps_it(
    selling: TenantHub, clinic: TeleClinicaSimulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with selling.hub.work(threads=1) as worker:
        worker.turn()
        rotate_elsewhere(selling, clinic, monkeypatch)
        assert block_and_work(selling, worker) is State.SETTLED
    assert former(selling) == {"password": f"env:{VARIABLE}"}
    assert told(caplog) == [(logging.ERROR, "integration called with its former secrets")]


def test_it_takes_the_new_secret_as_soon_as_it_can_read_it(
    selling: TenantHub, clinic: TeleClinicaSimulator, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with selling.hub.work(threads=1) as worker:
        rotate_elsewhere(selling, clinic, monkeypatch)
        worker.turn()
        monkeypatch.setenv(NEW, clinic.credentials["password"])
        clock.advance(seconds=LOOK_AGAIN_SECONDS)
        assert block_and_work(selling, worker) is State.SETTLED
    assert former(selling) is None


def test_it_quarantines_nothing_when_the_former_are_refused(
    selling: TenantHub, clinic: TeleClinicaSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with selling.hub.work(threads=1) as worker:
        rotate_elsewhere(selling, clinic, monkeypatch)
        clinic.accept({"password": token_urlsafe(24)})
        assert block_and_work(selling, worker) is State.DUE
    assert selling.integrations.show("tele").status == IntegrationState.ENABLED


def test_what_cannot_be_called_is_told_once_and_once_more_when_it_can(
    office: TenantHub,
    clinic: TeleClinicaSimulator,
    clock: HandClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "svahub")
    with office.hub.work(threads=1) as worker:
        monkeypatch.delenv(VARIABLE)
        for _ in range(3):
            worker.turn()
            clock.advance(seconds=LOOK_AGAIN_SECONDS)
        assert f"env:{VARIABLE}" in str(caplog.records[-1].__dict__["cause"])
        assert told(caplog) == [(logging.ERROR, "integration cannot be called")]
        monkeypatch.setenv(VARIABLE, clinic.credentials["password"])
        worker.turn()
        worker.turn()
        assert told(caplog) == [(logging.INFO, "integration can be called again")]


def test_a_quarantine_names_what_was_refused_and_by_whom(selling: TenantHub, clinic: TeleClinicaSimulator) -> None:
    clinic.accept({"password": token_urlsafe(24)})
    with selling.hub.work(threads=1) as worker:
        assert block_and_work(selling, worker) is State.QUARANTINED
    cause = str(selling.integrations.show("tele").cause)
    assert f"env:{VARIABLE} as process" in cause
    assert "restart it if that has changed" in cause


# -- pauses and clients ------------------------------------------------------------------------------------------------


@pytest.fixture
def fleet(office: TenantHub, clock: HandClock) -> Iterator[Fleet]:
    fleet = Fleet(office.hub.registry, clock, store=office.hub.store)
    look(fleet, office)
    yield fleet
    fleet.close()


def look(fleet: Fleet, office: TenantHub) -> list[Lane]:
    """Have the rows read anew; return what may be called."""
    with office.hub.store.read() as connection:
        now = office.hub.store.now(connection)
        fleet.refresh(connection, now)
        return fleet.lanes(now)


def pause(office: TenantHub, seconds: float, clock: HandClock) -> None:
    with office.hub.store.write() as connection:
        integrations.pause(connection, "default", "tele", clock.now() + timedelta(seconds=seconds))


def test_a_pause_that_was_brought_back_with_the_clock_stops_nobody_for_longer(
    office: TenantHub, clock: SetBack, fleet: Fleet
) -> None:
    pause(office, 30, clock)
    clock.back = timedelta(hours=1)
    assert look(fleet, office) == []
    with office.hub.store.write() as connection:
        setback.bring_back(connection, "default", clock.now())
    assert look(fleet, office) == [LANE]


def test_a_pause_that_a_provider_asked_for_stands_although_its_row_says_nothing_of_it_yet(
    office: TenantHub, clock: SetBack, fleet: Fleet
) -> None:
    fleet.heed(fleet.opened(LANE), RateLimited(30))
    assert look(fleet, office) == []
    clock.advance(seconds=30)
    assert look(fleet, office) == [LANE]


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[ProviderClient]:
    closed: list[ProviderClient] = []
    monkeypatch.setattr(ProviderClient, "close", lambda client: closed.append(client))
    return closed


def test_a_client_is_closed_once_it_is_out_of_date_and_no_call_uses_it(
    office: TenantHub, fleet: Fleet, closed: list[ProviderClient]
) -> None:
    first = fleet.opened(LANE)
    office.integrations.disable("tele")
    look(fleet, office)
    fleet.close_retired([first])
    assert closed == []
    fleet.close_retired([])
    fleet.close_retired([])
    assert closed == [first.client]


def test_a_worker_closes_what_it_no_longer_uses(
    office: TenantHub, clock: HandClock, closed: list[ProviderClient]
) -> None:
    with office.hub.work(threads=1) as worker:
        for _ in range(3):
            worker.turn()
            office.integrations.disable("tele")
            worker.turn()
            office.integrations.enable("tele")
            clock.advance(seconds=2)
        worker.turn()
        assert len(closed) >= 2
