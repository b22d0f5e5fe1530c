"""A new secret is tested before it is kept; the books tell of it, and of its age, and never the secret."""

from __future__ import annotations

from datetime import timedelta

import pytest
from svahub import secrets
from svahub.errors import Refused, UnknownName
from svahub.store import integrations, tables
from svahub.testing import Fault
from svahub.verbs import Action

from rotation.stage import Stage

FIELD = "password"

# -- the new one is tested ---------------------------------------------------------------------------------------------


def test_what_the_provider_accepts_is_kept_and_the_former_waits_in_its_slot(stage: Stage) -> None:
    stage.takes("first", "second")
    rotated = stage.rotate("second")
    assert (rotated.rotated, rotated.tested, rotated.former_kept, rotated.freed) == (["password"], True, True, False)
    assert stage.slots() == ("second", "first")


def test_the_test_presents_the_new_one_alone(stage: Stage) -> None:
    with pytest.raises(Refused, match="At fault: credentials"):
        stage.rotate("second")
    assert [seen.status for seen in stage.clinic.requests] == [401]


def test_a_test_that_fails_changes_nothing(stage: Stage) -> None:
    before = stage.row()
    with pytest.raises(Refused, match="nothing was changed") as refusal:
        stage.rotate("second")
    assert stage.row() == before
    assert stage.word("second")["password"] not in str(refusal.value)
    assert [command for command, _ in stage.audit()] == ["integration add"]


def test_a_provider_that_is_down_is_not_taken_for_a_wrong_secret(stage: Stage) -> None:
    stage.clinic.faults.next(Fault.ERROR_BEFORE)
    with pytest.raises(Refused, match="At fault: provider"):
        stage.rotate("second")
    assert stage.slots() == ("first", None)


def test_a_dry_run_tests_and_keeps_nothing(stage: Stage) -> None:
    stage.takes("first", "second")
    before = stage.row()
    rotated = stage.rotate("second", dry_run=True)
    assert (rotated.tested, stage.row(), len(stage.clinic.requests)) == (True, before, 1)
    assert [command for command, _ in stage.audit()] == ["integration add"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "--secret FIELD=env:VAR"),
        ({"username": "env:HOME"}, r"username is no secret of TeleClínica"),
        ({FIELD: "env:SURELY_NOT_SET"}, "SURELY_NOT_SET"),
        ({FIELD: "a-literal"}, "never as itself"),
    ],
)
def test_what_cannot_be_the_new_secret_is_refused_before_any_call(
    stage: Stage, given: dict[str, str], said: str
) -> None:
    with pytest.raises(Refused, match=said):
        stage.office.integrations.rotate("tele", given)
    assert not stage.clinic.requests


def test_who_rotates_what_is_not_there_is_told_what_is(stage: Stage) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'tele'"):
        stage.office.integrations.rotate("tell", {FIELD: "env:HOME"})


def test_two_who_rotate_at_once_do_not_undo_each_other(stage: Stage) -> None:
    stage.takes("first", "second", "third")
    before = stage.row()
    stage.rotate("second")
    with stage.hub.store.write() as connection:
        assert not integrations.rotate(connection, before, {"secrets": {}})
    assert stage.slots() == ("second", "first")


# -- the books ---------------------------------------------------------------------------------------------------------


def test_the_audit_tells_who_did_what_with_references_and_never_a_secret(stage: Stage) -> None:
    stage.takes("first", "second")
    stage.rotate("second")
    for command in ("disable", "enable", "remove"):
        getattr(stage.office.integrations, command)("tele")
    told = dict(stage.audit())
    assert list(told) == [f"integration {c}" for c in ("add", "rotate", "disable", "enable", "remove")]
    assert told["integration rotate"] == {"references": [f"file:{stage.folder / 'second'} as password"]}
    assert all(stage.word(name)["password"] not in str(told) for name in ("first", "second"))


def test_what_is_removed_keeps_no_secret(stage: Stage) -> None:
    stage.sell()
    stage.work()
    stage.ask(Action.CANCEL)
    stage.work()
    stage.office.integrations.remove("tele")
    assert (stage.row().secrets, stage.row().former_secrets) == ({}, None)


@pytest.mark.parametrize(("days", "old"), [(89, []), (90, ["password"])])
def test_a_secret_grows_old_and_is_young_again_when_it_is_rotated(stage: Stage, days: int, old: list[str]) -> None:
    stage.clock.advance(days=days)
    assert stage.office.integrations.show("tele").old_secrets == old
    assert [view.field for view in stage.office.integrations.old_secrets(stage.clock.now())] == old
    stage.takes("first", "second")
    stage.rotate("second")
    assert stage.office.integrations.list()[0].old_secrets == []


def test_the_age_at_which_a_secret_is_old_can_be_set(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(secrets.AGE_VARIABLE, "7")
    assert not stage.office.integrations.old_secrets(stage.clock.now() + timedelta(days=6))
    assert stage.office.integrations.old_secrets(stage.clock.now() + timedelta(days=7))


@pytest.mark.parametrize("days", ["0", "-1", "soon", "1.5"])
def test_an_age_that_is_none_is_refused(stage: Stage, monkeypatch: pytest.MonkeyPatch, days: str) -> None:
    monkeypatch.setenv(secrets.AGE_VARIABLE, days)
    with pytest.raises(Refused, match="write a number of days"):
        stage.office.integrations.list()


def test_an_integration_of_before_dates_were_kept_is_as_old_as_itself(stage: Stage) -> None:
    with stage.hub.store.write() as connection:
        connection.execute(tables.integrations.update().values(secrets_at=None, secret_dates=None))
    (view,) = stage.office.secrets.list()
    assert view.since == stage.row().created_at
    stage.takes("first", "second")
    stage.rotate("second")
    assert stage.slots() == ("second", "first")
