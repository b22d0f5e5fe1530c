"""Who was erased comes back by a new sale only; an activation shows the proof of consent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from svahub.hub import Hub, TenantHub

from privacy.persons import CANARIES, CPF, NAME, Run, contract, everything, shown, tables_as_they_are

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
