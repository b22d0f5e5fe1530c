"""What is asked for each page or chunk of a campaign reads by an index that leads to these alone: all is linear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from svahub.areas.campaign_reports import CampaignReports
from svahub.campaigning.choice import Where

if TYPE_CHECKING:
    from collections.abc import Callable

GROWING = ("accounts", "customers", "contracts", "items", "subscriptions", "operations", "debts", "block_reasons")
FAR_TOO_MUCH = ("(tenant=?)", "(tenant=? AND integration=?)", "(tenant=? AND outcome=?)", "(campaign_id=?)")
ONCE = ("SELECT count", "SELECT DISTINCT subscriptions.product_type", "SELECT operations.outcome")
"""Statements that are made once in a campaign, or by who looks at it."""


def test_a_campaign_reads_by_index_what_belongs_to_each_page(town: Callable[..., Any]) -> None:
    here = town(2)
    here.owe("C1", "C2")
    found = set()

    def plan(connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.split(maxsplit=1)[0] in {"SELECT", "UPDATE"} and not statement.startswith(ONCE):
            cursor = connection.connection.cursor()
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters[0] if many else parameters)
            found.update((step, statement) for *_, step in cursor.fetchall())

    event.listen(here.office.hub.store.engine, "before_cursor_execute", plan)
    campaign = here.plan(Where("basic", "anything", "p1", 1))
    here.start(campaign)
    here.feed()
    fates = [line.outcome.value for line in CampaignReports(here.office.bench).of(campaign)]
    event.remove(here.office.hub.store.engine, "before_cursor_execute", plan)
    assert fates == ["waiting", "waiting"]
    assert any("ix_operations_campaign (campaign_id=? AND outcome=?)" in step for step, _ in found)
    read = [(step, statement) for step, statement in found for table in GROWING if f" {table} " in f"{step} "]
    assert [one for one in read if one[0].startswith("SCAN") or one[0].endswith(FAR_TOO_MUCH)] == []
