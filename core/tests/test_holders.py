"""Who holds something of a provider: found by ranges of indexes, however many customers there are."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, text
from svahub.hub import TenantHub
from svahub.models import Desired, DocumentKind, Observed
from svahub.store import tables
from svahub.store.holders import HolderRow
from svahub.store.states import ContractStatus, Phase

FIRST = ("", "")
PAGE = 51
MANY = 100_000


def fill(office: TenantHub, span: range) -> None:
    """Add customers who hold something each, without the way of an import."""
    with office.hub.store.write() as connection:
        now = office.hub.store.now(connection)
        for table, row in _rows(office.name, now).items():
            connection.execute(insert(table), [row(f"{number:06}") for number in span])


def _rows(tenant: str, now: Any) -> dict[Any, Callable[[str], dict[str, Any]]]:
    t = {"tenant": tenant}
    person = {"name": "", "document": "0", "document_kind": DocumentKind.CPF, "digest": ""}
    signed = {"status": ContractStatus.ACTIVE}
    lease = {"priority": 0, "lease_number": 0}
    item = {"code": "1", "product_code": "TM", "quantity": 1, "attributes": {}, "sales": 1, "removed": False}
    sold = {"item_code": "1", "sale": 1, "product_type": "any", "plan": "clinic-1", "quantity": 1, "attributes": {}}
    state = {"desired": Desired.ACTIVE, "observed": Observed.ACTIVE, "generation": 1, "looks": 0, "tries": 0}
    due = {"phase": Phase.SETTLED, "priority": 0, "created_at": now, "changed_at": now}
    return {
        tables.customers: lambda n: {**t, **person, "id": n},
        tables.contracts: lambda n: {**t, "id": n, "customer_id": n, "changed_at": now, **signed},
        tables.items: lambda n: {**t, **item, "contract_id": n},
        tables.accounts: lambda n: {**t, **lease, "key": n, "integration": "clinic", "customer_id": n},
        tables.subscriptions: lambda n: {
            **t, **sold, **state, **due, "key": n, "contract_id": n, "account_key": n, "integration": "clinic",
        },
    }  # fmt: skip


@contextmanager
def heard(office: TenantHub) -> Iterator[list[tuple[str, Any]]]:
    """Collect what is asked of the store."""
    asked: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(office.hub.store.engine, "before_cursor_execute", hear)
    yield asked
    event.remove(office.hub.store.engine, "before_cursor_execute", hear)


def asked_for(office: TenantHub, read: Callable[[], object]) -> list[tuple[str, Any]]:
    """Return what reading asks about customers."""
    with heard(office) as asked:
        read()
    return [one for one in asked if "FROM accounts" in one[0] or "FROM subscriptions" in one[0]]


def first_page(office: TenantHub) -> list[HolderRow]:
    return list(office.holders("clinic").page(FIRST, PAGE))


def one_customer(office: TenantHub) -> object:
    return office.holders("clinic").holdings("000001", ("", "", 0), PAGE)


READS = pytest.mark.parametrize("read", [first_page, one_customer])


def effort(connection: Connection, asked: list[tuple[str, Any]]) -> int:
    """Return how much of the tables a database reads: SQLite's steps, PostgreSQL's rows."""
    if connection.dialect.name == "postgresql":
        return sum(_rows_read(connection, *one) for one in asked)
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    steps: list[None] = []
    driver.set_progress_handler(lambda: steps.append(None), 1)
    for statement, parameters in asked:
        connection.exec_driver_sql(statement, parameters).all()
    driver.set_progress_handler(None, 0)
    return len(steps)


def _rows_read(connection: Connection, statement: str, parameters: Any) -> int:
    explained = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
    (plan,) = connection.exec_driver_sql(explained, parameters).scalars()
    return sum(map(_of_node, _nodes(plan[0]["Plan"])))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from _nodes(inner)


def _of_node(node: dict[str, Any]) -> int:
    read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return int(read * node["Actual Loops"]) if "Relation Name" in node else 0


@READS
def test_a_read_costs_the_same_whatever_the_number_of_customers(office: TenantHub, read: Any) -> None:
    costs = []
    for span in (range(200), range(200, 2000)):
        fill(office, span)
        asked = asked_for(office, lambda: read(office))
        with office.hub.store.read() as connection:
            costs.append(effort(connection, asked))
    assert costs[0] > 0
    assert costs[1] <= costs[0] * 1.05


@READS
def test_customers_are_found_by_ranges_of_indexes(office_on_each: TenantHub, read: Any) -> None:
    fill(office_on_each, range(60))
    asked = asked_for(office_on_each, lambda: read(office_on_each))
    with office_on_each.hub.store.read() as connection:
        steps = [step for one in asked for step in plan_of(connection, *one)]
    assert len(steps) >= 2
    assert [step for step in steps if step.startswith("SCAN") or "Seq Scan" in step] == []


def plan_of(connection: Connection, statement: str, parameters: Any) -> list[str]:
    """Return how a database finds customers' rows; PostgreSQL reads small tables whole unless it is kept from it."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        told = [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)]
    else:
        told = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    return [step for step in told if any(f" {table}" in step for table in ("accounts", "subscriptions", "items"))]


@pytest.mark.deep
def test_a_hundred_thousand_customers_cost_no_more_than_two_hundred(office_on_each: TenantHub) -> None:
    costs = []
    for span in (range(200), range(200, MANY)):
        fill(office_on_each, span)
        with office_on_each.hub.store.write() as connection:
            connection.execute(text("ANALYZE"))
        asked = asked_for(office_on_each, lambda: first_page(office_on_each))
        with office_on_each.hub.store.read() as connection:
            costs.append(effort(connection, asked))
    assert len(first_page(office_on_each)) == PAGE
    assert costs[1] <= costs[0] * 1.05, costs


def test_a_page_goes_on_after_a_customer(office: TenantHub) -> None:
    fill(office, range(5))
    page = office.holders("clinic").page(("clinic", "000001"), 2)
    assert [(one.customer_id, len(one.holdings)) for one in page] == [("000002", 1), ("000003", 1)]
