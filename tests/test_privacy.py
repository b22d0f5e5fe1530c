"""A person's rights over the simulator, on both databases: the export of everything, and an erasure that is one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select
from svahub.cli import main
from svahub.hub import Hub, TenantHub
from svahub.registry import Registry
from svahub.store import tables
from svahub.store.states import AuditKind

if TYPE_CHECKING:
    Run = Callable[..., Result]

CPF, OTHER_CPF = "52998224725", "11144477735"
NAME, EMAIL, PHONE, STREET, WISH = (
    "Maria Canário Inventada", "canario.maria@example.com", "+5511987651234", "Rua do Canário", "canary-wish",
)  # fmt: skip
FORMER_EMAIL, NOTE = "antiga.canario@example.com", "Maria Canário asked on the phone"
CANARIES = (CPF, NAME, EMAIL, PHONE, STREET, WISH, FORMER_EMAIL, NOTE)
CONSENT = {"at": "2026-01-02T03:04:05Z", "channel": "app", "text_version": "v7"}

CRM = """
from sqlalchemy import text
from svahub import hookimpl

class Crm:
    @hookimpl
    def export_customer(self, transaction, customer_id):
        found = transaction.connection.execute(text("SELECT note FROM crm_notes WHERE tenant = :t AND customer = :c"),
                                               {"t": transaction.tenant, "c": customer_id})
        notes = [note for (note,) in found]
        return {"notes": notes, "at": transaction.now} if notes else None

    @hookimpl
    def erase_customer(self, transaction, customer_id):
        transaction.connection.execute(text("DELETE FROM crm_notes WHERE tenant = :t AND customer = :c"),
                                       {"t": transaction.tenant, "c": customer_id})
"""
SULKING = """
from sqlalchemy import text
from svahub import hookimpl

class Crm:
    @hookimpl
    def export_customer(self, transaction, customer_id):
        raise ValueError("Maria")

    @hookimpl
    def erase_customer(self, transaction, customer_id):
        transaction.connection.execute(text("DELETE FROM crm_notes"))
        raise ValueError("Maria")
"""


@pytest.fixture
def hub(usual_database_url: str) -> Iterator[Hub]:
    with Hub.open(usual_database_url) as hub:
        yield hub


@pytest.fixture
def run(hub: Hub) -> Run:
    def invoke(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, arguments, obj=hub)
        assert result.exit_code == code, result.output
        return result

    return invoke


def contract(id: str = "C1", customer: str = "P1", **more: Any) -> dict[str, Any]:
    maria = {"id": customer, "name": NAME, "document": CPF, "email": EMAIL, "phone": PHONE, "birth_date": "1980-02-03"}
    address = {"street": STREET, "number": "7", "city": "Santos", "state": "SP", "postal_code": "11010000"}
    item = {"code": "1", "product_code": "TM", "attributes": {"wish": WISH}, "consent": CONSENT}
    return {"contract_id": id, "customer": maria | {"address": address}, "items": [item]} | more


@pytest.fixture
def bring(run: Run, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def imported(*contracts: dict[str, Any], options: tuple[str, ...] = ()) -> dict[str, Any]:
        file = tmp_path / "contracts.jsonl"
        file.write_text("\n".join(map(json.dumps, contracts)))
        report: dict[str, Any] = json.loads(run("contracts", "import", str(file), "--json", *options).stdout)
        file.unlink()
        return report

    return imported


@pytest.fixture
def sold(office: TenantHub, run: Run, bring: Callable[..., dict[str, Any]]) -> None:
    """Sell one contract of Maria's and one of Ana's; Maria had another e-mail address before."""
    run("plans", "sync", "tele")
    plans = json.loads(run("plans", "list", "tele", "--json").stdout)
    run("products", "link", "TM", "--product-type", "telemedicine", "--plan", plans[0]["remote_id"])
    ana = {"id": "P2", "name": "Ana Outra Pessoa", "document": OTHER_CPF}
    others = {"contract_id": "A1", "customer": ana, "items": [{"code": "1", "product_code": "TM"}]}
    first = contract()
    first["customer"]["email"] = FORMER_EMAIL
    bring(first, others)
    bring(contract(), others)
    run("work", "--once")


@pytest.fixture
def ended(sold: None, run: Run) -> None:
    """Look at Maria's access, then cancel her contract."""
    run("access", "show", "C1", "--reveal", "--actor", "eva")
    run("cancel", "C1", "--yes", "--note", NOTE)


def shown(result: Result) -> Any:
    return json.loads(result.stdout)


def tell(hub: Hub, customer: str = "P1") -> None:
    with hub.store.write() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS crm_notes (tenant TEXT, customer TEXT, note TEXT)")
        connection.exec_driver_sql(f"INSERT INTO crm_notes VALUES ('default', '{customer}', '{NAME} likes tea')")  # noqa: S608


def install(hub: Hub, site: Any, source: str = CRM) -> None:
    """Install a plugin with tables of its own; the hub sees it as a new process would."""
    hub.registry = Registry()
    site.install("svahub-crm", "[svahub.hooks]\ncrm = svahub_crm:Crm\n", svahub_crm=source)


def everything(hub: Hub) -> str:
    """Return all rows of all tables as text."""
    with hub.store.read() as connection:
        return "\n".join(
            str(row) for table in tables.metadata.sorted_tables for row in connection.execute(select(table))
        )


def tables_as_they_are(hub: Hub) -> dict[str, list[str]]:
    with hub.store.read() as connection:
        return {t.name: [str(row) for row in connection.execute(select(t))] for t in tables.metadata.sorted_tables}


def entries(hub: Hub, command: str) -> list[Any]:
    with hub.store.read() as connection:
        return list(connection.execute(select(tables.audit).where(tables.audit.c.command == command)))


def in_files(hub: Hub, canary: str) -> bool:
    files = Path(str(hub.store.url.database)).parent.glob("svahub.db*")
    return any(canary.encode() in file.read_bytes() for file in files)


# -- export ------------------------------------------------------------------------------------------------------------


def test_an_export_has_everything_unmasked(ended: None, run: Run, hub: Hub, site: Any) -> None:
    tell(hub)
    install(hub, site)
    document = shown(run("customers", "export", "P1", "--json"))
    assert (document["customer"]["document"], document["customer"]["email"]) == (CPF, EMAIL)
    assert (document["items"][0]["attributes"], document["items"][0]["consent"]["channel"]) == ({"wish": WISH}, "app")
    (sale,) = document["subscriptions"]
    assert (sale["observed"], bool(sale["remote_id"]), bool(sale["applied"])) == ("CANCELLED", True, True)
    assert [o["verb"] for o in document["operations"]] == ["create_user", "change", "cancel"]
    assert [a["certainty"] for a in document["attempts"]] == ["succeeded", "succeeded"]
    exchanges = document["exchanges"]  # the looks at the access and at the user are of no attempt
    assert [e["status"] for e in exchanges if e["account_key"]] == [201, 200]
    assert {e["status"] for e in exchanges if not e["account_key"]} == {200}
    assert {e["command"] for e in document["audit"]} >= {"access show", "cancel"}
    assert document["plugins"]["crm"]["notes"] == [f"{NAME} likes tea"]
    assert OTHER_CPF not in json.dumps(document)
    assert "Ana" not in json.dumps(document)


def test_an_export_is_a_look_that_is_recorded_with_it(sold: None, run: Run, hub: Hub) -> None:
    run("customers", "export", "P1", "--actor", "dpo")
    (entry,) = entries(hub, "customers export")
    assert (entry.kind, entry.actor, entry.subject) == (AuditKind.LOOK, "dpo", "customer P1")
    assert (entry.details["revealed"], entry.details["left_out"]) == (True, [])
    assert "customers export" in run("customers", "export", "P1").stdout


def test_an_export_goes_to_a_new_file_of_the_owners_alone(sold: None, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "maria.json"
    told = run("customers", "export", "P1", "--output", str(file))
    assert (str(file) in told.stdout, CPF in told.output) == (True, False)
    assert (file.stat().st_mode & 0o777, json.loads(file.read_text())["customer"]["document"]) == (0o600, CPF)
    assert "is there already" in run("customers", "export", "P1", "--output", str(file), code=1).stderr


def test_no_look_is_recorded_for_a_file_that_cannot_be_made(sold: None, run: Run, hub: Hub, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere" / "maria.json")
    assert "no folder" in run("customers", "export", "P1", "--output", nowhere, code=1).stderr
    assert entries(hub, "customers export") == []


def test_an_unknown_customer_is_told_apart(sold: None, run: Run) -> None:
    assert "No customer 'P9'" in run("customers", "export", "P9", code=1).stderr
    assert "No customer 'P9'" in run("customers", "erase", "P9", "--yes", code=1).stderr
    run("customers", "export", code=2)
    run("customers", "erase", code=2)


def test_an_export_fails_as_a_whole_with_the_plugin_named(sold: None, run: Run, hub: Hub, site: Any) -> None:
    tell(hub)
    install(hub, site, SULKING)
    told = run("customers", "export", "P1", code=1)
    assert ("plugin 'crm' failed at export_customer (ValueError)" in told.stderr, CPF in told.output) == (True, False)
    assert entries(hub, "customers export") == []


# -- erasure -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("cancel", "C1")])
def test_an_erasure_is_refused_while_anything_lives(sold: None, run: Run, hub: Hub, command: tuple[str, str]) -> None:
    before = tables_as_they_are(hub)
    refused = run("customers", "erase", "P1", "--yes", code=1)
    assert f"svahub {' '.join(command)}" in refused.stderr
    assert tables_as_they_are(hub) == before
    run(*command, "--yes", "--no-wait")
    assert "C1/1 at tele" in run("customers", "erase", "P1", "--yes", code=1).stderr


def test_after_an_erasure_no_table_holds_the_person(ended: None, run: Run, hub: Hub, site: Any) -> None:
    tell(hub)
    install(hub, site)
    assert [c for c in CANARIES if c in everything(hub)] == [CPF, NAME, EMAIL, PHONE, STREET, WISH, NOTE]
    done = shown(run("customers", "erase", "P1", "--yes", "--actor", "dpo", "--json"))
    assert [c for c in CANARIES if c in everything(hub)] == []
    assert (done["already"], "crm" in done["plugins"], list(done["providers"])) == (False, True, ["tele"])
    with hub.store.read() as connection:
        customer = connection.execute(select(tables.customers).where(tables.customers.c.id == "P1")).one()
        (sale,) = connection.execute(select(tables.subscriptions).where(tables.subscriptions.c.contract_id == "C1"))
        assert connection.exec_driver_sql("SELECT count(*) FROM crm_notes").scalar() == 0
    assert (customer.name, customer.document) == (done["pseudonym"], done["pseudonym"])
    assert re.fullmatch(r"x[a-z]{13}", done["pseudonym"])
    assert (bool(sale.remote_id), sale.consent["channel"], sale.applied["customer"]) == (True, "app", None)
    assert done["providers"]["tele"] == [sale.remote_id]
    (entry,) = entries(hub, "customers erase")
    assert (entry.actor, entry.details["pseudonym"], entry.details["rows"]) == ("dpo", customer.name, done["erased"])


@pytest.mark.deep
def test_after_an_erasure_the_other_customer_is_as_before(ended: None, run: Run, hub: Hub) -> None:
    ana = run("customers", "export", "P2").stdout
    run("customers", "erase", "P1", "--yes")
    before, after = json.loads(ana), shown(run("customers", "export", "P2"))
    without = {"exported_at", "audit"}
    assert {n: v for n, v in before.items() if n not in without} == {n: v for n, v in after.items() if n not in without}


def test_a_dry_run_shows_the_same_counts_and_erases_nothing(ended: None, run: Run, hub: Hub, site: Any) -> None:
    tell(hub)
    install(hub, site)
    before = tables_as_they_are(hub)
    planned = shown(run("customers", "erase", "P1", "--dry-run", "--json"))
    assert (tables_as_they_are(hub), planned["pseudonym"], planned["dry_run"]) == (before, None, True)
    done = shown(run("customers", "erase", "P1", "--yes", "--json"))
    assert (planned["erased"], planned["kept"]) == (done["erased"], done["kept"])
    assert done["erased"]["customers"] == done["erased"]["items"] == done["erased"]["subscriptions"] == 1
    assert done["erased"]["exchanges"] >= 3


@pytest.mark.deep
def test_erased_twice_is_told_with_its_date(ended: None, run: Run, hub: Hub) -> None:
    first = shown(run("customers", "erase", "P1", "--yes", "--json"))
    before = tables_as_they_are(hub)
    again = shown(run("customers", "erase", "P1", "--yes", "--json"))
    assert (again["already"], again["erased_at"], again["pseudonym"]) == (True, first["erased_at"], first["pseudonym"])
    assert tables_as_they_are(hub) == before
    assert "was erased at 20" in run("customers", "erase", "P1", "--yes").stdout


def test_people_are_told_what_goes_what_stays_and_who_else_to_ask(ended: None, run: Run) -> None:
    told = run("customers", "erase", "P1", "--yes").stdout
    assert ("proof of consent" in told, "headers, bodies and queries" in told) == (True, True)
    assert "the provider at tele still keeps" in told
    assert [c for c in CANARIES if c in told] == []
    seen = run("customers", "show", "P1", "--json")
    assert (shown(seen)["name"], bool(shown(seen)["erased_at"])) == (shown(seen)["document"], True)


def test_an_erasure_is_undone_as_a_whole_when_a_plugin_fails(ended: None, run: Run, hub: Hub, site: Any) -> None:
    tell(hub)
    install(hub, site, SULKING)
    before = tables_as_they_are(hub)
    told = run("customers", "erase", "P1", "--yes", code=1)
    assert "plugin 'crm' failed at erase_customer (ValueError)" in told.stderr
    assert tables_as_they_are(hub) == before
    with hub.store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM crm_notes").scalar() == 1


def test_a_broken_plugin_is_in_the_way_unless_it_is_left_out(ended: None, run: Run, hub: Hub, site: Any) -> None:
    install(hub, site, "raise SystemExit(7)")
    for command in (("customers", "export", "P1"), ("customers", "erase", "P1", "--yes")):
        told = run(*command, code=1).stderr
        assert ("plugin crm is broken: SystemExit: 7" in told, "--without-missing" in told) == (True, True)
    assert shown(run("customers", "export", "P1", "--without-missing"))["left_out"] == {
        "plugin crm": "broken: SystemExit: 7"
    }
    run("customers", "erase", "P1", "--yes", "--without-missing")
    assert entries(hub, "customers erase")[0].details["left_out"] == ["plugin crm"]


def test_an_erased_contract_is_not_activated(ended: None, run: Run) -> None:
    run("customers", "erase", "P1", "--yes")
    assert "was erased on" in run("activate", "C1", code=1).stderr


# -- the next import ---------------------------------------------------------------------------------------------------

Bring = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("status", ["cancelled", "active"])
def test_what_the_file_still_has_brings_nothing_back(
    ended: None, run: Run, hub: Hub, bring: Bring, status: str
) -> None:
    """Cancelled by the ERP too, or by the operator alone, against a file that says what it said."""
    if status == "cancelled":
        bring(contract(status=status))
    run("customers", "erase", "P1", "--yes")
    before = tables_as_they_are(hub)
    report = bring(contract(status=status), contract("C9", status="cancelled"))
    assert (report["erased"], report["returned"], report["unchanged"], report["added"]) == (2, 0, 2, 0)
    after = tables_as_they_are(hub)
    assert {n: v for n, v in after.items() if n not in {"audit", "chains"}} == {
        n: v for n, v in before.items() if n not in {"audit", "chains"}
    }
    assert [c for c in CANARIES if c in everything(hub)] == []


def test_a_new_sale_brings_the_customer_back(ended: None, run: Run, hub: Hub, bring: Bring) -> None:
    run("customers", "erase", "P1", "--yes")
    planned = bring(contract("C2"), options=("--dry-run",))
    assert (planned["returned"], CPF in everything(hub)) == (1, False)
    report = bring(contract("C2"))
    assert (report["returned"], report["added"], report["erased"]) == (1, 1, 0)
    run("work", "--once")
    back = shown(run("customers", "show", "P1", "--json"))
    assert (back["name"], back["erased_at"]) == (NAME, None)
    assert {s["contract_id"]: s["observed"] for s in shown(run("subscriptions", "list", "--json"))} == {
        "A1": "ACTIVE", "C1": "CANCELLED", "C2": "ACTIVE",
    }  # fmt: skip


def test_a_contract_that_comes_back_is_a_new_sale(ended: None, run: Run, bring: Bring) -> None:
    bring(contract(status="cancelled"))
    run("customers", "erase", "P1", "--yes")
    assert bring(contract())["returned"] == 1
    run("work", "--once")
    (first, second) = shown(run("subscriptions", "list", "--contract", "C1", "--json"))
    assert (first["observed"], second["observed"], second["sale"]) == ("CANCELLED", "ACTIVE", 2)


# -- the audit ---------------------------------------------------------------------------------------------------------


def test_the_audit_still_verifies(ended: None, run: Run) -> None:
    run("customers", "erase", "P1", "--yes")
    assert run("audit", "verify").exit_code == 0


# -- the files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("usual_database_url", ["sqlite"], indirect=True)
def test_no_byte_of_the_files_is_the_persons_any_more(ended: None, run: Run, hub: Hub, site: Any) -> None:
    tell(hub)
    install(hub, site)
    assert [c for c in CANARIES if not in_files(hub, c)] in ([], [FORMER_EMAIL])
    done = shown(run("customers", "erase", "P1", "--yes", "--json"))
    assert [c for c in CANARIES if in_files(hub, c)] == []
    assert done["store"]["clean"]


@pytest.mark.parametrize("usual_database_url", ["postgresql"], indirect=True)
def test_dead_rows_are_vacuumed(ended: None, run: Run) -> None:
    assert "VACUUM" in shown(run("customers", "erase", "P1", "--yes", "--json"))["store"]["said"]


# -- consent -----------------------------------------------------------------------------------------------------------


def test_an_activation_shows_the_proof_of_consent(office: TenantHub, run: Run, sold: None, bring: Bring) -> None:
    bring(contract("C5", status="pending"))
    (planned,) = shown(run("activate", "C5", "--dry-run", "--json"))
    assert planned["consent"]["text_version"] == "v7"
    assert "2026-01-02, app, v7" in run("activate", "C5").stdout
    view = shown(run("contracts", "show", "C5", "--json"))
    assert view["subscriptions"][0]["consent"] == view["items"][0]["consent"]
    assert shown(run("subscriptions", "show", "C5/1", "--json"))["consent"]["channel"] == "app"


def test_an_activation_without_consent_is_done_and_remarked(run: Run, sold: None, bring: Bring) -> None:
    bare = contract("C6", status="pending")
    del bare["items"][0]["consent"]
    bring(bare)
    told = run("activate", "C6").stdout
    assert ("none on record" in told, "C6: no consent on record: 1" in told) == (True, True)
    (line,) = shown(run("activate", "C6", "--json"))
    assert (line["consent"], line["remarks"]) == (None, ["no consent on record: 1"])
