"""What is pruned of the audit and when, and that what is left holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select, text
from svahub.areas.audit import LineKind, Wanted
from svahub.errors import Refused
from svahub.hub import TenantHub
from svahub.store import journal, tables
from svahub.store.states import DataClass, EventKind
from svahub.verbs import Action

from .keeping import ask, call, last, sign, told

if TYPE_CHECKING:
    from svahub.testing.clocks import HandClock


def count(office: TenantHub, table: str) -> int:
    with office.hub.store.read() as connection:
        found = select(func.count()).select_from(tables.metadata.tables[table])
        return int(connection.execute(found.where(text("tenant = 'default'"))).scalar_one())


def settle(office: TenantHub) -> None:
    with office.hub.store.write() as connection:
        connection.execute(tables.subscriptions.update().values(phase="settled"))


def test_each_class_has_a_time_and_a_reason(office: TenantHub) -> None:
    assert {row.data_class for row in office.audit.retention()} == set(DataClass)
    assert office.audit.retain(DataClass.EXCHANGES, 30).days == 30
    assert {row.data_class: row.days for row in office.audit.retention()}[DataClass.EXCHANGES] == 30
    assert last(office).details == {"days": 30}


@pytest.mark.parametrize(("kind", "days"), [(DataClass.IDEMPOTENCY_KEYS, 29), (DataClass.LOOKS, 10**6)])
def test_a_senseless_time_is_refused(office: TenantHub, kind: DataClass, days: int) -> None:
    with pytest.raises(Refused, match="are kept for"):
        office.audit.retain(kind, days)


def test_only_what_is_older_is_pruned_and_what_is_left_holds(office_on_each: TenantHub, clock: HandClock) -> None:
    office = office_on_each
    sign(office)
    settle(office)
    call(office, "C1", 1)
    clock.advance(days=200)
    call(office, "C1", 2)
    assert str(office.audit.prune(dry_run=True)) == "would prune 1 exchanges"
    assert count(office, "exchanges") == 2
    assert str(office.audit.prune()) == "pruned 1 exchanges"
    assert [line.path for line in office.audit.list(Wanted(LineKind.EXCHANGE))] == ["/users/2"]
    checked = office.audit.verify()
    assert (checked.broken, checked.pruned, checked.exchanges) == (None, 1, 1)
    assert str(office.audit.prune()) == "nothing to prune"
    assert [command for _, command, _ in told(office)].count("audit prune") == 2


def test_commands_and_looks_are_emptied_and_then_dropped(office_on_each: TenantHub, clock: HandClock) -> None:
    office = office_on_each
    sign(office)
    settle(office)
    office.contracts.customer("P1", actor="ana")
    call(office, "C1")
    entries_before = count(office, "audit")
    clock.advance(days=6 * 366)
    noted = str(office.audit.verify().head)
    pruned = office.audit.prune()
    assert (pruned.looks, pruned.exchanges, pruned.dropped) == (1, 1, entries_before)
    checked = office.audit.verify(noted)
    assert (checked.broken, checked.entries) == (None, 2)
    with pytest.raises(Refused, match="was pruned"):
        office.audit.verify("1:" + "0" * 64)


def test_exchanges_stay_while_their_account_is_not_settled(office: TenantHub, clock: HandClock) -> None:
    sign(office)
    call(office, "C1")
    clock.advance(days=400)
    assert office.audit.prune().exchanges == 0
    settle(office)
    assert office.audit.prune().exchanges == 1


def test_an_erasure_is_told_as_long_as_what_it_emptied_is_there(office: TenantHub, clock: HandClock) -> None:
    sign(office)
    call(office, "C1")
    (key,) = {row.account_key for row in map(office.subscriptions.one, ["C1/1"])}
    empty = {"request_body": None, "response_body": None, "redacted_at": office.bench.now()}
    with office.bench.writing("customers erase", "customer P1", accounts=[key]) as connection:
        connection.execute(tables.exchanges.update().values(empty))
    clock.advance(days=6 * 366)
    office.audit.prune()  # the subscription is not settled: its exchange stays, and so does the erasure
    assert told(office, kind=LineKind.COMMAND)[0][1] == "customers erase"
    assert office.audit.verify().broken is None
    settle(office)
    office.audit.prune()
    assert (office.audit.verify().broken, count(office, "exchanges")) == (None, 0)


def test_events_and_idempotency_keys_go_too(office: TenantHub, clock: HandClock) -> None:
    sign(office)
    settle(office)
    with office.hub.store.write() as connection:
        journal.tell(connection, "default", office.bench.now(), [journal.Event(EventKind.PARKED)])
        journal.tell(connection, "other", office.bench.now(), [journal.Event(EventKind.PARKED)])
    ask(office, Action.BLOCK, idempotency_key="k")
    clock.advance(days=91)
    pruned = office.audit.prune()
    assert (pruned.events, pruned.idempotency_keys) == (1, 1)
    assert (count(office, "events"), count(office, "idempotency_keys")) == (0, 0)


def test_a_prune_that_was_killed_is_gone_on_with(office: TenantHub, clock: HandClock) -> None:
    sign(office)
    settle(office)
    for n in range(3):
        call(office, "C1", n)
    clock.advance(days=6 * 366)

    class Killed(BaseException):
        pass

    def kill(_gone: int) -> None:
        raise Killed

    with pytest.raises(Killed):
        office.audit.prune(progress=kill)
    assert office.audit.verify().broken is None
    office.audit.prune()
    assert (office.audit.verify().broken, count(office, "exchanges")) == (None, 0)
