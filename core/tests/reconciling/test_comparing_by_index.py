"""What is asked for each batch of users, or of accounts, reads by an index that leads to these alone: all is linear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from svahub import Observed, RemoteSubscription, RemoteUser
from svahub.plans import Guard

if TYPE_CHECKING:
    from collections.abc import Callable

FAR_TOO_MUCH = (
    ("accounts", "(tenant=?)"), ("accounts", "(tenant=? AND integration=?)"), ("customers", "(tenant=?)"),
    ("subscriptions", "(tenant=?)"), ("listed_users", "(reconciliation_id=?)"), ("operations", "(tenant=?)"),
)  # fmt: skip
WHOLE = ("DELETE", "INSERT", "SELECT count", "SELECT reconciliations.id")
"""Statements that are made once in a comparison."""


def test_a_comparison_reads_by_index_what_belongs_to_each_batch(compared: Callable[..., Any]) -> None:
    here = compared(3)
    here.alter("C1", status=Observed.BLOCKED)
    entry = RemoteSubscription("p1", Observed.ACTIVE, "elsewhere")
    here.remote.users["s"] = RemoteUser("s", Observed.ACTIVE, "else", (entry,), document="11144477735")
    found = set()

    def plan(connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.split(maxsplit=1)[0] in {"SELECT", "UPDATE"} and not statement.startswith(WHOLE):
            cursor = connection.connection.cursor()
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters[0] if many else parameters)
            found.update((step, statement) for *_, step in cursor.fetchall())

    event.listen(here.office.hub.store.engine, "before_cursor_execute", plan)
    applied = here.office.reconciling.apply(str(here.run().plan), actor="ana", guard=Guard(9, 100))
    event.remove(here.office.hub.store.engine, "before_cursor_execute", plan)
    assert applied.corrected == 1
    assert any(step.startswith("SEARCH listed_users") for step, _ in found)
    much = [s for step, s in found for table, by in FAR_TOO_MUCH if f" {table} " in f"{step} " and step.endswith(by)]
    scanned = [s for step, s in found for table, _ in FAR_TOO_MUCH if step.startswith(f"SCAN {table}")]
    assert (much, scanned) == ([], [])
