"""The export of everything that is known of a person, recorded as a look."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from svahub.hub import Hub
from svahub.store.states import AuditKind

from privacy.persons import CPF, EMAIL, NAME, OTHER_CPF, SULKING, WISH, Run, entries, install, shown, tell


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
