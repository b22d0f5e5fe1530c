"""Rotating secrets: tested before they are kept, the former ones kept until the new ones have worked, and told."""

from __future__ import annotations

import secrets as random_words
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from svahub import secrets
from svahub.areas.rotation import Rotated
from svahub.errors import Refused, UnknownName
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.models import Environment, Observed
from svahub.store import integrations, tables
from svahub.store.rows import IntegrationRow
from svahub.store.states import AuditKind, EventKind, State
from svahub.testing import Fault
from svahub.testing.clocks import HandClock
from svahub.verbs import Action, Command
from svahub_teleclinica.simulator import TeleClinicaSimulator

FIELD = "password"
ANA = "52998224725"


@dataclass
class Stage:
    """One ISP that sells one product at a clinic; its passwords are in files."""

    hub: Hub
    office: TenantHub
    clinic: TeleClinicaSimulator
    clock: HandClock
    folder: Path

    def file(self, name: str, word: str | None = None) -> str:
        """Write a password, a new one unless it is given, and return the reference."""
        (self.folder / name).write_text(word or random_words.token_urlsafe(24))
        return f"file:{self.folder / name}"

    def word(self, name: str) -> dict[str, str]:
        return {"password": (self.folder / name).read_text()}

    def takes(self, *names: str) -> None:
        self.clinic.accept(*map(self.word, names))

    def rotate(self, name: str, **options: Any) -> Rotated:
        return self.office.integrations.rotate("tele", {"password": f"file:{self.folder / name}"}, **options)

    def row(self) -> IntegrationRow:
        with self.hub.store.read() as connection:
            row = integrations.one(connection, "default", "tele")
        assert row is not None
        return row

    def slots(self) -> tuple[str, str | None]:
        """Return the names of the files that the two slots refer to."""
        row = self.row()
        former = (row.former_secrets or {}).get("password")
        return Path(row.secrets["password"]).name, Path(former).name if former else None

    def sell(self, contract: str = "C1") -> None:
        level: dict[str, Any] = {
            "contract_id": contract,
            "customer": {"id": f"customer-{contract}", "name": "Pessoa Inventada", "document": ANA},
            "items": [{"code": "1", "product_code": "TELE"}],
        }
        assert not self.office.contracts.take_in([ContractRow.model_validate(level)]).errors

    def ask(self, action: Action, contract: str = "C1") -> None:
        self.office.verbs.issue(Command(action, contract))

    def work(self) -> None:
        with self.hub.work(threads=2) as worker:
            worker.drain()

    def state(self) -> tuple[Observed, State]:
        (one,) = self.office.subscriptions.list(contract="C1")
        return one.observed, one.state

    def events(self) -> list[tuple[EventKind, dict[str, Any]]]:
        with self.hub.store.read() as connection:
            rows = connection.execute(tables.events.select().order_by(tables.events.c.number)).all()
        return [(row.kind, row.details) for row in rows if row.kind in {EventKind.QUARANTINED, EventKind.FREED}]

    def audit(self) -> list[tuple[str, dict[str, Any]]]:
        with self.hub.store.read() as connection:
            query = tables.audit.select().where(tables.audit.c.kind == AuditKind.COMMAND)
            rows = connection.execute(query.order_by(tables.audit.c.number)).all()
        return [(row.command, row.details) for row in rows if row.command.startswith("integration ")]

    def refusals(self) -> int:
        return sum(1 for seen in self.clinic.requests if seen.status == 401)


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


# -- the former one ----------------------------------------------------------------------------------------------------


def test_the_first_call_of_a_worker_that_works_lets_the_former_go(stage: Stage) -> None:
    stage.takes("first", "second")
    stage.rotate("second")
    stage.sell()
    stage.work()
    assert stage.slots() == ("second", None)


def test_while_only_the_former_works_it_stays_and_serves(stage: Stage) -> None:
    stage.takes("first", "second")
    stage.rotate("second")
    stage.takes("first")
    stage.sell()
    stage.work()
    assert (stage.state(), stage.slots()) == ((Observed.ACTIVE, State.SETTLED), ("second", "first"))
    assert (stage.refusals(), stage.events()) == (1, [])


def test_a_later_test_that_succeeds_lets_the_former_go_and_one_that_fails_does_not(stage: Stage) -> None:
    stage.takes("first", "second")
    stage.rotate("second")
    stage.takes("first")
    assert not stage.office.integrations.test("tele").ok
    assert stage.slots() == ("second", "first")
    stage.takes("second")
    assert stage.office.integrations.test("tele").ok
    assert stage.slots() == ("second", None)


def test_calls_by_hand_fall_back_too(stage: Stage) -> None:
    stage.takes("first", "second")
    stage.rotate("second")
    stage.takes("first")
    assert list(stage.office.users.list("tele")) == []


def test_a_former_secret_that_cannot_be_read_any_more_hinders_nobody(stage: Stage) -> None:
    stage.takes("first", "second")
    stage.rotate("second")
    (stage.folder / "first").unlink()
    stage.sell()
    stage.work()
    assert (stage.state(), stage.slots()) == ((Observed.ACTIVE, State.SETTLED), ("second", None))


def test_of_two_rotations_in_a_row_the_one_that_the_provider_still_takes_is_kept(stage: Stage) -> None:
    stage.takes("first", "second", "third")
    stage.rotate("second")
    stage.rotate("third")
    assert stage.slots() == ("third", "second")


def test_an_untried_one_that_the_provider_drops_again_does_not_displace_the_one_that_has_worked(stage: Stage) -> None:
    stage.takes("first", "second")
    stage.rotate("second")
    stage.takes("first", "third")
    stage.rotate("third")
    assert stage.slots() == ("third", "first")


def test_a_file_that_was_rewritten_is_rotated_by_naming_it_again(stage: Stage) -> None:
    stage.file("first")
    stage.takes("first")
    before = stage.row()
    rotated = stage.rotate("first")
    assert (rotated.former_kept, stage.slots()) == (False, ("first", None))
    assert (stage.row().secrets_at or before.created_at) > (before.secrets_at or before.created_at)


# -- a worker that runs ------------------------------------------------------------------------------------------------


def test_a_worker_that_knows_only_the_dropped_secret_reads_the_new_one_before_it_fails(stage: Stage) -> None:
    stage.sell()
    stage.work()
    desk_first = stage.hub.work(threads=1)
    try:
        desk_first.drain()
        stage.takes("first", "second")
        stage.rotate("second")
        stage.takes("second")
        stage.ask(Action.BLOCK)
        desk_first.drain()
    finally:
        desk_first.close()
    assert (stage.state(), stage.events()) == ((Observed.BLOCKED, State.SETTLED), [])


def test_a_call_that_is_under_way_while_its_secret_is_replaced_and_dropped_is_made_with_the_new_one(
    stage: Stage,
) -> None:
    from svahub.desk import Desk
    from svahub.fleet import Fleet, holding
    from svahub.steps import carry_out

    stage.sell()
    fleet = Fleet(stage.hub.registry, stage.clock, store=stage.hub.store)
    desk = Desk(stage.hub.store, fleet, stage.clock, lambda: 0.5)
    (work,), _ = desk.take(1)
    stage.takes("first", "second")
    stage.rotate("second")
    stage.takes("second")
    with holding(work.held):
        result = carry_out(work.relay, work.decision, work.subscription, work.reasons)
    desk.put([(work, result)])
    fleet.close()
    assert (stage.state(), stage.events(), len(stage.clinic.users)) == ((Observed.ACTIVE, State.SETTLED), [], 1)


def test_a_file_that_was_rewritten_is_read_anew_when_the_old_word_is_refused(stage: Stage) -> None:
    stage.sell()
    with stage.hub.work(threads=1) as worker:
        worker.drain()
        stage.file("first")
        stage.takes("first")
        stage.ask(Action.BLOCK)
        worker.drain()
        stage.ask(Action.UNBLOCK)
        worker.drain()
    assert (stage.state(), stage.refusals(), stage.events()) == ((Observed.ACTIVE, State.SETTLED), 1, [])


def test_a_failure_under_secrets_that_were_replaced_meanwhile_quarantines_nothing(stage: Stage) -> None:
    from svahub.desk import Desk
    from svahub.errors import AuthenticationFailed
    from svahub.fleet import Fleet

    stage.sell()
    fleet = Fleet(stage.hub.registry, stage.clock)
    desk = Desk(stage.hub.store, fleet, stage.clock, lambda: 0.5)
    (work,), _ = desk.take(1)
    stage.takes("second")
    stage.rotate("second")
    desk.put([(work, AuthenticationFailed())])
    fleet.close()
    assert (stage.office.integrations.show("tele").status, stage.events()) == ("enabled", [])
    stage.work()
    assert stage.state() == (Observed.ACTIVE, State.SETTLED)


# -- quarantine --------------------------------------------------------------------------------------------------------


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
