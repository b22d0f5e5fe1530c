"""The chain: whatever is changed, taken out, put in or moved, `verify` names that place or an earlier one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, func, insert, null, select, update
from svahub import entries
from svahub.areas.audit import verified
from svahub.chain import Anchor, Checked, Fault
from svahub.errors import Refused
from svahub.exchange import Exchange
from svahub.hub import Hub, TenantHub
from svahub.registry import Registry
from svahub.store import Store, journal, tables, versions
from svahub.store.states import AuditKind, DataClass
from svahub.testing.clocks import HandClock

ENTRIES = 9  # every third one is of exchanges, of which it has one more each time; the first adds the tenant
KEY = "5b0c3f9a-0000-5000-8000-000000000001"
FEW = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


def exchange(n: int, at: Any) -> Exchange:
    return Exchange(
        "POST", f"/users/{n}", 201, 12.3, {"accept": "*/*"}, '{"n": 1}', {}, '{"id": 7}', None, at, (KEY, n)
    )


def fill(store: Store, clock: HandClock, tenant: str = "default") -> None:
    """Append commands, looks and exchanges in turn, a second apart."""
    for n in range(2, ENTRIES + 1):
        clock.advance(seconds=1)
        with store.write() as connection:
            now = store.now(connection)
            if n % 3 == 0:
                journal.write_exchanges(
                    connection, [(tenant, "tele", exchange(i, now)) for i in range(n // 3 + 1)], now
                )
            else:
                kind = AuditKind.LOOK if n % 2 else AuditKind.COMMAND
                entry = entries.entry(kind, "ana", "customers show", f"customer P{n}", revealed=bool(n % 4))
                journal.append(connection, tenant, now, [entry])


def opened(url: str, clock: HandClock) -> TenantHub:
    store = Store(url, clock)
    versions.ready(store)
    hub = Hub(store, Registry())
    hub.add_tenant("default")
    fill(store, clock)
    return hub.tenant("default")


@pytest.fixture
def office(sqlite_url: str, clock: HandClock) -> Iterator[TenantHub]:
    office = opened(sqlite_url, clock)
    yield office
    office.hub.close()


@pytest.fixture
def on_each(database_url: str, clock: HandClock) -> Iterator[TenantHub]:
    office = opened(database_url, clock)
    yield office
    office.hub.close()


def after(office: TenantHub, *statements: Any) -> Checked:
    """Check the chain as it is after some statements, which are then undone."""
    with office.hub.store.write(undo=True) as connection:
        for statement in statements:
            connection.execute(statement)
        return verified(connection, office.name)


def broken_at(checked: Checked) -> tuple[int, Fault]:
    assert checked.broken is not None
    return checked.broken.number, checked.broken.fault


a, x = tables.audit.c, tables.exchanges.c


def test_what_was_written_holds(on_each: TenantHub) -> None:
    checked = on_each.audit.verify()
    assert checked.broken is None
    assert (checked.entries, checked.exchanges, checked.pruned, checked.redacted) == (9, 9, 0, 0)
    assert checked.head.number == ENTRIES


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        (update(tables.audit).where(a.number == 4).values(actor="bia"), (4, Fault.CHANGED)),
        (update(tables.audit).where(a.number == 4).values(at=HandClock().now() - timedelta(1)), (4, Fault.CHANGED)),
        (update(tables.audit).where(a.number == 6).values(details={"exchanges": 4}), (6, Fault.CHANGED)),
        (delete(tables.audit).where(a.number == 4), (4, Fault.MISSING)),
        (delete(tables.audit).where(a.number == 1), (1, Fault.MISSING)),
        (delete(tables.audit).where(a.number == 9), (9, Fault.MISSING)),
        (update(tables.audit).where(a.number == 9).values(number=12), (9, Fault.MISSING)),
        (update(tables.audit).where(a.number == 4).values(number=-1), (-1, Fault.ADDED)),
        (update(tables.exchanges).where(x.audit_number == 6).values(path="/other"), (6, Fault.EXCHANGE_CHANGED)),
        (delete(tables.exchanges).where(x.id == 4), (6, Fault.EXCHANGE_MISSING)),
        (update(tables.exchanges).where(x.id == 1).values(audit_number=9), (3, Fault.EXCHANGE_MISSING)),
        (update(tables.exchanges).where(x.id == 1).values(audit_number=5), (3, Fault.EXCHANGE_MISSING)),
        (update(tables.exchanges).where(x.id == 1).values(audit_number=0), (0, Fault.EXCHANGE_ADDED)),
        (update(tables.exchanges).where(x.id == 1).values(audit_number=None), (3, Fault.EXCHANGE_MISSING)),
        (update(tables.chains).values(entry=10), (10, Fault.MISSING)),
        (update(tables.chains).values(entry=8), (9, Fault.ADDED)),
        (update(tables.chains).values(hash="0" * 64), (9, Fault.CHANGED)),
        (delete(tables.chains), (1, Fault.ADDED)),
    ],
)
def test_whatever_is_tampered_with_is_named(office: TenantHub, statement: Any, place: tuple[int, Fault]) -> None:
    assert broken_at(after(office, statement)) == place


def test_an_exchange_that_names_no_entry_was_added(office: TenantHub) -> None:
    columns = [c for c in tables.exchanges.c if c.name not in {"id", "audit_number"}]
    copied = insert(tables.exchanges).from_select([c.name for c in columns], select(*columns).limit(1))
    assert broken_at(after(office, copied))[1] is Fault.EXCHANGE_ADDED


def test_an_entry_that_is_emptied_without_a_prune_is_hidden(office: TenantHub) -> None:
    nothing = {"actor": None, "command": None, "subject": None, "details": null(), "pruned": True}
    emptied = update(tables.audit).where(a.number == 4).values(nothing)
    assert broken_at(after(office, emptied)) == (4, Fault.EMPTIED)


def test_exchanges_that_are_deleted_with_their_entrys_content_are_hidden(office: TenantHub) -> None:
    nothing = {"details": null(), "pruned": True}
    emptied = update(tables.audit).where(a.number == 6).values(nothing)
    gone = delete(tables.exchanges).where(x.audit_number == 6)
    assert broken_at(after(office, emptied, gone)) == (6, Fault.EMPTIED)


def test_a_beginning_that_is_cut_off_is_told_though_the_anchor_was_moved(office: TenantHub) -> None:
    with office.hub.store.read() as connection:
        second = connection.execute(select(a.hash).where(a.number == 2)).scalar_one()
    cut = delete(tables.audit).where(a.number <= 2)
    moved = update(tables.chains).values(anchor=2, anchor_hash=second)
    assert broken_at(after(office, cut, moved)) == (2, Fault.DROPPED)


SAID = {"request_headers": {}, "request_body": None, "response_headers": {}, "response_body": None, "error": None}
REDACTED = SAID | {"redacted_at": HandClock().now()}


def test_a_redaction_without_an_erasure_is_told(office: TenantHub) -> None:
    redacted = update(tables.exchanges).where(x.id == 4).values(REDACTED)
    assert broken_at(after(office, redacted)) == (6, Fault.EXCHANGE_EMPTIED)


@pytest.mark.parametrize("told", [{"accounts": [KEY]}, {"exchanges": [4]}])
def test_a_redaction_that_an_erasure_tells_of_holds(office: TenantHub, told: dict[str, Any]) -> None:
    with office.bench.writing("customers erase", "customer P1", **told) as connection:
        connection.execute(update(tables.exchanges).where(x.id == 4).values(REDACTED))
    checked = office.audit.verify()
    assert (checked.broken, checked.redacted) == (None, 1)


FORGED = {
    "method": "DELETE", "path": "/forged", "status": 500, "milliseconds": 9, "integration": "other", "lease_number": 7,
    "account_key": "5b0c3f9a-0000-5000-8000-000000000002", "at": HandClock().now() - timedelta(days=900),
    "request_headers": {"x": "y"}, "response_body": "{}", "error": "cut", "digest": "0" * 64,
}  # fmt: skip


@pytest.mark.parametrize("column", FORGED)
def test_what_is_left_of_a_redacted_exchange_cannot_be_forged(office: TenantHub, column: str) -> None:
    with office.bench.writing("customers erase", "customer P1", accounts=[KEY]) as connection:
        connection.execute(update(tables.exchanges).where(x.id == 4).values(REDACTED))
    forged = update(tables.exchanges).where(x.id == 4).values({column: FORGED[column]})
    assert broken_at(after(office, forged)) == (6, Fault.EXCHANGE_CHANGED)


def test_nobodys_exchange_is_emptied_under_the_name_of_an_erased_account(office: TenantHub) -> None:
    erased = "5b0c3f9a-0000-5000-8000-000000000009"
    with office.bench.writing("customers erase", "customer P1", accounts=[erased]):
        pass
    destroyed = update(tables.exchanges).where(x.id == 4).values(REDACTED | {"account_key": erased})
    assert broken_at(after(office, destroyed)) == (6, Fault.EXCHANGE_CHANGED)


def test_a_redacted_exchange_that_has_a_query_holds_without_it(office: TenantHub) -> None:
    with office.hub.store.write() as connection:
        said = replace(exchange(1, office.bench.now()), path="/users?cpf=1")
        journal.write_exchanges(connection, [("default", "tele", said)], office.hub.store.now(connection))
    with office.bench.writing("customers erase", "customer P1", accounts=[KEY]) as connection:
        connection.execute(update(tables.exchanges).where(x.path.contains("?")).values(REDACTED | {"path": "/users"}))
    assert office.audit.verify().broken is None


def test_an_erasure_covers_no_exchange_after_it(office: TenantHub) -> None:
    with office.bench.writing("customers erase", "customer P1", accounts=[KEY]):
        pass
    fill(office.hub.store, HandClock())
    redacted = update(tables.exchanges).where(x.id == 10).values(REDACTED)
    assert broken_at(after(office, redacted))[1] is Fault.EXCHANGE_EMPTIED


def test_a_new_chain_is_only_known_by_an_anchor_noted_before(office: TenantHub) -> None:
    noted = str(office.audit.verify().head)
    with office.hub.store.write() as connection:
        for table in (tables.exchanges, tables.audit, tables.chains):
            connection.execute(delete(table))
    fill(office.hub.store, HandClock())
    with office.hub.store.write() as connection:
        journal.append(connection, "default", office.bench.now(), [entries.entry(AuditKind.LOOK, "a", "b", "c")])
    assert office.audit.verify().broken is None
    assert broken_at(office.audit.verify(noted)) == (ENTRIES, Fault.OTHER_ANCHOR)


def test_an_anchor_holds_while_the_chain_grows(office: TenantHub, clock: HandClock) -> None:
    noted = str(office.audit.verify().head)
    fill(office.hub.store, clock)
    assert office.audit.verify(noted).broken is None


def test_a_chain_that_ends_before_the_anchor_has_lost_its_end(office: TenantHub) -> None:
    with office.hub.store.read() as connection:
        checked = verified(connection, "default", Anchor(12, "0" * 64))
    assert broken_at(checked) == (10, Fault.MISSING)


@pytest.mark.parametrize("text", ["", "12", "x:" + "0" * 64, "12:abc"])
def test_what_is_no_anchor_is_refused(office: TenantHub, text: str) -> None:
    with pytest.raises(Refused, match="is no anchor"):
        Anchor.read(text)


# -- properties --------------------------------------------------------------------------------------------------------

COLUMNS = [("audit", c.name) for c in tables.audit.c] + [("exchanges", n) for n in (*journal.WITNESSED, "audit_number")]
COLUMNS += [("exchanges", "digest"), ("exchanges", "redacted_at")]


def other(value: Any, draw: st.DrawFn) -> Any:
    """Return a value of the same type that is another."""
    match value:
        case bool():
            return not value
        case AuditKind():
            return draw(st.sampled_from([kind for kind in AuditKind if kind is not value]))
        case int():
            return value + draw(st.integers(1, 20) | st.integers(-20, -1))
        case str():
            return draw(st.text(max_size=10).filter(lambda text: text.isprintable() and text != value))
        case dict():
            return value | {draw(st.sampled_from(["exchanges", "revealed", "more"])): draw(st.integers(50, 60))}
        case None:
            return None
    return value + timedelta(microseconds=draw(st.integers(1, 10**9)))


@st.composite
def _tampered(draw: st.DrawFn, rows: dict[str, list[dict[str, Any]]]) -> tuple[int, Any]:
    """Draw one change of one column of one row: the entry's number and the statement."""
    table_name, column = draw(st.sampled_from(COLUMNS))
    row = draw(st.sampled_from(rows[table_name]))
    table = tables.metadata.tables[table_name]
    value = row[column]
    new = other(value, draw) if value is not None else _filled(column, row)
    key = [c == row[c.name] for c in table.primary_key]
    number = row.get("number") or row["audit_number"]
    if column in {"number", "audit_number"}:
        number = max(number, 0)
    return number, update(table).where(*key).values({column: new})


def _filled(column: str, row: dict[str, Any]) -> Any:
    if column in {"redacted_at"}:
        return row["at"]
    return {"x": 1} if column == "details" else "x"


def _rows(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [dict(row._mapping) for row in connection.execute(select(tables.metadata.tables[name]))]
        for name in ("audit", "exchanges")
    }


@FEW
@given(data=st.data())
def test_any_change_of_any_column_is_named_there_or_before(office: TenantHub, data: st.DataObject) -> None:
    with office.hub.store.write(undo=True) as connection:
        with_other = insert(tables.tenants).values(name="other", zone="UTC", created_at=HandClock().now())
        connection.execute(with_other)
        number, statement = data.draw(_tampered(_rows(connection)))
        values = statement.compile().params
        if "tenant" in values:
            statement = statement.values(tenant="other")
        taken = select(func.count()).select_from(tables.audit).where(a.number == values.get("number"))
        if "number" in values and connection.execute(taken).scalar():
            return  # the database itself refuses two of one number
        connection.execute(statement)
        checked = verified(connection, "default")
    assert checked.broken is not None
    assert checked.broken.number <= number


@FEW
@given(number=st.integers(1, ENTRIES), count=st.integers(1, 3))
def test_any_deletion_is_named(office: TenantHub, number: int, count: int) -> None:
    gone = range(number, number + count)
    of_them = delete(tables.exchanges).where(x.audit_number.in_(gone))
    checked = after(office, delete(tables.audit).where(a.number.in_(gone)), of_them)
    assert broken_at(checked) == (number, Fault.MISSING)


@FEW
@given(one=st.integers(1, ENTRIES), two=st.integers(1, ENTRIES))
def test_any_swap_is_named(office: TenantHub, one: int, two: int) -> None:
    moved = [(one, 100), (two, one), (100, two)]
    checked = after(office, *(update(tables.audit).where(a.number == b).values(number=n) for b, n in moved))
    assert (checked.broken is None) == (one == two)
    assert one == two or broken_at(checked)[0] == min(one, two)


@FEW
@given(before=st.integers(1, ENTRIES))
def test_any_insertion_is_named(office: TenantHub, before: int) -> None:
    room = [update(tables.audit).where(a.number == n).values(number=n + 1) for n in range(ENTRIES, before - 1, -1)]
    columns = [c for c in tables.audit.c if c.name != "number"]
    copied = select(*columns, func.abs(before).label("number")).where(a.number == (before + 1))
    put = insert(tables.audit).from_select([*(c.name for c in columns), "number"], copied)
    assert broken_at(after(office, *room, put, update(tables.chains).values(entry=ENTRIES + 1)))[0] <= before + 1


STEPS = st.lists(st.sampled_from(["fill", "wait", "wait long", "prune", "longer", "shorter"]), max_size=12)


def test_pruning_and_appending_do_not_break_the_chain(tmp_path_factory: Any) -> None:
    steps = "fill, wait, prune, shorter, fill, wait, prune, longer, fill, wait long, prune"
    _pruned_and_appended(tmp_path_factory, steps.split(", "))


@pytest.mark.deep
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_nor_do_they_in_any_order(tmp_path_factory: Any, steps: list[str]) -> None:
    _pruned_and_appended(tmp_path_factory, steps)


def _pruned_and_appended(tmp_path_factory: Any, steps: list[str]) -> None:
    clock = HandClock()
    office = opened(f"sqlite:///{tmp_path_factory.mktemp('chain') / 'x.db'}", clock)
    try:
        for step in steps:
            _take(office, clock, step)
            assert office.audit.verify().broken is None
    finally:
        office.hub.close()


def _take(office: TenantHub, clock: HandClock, step: str) -> None:
    match step:
        case "fill":
            fill(office.hub.store, clock)
        case "wait":
            clock.advance(days=100)
        case "wait long":
            clock.advance(days=2000)
        case "prune":
            office.audit.prune()
        case "longer" | "shorter":
            for kind in (DataClass.COMMANDS, DataClass.LOOKS, DataClass.EXCHANGES):
                office.audit.retain(kind, 3000 if step == "longer" else 30)
