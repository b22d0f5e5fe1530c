"""What the tests of rotation may ask for: an ISP at a clinic, or one whose password was dropped there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from svahub.hub import Hub
from svahub.models import Environment, Observed
from svahub.store.states import State
from svahub.testing.clocks import HandClock
from svahub.verbs import Action
from svahub_teleclinica.simulator import TeleClinicaSimulator

from rotation.stage import Stage


@pytest.fixture
def stage(usual_database_url: str, tmp_path: Path) -> Iterator[Stage]:
    clock = HandClock()
    clinic = TeleClinicaSimulator(seed=1, clock=clock)
    with clinic.running(), Hub.open(usual_database_url, clock=clock, draw=lambda: 0.5) as hub:
        stage = Stage(hub, hub.tenant("default", "eva"), clinic, clock, tmp_path)
        first = stage.file("first", clinic.credentials["password"])
        for name in ("second", "third"):
            stage.file(name)
        settings, secret = {"username": clinic.credentials["username"]}, {"password": first}
        stage.office.integrations.add(
            "tele",
            "teleclinica",
            Environment.STAGING,
            address=clinic.url,
            settings=settings,
            secret=secret,
        )
        stage.office.catalogue.sync("tele")
        plans = sorted(p.remote_id for p in stage.office.catalogue.plans("tele"))
        stage.office.catalogue.link("TELE", "telemedicine", "tele", plans[0])
        clinic.requests.clear()
        yield stage


@pytest.fixture
def quarantined(stage: Stage) -> Stage:
    """Return a stage whose provider has dropped the old password first."""
    stage.sell()
    stage.work()
    stage.takes("second")
    stage.ask(Action.BLOCK)
    stage.work()
    assert stage.state() == (Observed.ACTIVE, State.QUARANTINED)
    return stage
