"""How it stands with tasks, deliveries and debts: `status`, `doctor` and `work` tell of them, with what to do."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner
from svahub.cli import main
from svahub.doctor import work
from svahub.doctor.findings import Finding, Verdict
from svahub.doctor.premises import Premises
from svahub.models import Debt
from svahub.store import inbox
from svahub.store.inbox import Claim, Delivery
from svahub.store.queue import Lane
from svahub.store.states import InboxState, IntegrationState, State


@pytest.fixture
def isp(open_isp: Any, finding: Any) -> Any:
    """Return an ISP whose provider performs no tasks: each that is tried waits for a person."""
    return open_isp(finding)


@pytest.fixture
def isp_on_each(open_isp_on_each: Any, finding: Any) -> Any:
    """Return the same, once on each database."""
    return open_isp_on_each(finding)


def ask(isp: Any, *names: str) -> None:
    with isp.office.transaction("test", "task") as transaction:
        for name in names:
            isp.office.tasks.submit(transaction, "basic", "charge.create", name, {})


def deliver(isp: Any, *ids: str) -> None:
    with isp.hub.store.write() as connection:
        come = [Delivery(Lane("default", "basic"), id, "PAID", None, {}, b"{}") for id in ids]
        inbox.keep(connection, come, isp.hub.store.now(connection))


def fail(isp: Any) -> None:
    """Have the oldest delivery end as one that could not be read."""
    with isp.hub.store.write() as connection:
        now = isp.hub.store.now(connection)
        (row,) = inbox.claim(connection, [Lane("default", "basic")], Claim("a", now, now), 1)
        inbox.put(connection, row._replace(state=InboxState.FAILED, due_at=None), now)


def stop(isp: Any, state: IntegrationState) -> None:
    from svahub.store import integrations

    with isp.hub.store.write() as connection:
        integrations.set_state(connection, "default", "basic", state, "refused")


def run(isp: Any, *arguments: str) -> tuple[int, Any]:
    ended = CliRunner().invoke(main, arguments, obj=isp.hub)
    return ended.exit_code, json.loads(ended.stdout) if "--json" in arguments else ended.output


def findings(isp: Any, check: Any) -> list[Finding]:
    return [*check(Premises(isp.hub.store, isp.hub.registry))]


def test_tasks_are_counted_by_what_they_wait_for(isp_on_each: Any) -> None:
    isp = isp_on_each
    ask(isp, "1", "2")
    isp.work()
    ask(isp, "3")
    (beside,) = isp.office.health.status().beside
    assert (beside.integration, beside.tasks, beside.unread) == ("basic", {"parked": 2, "due": 1}, 0)


def test_a_parked_task_needs_a_person_and_its_command_is_told(isp: Any) -> None:
    ask(isp, "1")
    assert run(isp, "status", "--json")[0] == 0
    code, summary = run(isp, "work", "--once", "--json")
    assert (code, summary["tasks"]) == (4, {"parked": 1})
    code, told = run(isp, "status", "--json")
    (stuck,) = told["stuck"]
    assert (code, stuck["state"], stuck["tasks"], stuck["subscriptions"]) == (4, "parked", 1, 0)
    assert stuck["next"] == "`svahub tasks list --outcome parked`"
    assert "basic: 1 task parked: each waits for a person" in run(isp, "status")[1]
    assert "parked tasks: svahub tasks list --outcome parked" in run(isp, "work", "--once")[1]
    (found,) = [one for one in findings(isp, work.parked) if one.person]
    assert (found.verdict, "svahub tasks list" in str(found.remedy)) == (Verdict.WARNING, True)


def test_a_stopped_integration_needs_a_person_for_its_tasks_alone(isp: Any) -> None:
    ask(isp, "1")
    stop(isp, IntegrationState.QUARANTINED)
    code, told = run(isp, "status", "--json")
    (stuck,) = told["stuck"]
    assert (code, stuck["state"], stuck["tasks"]) == (4, State.QUARANTINED.value, 1)
    assert run(isp, "work", "--once")[0] == 4


def test_deliveries_that_nobody_reads_are_told_with_since_when(isp: Any) -> None:
    deliver(isp, "e1", "e2")
    began = isp.clock.now()
    assert findings(isp, work.inbox) == []
    isp.clock.advance(minutes=5)
    (beside,) = isp.office.health.status().beside
    assert (beside.unread, beside.unread_since, beside.unread_seconds, beside.failed) == (2, began, 300, 0)
    (found,) = findings(isp, work.inbox)
    assert (found.verdict, "run `svahub work`" in str(found.remedy)) == (Verdict.ERROR, True)
    assert "2" in run(isp, "status")[1]


def test_a_delivery_that_could_not_be_read_needs_a_person(isp_on_each: Any) -> None:
    isp = isp_on_each
    deliver(isp, "e1", "e2")
    fail(isp)
    code, told = run(isp, "status", "--json")
    (stuck,) = told["stuck"]
    assert (code, stuck["deliveries"], told["beside"][0]["failed"], told["beside"][0]["unread"]) == (4, 1, 1, 1)
    assert "`svahub inbox list --state failed`, then `svahub inbox replay ID`" in stuck["next"]
    assert "1 delivery parked: each could not be read" in run(isp, "status")[1]
    (found,) = [one for one in findings(isp, work.parked) if one.person]
    assert "svahub inbox replay ID" in str(found.remedy)


def test_open_debts_without_a_policy_are_a_warning(isp: Any) -> None:
    isp.sell()
    assert findings(isp, work.debts) == []
    with isp.office.transaction("test", "debts") as transaction:
        isp.office.debts.report(transaction, "basic", [Debt("C1", "pay_1", date(2026, 11, 2), Decimal(10))])
    (found,) = findings(isp, work.debts)
    assert (found.verdict, found.person) == (Verdict.WARNING, False)
    assert "svahub policy set --grace-days DAYS" in str(found.remedy)
    from svahub.debt_rule import Policy

    isp.office.debts.set_policy(Policy(10))
    assert findings(isp, work.debts) == []


def test_a_task_that_a_dead_worker_began_is_told(isp_on_each: Any) -> None:
    isp = isp_on_each
    ask(isp, "1")
    isp.desk().take(1)
    assert findings(isp, work.attempts) == []
    isp.clock.advance(hours=1)
    (found,) = findings(isp, work.attempts)
    assert "1 were begun and not ended" in found.found
