"""What is done for each contract reads no table from end to end that grows with contracts: all stays linear."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from svahub import signing
from svahub.store import Store
from svahub.store.states import Outcome
from svahub.verbs import Action

GROWING = (
    "customers", "contracts", "items", "subscriptions", "accounts", "operations", "attempts", "block_reasons",
    "exchanges", "events", "audit", "debts", "tasks", "inbox", "outbox", "outbox_lines", "standings",
)  # fmt: skip


@contextmanager
def scans(store: Store) -> Iterator[set[str]]:
    """Collect what SQLite would read whole, as its plans for all statements in the block say."""
    found: set[str] = set()

    def plan(connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.split(maxsplit=1)[0] not in {"SELECT", "UPDATE", "DELETE", "INSERT"}:
            return
        cursor = connection.connection.cursor()
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters[0] if many else parameters)
        steps = [step for *_, step in cursor.fetchall()]
        found.update(f"{step}: {statement}" for step in steps for table in GROWING if step == f"SCAN {table}")

    event.listen(store.engine, "before_cursor_execute", plan)
    yield found
    event.remove(store.engine, "before_cursor_execute", plan)


def test_a_sale_a_block_and_a_cancellation_read_by_index(open_isp: Any, finding: type) -> None:
    isp = open_isp(finding)
    with scans(isp.hub.store) as found:
        isp.sell()
        isp.work()
        for action in (Action.BLOCK, Action.UNBLOCK, Action.CANCEL):
            isp.ask(action)
            isp.work()
    assert isp.office.operations.list(Outcome.SUCCEEDED)
    assert not found


def test_so_does_telling_another_system_of_it(open_isp: Any, finding: type, monkeypatch: pytest.MonkeyPatch) -> None:
    isp = open_isp(finding)
    monkeypatch.setenv("SECRET_OF_THE_EAR", signing.new_secret())
    reference = "env:SECRET_OF_THE_EAR"
    isp.office.outbox.add("http://127.0.0.1:1/", name="ear", secret=reference, allow_private=True)
    with scans(isp.hub.store) as found:
        isp.sell()
        isp.work()
        for _ in range(2):
            with isp.hub.dispatching() as dispatching:
                dispatching.drain()
            isp.clock.advance(days=3)
        (parked,) = isp.office.outbox.status().troubled
        isp.office.outbox.replay([parked.id])
    assert parked.advice
    assert not found


def test_the_plans_are_looked_at(open_isp: Any, finding: type) -> None:
    isp = open_isp(finding)
    with scans(isp.hub.store) as found, isp.hub.store.read() as connection:
        connection.exec_driver_sql("SELECT name FROM customers WHERE name = ?", ("nobody",))
    assert found


@pytest.mark.parametrize("many", [1, 3])
def test_so_does_an_import(open_isp: Any, finding: type, many: int) -> None:
    isp = open_isp(finding)
    with scans(isp.hub.store) as found:
        for number in range(many):
            isp.sell(f"C{number}", f"P{number}")
    assert not found
