"""A store that was lost comes back from a backup: whatever happened since, both sides agree and nobody is doubled."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from svahub.areas import backups
from svahub.desk import Desk
from svahub.fleet import Fleet, holding
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.models import Desired, Environment, Observed
from svahub.registry import Registry
from svahub.steps import carry_out
from svahub.store import Store, tables
from svahub.store.states import AuditKind, Certainty, Outcome, State
from svahub.testing.clocks import HandClock
from svahub.verbs import Action, Command
from svahub_teleclinica.simulator import Status, TeleClinicaSimulator

VARIABLE = "SVAHUB_TEST_RESTORES"


def document(number: int) -> str:
    """Return a CPF, made by its rule."""
    digits = [int(d) for d in f"{529_000_000 + number:09d}"]
    for _ in range(2):
        rest = sum(d * (len(digits) + 1 - i) for i, d in enumerate(digits)) * 10 % 11
        digits.append(rest % 10)
    return "".join(map(str, digits))


@dataclass
class Isp:
    """One ISP: its ERP's file, its provider, and a store that may be lost."""

    folder: Path
    url: str
    clock: HandClock
    simulator: TeleClinicaSimulator
    hub: Hub
    plans: list[str] = field(default_factory=list)
    erp: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def office(self) -> TenantHub:
        return self.hub.tenant("default")

    def register(self) -> None:
        own = {"username": self.simulator.credentials["username"], "timeout": 5}
        secret = {"password": f"env:{VARIABLE}"}
        address = self.simulator.url
        self.office.integrations.add(
            "tele", "teleclinica", Environment.STAGING, address=address, settings=own, secret=secret
        )
        self.office.catalogue.sync("tele")
        plans = [p.remote_id for p in self.office.catalogue.plans("tele") if p.retired_at is None]
        self.plans = sorted(plans)
        self.office.catalogue.link("TELE", "telemedicine", "tele", self.plans[0])

    def says(self, contract: str, person: int | None = None, **more: Any) -> None:
        """Let the ERP say something of a contract; its file has it from now on."""
        who = int(contract.split("-")[0]) if person is None else person
        level = self.erp.setdefault(
            contract,
            {
                "contract_id": contract,
                "status": "active",
                "customer": {"id": f"P{who}", "name": "Pessoa Inventada", "document": document(who)},
                "items": [{"code": "1", "product_code": "TELE", "plan": self.plans[0]}],
                "block_reasons": [],
            },
        )
        if "plan" in more:
            level["items"] = [{**level["items"][0], "plan": self.plans[more.pop("plan")]}]
        if "email" in more:
            level["customer"] = {**level["customer"], "email": more.pop("email")}
        level.update(more)

    def import_file(self) -> None:
        report = self.office.contracts.take_in([ContractRow.model_validate(level) for level in self.erp.values()])
        assert not report.errors

    def work(self, rounds: int = 1) -> None:
        for _ in range(rounds):
            with self.hub.work(threads=2) as worker:
                worker.drain()
            self.clock.advance(seconds=100)

    def follow(self) -> None:
        self.import_file()
        self.work()

    def backup(self) -> Path:
        file = self.folder / f"{secrets.token_hex(4)}.db"
        backups.backup(self.hub.store, file, actor="eva")
        return file

    def lose(self) -> None:
        self.hub.close()
        empty(self.url)

    def restore(self, file: Path) -> backups.Restored:
        store = Store(self.url, self.clock)
        try:
            restored = backups.restore(file, store, Registry(), actor="eva")
        finally:
            store.close()
        self.hub = Hub.open(self.url, clock=self.clock, draw=lambda: 0.5)
        return restored

    def people_decide(self) -> None:
        """Let who has vanished be created again: only a person knows whether that was meant."""
        for operation in list(self.office.operations.list(Outcome.PARKED)):
            assert operation.cause == "the user has vanished at the provider"
            self.office.operations.retry(operation.id, actor="eva")

    def live(self) -> list[Any]:
        return [user for user in self.simulator.users if user.status is not Status.CANCELLED]

    def nobody_is_doubled(self) -> None:
        people = [user.cpf for user in self.live()]
        assert len(people) == len(set(people))

    def both_sides_agree(self) -> None:
        """Compare what the ERP says, what the store says and what the provider has."""
        self.nobody_is_doubled()
        theirs = {user.cpf: user for user in self.live()}
        sold = {s.contract_id: s for s in self.office.subscriptions.list()}
        people = {level["customer"]["document"] for level in self.erp.values()}
        for person in people:
            levels = [level for level in self.erp.values() if level["customer"]["document"] == person]
            self._agrees(theirs.get(person), levels, sold)

    def _agrees(self, user: Any, levels: list[dict[str, Any]], sold: dict[str, Any]) -> None:
        served = [level for level in levels if level["status"] == "active" and not level["block_reasons"]]
        held = {p.id for p in user.plans if p.status is not Status.CANCELLED} if user else set()
        rows = {level["contract_id"]: sold[level["contract_id"]] for level in levels if level["contract_id"] in sold}
        there = [row for row in rows.values() if row.observed not in {Observed.ABSENT, Observed.CANCELLED}]
        assert bool(user) is bool(there)
        for row in there:  # one user, one state; a block of one contract among several is held
            assert row.observed.value == user.status.value == ("ACTIVE" if served else "BLOCKED")
            assert row.remote_id == user.id
        assert {rows[level["contract_id"]].observed for level in served} <= {Observed.ACTIVE}
        assert {level["items"][0]["plan"] for level in served} <= held
        assert len(held) <= len(there)
        assert not served or user.email == served[0]["customer"].get("email")
        for level in levels:
            if level["status"] == "cancelled" and level["contract_id"] in rows:
                assert rows[level["contract_id"]].desired is Desired.CANCELLED
        assert {row.state for row in rows.values()} <= {State.SETTLED, State.WAITING}


def empty(url: str) -> None:
    """Lose a store: its file, or every table of its database."""
    store = Store(url)
    if store.dialect == "sqlite":
        store.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{store.url.database}{suffix}").unlink(missing_ok=True)
        return
    with store.write() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    store.close()


@contextmanager
def opened(url: str, folder: Path) -> Iterator[Isp]:
    clock = HandClock()
    simulator = TeleClinicaSimulator(seed=1, clock=clock)
    with simulator.running(), pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, simulator.credentials["password"])
        isp = Isp(folder, url, clock, simulator, Hub.open(url, clock=clock, draw=lambda: 0.5))
        try:
            isp.register()
            yield isp
        finally:
            isp.hub.close()


@pytest.fixture
def isp(usual_database_url: str, tmp_path: Path) -> Iterator[Isp]:
    with opened(usual_database_url, tmp_path) as isp:
        yield isp


def test_a_lost_store_comes_back_and_agrees_with_what_happened_since_the_backup(isp: Isp) -> None:
    for number in range(30):
        isp.says(f"{number}-1")
    for number in (3, 4):
        isp.says(f"{number}-2", plan=1)
    isp.says("20-1", block_reasons=["overdue"])
    isp.says("21-1", block_reasons=["overdue"])
    isp.says("22-1", status="cancelled")
    isp.says("23-1", status="pending")
    isp.follow()
    file = isp.backup()

    isp.says("0-1", block_reasons=["overdue"])
    isp.says("1-1", status="cancelled")
    isp.says("2-1", plan=1)
    isp.says("3-1", status="cancelled")
    isp.says("5-1", email="ana@example.com")
    isp.says("20-1", block_reasons=[])
    isp.says("22-1", status="active")  # sold again, with a number that the backup does not know
    isp.says("23-1", status="active")
    for number in range(30, 36):
        isp.says(f"{number}-1")
    isp.says("4-3", plan=2)  # one more for somebody who is there
    isp.follow()
    isp.says("1-1", status="active")  # and one that the backup knows as never cancelled
    isp.says("30-1", plan=1)
    isp.follow()
    isp.both_sides_agree()
    users = {user.id for user in isp.live()}

    isp.lose()
    restored = isp.restore(file)
    assert (restored.asked_again, restored.parked, restored.ended) == (30, 0, 0)
    isp.follow()
    isp.work(rounds=4)
    isp.both_sides_agree()
    assert {user.id for user in isp.live()} == users


def test_a_restore_without_any_change_since_changes_nothing(isp: Isp) -> None:
    for number in range(4):
        isp.says(f"{number}-1")
    isp.says("3-1", block_reasons=["staff"])
    isp.follow()
    before = isp.simulator.state()
    file = isp.backup()
    isp.lose()
    isp.restore(file)
    isp.work(rounds=3)
    assert isp.simulator.state() == before
    isp.both_sides_agree()


def test_what_was_under_way_at_the_backup_is_looked_up_before_it_is_done_again(isp: Isp) -> None:
    isp.says("1-1")
    isp.says("2-1")
    isp.import_file()
    fleet = Fleet(isp.hub.registry, isp.clock)
    desk = Desk(isp.hub.store, fleet, isp.clock, lambda: 0.5)
    under_way, _ = desk.take(2)
    file = isp.backup()
    for work in under_way:  # both are created after the backup, and nobody writes that down
        with holding(work.held):
            carry_out(work.relay, work.decision, work.subscription, work.reasons)
    fleet.close()
    isp.lose()
    assert isp.restore(file).open_attempts == 2
    with isp.hub.store.read() as connection:
        ended = connection.execute(select(tables.attempts.c.certainty, tables.attempts.c.cause)).all()
        leased = connection.execute(select(tables.accounts.c.lease_owner)).scalars().all()
    assert [row.certainty for row in ended] == [Certainty.UNKNOWN] * 2
    assert all("restored from a backup of" in row.cause for row in ended)
    assert leased == [None, None]
    isp.work(rounds=3)
    isp.both_sides_agree()


def test_a_contract_cancelled_for_good_stays_so(isp: Isp) -> None:
    isp.says("1-1")
    isp.follow()
    isp.says("1-1", status="cancelled")
    isp.follow()
    file = isp.backup()
    isp.lose()
    assert isp.restore(file).ended == 1
    isp.work(rounds=3)
    assert isp.live() == []


def test_what_waits_for_a_person_goes_on_waiting_and_is_looked_up_when_they_act(isp: Isp) -> None:
    isp.says("1-1")
    isp.follow()
    (user,) = isp.live()
    isp.simulator.users.truth[user.id] = user.__class__(**{**_fields(user), "status": Status.CANCELLED})
    isp.office.verbs.issue(Command(Action.BLOCK, "1-1", actor="eva"))
    isp.work()
    file = isp.backup()
    isp.lose()
    assert isp.restore(file).parked == 1
    isp.work(rounds=2)
    (row,) = isp.office.subscriptions.list()
    assert (row.state, row.cause) == (State.PARKED, "the user has vanished at the provider")


def test_who_was_cancelled_by_hand_after_the_backup_waits_for_a_person(isp: Isp) -> None:
    isp.says("1-1")
    isp.follow()
    file = isp.backup()
    isp.office.verbs.issue(Command(Action.CANCEL, "1-1", actor="eva"))
    isp.work()
    isp.lose()
    isp.restore(file)
    isp.follow()
    isp.work(rounds=4)
    (row,) = isp.office.subscriptions.list()
    assert (row.state, row.cause) == (State.PARKED, "the user has vanished at the provider")
    assert isp.live() == []
    isp.people_decide()
    isp.work(rounds=3)
    isp.both_sides_agree()
    assert len(isp.live()) == 1


def _fields(user: Any) -> dict[str, Any]:
    return {name: getattr(user, name) for name in user.__dataclass_fields__}


def test_the_audit_of_every_tenant_tells_of_backup_and_restore(isp: Isp) -> None:
    isp.hub.add_tenant("outro")
    file = isp.backup()
    isp.lose()
    isp.restore(file)
    with isp.hub.store.read() as connection:
        query = select(tables.audit.c.tenant, tables.audit.c.command, tables.audit.c.actor)
        told = connection.execute(query.where(tables.audit.c.kind == AuditKind.COMMAND)).all()
    for tenant in ("default", "outro"):
        commands = [row.command for row in told if row.tenant == tenant]
        assert [c for c in commands if c.startswith("db ")] == ["db backup", "db restore"]


# -- any order ---------------------------------------------------------------------------------------------------------

CONTRACTS = ("1-1", "1-2", "2-1", "3-1")
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["active", "cancelled"]),
        "block_reasons": st.sampled_from([[], ["overdue"], ["staff"]]),
        "plan": st.sampled_from([0, 1]),
    },
)
TURNS = st.lists(st.tuples(st.sampled_from(CONTRACTS), CHANGES, st.booleans()), max_size=7)


def _play(isp: Isp, turns: list[tuple[str, dict[str, Any], bool]]) -> None:
    for contract, change, works in turns:
        isp.says(contract, **change)
        isp.import_file()
        if works:
            isp.work()


def _any_order(url: str, folder: Path, before: Any, after: Any) -> None:
    empty(url)
    with opened(url, folder) as isp:
        _play(isp, before)
        known = {s.contract_id for s in isp.office.subscriptions.list()}
        file = isp.backup()
        _play(isp, after)
        if isp.erp.keys() - known:
            isp.work()
        isp.lose()
        isp.restore(file)
        # What the backup does not know and the ERP does not want is left at the provider until it is wanted again.
        for contract in isp.erp.keys() - known:
            isp.says(contract, block_reasons=[])
        for _ in range(5):
            isp.follow()
            isp.nobody_is_doubled()
            isp.people_decide()
        assert not [s for s in isp.office.subscriptions.list() if s.state not in {State.SETTLED, State.WAITING}]
        isp.both_sides_agree()


FEW = settings(deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.deep
@settings(FEW, max_examples=400)
@given(before=TURNS, after=TURNS)
def test_any_history_after_a_backup_ends_in_agreement(sqlite_url: str, tmp_path: Path, before: Any, after: Any) -> None:
    _any_order(sqlite_url, tmp_path, before, after)


@pytest.mark.deep
@settings(FEW, max_examples=100)
@given(before=TURNS, after=TURNS)
def test_and_so_does_any_on_postgresql(postgresql_url: str, tmp_path: Path, before: Any, after: Any) -> None:
    _any_order(postgresql_url, tmp_path, before, after)
