"""An erasure is one: no table and no file holds the person any more, and the audit still verifies."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from svahub.hub import Hub
from svahub.store import tables

from privacy.persons import (
    CANARIES,
    CPF,
    EMAIL,
    FORMER_EMAIL,
    NAME,
    NOTE,
    PHONE,
    STREET,
    SULKING,
    WISH,
    Run,
    entries,
    everything,
    install,
    shown,
    tables_as_they_are,
    tell,
)


def in_files(hub: Hub, canary: str) -> bool:
    files = Path(str(hub.store.url.database)).parent.glob("svahub.db*")
    return any(canary.encode() in file.read_bytes() for file in files)


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
