"""Commands that call no provider: plugins, store, tenants, contracts; on both databases."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text
from svahub.cli import main
from svahub.hub import Hub
from svahub.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Run = Callable[..., Result] if TYPE_CHECKING else object
CPF = "52998224725"
GOOD = {
    "contract_id": "C1",
    "customer": {"id": "P1", "name": "Maria Inventada", "document": CPF, "email": "maria@example.com"},
    "items": [{"code": "1", "product_code": "NET", "attributes": {"cpf": CPF, "speed": "500"}}],
}


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
def file(tmp_path: Path) -> Callable[..., str]:
    def written(*lines: dict[str, Any] | str, name: str = "contracts.jsonl") -> str:
        path = tmp_path / name
        path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
        return str(path)

    return written


def shown(result: Result) -> Any:
    return json.loads(result.stdout)


# -- plugins -----------------------------------------------------------------------------------------------------------


def test_plugins_are_a_list_with_what_each_can_do() -> None:
    result = CliRunner().invoke(main, ["plugins", "--json"])
    assert (result.exit_code, isinstance(json.loads(result.stdout), list)) == (0, True)
    for plugin in json.loads(result.stdout):
        wanted = {"name", "title", "distribution", "version", "product_types", "capabilities", "contract_version"}
        assert wanted < plugin.keys()


# -- db ----------------------------------------------------------------------------------------------------------------


def on(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--database", url, *arguments])


def set_version(url: str, version: str) -> None:
    store = Store(url)
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})
    store.close()


def test_an_empty_store_fails_the_check_until_it_is_upgraded(empty_database_url: str) -> None:
    empty = on(empty_database_url, "db", "check")
    assert (empty.exit_code, "svahub db upgrade" in empty.stdout) == (1, True)
    upgraded = on(empty_database_url, "db", "upgrade", "--json")
    assert (upgraded.exit_code, json.loads(upgraded.stdout)["before"]) == (0, None)
    checked = on(empty_database_url, "db", "check", "--json")
    assert (checked.exit_code, json.loads(checked.stdout)["remedy"]) == (0, None)


def test_a_table_that_is_missing_fails_the_check(database_url: str) -> None:
    assert on(database_url, "db", "upgrade").exit_code == 0
    store = Store(database_url)
    with store.write() as connection:
        connection.execute(text("DROP TABLE exchanges"))
    store.close()
    checked = on(database_url, "db", "check", "--json")
    assert (checked.exit_code, len(json.loads(checked.stdout)["differences"]) > 0) == (1, True)


@pytest.mark.parametrize("command", [["db", "upgrade"], ["contracts", "list"]])
def test_a_store_from_a_newer_svahub_is_refused(database_url: str, command: list[str]) -> None:
    on(database_url, "db", "upgrade")
    set_version(database_url, "9999")
    refused = on(database_url, *command)
    assert (refused.exit_code, "9999" in refused.stderr) == (1, True)


def test_a_store_from_a_newer_svahub_is_told_by_the_check(database_url: str) -> None:
    on(database_url, "db", "upgrade")
    set_version(database_url, "9999")
    checked = on(database_url, "db", "check")
    assert (checked.exit_code, "newer svahub" in checked.stdout) == (1, True)


# -- tenants -----------------------------------------------------------------------------------------------------------


def test_tenants_are_added_and_listed(run: Run) -> None:
    run("tenant", "add", "north", "--zone", "America/Manaus")
    assert {row["name"]: row["zone"] for row in shown(run("tenant", "list", "--json"))} == {
        "default": "America/Sao_Paulo",
        "north": "America/Manaus",
    }
    assert "north" in run("tenant", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["default"], "There is a tenant 'default' already"),
        (["north", "--zone", "Nowhere"], "is no time zone"),
        (["a b"], "is no name for the tenant"),
    ],
)
def test_a_tenant_that_cannot_be_is_refused(run: Run, arguments: list[str], told: str) -> None:
    assert told in run("tenant", "add", *arguments, code=1).stderr


def test_an_unknown_tenant_is_an_error_that_names_those_there_are(run: Run) -> None:
    assert "There is: default" in run("--tenant", "north", "contracts", "list", code=1).stderr


def test_no_tenant_sees_anothers_contracts(run: Run, file: Callable[..., str]) -> None:
    run("tenant", "add", "north")
    run("--tenant", "north", "contracts", "import", file(GOOD))
    assert shown(run("contracts", "list", "--json")) == []
    assert len(shown(run("--tenant", "north", "contracts", "list", "--json"))) == 1


# -- contracts ---------------------------------------------------------------------------------------------------------


def test_an_import_tells_what_it_did_and_what_is_not_served(run: Run, file: Callable[..., str]) -> None:
    report = shown(run("contracts", "import", file(GOOD), "--json"))
    assert (report["added"], report["rejected"], report["not_served"]) == (1, 0, {"NET": 1})
    assert "link it: svahub products link NET" in run("contracts", "import", file(GOOD)).stdout


def test_a_wrong_contract_is_told_by_line_and_column_and_the_rest_imported(run: Run, file: Callable[..., str]) -> None:
    wrong = {**GOOD, "contract_id": "C2", "due_day": 40}
    result = run("contracts", "import", file(GOOD, wrong), code=1)
    assert result.stderr == "line 2, due_day: must be a whole number from 1 to 31\n"
    assert [row["contract_id"] for row in shown(run("contracts", "list", "--json"))] == ["C1"]


def test_a_dry_run_imports_nothing(run: Run, file: Callable[..., str]) -> None:
    assert shown(run("contracts", "import", file(GOOD), "--dry-run", "--json"))["added"] == 1
    assert shown(run("contracts", "list", "--json")) == []


def test_a_strict_import_does_all_or_nothing(run: Run, file: Callable[..., str]) -> None:
    result = run("contracts", "import", file(GOOD, "{"), "--strict", "--json", code=1)
    assert "with --strict nothing was imported" in result.stderr
    assert (shown(result)["added"], shown(result)["errors"][0]["line"]) == (0, 2)
    assert shown(run("contracts", "list", "--json")) == []


def test_standard_input_is_imported_in_the_format_named(run: Run) -> None:
    run("contracts", "import", "-", "--format", "jsonl", stdin=json.dumps(GOOD))
    assert len(shown(run("contracts", "list", "--json"))) == 1


def test_a_file_that_is_not_there_is_an_error(run: Run) -> None:
    assert run("contracts", "import", "nowhere.csv", code=1).stderr == "Error: nowhere.csv: No such file or directory\n"


def test_contracts_are_listed_by_status_and_customer(run: Run, file: Callable[..., str]) -> None:
    other = {**GOOD, "contract_id": "C2", "status": "pending", "customer": {**GOOD["customer"], "id": "P2"}}  # type: ignore[dict-item]
    run("contracts", "import", file(GOOD, other))
    for option in (["--status", "pending"], ["--customer", "P2"]):
        assert [row["contract_id"] for row in shown(run("contracts", "list", *option, "--json"))] == ["C2"]


@pytest.mark.parametrize("as_json", [[], ["--json"]])
@pytest.mark.parametrize("command", [["contracts", "list"], ["contracts", "show", "C1"], ["customers", "show", "P1"]])
def test_personal_data_is_masked_wherever_it_is_shown(
    run: Run, file: Callable[..., str], command: list[str], as_json: list[str]
) -> None:
    run("contracts", "import", file(GOOD))
    output = run(*command, *as_json).output
    assert (CPF in output, "maria@" in output) == (False, False)


def test_a_contract_is_shown_with_its_items(run: Run, file: Callable[..., str]) -> None:
    run("contracts", "import", file(GOOD))
    contract = shown(run("contracts", "show", "C1", "--json"))
    assert (contract["status"], contract["items"][0]["product_code"]) == ("active", "NET")
    assert contract["items"][0]["attributes"] == {"cpf": "***.982.247-**", "speed": "500"}
    assert (contract["subscriptions"], contract["block_reasons"]) == ([], [])


def test_a_customer_is_shown_with_their_contracts_and_the_look_is_recorded(
    run: Run, hub: Hub, file: Callable[..., str]
) -> None:
    run("contracts", "import", file(GOOD))
    customer = shown(run("customers", "show", "P1", "--actor", "ana", "--json"))
    assert (customer["name"], [c["contract_id"] for c in customer["contracts"]]) == ("Maria Inventada", ["C1"])
    with hub.store.read() as connection:
        assert connection.execute(text("SELECT actor, subject FROM audit WHERE kind = 'look'")).all() == [
            ("ana", "customer P1")
        ]


@pytest.mark.parametrize("command", [["contracts", "show", "C9"], ["customers", "show", "P9"], ["activate", "C9"]])
def test_what_does_not_exist_is_an_error_with_a_remedy(run: Run, command: list[str]) -> None:
    assert "svahub contracts" in run(*command, code=1).stderr


@pytest.mark.parametrize(
    "command",
    [
        ["integration", "list"],
        ["plans", "list"],
        ["plans", "sync"],
        ["products", "list"],
        ["contracts", "list"],
        ["operations", "list"],
        ["subscriptions", "list"],
    ],
)
def test_nothing_is_an_empty_list_and_a_sentence(run: Run, command: list[str]) -> None:
    assert run(*command, "--json").stdout == "[]\n"
    assert run(*command).stdout.startswith(("There is no", "No product"))


# -- what is not served ------------------------------------------------------------------------------------------------


def test_activating_what_nothing_serves_is_no_error(run: Run, file: Callable[..., str]) -> None:
    run("contracts", "import", file(GOOD))
    result = run("activate", "C1")
    assert result.stdout == "C1: not served (no product link): 1\nNothing is sold on this contract.\n"
    assert shown(run("activate", "C1", "--json")) == []


def test_an_idempotency_key_is_for_one_contract(run: Run) -> None:
    assert "one contract" in run("activate", "C1", "C2", "--idempotency-key", "k", code=2).stderr


@pytest.mark.parametrize("until", ["tomorrow", "31/02/2030"])
def test_a_day_that_is_none_is_a_usage_error(run: Run, until: str) -> None:
    assert "--until" in run("block", "C1", "--until", until, code=2).stderr


def test_work_on_nothing_is_done_at_once(run: Run) -> None:
    nothing = {"states": {}, "problems": {}, "next_due": None, "tasks": {}}
    none = dict.fromkeys(("unread", "failed", "untold", "parked_messages"), 0)
    assert shown(run("work", "--once", "--json")) == nothing | none


@pytest.mark.parametrize(
    "command",
    [
        "access show C1",
        "operations show 1",
        "operations retry 1",
        "operations confirm 1",
        "operations discard 1 --note n",
        "users list tele",
    ],
)
def test_nothing_to_call_about_is_an_error(run: Run, command: str) -> None:
    assert run(*command.split(), code=1).stderr.startswith("Error: No ")
