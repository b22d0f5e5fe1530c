"""`svahub doctor`: what is wrong is found, with its remedy; one thing that is broken keeps nothing else unchecked."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text, update
from svahub.cli import main
from svahub.doctor import accounts, database, examine, installation, work
from svahub.doctor.findings import Finding, Verdict
from svahub.doctor.premises import Premises
from svahub.errors import Refused
from svahub.hub import Hub
from svahub.intake import ContractRow
from svahub.store import Store, contracts, integrations, queue, schedules, tables
from svahub.store.queue import Lane, Room, Terms
from svahub.store.schedules import ScheduleRow
from svahub.store.states import IntegrationState, Phase, RunOutcome
from svahub.testing import Fault
from svahub.testing.clocks import HandClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from svahub.hub import TenantHub
    from svahub_teleclinica.simulator import TeleClinicaSimulator
    from tests.conftest import Site

VARIABLE = "WORD_OF_THE_CLINIC"
CPF = "52998224725"


def run(hub: Hub, *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["doctor", *arguments], obj=hub)
    assert result.exit_code == code, result.output
    return result


def on(url: str, *arguments: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(main, ["--database", url, "doctor", "--json", *arguments])
    return result.exit_code, json.loads(result.stdout)


def found(premises: Premises, check: str) -> list[Finding]:
    return [finding for finding in examine(premises) if finding.check == check]


def of(hub: Hub, **how: Any) -> Premises:
    return Premises(hub.store, hub.registry, **({"offline": True} | how))


def sell(office: TenantHub, contract: str = "C1") -> None:
    if not office.catalogue.links():
        office.catalogue.sync("tele")
        plan = office.catalogue.plans("tele")[0].remote_id
        office.catalogue.link("TM", "telemedicine", "tele", plan)
    customer = {"id": "P1", "name": "Pessoa Inventada", "document": CPF}
    items = [{"code": "1", "product_code": "TM"}]
    row = ContractRow.model_validate({"contract_id": contract, "customer": customer, "items": items})
    assert not office.contracts.take_in([row]).errors


# -- all is well -------------------------------------------------------------------------------------------------------


def test_where_all_is_well_nothing_has_a_remedy(office: TenantHub, hub: Hub) -> None:
    sell(office)
    with hub.work() as worker:
        worker.drain()
    shown = json.loads(run(hub, "--json").stdout)
    assert (shown["verdict"], shown["needs_person"]) == ("ok", False)
    assert {finding["remedy"] for finding in shown["findings"]} == {None}
    checks = {finding["check"] for finding in shown["findings"]}
    assert {"versions", "plugins", "store", "tables", "access", "providers", "clock", "queue", "audit"} <= checks
    assert run(hub).stdout.endswith("All is well.\n")


def test_on_each_database_a_new_store_is_well(database_url: str) -> None:
    Hub.open(database_url).close()
    code, shown = on(database_url)
    assert (code, shown["verdict"]) == (0, "ok"), shown


def test_offline_no_provider_is_called(office: TenantHub, hub: Hub, clinic: TeleClinicaSimulator) -> None:
    clinic.faults.set({Fault.DROP: 1.0})
    run(hub, "--offline")
    run(hub, code=1)


# -- the store ---------------------------------------------------------------------------------------------------------


def test_a_store_that_is_missing_is_told_and_not_made(empty_sqlite_url: str) -> None:
    code, shown = on(empty_sqlite_url)
    assert (code, shown["verdict"]) == (1, "error")
    assert not Path(empty_sqlite_url.removeprefix("sqlite:///")).exists()
    assert "svahub db upgrade" in remedies(shown)


def remedies(shown: dict[str, Any]) -> str:
    return " ".join(filter(None, (finding["remedy"] for finding in shown["findings"])))


@pytest.mark.parametrize(("version", "sentence"), [("0001", "svahub db upgrade"), ("9999", "newer svahub")])
def test_a_store_that_no_hub_opens_is_examined(usual_database_url: str, version: str, sentence: str) -> None:
    Hub.open(usual_database_url).close()
    store = Store(usual_database_url)
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})
    store.close()
    code, shown = on(usual_database_url)
    assert code == 1
    (told,) = (f for f in shown["findings"] if f["check"] == "store" and f["verdict"] == "error")
    assert sentence in told["found"]
    assert "not checked" in str(shown)


@pytest.mark.parametrize("url", ["nonsense", "mysql://user@host/db", "postgresql://nobody@127.0.0.1:1/none"])
def test_an_address_that_leads_nowhere_keeps_the_plugins_checked(url: str) -> None:
    code, shown = on(url)
    assert code == 1
    assert {"versions", "plugins", "store"} <= {finding["check"] for finding in shown["findings"]}


def test_a_file_that_is_no_database_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database " * 100)
    code, shown = on(f"sqlite:///{path}")
    assert code == 1
    assert "not an SQLite database" in str(shown)


def test_a_store_that_takes_no_writes_is_told(postgresql_url: str) -> None:
    Hub.open(postgresql_url).close()
    store = Store(postgresql_url)
    with store.write() as connection:
        connection.execute(text(f"ALTER DATABASE {store.url.database} SET default_transaction_read_only = on"))
    store.close()
    code, shown = on(postgresql_url)
    (told,) = (f for f in shown["findings"] if f["check"] == "access")
    assert (code, "takes no writes" in told["found"]) == (1, True)


def test_an_unknown_tenant_is_a_finding(hub: Hub) -> None:
    result = CliRunner().invoke(main, ["--tenant", "nobody", "doctor"], obj=hub)
    assert result.exit_code == 1
    assert "No tenant 'nobody'" in result.stdout


def test_tables_that_were_changed_are_told(hub: Hub) -> None:
    with hub.store.write() as connection:
        connection.execute(text("DROP TABLE retention"))
    (finding,) = found(of(hub), "tables")
    assert (finding.verdict, "restore" in str(finding.remedy)) == (Verdict.ERROR, True)


def test_a_clock_that_differs_from_the_databases_is_told(postgresql_url: str) -> None:
    with Hub.open(postgresql_url, clock=HandClock()) as hub:
        (finding,) = database.clock(of(hub))
    assert (finding.verdict, "NTP" in str(finding.remedy)) == (Verdict.ERROR, True)
    assert "PostgreSQL" in finding.found


def test_a_clock_that_was_set_back_is_told(sqlite_url: str) -> None:
    clock = HandClock()
    with Hub.open(sqlite_url, clock=clock) as hub:
        hub.add_tenant("other")
        clock.advance(hours=-1)
        (finding,) = (f for f in database.clock(of(hub)) if f.tenant == "other")
    assert "3,600 s behind the newest entry of the audit" in finding.found


# -- plugins and integrations ------------------------------------------------------------------------------------------


def test_a_broken_plugin_is_told_and_the_rest_is_checked(office: TenantHub, hub: Hub, site: Site) -> None:
    site.install("svahub-broken", "[svahub.providers]\nbroken = broken_one:Provider\n", broken_one="raise OSError('x')")
    shown = json.loads(run(hub, "--json", code=1).stdout)
    assert "upgrade or uninstall svahub-broken" in remedies(shown)
    assert any(f["check"] == "providers" and f["verdict"] == "ok" for f in shown["findings"])


def test_a_missing_plugin_names_what_to_install(office: TenantHub, hub: Hub) -> None:
    with hub.store.write() as connection:
        connection.execute(update(tables.integrations).values(provider="gone", distribution="svahub-gone"))
    (finding,) = installation.missing_plugins(of(hub))
    assert (finding.verdict, finding.remedy) == (Verdict.ERROR, "pip install svahub-gone")
    assert not list(accounts.providers(of(hub, offline=False)))
    assert not list(accounts.settings(of(hub)))


def test_a_wrong_secret_is_told_with_how_to_rotate(
    office: TenantHub, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "opens-nothing")
    (finding,) = accounts.providers(of(hub, offline=False))
    assert (finding.verdict, finding.found.startswith("'tele': credentials")) == (Verdict.ERROR, True)
    assert "svahub integration rotate tele" in str(finding.remedy)


def test_a_secret_that_cannot_be_read_is_told_once(
    office: TenantHub, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    findings = [f for f in examine(of(hub, offline=False)) if f.verdict is Verdict.ERROR]
    assert [f.check for f in findings] == ["readable secrets"]
    assert VARIABLE in findings[0].found


def test_an_old_secret_is_a_warning(office: TenantHub, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    long_ago = hub.clock.now() - timedelta(days=91)
    with hub.store.write() as connection:
        connection.execute(update(tables.integrations).values(secrets_at=long_ago))
    (finding,) = accounts.old_secrets(of(hub))
    assert (finding.verdict, "91 days old" in finding.found) == (Verdict.WARNING, True)


def test_a_provider_that_is_down_is_told(office: TenantHub, hub: Hub) -> None:
    with hub.store.write() as connection:
        connection.execute(update(tables.integrations).values(base_url="http://127.0.0.1:1"))
    (finding,) = accounts.providers(of(hub, offline=False))
    assert (finding.verdict, "host" in finding.found) == (Verdict.ERROR, True)


def test_settings_that_no_longer_fit_the_plugin_are_told(office: TenantHub, hub: Hub) -> None:
    with hub.store.write() as connection:
        connection.execute(update(tables.integrations).values(settings={"username": "u", "timeout": "soon"}))
    (finding,) = accounts.settings(of(hub))
    assert (finding.verdict, "timeout" in finding.found) == (Verdict.ERROR, True)


def test_what_is_stopped_is_told_by_how_bad_it_is(office: TenantHub, hub: Hub) -> None:
    _set(hub, IntegrationState.QUARANTINED)
    (finding,) = accounts.stopped(of(hub))
    assert (finding.verdict, "svahub integration test tele" in str(finding.remedy)) == (Verdict.ERROR, True)
    _set(hub, IntegrationState.DISABLED)
    (finding,) = accounts.stopped(of(hub))
    assert (finding.verdict, "svahub integration enable tele" in str(finding.remedy)) == (Verdict.WARNING, True)


def _set(hub: Hub, state: IntegrationState) -> None:
    with hub.store.write() as connection:
        integrations.set_state(connection, "default", "tele", state, "the provider does not accept our credentials")


def test_a_quarantine_ends_when_the_provider_answers_again(office: TenantHub, hub: Hub) -> None:
    _set(hub, IntegrationState.QUARANTINED)
    assert not [f for f in examine(of(hub, offline=False)) if f.verdict is not Verdict.OK]
    assert office.integrations.show("tele").status == "enabled"


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_key_file_that_others_may_read_is_a_warning(
    mode: int, hub: Hub, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cryptography.fernet import Fernet

    path = tmp_path_factory.mktemp("keys") / "key"
    path.write_text(Fernet.generate_key().decode())
    path.chmod(mode)
    monkeypatch.delenv("SVAHUB_SECRET_KEY", raising=False)
    monkeypatch.setenv("SVAHUB_SECRET_KEY_FILE", str(path))
    told = [f"{finding.found} {finding.remedy}" for finding in accounts.key_file(of(hub))]
    assert any("chmod 600" in sentence for sentence in told) is (mode == 0o644)


# -- work --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def waiting(sqlite_url: str, clinic: TeleClinicaSimulator) -> Iterator[tuple[TenantHub, HandClock]]:
    """Return an ISP with one contract that is due, and its clock."""
    from svahub.models import Environment

    clock = HandClock()
    with Hub.open(sqlite_url, clock=clock) as hub:
        office = hub.tenant("default")
        settings, secret = {"username": clinic.credentials["username"]}, {"password": f"env:{VARIABLE}"}
        office.integrations.add(
            "tele", "teleclinica", Environment.STAGING, address=clinic.url, settings=settings, secret=secret
        )
        sell(office)
        yield office, clock


def test_a_queue_that_nobody_works_on_is_an_error_once_it_is_late(waiting: tuple[TenantHub, HandClock]) -> None:
    office, clock = waiting
    (finding,) = work.queue(of(office.hub))
    assert finding.verdict is Verdict.OK
    clock.advance(hours=2)
    (finding,) = work.queue(of(office.hub))
    assert (finding.verdict, "svahub work" in str(finding.remedy)) == (Verdict.ERROR, True)
    assert "2 h" in finding.found


def test_a_queue_that_somebody_works_on_is_a_warning(waiting: tuple[TenantHub, HandClock]) -> None:
    office, clock = waiting
    clock.advance(hours=2)
    now = clock.now()
    with office.hub.store.write() as connection:
        terms = Terms("another host", now, now + timedelta(seconds=10), now + timedelta(seconds=15))
        queue.lease(connection, {Lane("default", "tele"): Room(10)}, terms, 10)
        account = {"key": "later-00", "tenant": "default", "integration": "tele", "customer_id": "P2", "priority": 1}
        (customer,) = queue.customers_of(connection, {("default", "P1")})
        contracts.add_rows(connection, tables.customers, [replace(customer, id="P2")])
        due = {"due_at": now - timedelta(hours=1), "lease_number": 0}
        connection.execute(tables.accounts.insert(), account | due)
    (finding,) = work.queue(of(office.hub))
    assert (finding.verdict, "somebody works" in finding.found) == (Verdict.WARNING, True)


def test_attempts_that_nobody_ended_are_a_warning(waiting: tuple[TenantHub, HandClock]) -> None:
    from svahub.desk import Desk
    from svahub.fleet import Fleet

    office, clock = waiting
    fleet = Fleet(office.hub.registry, clock)
    Desk(office.hub.store, fleet, clock, lambda: 0.5).take(10)
    assert not list(work.attempts(of(office.hub)))
    clock.advance(minutes=5)
    (finding,) = work.attempts(of(office.hub))
    assert (finding.verdict, finding.found.startswith("1 ")) == (Verdict.WARNING, True)
    fleet.close()


def test_parked_work_ends_with_4_and_errors_come_before_it(
    office: TenantHub, hub: Hub, clinic: TeleClinicaSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(office)
    with hub.store.write() as connection:
        parked = update(tables.subscriptions).values(phase=Phase.PARKED, cause="refused", due_at=None)
        connection.execute(parked)
    shown = json.loads(run(hub, "--json", "--offline", code=4).stdout)
    assert (shown["verdict"], shown["needs_person"]) == ("warning", True)
    assert "svahub operations list --outcome parked" in remedies(shown)
    monkeypatch.delenv(VARIABLE)
    run(hub, "--offline", code=1)


def test_schedules_that_failed_or_were_not_run_are_told(hub: Hub) -> None:
    now = hub.clock.now()
    rows = [
        ScheduleRow("default", "plans-sync", "0 3 * * *", True, now + timedelta(days=1), outcome=RunOutcome.FAILED),
        ScheduleRow("default", "integrations-test", "0 3 * * *", True, now - timedelta(hours=1)),
        ScheduleRow("default", "audit-prune", "0 3 * * *", False, now - timedelta(hours=1)),
    ]
    with hub.store.write() as connection:
        schedules.add_missing(connection, rows)
    told = {f.found.partition(":")[0].partition(" ")[0]: f.verdict for f in work.schedules(of(hub))}
    assert told == {"plans-sync": Verdict.ERROR, "integrations-test": Verdict.WARNING}


# -- the checks themselves ---------------------------------------------------------------------------------------------


def test_a_check_that_breaks_is_a_finding_and_stops_no_other(hub: Hub) -> None:
    from svahub import doctor

    def breaks(_premises: Premises) -> list[Finding]:
        raise ZeroDivisionError(CPF)

    def refuses(_premises: Premises) -> list[Finding]:
        raise Refused("not today")

    findings = [finding for check in (breaks, refuses) for finding in doctor.carried_out(check, of(hub))]
    assert [(f.check, f.verdict) for f in findings] == [("breaks", Verdict.ERROR), ("refuses", Verdict.ERROR)]
    assert CPF not in str(findings)


def test_each_check_says_what_it_is_for() -> None:
    from svahub import doctor

    checks = (*doctor.ANYWHERE, database.store, *doctor.INSIDE)
    assert all(check.__doc__ for check in checks)
    assert len({check.__name__ for check in checks}) == len(checks)


def test_several_tenants_are_told_apart(hub: Hub) -> None:
    hub.add_tenant("other")
    lines = run(hub, "--all-tenants", "--offline").stdout
    assert ("default: nothing is late" in lines, "other: nothing is late" in lines) == (True, True)
    assert "nothing is late" in run(hub, "--offline").stdout
