"""Entries of the audit, and exchanges, are found again by what they are about, each list by an index."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event
from svahub.areas.audit import EntryView, ExchangeView, LineKind, Wanted
from svahub.errors import Refused, UnknownName
from svahub.hub import TenantHub
from svahub.verbs import Action

from .keeping import ask, call, sign

if TYPE_CHECKING:
    from svahub.testing.clocks import HandClock


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
