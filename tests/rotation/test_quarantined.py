"""An integration whose secret is wrong is stopped, and freed by a rotation, a test or a person."""

from __future__ import annotations

import pytest
from svahub.errors import Refused
from svahub.models import Observed
from svahub.store.states import EventKind, State
from svahub.verbs import Action

from rotation.stage import Stage


def test_a_wrong_secret_quarantines_with_its_cause_and_tells_once(quarantined: Stage) -> None:
    view = quarantined.office.integrations.show("tele")
    reference = view.secrets["password"]
    assert view.cause is not None
    assert view.cause.startswith(f"the provider does not accept our credentials: {reference} as process ")
    assert (view.status, view.cause in view.attention) == ("quarantined", True)
    assert quarantined.events() == [(EventKind.QUARANTINED, {"cause": view.cause})]


def test_a_rotation_frees_and_what_waited_goes_on(quarantined: Stage) -> None:
    rotated = quarantined.rotate("second")
    assert (rotated.freed, rotated.status, quarantined.office.integrations.show("tele").cause) == (
        True,
        "enabled",
        None,
    )
    quarantined.work()
    assert quarantined.state() == (Observed.BLOCKED, State.SETTLED)
    assert [kind for kind, _ in quarantined.events()] == [EventKind.QUARANTINED, EventKind.FREED]
    assert len(quarantined.clinic.users) == 1


@pytest.mark.parametrize("command", ["test", "enable"])
def test_a_test_that_succeeds_or_a_person_frees_too(quarantined: Stage, command: str) -> None:
    quarantined.takes("first")
    getattr(quarantined.office.integrations, command)("tele")
    assert quarantined.events()[1:] == [(EventKind.FREED, {"by": f"integration {command}"})]
    quarantined.work()
    assert quarantined.state() == (Observed.BLOCKED, State.SETTLED)


def test_a_rotation_that_fails_frees_nothing(quarantined: Stage) -> None:
    with pytest.raises(Refused):
        quarantined.rotate("third")
    assert quarantined.office.integrations.show("tele").status == "quarantined"


@pytest.mark.parametrize("command", ["rotate", "test"])
def test_what_a_person_disabled_stays_disabled(stage: Stage, command: str) -> None:
    stage.takes("first", "second")
    stage.office.integrations.disable("tele")
    stage.rotate("second") if command == "rotate" else stage.office.integrations.test("tele")
    assert (stage.office.integrations.show("tele").status, stage.events()) == ("disabled", [])


def test_a_worker_that_runs_goes_on_as_soon_as_the_integration_is_freed(stage: Stage) -> None:
    stage.sell()
    with stage.hub.work(threads=1) as worker:
        worker.drain()
        stage.takes("second")
        stage.ask(Action.BLOCK)
        worker.drain()
        assert stage.state()[1] is State.QUARANTINED
        stage.rotate("second")
        worker.drain()
    assert stage.state() == (Observed.BLOCKED, State.SETTLED)
