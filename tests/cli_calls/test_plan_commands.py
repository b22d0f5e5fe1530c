"""The commands of plans and products: synced, created, linked, and not unlinked while they live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from svahub.testing import Fault

from cli_calls.calls import VARIABLE, Run, plan, shown

if TYPE_CHECKING:
    from svahub.hub import TenantHub
    from svahub_teleclinica.simulator import TeleClinicaSimulator


def test_every_enabled_integration_is_synced_although_one_fails(run: Run, office: TenantHub, add: Run) -> None:
    run("integration", "add", "closed", "--provider", "teleclinica", "--environment", "staging", "--set", "username=u",
        "--secret", f"password=env:{VARIABLE}", "--base-url", "http://127.0.0.1:1/v1")  # fmt: skip
    result = run("plans", "sync", "--json", code=1)
    rows = {row["integration"]: row for row in shown(result)}
    assert (len(rows["tele"]["added"]), rows["tele"]["error"]) == (3, None)
    assert "cannot be reached" in rows["closed"]["error"]
    assert "Error: closed: " in result.stderr
    assert run("plans", "sync", "tele").exit_code == 0


def test_a_disabled_integration_is_not_synced_unasked(run: Run, office: TenantHub) -> None:
    run("integration", "disable", "tele")
    result = run("plans", "sync", "--json")
    assert (shown(result), result.stderr) == ([], "Left out: tele is disabled.\n")


def test_an_incomplete_catalogue_changes_nothing(run: Run, office: TenantHub, clinic: TeleClinicaSimulator) -> None:
    clinic.faults[Fault.SHORT_PAGE] = 1
    run("plans", "sync", "tele", code=1)
    assert shown(run("plans", "list", "--json")) == []


def test_a_plan_is_created_with_a_price_as_people_write_it(run: Run, office: TenantHub) -> None:
    created = shown(run("plans", "create", "tele", "--name", "Extra", "--price", "1.019,90", "--json"))
    listed = {row["name"]: row for row in shown(run("plans", "list", "--json"))}
    assert (listed["Extra"]["remote_id"], listed["Extra"]["price"]) == (created["remote_id"], "1019.90")
    assert "already" in run("plans", "create", "tele", "--name", "Extra", "--price", "1", code=1).stderr


def test_a_product_is_linked_listed_and_unlinked(run: Run, office: TenantHub) -> None:
    run("plans", "sync")
    link = ("products", "link", "TM", "--product-type", "telemedicine", "--plan", plan(run, "Família"))
    run(*link, "--dry-run")
    assert shown(run("products", "list", "--json")) == []
    assert shown(run(*link, "--json"))["integration"] == "tele"
    assert [row["code"] for row in shown(run("products", "list", "--json"))] == ["TM"]
    run("products", "unlink", "TM", "--dry-run")
    run("products", "unlink", "TM")
    assert "No linked product 'TM'" in run("products", "unlink", "TM", code=1).stderr


def test_the_product_type_is_checked_first(run: Run) -> None:
    refused = run("products", "link", "TM", "--product-type", "tv", "--integration", "none", "--plan", "x", code=1)
    assert "product type 'tv'" in refused.stderr


def test_a_link_tells_of_items_that_wait_for_it(shop: Run) -> None:
    linked = shop("products", "link", "NET", "--product-type", "telemedicine", "--plan", plan(shop, "Família"))
    assert "1 items of NET are not sold yet" in linked.stderr


def test_a_product_with_live_subscriptions_is_not_unlinked(shop: Run) -> None:
    assert "3 subscriptions of product 'TM' live" in shop("products", "unlink", "TM", code=1).stderr
