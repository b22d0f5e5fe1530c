"""Commands that call a provider, TeleClínica at its simulator: tables, JSON, exit codes, sentences."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select
from svahub.cli import endings, main
from svahub.cli.exits import ExitCode, worst
from svahub.hub import Hub
from svahub.store import tables
from svahub.store.states import AuditKind
from svahub.testing import Fault
from svahub.verbs import Action, Command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from svahub.hub import TenantHub
    from svahub_teleclinica.simulator import TeleClinicaSimulator

    Run = Callable[..., Result]

VARIABLE = "WORD_OF_THE_CLINIC"
WORD = "opens-sesame"
FROM_INPUT = "password=-"
CPF, OTHER_CPF = "52998224725", "11144477735"


@pytest.fixture
def hub(usual_database_url: str) -> Iterator[Hub]:
    with Hub.open(usual_database_url) as hub:
        yield hub


@pytest.fixture
def run(hub: Hub) -> Run:
    def invoke(*arguments: str, code: int = 0, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(main, arguments, obj=hub, input=stdin)
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.fixture
def shop(office: TenantHub, run: Run, tmp_path: Path) -> Run:
    """Sell one contract of Maria's, and two of Ana's, of whom the second has an item that nothing serves."""
    run("plans", "sync", "tele")
    run("products", "link", "TM", "--product-type", "telemedicine", "--plan", plan(run, "Individual"))
    maria = {"id": "P1", "name": "Maria Inventada", "document": CPF, "email": "maria@example.com"}
    ana = {"id": "P2", "name": "Ana Inventada", "document": OTHER_CPF}
    item, other = {"code": "1", "product_code": "TM"}, {"code": "2", "product_code": "NET"}
    contracts = [("C1", maria, [item]), ("A1", ana, [item]), ("A2", ana, [item, other])]
    lines = [{"contract_id": id, "customer": who, "items": items} for id, who, items in contracts]
    file = tmp_path / "contracts.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    run("contracts", "import", str(file))
    run("work", "--once")
    return run


def shown(result: Result) -> Any:
    return json.loads(result.stdout)


def plan(run: Run, name: str) -> str:
    plans: dict[str, str] = {p["name"]: p["remote_id"] for p in shown(run("plans", "list", "tele", "--json"))}
    return plans[name]


def one(result: Result) -> dict[str, Any]:
    (line,) = shown(result)
    return dict(line)


# -- integrations ------------------------------------------------------------------------------------------------------

ADD = ("integration", "add", "other", "--provider", "teleclinica", "--environment", "staging", "--set", "username=u")


@pytest.fixture
def add(office: TenantHub, clinic: TeleClinicaSimulator, run: Run) -> Run:
    return lambda *more, **how: run(*ADD, "--base-url", clinic.url, *more, **how)


def test_an_integration_is_added_with_its_secret_by_reference(add: Run) -> None:
    view = shown(add("--secret", f"password=env:{VARIABLE}", "--set", "routes.block=/stop/{user}", "--json"))
    assert (view["name"], view["status"]) == ("other", "enabled")
    assert view["secrets"] == {"password": f"env:{VARIABLE}"}
    assert view["settings"] == {"username": "u", "routes": {"block": "/stop/{user}"}}


@pytest.mark.parametrize(("secret", "code"), [(f"password={WORD}", 1), (WORD, 2), (f"={WORD}", 2), (f"word={WORD}", 1)])
def test_a_secret_on_the_command_line_is_refused_and_not_repeated(add: Run, secret: str, code: int) -> None:
    result = add("--secret", secret, code=code)
    assert ("env:VAR" in result.stderr, WORD in result.output) == (True, False)


def test_a_secret_from_standard_input_is_kept_encrypted(add: Run, monkeypatch: pytest.MonkeyPatch, hub: Hub) -> None:
    from cryptography.fernet import Fernet

    monkeypatch.setenv("SVAHUB_SECRET_KEY", Fernet.generate_key().decode())
    view = shown(add("--secret", FROM_INPUT, "--json", stdin=f"{WORD}\n"))
    assert list(view["secrets"].values()) == ["stored, encrypted"]
    with hub.store.read() as connection:
        assert WORD not in str(connection.exec_driver_sql("SELECT * FROM integrations").all())


def test_without_a_key_no_secret_is_kept(add: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SVAHUB_SECRET_KEY", raising=False)
    assert "SVAHUB_SECRET_KEY" in add("--secret", FROM_INPUT, stdin=f"{WORD}\n", code=1).stderr


def test_a_dry_run_adds_no_integration(add: Run, run: Run) -> None:
    add("--secret", f"password=env:{VARIABLE}", "--dry-run")
    assert [view["name"] for view in shown(run("integration", "list", "--json"))] == ["tele"]


@pytest.mark.parametrize("settings", [["a.b=1", "a=2"], ["a=1", "a.b=2"], ["a=1", "a=1"], ["a"], ["=1"]])
def test_settings_that_contradict_one_another_are_a_usage_error(add: Run, settings: list[str]) -> None:
    add(*[word for setting in settings for word in ("--set", setting)], code=2)


def test_the_settings_are_listed_with_a_provider_alone(run: Run) -> None:
    command = ("integration", "add", "--provider", "teleclinica", "--help-settings")
    described = {row["name"]: row for row in shown(run(*command, "--json"))}
    assert (described["password"]["kind"], described["password"]["required"]) == ("secret", True)
    assert described["routes.block"]["default"] == "/users/{user}/block"
    assert described["adopt"]["kind"] == "link|ask|refuse"
    assert "routes.block" in run(*command).stdout


@pytest.mark.parametrize("missing", ["other", "--environment"])
def test_what_is_missing_is_a_usage_error(run: Run, missing: str) -> None:
    given = ["integration", "add", "other", "--provider", "teleclinica", "--environment", "staging"]
    at = given.index(missing)
    run(*given[:at], *given[at + 1 + missing.startswith("--") :], code=2)


def test_a_test_call_tells_that_all_is_well(run: Run, office: TenantHub) -> None:
    tested = shown(run("integration", "test", "tele", "--json"))
    assert (tested["ok"], tested["fault"]) == (True, None)


def test_a_test_call_that_fails_names_what_is_at_fault(
    run: Run, office: TenantHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, WORD)
    assert "credentials" in run("integration", "test", "tele", code=1).stdout


def test_an_integration_is_disabled_enabled_and_removed(run: Run, office: TenantHub) -> None:
    assert shown(run("integration", "disable", "tele", "--json"))["status"] == "disabled"
    assert shown(run("integration", "enable", "tele", "--json"))["status"] == "enabled"
    run("integration", "remove", "tele", "--dry-run")
    assert shown(run("integration", "show", "tele", "--json"))["live_subscriptions"] == 0
    run("integration", "remove", "tele", "--yes")
    assert "No integration 'tele'" in run("integration", "show", "tele", code=1).stderr


def test_an_integration_with_live_subscriptions_is_not_removed(shop: Run) -> None:
    assert "3 live subscriptions" in shop("integration", "remove", "tele", code=1).stderr


# -- plans and products ------------------------------------------------------------------------------------------------


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


# -- verbs -------------------------------------------------------------------------------------------------------------


def test_a_block_is_reached_and_told_before_and_after(shop: Run) -> None:
    line = one(shop("block", "C1", "--reason", "customer_request", "--note", "on holiday", "--json"))
    assert (line["contract_id"], line["item_code"], line["integration"]) == ("C1", "1", "tele")
    assert (line["before"]["desired"], line["before"]["observed"]) == ("ACTIVE", "ACTIVE")
    assert (line["after"]["desired"], line["after"]["observed"]) == ("BLOCKED", "BLOCKED")
    assert (line["outcome"], line["state"], line["cause"]) == ("reached", "settled", None)
    operation = shown(shop("operations", "show", str(line["operation"]), "--json"))
    assert (operation["verb"], operation["note"], operation["outcome"]) == ("block", "on holiday", "succeeded")


def test_the_table_has_a_line_for_each_subscription(shop: Run) -> None:
    table = shop("block", "A1", "A2", "C1").stdout.splitlines()
    assert [line.split()[:4] for line in table[2:]] == [[c, "1", "ACTIVE", "BLOCKED"] for c in ("A1", "A2", "C1")]


def test_one_of_two_contracts_waits_as_whole_people_are_blocked(shop: Run) -> None:
    line = one(shop("block", "A1", "--json", code=3))
    assert (line["outcome"], "held" in line["cause"], line["until"]) == ("waiting", True, None)
    assert one(shop("block", "A2", "--json"))["outcome"] == "reached"
    assert one(shop("activate", "A1", "--json", code=1))["outcome"] == "refused"


def test_a_contract_that_is_refused_keeps_no_other_from_it(shop: Run) -> None:
    result = shop("cancel", "C9", "C1", "--json", code=1)
    assert {line["contract_id"]: line["outcome"] for line in shown(result)} == {"C1": "reached", "C9": "refused"}
    assert "No contract 'C9'" in result.stderr


def test_a_dry_run_changes_nothing(shop: Run, clinic: TeleClinicaSimulator) -> None:
    clinic.requests.clear()
    assert one(shop("cancel", "C1", "--dry-run", "--json"))["outcome"] == "planned"
    assert not clinic.requests
    assert one(shop("activate", "C1", "--json"))["outcome"] == "reached"
    assert len(shown(shop("operations", "list", "--contract", "C1", "--json"))) == 1


def test_without_waiting_work_does_it(shop: Run) -> None:
    assert one(shop("block", "C1", "--no-wait", "--json"))["outcome"] == "queued"
    assert shown(shop("work", "--once", "--json"))["states"] == {"settled": 3}
    assert [s["observed"] for s in shown(shop("subscriptions", "list", "--contract", "C1", "--json"))] == ["BLOCKED"]


def test_the_reasons_that_are_left_are_told(shop: Run) -> None:
    shop("block", "C1", "--reason", "legal")
    shop("block", "C1", "--reason", "staff", "--actor", "ana")
    assert "name one with --reason" in shop("unblock", "C1", code=1).stderr
    result = shop("unblock", "C1", "--reason", "staff")
    assert result.stdout.startswith("C1: still blocked: legal by operator:")
    assert "goes only by that source" in shop("unblock", "C1", "--actor", "ana", code=1).stderr
    remarks = one(shop("unblock", "C1", "--actor", "ana", "--admin", "--json"))["remarks"]
    assert remarks == []


def test_a_block_until_a_day_ends_at_its_start_in_the_tenants_zone(shop: Run) -> None:
    shop("block", "C1", "--until", "31/12/2099")
    (reason,) = shown(shop("contracts", "show", "C1", "--json"))["block_reasons"]
    assert reason["until"] == "2099-12-31T03:00:00+00:00"
    assert "past" in shop("block", "C1", "--until", "2020-01-01", code=1).stderr


def test_the_same_idempotency_key_does_the_same_command_once(shop: Run) -> None:
    first = one(shop("block", "C1", "--idempotency-key", "k", "--json"))
    again = shop("block", "C1", "--idempotency-key", "k", "--json")
    assert (one(again)["operation"], "repeated" in again.stderr) == (first["operation"], True)
    assert "Choose a new key" in shop("unblock", "C1", "--idempotency-key", "k", code=1).stderr


def test_a_plan_is_changed_and_told(shop: Run) -> None:
    other = plan(shop, "Família")
    assert f"ACTIVE, plan {other}" in shop("change", "C1", "--plan", other).stdout
    assert "No plan of 'tele' 'none'" in shop("change", "C1", "--plan", "none", code=1).stderr
    shop("change", "C1", "--quantity", "3", code=1)


def test_what_the_provider_refuses_needs_a_person_and_can_be_retried(shop: Run, clinic: TeleClinicaSimulator) -> None:
    clinic.plans.truth.clear()
    line = one(shop("change", "C1", "--plan", plan(shop, "Família"), "--json", code=4))
    assert (line["outcome"], line["state"]) == ("parked", "parked")
    assert (line["cause"] is not None, f"retry {line['operation']}" in line["advice"]) == (True, True)
    id = str(line["operation"])
    assert [row["id"] for row in shown(shop("operations", "list", "--outcome", "parked", "--json"))] == [int(id)]
    assert one(shop("operations", "retry", id, "--json", code=4))["outcome"] == "parked"
    assert shop("work", "--once", code=4).stdout.split() == ["parked", "1", "settled", "2"]
    shop("operations", "discard", id, "--note", "sold out", "--dry-run")
    shop("operations", "discard", id, "--note", "sold out")
    assert shown(shop("operations", "show", id, "--json"))["outcome"] == "discarded"
    assert "has ended" in shop("operations", "discard", id, "--note", "again", code=1).stderr


def test_a_provider_that_cannot_be_reached_is_waited_for_until_the_timeout(
    shop: Run, clinic: TeleClinicaSimulator
) -> None:
    clinic.faults[Fault.ERROR_BEFORE] = 1
    line = one(shop("block", "C1", "--timeout", "0.2", "--json", code=3))
    assert (line["outcome"], line["until"] is None) == ("waiting", False)
    summary = shown(shop("work", "--once", "--json"))
    assert (summary["states"]["waiting"], summary["next_due"] is None) == (1, False)


def test_wrong_credentials_need_a_person(shop: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, WORD)
    assert one(shop("block", "C1", "--json", code=4))["outcome"] == "quarantined"
    result = shop("work", "--once", code=4)
    assert ("svahub integration test" in result.stderr, WORD in result.output) == (True, False)


def test_a_secret_that_is_missing_here_is_told_at_once(shop: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    line = one(shop("block", "C1", "--json", code=3))
    assert (line["outcome"], VARIABLE in line["cause"]) == ("waiting", True)
    assert VARIABLE in shop("work", "--once", code=4).stderr


def test_a_newer_command_supersedes_the_one_that_waits(shop: Run, office: TenantHub) -> None:
    older = office.verbs.issue(Command(Action.BLOCK, "C1"))
    office.verbs.issue(Command(Action.UNBLOCK, "C1"))
    lines = endings.followed(office, older.effects, wait=True, timeout=10)
    assert [line.outcome for line in lines] == [endings.Ending.SUPERSEDED]
    assert endings.exit_code(lines) == 5


@pytest.mark.parametrize(
    ("met", "told"), [([], 0), ([0, 3], 3), ([3, 5], 5), ([5, 4, 3], 4), ([4, 1, 5], 1), ([0, 0], 0)]
)
def test_the_exit_code_is_the_worst_of_all(met: list[int], told: int) -> None:
    assert worst(map(ExitCode, met)) == told


def test_a_disabled_integration_is_not_waited_for(shop: Run) -> None:
    shop("integration", "disable", "tele")
    line = one(shop("block", "C1", "--json", code=3))
    assert (line["outcome"], line["cause"]) == ("waiting", "the integration is disabled")


# -- looking -----------------------------------------------------------------------------------------------------------

SUBSCRIPTION = {
    "contract_id", "item_code", "product_type", "integration", "desired", "observed", "block_reasons", "remote_id",
    "state",
}  # fmt: skip


def test_subscriptions_are_listed_with_what_scripts_rely_on(shop: Run) -> None:
    rows = shown(shop("subscriptions", "list", "--integration", "tele", "--state", "settled", "--json"))
    assert [row["contract_id"] for row in rows] == ["A1", "A2", "C1"]
    assert all(row.keys() >= SUBSCRIPTION for row in rows)
    assert "settled" in shop("subscriptions", "list").stdout


def test_a_subscription_is_shown_by_key_and_by_name_with_its_masked_exchanges(shop: Run) -> None:
    result = shop("subscriptions", "show", "C1/1", "--json")
    subscription = shown(result)
    assert subscription.keys() >= SUBSCRIPTION
    assert [attempt["step"] for attempt in subscription["attempts"]] == ["create_user"]
    assert [exchange["path"] for exchange in subscription["exchanges"]] == ["/users"]
    assert (CPF in result.output, "maria@" in result.output) == (False, False)
    assert shown(shop("subscriptions", "show", subscription["key"], "--json"))["key"] == subscription["key"]
    assert "create_user" in shop("subscriptions", "show", "C1/1").stdout
    assert "CONTRACT/ITEM" in shop("subscriptions", "show", "C1/9", code=1).stderr


def test_users_come_masked_from_the_provider(shop: Run) -> None:
    shop("block", "C1")
    rows = shown(shop("users", "list", "tele", "--json"))
    assert sorted((row["status"], row["document"]) for row in rows) == [
        ("ACTIVE", "***.444.777-**"),
        ("BLOCKED", "***.982.247-**"),
    ]
    assert [row["status"] for row in shown(shop("users", "list", "tele", "--status", "blocked", "--json"))] == [
        "BLOCKED"
    ]
    assert CPF not in shop("users", "list", "tele").output


def test_access_is_masked_unless_revealed_and_each_look_is_recorded(
    shop: Run, hub: Hub, clinic: TeleClinicaSimulator
) -> None:
    (login,) = [user.login for user in clinic.users if user.cpf == CPF]
    assert login not in shop("access", "show", "C1", "--actor", "ana", "--json").output
    assert login not in shop("access", "show", "C1").output
    (access,) = shown(shop("access", "show", "C1", "--reveal", "--actor", "bia", "--json"))["access"]
    assert access["login"] == login
    of_looks = select(tables.audit.c.actor, tables.audit.c.details).where(tables.audit.c.kind == AuditKind.LOOK)
    with hub.store.read() as connection:
        looks = connection.execute(of_looks.order_by(tables.audit.c.number)).all()
    told = [(looks[0].actor, looks[0].details), (looks[2].actor, looks[2].details)]
    assert told == [("ana", {"revealed": False}), ("bia", {"revealed": True})]


def test_what_the_provider_does_not_offer_is_an_error(shop: Run) -> None:
    assert "offers no resend access" in shop("access", "resend", "C1", code=1).stderr


def test_work_for_every_tenant_does_all_tenants(shop: Run) -> None:
    shop("tenant", "add", "north")
    shop("block", "C1", "--no-wait")
    assert shown(shop("--tenant", "north", "work", "--once", "--json"))["states"] == {}
    assert shown(shop("--tenant", "north", "work", "--once", "--all-tenants", "--json"))["states"] == {"settled": 3}
