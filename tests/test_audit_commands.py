"""`svahub audit` at the command line, over the simulator; and many who append at once on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update
from svahub.cli import main
from svahub.exchange import Exchange
from svahub.hub import Hub, TenantHub
from svahub.store import Store, journal, tables, versions

Run = Callable[..., Result]
CONTRACT = {
    "contract_id": "C1",
    "customer": {"id": "P1", "name": "Pessoa Inventada", "document": "52998224725"},
    "items": [{"code": "1", "product_code": "TM"}],
}


@pytest.fixture
def run(hub: Hub) -> Run:
    def invoke(*args: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, list(args), obj=hub, env={"SVAHUB_ACTOR": "ana"})
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.fixture
def shop(office: TenantHub, run: Run, tmp_path: Any) -> Run:
    """Return what runs commands of an ISP that has sold one telemedicine plan."""
    file = tmp_path / "contracts.jsonl"
    file.write_text(json.dumps(CONTRACT) + "\n")
    run("plans", "sync")
    plan = json.loads(run("plans", "list", "--json").stdout)[0]["remote_id"]
    run("products", "link", "TM", "--product-type", "telemedicine", "--plan", plan)
    run("contracts", "import", str(file))
    run("work", "--once")
    return run


def test_each_command_that_changes_something_is_listed_and_no_other(shop: Run) -> None:
    shop("plans", "sync")
    shop("products", "link", "TM2", "--product-type", "telemedicine", "--dry-run", code=1)
    shop("block", "C1", "--no-wait", "--dry-run")
    shop("block", "C1", "--no-wait", "--idempotency-key", "k")
    shop("block", "C1", "--no-wait", "--idempotency-key", "k")
    shop("users", "list", "tele")
    lines = json.loads(shop("audit", "list", "--json").stdout)
    told = [(line["kind"], line["command"]) for line in reversed(lines) if line["kind"] != "exchange"]
    assert [t for t in told if t != ("command", "integration add")] == [
        ("command", "plans sync"),
        ("command", "products link"),
        ("command", "contracts import"),
        ("command", "contracts import"),
        ("command", "block"),
        ("look", "users list"),
    ]
    assert {line["actor"] for line in lines if line["kind"] != "exchange"} <= {"ana", "operator"}


def test_a_contracts_lines_have_its_exchanges_which_can_be_shown(shop: Run) -> None:
    shop("block", "C1", "--no-wait")
    lines = json.loads(shop("audit", "list", "--contract", "C1", "--json").stdout)
    assert [line["command"] or line["method"] for line in lines] == ["block", "POST"]
    exchange = json.loads(shop("audit", "show", lines[1]["reference"], "--json").stdout)
    assert (exchange["status"], "52998224725" in exchange["request_body"]) == (201, False)
    assert "POST" in shop("audit", "show", lines[1]["reference"].partition("/")[0]).stdout
    assert "contract C1" in shop("audit", "list").stdout


def test_a_cut_list_says_so(shop: Run) -> None:
    assert "There is more" in shop("audit", "list", "--limit", "1").stderr
    assert "There is more" not in shop("audit", "list", "--limit", "1000").stderr
    assert "no such entry" in shop("audit", "list", "--actor", "nobody").stdout


def test_verify_says_what_holds_and_ends_with_1_where_it_does_not(shop: Run, hub: Hub) -> None:
    told = json.loads(shop("audit", "verify", "--json").stdout)
    assert (told["holds"], told["broken"]) == (True, None)
    assert told["exchanges"] == 2  # the catalogue, and the user
    assert "The anchor is in it" in shop("audit", "verify", "--anchor", told["head"]).stdout
    other = told["head"].partition(":")[0] + ":" + "0" * 64
    assert "another hash" in shop("audit", "verify", "--anchor", other, code=1).stderr
    shop("audit", "verify", "--anchor", "nonsense", code=1)
    with hub.store.write() as connection:
        connection.execute(update(tables.exchanges).where(tables.exchanges.c.id == 1).values(status=500))
    broken = json.loads(shop("audit", "verify", "--json", code=1).stdout)
    assert (broken["holds"], broken["broken"]["exchange"]) == (False, 1)
    assert "an exchange was changed" in shop("audit", "verify", code=1).stderr


def test_retention_is_shown_and_set(run: Run, office: TenantHub) -> None:
    rows = json.loads(run("audit", "retention", "--json").stdout)
    assert {row["data_class"]: row["days"] for row in rows}["exchanges"] == 180
    assert json.loads(run("audit", "retention", "exchanges", "30", "--json").stdout)["days"] == 30
    assert json.loads(run("audit", "retention", "exchanges", "--json").stdout)[0]["days"] == 30
    assert "are kept for 30 to" in run("audit", "retention", "idempotency_keys", "5", code=1).stderr
    run("audit", "retention", "bodies", "5", code=2)


def test_prune_tells_what_it_did_or_would(run: Run, office: TenantHub) -> None:
    assert run("audit", "prune", "--dry-run").stdout == "Nothing to prune.\n"
    old = datetime(2020, 1, 1, tzinfo=UTC)
    with office.hub.store.write() as connection:
        journal.write_exchanges(connection, [("default", "tele", _exchange(0, old))], old)
    assert run("audit", "prune", "--dry-run").stdout == "Would prune 1 exchanges.\n"
    assert json.loads(run("audit", "prune", "--yes", "--json").stdout)["exchanges"] == 1
    run("audit", "verify")


def test_what_is_not_there_ends_with_1(run: Run, office: TenantHub) -> None:
    assert "'999'" in run("audit", "show", "999", code=1).stderr
    run("audit", "show", "x", code=1)


def test_resending_access_is_a_command(shop: Run, office: TenantHub) -> None:
    shop("access", "resend", "C1", code=1)  # the simulator's provider offers none, yet it was asked
    assert next(office.audit.list()).kind.value == "command"


def _exchange(n: int, at: datetime) -> Exchange:
    return Exchange("GET", f"/users/{n}", 200, 1, {}, None, {}, None, None, at, None)


@pytest.mark.parametrize("threads", [6])
def test_many_who_append_at_once_make_one_chain_without_gaps(database_url: str, threads: int) -> None:
    store = Store(database_url)
    versions.ready(store)
    hub = Hub(store)
    for name in ("one", "two"):
        hub.add_tenant(name)

    def append(worker: int) -> None:
        for n in range(5):
            office = hub.tenant(("one", "two")[(worker + n) % 2], f"worker{worker}")
            with office.bench.writing("test", f"entry {n}"):
                pass
            with store.write() as connection:
                now = store.now(connection)
                both = ["one", "two"] if worker % 2 else ["two", "one"]
                journal.write_exchanges(connection, [(name, "x", _exchange(n, now)) for name in both], now)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(append, range(threads)))
    for name in ("one", "two"):
        checked = hub.tenant(name).audit.verify()
        assert (checked.broken, checked.exchanges) == (None, threads * 5)
    with store.read() as connection:
        assert len(connection.execute(select(tables.audit.c.number)).all()) == 2 + threads * 5 * 3
    hub.close()
