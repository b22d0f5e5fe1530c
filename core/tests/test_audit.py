"""What the audit keeps of each command and look, how it is found again, and what is pruned when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, select, text
from svahub import entries
from svahub.areas.audit import EntryView, ExchangeView, LineKind, Wanted
from svahub.errors import Refused, UnknownName
from svahub.exchange import Exchange
from svahub.hub import TenantHub
from svahub.intake import ContractRow
from svahub.models import Reason
from svahub.store import journal, tables
from svahub.store.states import AuditKind, DataClass, EventKind
from svahub.verbs import Action, Command

if TYPE_CHECKING:
    from svahub.testing.clocks import HandClock

TM = [{"code": "1", "product_code": "TM"}]


def sign(office: TenantHub, contract: str = "C1", customer: str = "P1", **more: Any) -> None:
    person = {"id": customer, "name": "Pessoa Inventada", "document": "52998224725"}
    level = {"contract_id": contract, "customer": person, "items": TM} | more
    assert not office.contracts.take_in([ContractRow.model_validate(level)]).errors


def ask(office: TenantHub, action: Action, contract: str = "C1", **more: Any) -> None:
    office.verbs.issue(Command(action, contract, **more))


def told(office: TenantHub, **wanted: Any) -> list[tuple[str | None, str | None, str | None]]:
    """Return who did what to what, the oldest first."""
    lines = list(office.audit.list(Wanted(**wanted)))[::-1]
    return [(line.actor, line.command, line.subject) for line in lines if line.command != "tenant add"]


def last(office: TenantHub) -> Any:
    return next(office.audit.list())


def call(office: TenantHub, contract: str | None, n: int = 1, integration: str = "clinic") -> None:
    """Keep an exchange of the account of a contract, or of none."""
    sold = list(office.subscriptions.list(contract=contract)) if contract else []
    key = office.subscriptions.one(sold[0].key).account_key if sold else None
    now = office.bench.now()
    said = Exchange("GET", f"/users/{n}", 200, 5, {}, None, {}, '{"ok": true}', None, now, key and (key, n))
    with office.hub.store.write() as connection:
        journal.write_exchanges(connection, [(office.name, integration, said)], now)


# -- what is kept ------------------------------------------------------------------------------------------------------


def test_a_verb_leaves_one_entry_with_all_that_was_asked(office_on_each: TenantHub) -> None:
    office = office_on_each
    sign(office)
    ask(office, Action.BLOCK, actor="ana", reason=Reason.LEGAL, note="order 52998224725", idempotency_key="k1")
    line = last(office)
    assert (line.kind, line.actor, line.command, line.subject) == (LineKind.COMMAND, "ana", "block", "contract C1")
    (operation,) = [o.id for o in office.operations.list() if o.verb == "block"]
    assert line.details == {
        "reason": "legal", "idempotency_key": "k1", "operations": [operation],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("action", "more"),
    [(Action.ACTIVATE, {}), (Action.UNBLOCK, {}), (Action.BLOCK, {"idempotency_key": "k"})],
)
def test_what_changes_nothing_leaves_nothing(office: TenantHub, action: Action, more: dict[str, Any]) -> None:
    sign(office)
    if more:
        ask(office, action, **more)
    before = told(office)
    ask(office, action, **more)
    assert told(office) == before


def test_a_dry_run_and_a_refusal_leave_nothing(office: TenantHub) -> None:
    sign(office)
    before = told(office)
    office.verbs.issue(Command(Action.CANCEL, "C1"), dry_run=True)
    with pytest.raises(Refused):
        ask(office, Action.CHANGE, plan=None)
    office.catalogue.unlink("CAM", dry_run=True)
    assert told(office) == before


def test_an_import_tells_when_it_begins_and_when_it_ends(office: TenantHub, tmp_path: Any) -> None:
    file = tmp_path / "contracts.jsonl"
    file.write_text('{"contract_id": "C7"}\n')
    office.contracts.bring(file)
    ended, began = list(office.audit.list())[:2]
    assert (began.command, began.details) == ("contracts import", {"source": "contracts.jsonl", "state": "began"})
    assert (ended.details["state"], ended.details["rejected"], ended.details["added"]) == ("ended", 1, 0)
    before = told(office)
    office.contracts.bring(file, dry_run=True)
    assert told(office) == before


def test_unlinking_looks_and_tenants_are_kept(office: TenantHub) -> None:
    sign(office)
    before = len(told(office))
    office.catalogue.unlink("CAM")
    office.contracts.customer("P1", actor="ana")
    assert told(office)[before:] == [
        ("operator", "products unlink", "product CAM"),
        ("ana", "customers show", "customer P1"),
    ]
    office.hub.add_tenant("third", actor="bia")
    assert last(office.hub.tenant("third")).actor == "bia"


# -- what people type --------------------------------------------------------------------------------------------------


def test_no_text_that_somebody_types_fails_a_command(office_on_each: TenantHub) -> None:
    office = office_on_each
    sign(office)
    ask(office, Action.BLOCK, actor="a\0b\ud800" * 60, note="n\0\ud800")
    line = last(office)
    assert line.actor.startswith("a\ufffdb?a")
    assert office.audit.verify().broken is None


@given(
    details=st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes() | st.decimals(),
            lambda inner: st.lists(inner, max_size=3) | st.tuples(inner),
        ),
        max_size=3,
    )
)
def test_details_are_kept_as_they_are_read_back(details: dict[str, Any]) -> None:
    from pydantic_core import from_json, to_json

    kept = journal.as_kept(details)
    assert journal.canonical(from_json(to_json(kept))) == journal.canonical(kept)


@given(st.text(max_size=500), st.text(max_size=500))
def test_a_subject_fits_and_stays_another(one: str, two: str) -> None:
    assert len(entries.fitted(one)) <= entries.LONGEST
    assert (entries.fitted(one) == entries.fitted(two)) == (entries.clean(one) == entries.clean(two))


# -- finding it again --------------------------------------------------------------------------------------------------


@pytest.fixture
def busy(office: TenantHub, clock: HandClock) -> TenantHub:
    """Return an office with two customers' contracts, and on each a block, a look and an exchange, a day apart."""
    for n in (1, 2):
        sign(office, f"C{n}", f"P{n}")
        clock.advance(days=1)
        ask(office, Action.BLOCK, f"C{n}", actor=f"actor{n}")
        office.contracts.customer(f"P{n}", actor="ana")
        call(office, f"C{n}", n)
    call(office, None, integration="cameras")
    with office.bench.writing("integration disable", "integration cameras"):
        pass
    return office


def references(office: TenantHub, **wanted: Any) -> list[str]:
    lines = list(office.audit.list(Wanted(**wanted)))
    assert lines == sorted(lines, key=lambda line: line.at, reverse=True)
    return [f"{x.command or x.path} {x.actor or x.integration}" for x in lines if x.command != "contracts import"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"contract": "C1"}, {"block actor1", "/users/1 clinic"}),
        ({"customer": "P1"}, {"block actor1", "customers show ana", "/users/1 clinic"}),
        ({"customer": "P1", "kind": LineKind.LOOK}, {"customers show ana"}),
        ({"actor": "actor2"}, {"block actor2"}),
        ({"actor": "ana", "customer": "P2"}, {"customers show ana"}),
        ({"integration": "cameras"}, {"integration disable operator", "/users/1 cameras"}),
        ({"contract": "C1", "integration": "cameras"}, set()),
        ({"kind": LineKind.EXCHANGE}, {"/users/1 clinic", "/users/2 clinic", "/users/1 cameras"}),
        ({"contract": "C9"}, set()),
        ({"until": date(2026, 11, 24), "actor": "ana"}, {"customers show ana"}),
        ({"until": date(2026, 11, 23), "actor": "ana"}, set()),
        ({"since": date(2026, 11, 25), "kind": LineKind.EXCHANGE}, {"/users/2 clinic", "/users/1 cameras"}),
    ],
)
def test_lines_are_found_by_what_they_are_about(busy: TenantHub, wanted: dict[str, Any], expected: set[str]) -> None:
    assert set(references(busy, **wanted)) == expected


def test_lines_come_whole_over_many_pages(office_on_each: TenantHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("svahub.store.audit.PAGE", 2)
    for n in range(7):
        with office_on_each.bench.writing("x", f"s{n}"):
            pass
        call(office_on_each, None, n)
    commands = [line.subject for line in office_on_each.audit.list(Wanted(LineKind.COMMAND))]
    paths = [line.path for line in office_on_each.audit.list(Wanted(LineKind.EXCHANGE))]
    assert commands == [*(f"s{n}" for n in reversed(range(7))), "tenant default"]
    assert paths == [f"/users/{n}" for n in reversed(range(7))]
    assert office_on_each.audit.verify().exchanges == 7


def test_an_entry_and_an_exchange_are_shown_whole(busy: TenantHub) -> None:
    (line,) = busy.audit.list(Wanted(LineKind.EXCHANGE, contract="C2"))
    shown = busy.audit.show(line.reference)
    assert isinstance(shown, ExchangeView)
    assert (shown.response_body, shown.path) == ('{"ok": true}', "/users/2")
    entry = busy.audit.show(line.reference.partition("/")[0])
    assert isinstance(entry, EntryView)
    assert [inner.reference for inner in entry.exchanges] == [line.reference]


@pytest.mark.parametrize("reference", ["999", "1/1", "99999/99999"])
def test_what_is_not_there_is_named(busy: TenantHub, reference: str) -> None:
    with pytest.raises(UnknownName, match="Kept are 1 to"):
        busy.audit.show(reference)


@pytest.mark.parametrize("reference", ["", "x", "1/", "1/x", "-1", "1/2/3", "9" * 30])
def test_what_is_no_reference_is_refused(office: TenantHub, reference: str) -> None:
    with pytest.raises(Refused, match="names nothing"):
        office.audit.show(reference)


@pytest.fixture
def plans(busy: TenantHub) -> Callable[[Callable[[], Any]], str]:
    """Return what tells how the database finds what a call asks for."""
    store = busy.hub.store

    def plan_of(call: Callable[[], Any]) -> str:
        asked: list[Any] = []
        event.listen(store.engine, "before_cursor_execute", keep := lambda _c, _u, sql, of, *_: asked.append((sql, of)))
        call()
        event.remove(store.engine, "before_cursor_execute", keep)
        with store.read() as connection:
            rows = [
                row.detail
                for sql, of in asked
                if sql.startswith(("SELECT", "UPDATE", "DELETE"))
                for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", of)
            ]
        return "\n".join(rows)

    return plan_of


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Wanted(), "ix_audit_kind"),
        (Wanted(kind=LineKind.LOOK, since=date(2026, 1, 1)), "ix_audit_kind"),
        (Wanted(actor="ana", until=date(2027, 1, 1)), "ix_audit_actor"),
        (Wanted(contract="C1", actor="ana"), "ix_audit_subject"),
        (Wanted(customer="P1"), "ix_exchanges_account_key"),
        (Wanted(integration="clinic"), "ix_exchanges_tenant_integration_at_id"),
        (Wanted(kind=LineKind.EXCHANGE), "ix_exchanges_tenant_integration_at_id"),
    ],
)
def test_every_list_is_read_by_an_index(busy: TenantHub, plans: Any, wanted: Wanted, index: str) -> None:
    plan = plans(lambda: list(busy.audit.list(wanted)))
    assert index in plan
    assert "SCAN" not in plan


def test_checking_and_pruning_go_by_indexes_too(busy: TenantHub, plans: Any, clock: HandClock) -> None:
    clock.advance(days=3000)
    plan = plans(lambda: [busy.audit.verify(), busy.audit.prune()])
    assert [line for line in plan.splitlines() if "SCAN" in line] == []


# -- retention ---------------------------------------------------------------------------------------------------------


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


def test_a_look_is_no_command(office: TenantHub) -> None:
    sign(office)
    office.contracts.customer("P1", actor="ana")
    with office.hub.store.read() as connection:
        kinds = set(connection.execute(select(tables.audit.c.kind).where(tables.audit.c.actor == "ana")).scalars())
    assert kinds == {AuditKind.LOOK}
