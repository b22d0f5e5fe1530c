"""How it stands: counts by integration and state, what is stuck and the next command, since when, and until when."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import event, text
from svahub import errors
from svahub.areas.health import Status, Stuck
from svahub.cli import main
from svahub.clock import span
from svahub.hub import TenantHub
from svahub.intake import ContractRow
from svahub.lifecycle import Step
from svahub.store import health, integrations, queue, results
from svahub.store.queue import Lane, Room, Terms
from svahub.store.rows import AttemptRow
from svahub.store.states import IntegrationState, State
from svahub.testing.clocks import HandClock
from svahub.verbs import Action

CPF = "52998224725"


def status(isp: Any) -> Status:
    found: Status = isp.office.health.status()
    return found


def counted(isp: Any) -> dict[str, int]:
    (tally,) = status(isp).integrations
    return {state: count for state, count in tally.states.items() if count}


def only(isp: Any) -> Stuck:
    (stuck,) = status(isp).stuck
    return stuck


def test_a_new_integration_has_no_subscription_and_needs_nobody(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    found = status(isp)
    (tally,) = found.integrations
    assert (tally.integration, tally.total, set(tally.states)) == ("basic", 0, set(State))
    assert (found.stuck, found.oldest_due_at, found.next_retry_at, found.needs_person) == ((), None, None, False)


def test_subscriptions_are_counted_by_state(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.sell("C1", "P1")
    isp.work()
    isp.sell("C2", "P2")
    assert counted(isp) == {"settled": 1, "due": 1}


def test_what_is_under_way_is_counted_as_running(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.sell("C1", "P1")
    isp.desk().take(10)
    assert counted(isp) == {"running": 1}


def test_the_oldest_that_is_due_and_the_next_retry_are_told(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.remote.troubles.append(errors.Busy("later"))
    isp.sell("C1", "P1")
    isp.work()
    waits = isp.one
    assert waits.state is State.WAITING
    began = isp.clock.now()
    assert (status(isp).oldest_due_at, status(isp).next_retry_at) == (None, waits.due_at)
    isp.sell("C2", "P2")
    isp.clock.advance(hours=1)
    found = status(isp)
    assert (found.oldest_due_at, found.oldest_due_seconds) == (began, 3600)
    assert found.next_retry_at is None


def test_what_a_dead_worker_holds_is_due_once_its_lease_has_ended(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.sell()
    began = isp.clock.now()
    isp.desk().take(10)
    assert (status(isp).oldest_due_at, status(isp).next_retry_at) == (None, None)
    isp.clock.advance(hours=5)
    oldest = status(isp).oldest_due_at
    assert oldest is not None
    assert began < oldest < began + timedelta(minutes=5)


def test_what_is_parked_is_stuck_until_a_person_decides(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.remote.troubles.append(errors.Rejected("closed"))
    isp.sell()
    isp.work()
    assert (only(isp).state, only(isp).subscriptions, only(isp).person) == (State.PARKED, 1, True)
    assert "svahub operations list --outcome parked" in only(isp).next


def test_an_integration_that_was_stopped_holds_what_is_due_and_nothing_else(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.sell("C1", "P1")
    isp.work()
    isp.sell("C2", "P2")
    _set(isp, IntegrationState.QUARANTINED, "the provider does not accept our credentials")
    assert counted(isp) == {"settled": 1, "quarantined": 1}
    assert (only(isp).subscriptions, only(isp).person) == (1, True)
    assert "svahub integration test basic" in only(isp).next
    assert status(isp).oldest_due_at is None
    _set(isp, IntegrationState.DISABLED)
    assert (only(isp).state, only(isp).person) == (State.WAITING, False)
    assert "svahub integration enable basic" in only(isp).next


def _set(isp: Any, state: IntegrationState, cause: str | None = None) -> None:
    with isp.hub.store.write() as connection:
        integrations.set_state(connection, "default", "basic", state, cause)


def test_a_pause_goes_on_by_itself(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.sell()
    with isp.hub.store.write() as connection:
        integrations.pause(connection, "default", "basic", isp.clock.now() + timedelta(minutes=5))
    assert (only(isp).state, only(isp).person) == (State.WAITING, False)
    assert only(isp).next == "it goes on by itself"


def test_a_missing_plugin_names_what_to_install(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.hub.registry.installed = lambda _name: False
    assert (only(isp).state, only(isp).person) == (State.MISSING_PLUGIN, True)
    assert only(isp).next == "pip install svahub-basic"


# -- the command -------------------------------------------------------------------------------------------------------


def run(isp: Any, *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, arguments, obj=isp.hub)
    assert result.exit_code == code, result.output
    return result


def test_the_table_has_a_line_for_each_integration_and_the_states_that_occur(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    isp.sell("C2", "P2")
    lines = run(isp, "status").stdout.splitlines()
    assert lines[0].split() == ["integration", "total", "settled", "due"]
    assert lines[2].split() == ["basic", "2", "1", "1"]
    assert "The oldest is due since" in lines[-1]


def test_what_is_parked_ends_with_4_as_text_and_as_json(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.remote.troubles.append(errors.Rejected("closed"))
    isp.sell()
    isp.work()
    assert "svahub operations list --outcome parked" in run(isp, "status", code=4).stdout
    shown = json.loads(run(isp, "status", "--json", code=4).stdout)
    assert shown["needs_person"] is True
    assert (shown["integrations"][0]["total"], shown["stuck"][0]["subscriptions"]) == (1, 1)


def test_work_names_both_ways_out_of_a_quarantine(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.sell()
    _set(isp, IntegrationState.QUARANTINED, "the provider does not accept our credentials")
    told = run(isp, "work", "--once", code=4).stderr
    assert "`svahub integration test NAME`; or give it others: `svahub integration rotate NAME`" in told


def test_all_tenants_are_told_apart(office: TenantHub) -> None:
    shown = CliRunner().invoke(main, ["status", "--all-tenants"], obj=office.hub).stdout
    assert [line.split()[:2] for line in shown.splitlines()[2:6]] == [
        ["default", "cameras"], ["default", "clinic"], ["other", "cameras"], ["other", "clinic"],
    ]  # fmt: skip


def test_a_store_without_integrations_says_what_to_do(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.hub.add_tenant("empty")
    assert "svahub integration add" in run(isp, "--tenant", "empty", "status").stdout
    run(isp, "--tenant", "nobody", "status", code=1)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (3600, "1 h"), (3661, "1 h 1 min"), (90061, "1 d 1 h")],
)
def test_a_span_is_said_by_its_two_largest_units(seconds: float, said: str) -> None:
    assert span(seconds) == said


# -- what the store tells ----------------------------------------------------------------------------------------------


def sell(office: TenantHub) -> None:
    customer = {"id": "P1", "name": "Pessoa Inventada", "document": CPF}
    items = [{"code": "1", "product_code": "TM"}]
    office.contracts.take_in([ContractRow.model_validate({"contract_id": "C1", "customer": customer, "items": items})])


def test_leases_and_what_they_leave_open_are_told(office_on_each: TenantHub, clock: HandClock) -> None:
    office, store = office_on_each, office_on_each.hub.store
    sell(office)
    now = clock.now()
    terms = Terms("somebody", now, now + timedelta(seconds=10), now + timedelta(seconds=15))
    with store.write() as connection:
        (account,) = queue.lease(connection, {Lane("default", "clinic"): Room(10)}, terms, 10)
        (row,) = queue.subscriptions_of(connection, [account.key])
        attempt = (account.key, account.lease_number, "default", row.key, Step.CREATE_USER, 1, None, now)
        results.begin_attempts(connection, [AttemptRow(*attempt, None, None, None)])
    with store.read() as connection:
        assert [(lease.owner, lease.accounts) for lease in health.leases(connection, now)] == [("somebody", 1)]
        assert health.orphans(connection, "default", now) == (0, None)
        later = now + timedelta(minutes=1)
        assert health.leases(connection, later) == []
        assert health.orphans(connection, "default", later) == (1, now)
        assert health.running(connection, "default").total() == 1


def test_the_newest_entry_is_read_at_the_head_of_the_chain(office_on_each: TenantHub) -> None:
    statements: list[str] = []
    store = office_on_each.hub.store
    with store.read() as connection:
        assert health.newest_entry(connection, "nobody") is None
        event.listen(connection, "before_cursor_execute", lambda *call: statements.append(call[2]))
        assert health.newest_entry(connection, "default") == store.now(connection)
    assert "chains" in statements[0]
    assert "max(" not in statements[0]


def test_the_queue_is_asked_by_its_index(office: TenantHub) -> None:
    plans: list[str] = []
    with office.hub.store.read() as connection:
        query = "SELECT due_at FROM accounts WHERE tenant = 'default' AND integration = 'clinic' AND priority = 0"
        wanted = f"EXPLAIN QUERY PLAN {query} AND due_at IS NOT NULL AND due_at <= 1 ORDER BY due_at LIMIT 1"
        plans += [row[3] for row in connection.execute(text(wanted))]
        count = "SELECT integration, phase, count(*) FROM subscriptions WHERE tenant = 'x' GROUP BY integration, phase"
        plans += [row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {count}"))]
    assert "ix_accounts_due" in plans[0]
    assert "COVERING INDEX ix_subscriptions_tenant" in plans[1]


def test_an_action_that_waits_is_not_stuck(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    isp.ask(Action.BLOCK)
    assert status(isp).needs_person is False
