"""Contract files brought into a store: whole, in part, for show only, twice, interrupted, very long."""

from __future__ import annotations

import json
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update
from svahub import imports
from svahub.areas.contracts import StrictRefusal
from svahub.hub import TenantHub
from svahub.intake import ContractRow, FileFormat, Rejected, read
from svahub.intentions import subscription_key
from svahub.models import Desired, Observed
from svahub.store import tables
from svahub.store.rows import SubscriptionRow
from svahub.store.states import Phase, Verb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BytesIO
    from pathlib import Path

    from svahub.imports import Report

ANA, BIA, COMPANY = "52998224725", "11144477735", "11222333000181"
Contract = dict[str, Any]


def contract(id: str = "C1", customer: str = "ana", document: str = ANA, **fields: Any) -> Contract:
    person = {"id": customer, "name": "Pessoa Inventada", "document": document}
    return {"contract_id": id, "customer": person, "items": [item()]} | fields


def item(code: str = "1", product: str = "TM", **fields: Any) -> dict[str, Any]:
    return {"code": code, "product_code": product} | fields


def take_in(office: TenantHub, *contracts: Contract, dry_run: bool = False) -> Report:
    return office.contracts.take_in([ContractRow.model_validate(c, context=1) for c in contracts], dry_run=dry_run)


def sold(office: TenantHub, id: str = "C1") -> dict[tuple[str, int], Desired]:
    return {(s.item_code, s.sale): s.desired for s in office.subscriptions.list(contract=id)}


def row(office: TenantHub, item_code: str = "1", sale: int = 1, id: str = "C1") -> SubscriptionRow:
    return office.subscriptions.one(subscription_key(office.name, id, item_code, sale))


def verbs(report: Report) -> dict[str, int]:
    return dict(report.verbs)


def columns(report: Report) -> list[str | None]:
    return [error.column for error in report.errors]


def everything(office: TenantHub) -> dict[str, set[str]]:
    with office.hub.store.read() as connection:
        return {t.name: {str(r) for r in connection.execute(select(t))} for t in tables.metadata.sorted_tables}


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "CHUNK", 2)


# -- from files --------------------------------------------------------------------------------------------------------


def test_json_lines_are_brought_in(office_on_each: TenantHub, tmp_path: Path) -> None:
    path = tmp_path / "contracts.jsonl"
    two = contract("C2", "bia", BIA, items=[item(), item("2", "NET")], block_reasons=["overdue"], due_day=31)
    path.write_text("\n".join(json.dumps(c) for c in (contract(), two)))
    report = office_on_each.contracts.bring(path)
    assert (report.added, verbs(report), dict(report.not_served)) == (2, {"create_user": 2}, {"NET": 1})
    assert sold(office_on_each) == {("1", 1): Desired.ACTIVE}
    assert sold(office_on_each, "C2") == {("1", 1): Desired.BLOCKED}
    again = office_on_each.contracts.bring(path)
    assert (again.added, again.changed, again.unchanged, verbs(again)) == (0, 0, 2, {})


def test_a_spreadsheet_is_brought_in(office_on_each: TenantHub, tmp_path: Path) -> None:
    path = tmp_path / "contratos.csv"
    head = (
        "contract_id;customer_id;customer_name;customer_document;item_code;item_product_code;item_price;block_reasons"
    )
    rows = ["C1;ana;João;529.982.247-25;1;TM;1.234,56;", "C1;ana;João;529.982.247-25;2;CAM;10,00;"]
    path.write_bytes("\r\n".join([head, *rows]).encode("cp1252"))
    report = office_on_each.contracts.bring(path)
    assert (report.added, report.errors, verbs(report)) == (1, [], {"create_user": 2})
    assert str(row(office_on_each).price) == "1234.56"
    assert office_on_each.contracts.bring(path).unchanged == 1


def test_a_bad_row_rejects_its_contract_and_no_other(office: TenantHub, tmp_path: Path) -> None:
    path = tmp_path / "contracts.jsonl"
    bad = contract("C2", "bia", "11111111111")
    path.write_text("\n".join(json.dumps(c) for c in (contract(), bad, contract("C3", "bia", BIA))))
    report = office.contracts.bring(path)
    assert (report.added, report.rejected) == (2, 1)
    assert [(error.line, error.column) for error in report.errors] == [(2, "customer.document")]
    assert [c.id for c in office.contracts.list()] == ["C1", "C3"]


def test_strict_lets_one_error_stop_all(office: TenantHub, tmp_path: Path) -> None:
    path = tmp_path / "contracts.jsonl"
    path.write_text("\n".join(json.dumps(c) for c in (contract(), contract("C2", items=[item(plan="nope")]))))
    before = everything(office)
    with pytest.raises(StrictRefusal) as refusal:
        office.contracts.bring(path, strict=True)
    assert columns(refusal.value.report) == ["plan"]
    assert everything(office) == before


def test_strict_brings_in_what_is_right(office: TenantHub, tmp_path: Path) -> None:
    path = tmp_path / "contracts.jsonl"
    path.write_text(json.dumps(contract()))
    assert office.contracts.bring(path, strict=True).added == 1


# -- the order of a file -----------------------------------------------------------------------------------------------


def rows_apart(tmp_path: Path) -> Path:
    path = tmp_path / "apart.csv"
    head = "contract_id;customer_id;customer_name;customer_document;item_code;item_product_code"
    ana = f"C1;ana;Pessoa Inventada;{ANA}"
    rows = [f"{ana};1;TM", f"C2;bia;Pessoa Inventada;{BIA};1;TM", f"{ana};2;CAM"]
    path.write_text("\n".join([head, *rows]))
    return path


def test_a_contract_whose_rows_lie_apart_loses_no_items(office: TenantHub, tmp_path: Path) -> None:
    take_in(office, contract(items=[item(), item("2", "CAM")]))
    report = office.contracts.bring(rows_apart(tmp_path))
    assert (report.added, report.rejected, verbs(report)) == (1, 1, {"create_user": 1})
    assert "must be adjacent" in report.errors[0].reason
    assert sold(office) == {("1", 1): Desired.ACTIVE, ("2", 1): Desired.ACTIVE}


def test_a_contract_is_the_same_after_it_was_put_off(office: TenantHub) -> None:
    full = item(price="1234.50", plan="clinic-2", attributes={"a": [1, None]})
    consent = {"at": "2026-01-31T12:00:00-03:00", "channel": "app", "text_version": "1"}
    file = contract(items=[full | {"consent": consent}], price="10", due_day=31, block_reasons=["legal"])
    person = {"phone": "(11) 98765-4321", "birth_date": "31/01/1990", "address": {"postal_code": "01001-000"}}
    file["customer"] |= person
    validated = ContractRow.model_validate(file, context=7)
    put_off = imports.PutOff()
    put_off.add(validated)
    (again,) = put_off.next_chunk()
    assert isinstance(again, ContractRow)
    assert (again.level(), again.line) == (validated.level(), 7)
    assert put_off.next_chunk() == []


# -- dry runs, interruptions, other importers --------------------------------------------------------------------------


def a_file_with_all_sorts() -> list[Contract]:
    changed = contract("C1", items=[item(plan="clinic-2")], block_reasons=["overdue"])
    changed["customer"]["email"] = "ana@example.com"
    return [
        changed,
        contract("C2"),
        contract("C3", "bia", BIA, status="cancelled"),
        contract("C4", "bia", BIA),
        contract("C5", "eva", COMPANY, items=[item(product="CAM", quantity=9), item("2", "NET")]),
        contract("C6", items=[item(quantity=2)]),
        contract("C7", "eva", COMPANY, items=[item(product="CAM")]),
    ]


def what_was_there(office: TenantHub) -> None:
    two = {"items": [item(), item("2", "CAM")]}
    take_in(office, contract("C1", **two), contract("C2"), contract("C3", "bia", BIA), contract("C4", **two))


def test_a_dry_run_writes_nothing_and_reports_the_same(office_on_each: TenantHub, small_chunks: None) -> None:
    what_was_there(office_on_each)
    before = everything(office_on_each)
    told = take_in(office_on_each, *a_file_with_all_sorts(), dry_run=True)
    assert everything(office_on_each) == before
    assert told == take_in(office_on_each, *a_file_with_all_sorts())
    assert (told.added, told.changed, told.rejected) == (2, 4, 1)


class Interrupted(Exception):
    """The process was stopped between two chunks."""


def test_an_interrupted_import_is_repeated_and_ends_as_one_that_was_not(office: TenantHub, small_chunks: None) -> None:
    other = office.hub.tenant("other")
    for each in (office, other):
        what_was_there(each)
    rows = [ContractRow.model_validate(c) for c in a_file_with_all_sorts()]

    def stopped() -> Iterator[ContractRow]:
        yield from islice(rows, 4)
        raise Interrupted

    with pytest.raises(Interrupted):
        office.contracts.take_in(stopped())
    for each in (office, other):
        each.contracts.take_in(rows)
    assert subscriptions(office) == subscriptions(other)


def subscriptions(office: TenantHub) -> list[tuple[object, ...]]:
    listed = office.subscriptions.list()
    return [(s.contract_id, s.item_code, s.sale, s.plan, s.quantity, s.desired, s.block_reasons) for s in listed]


def test_tenants_import_the_same_ids_apart(office: TenantHub) -> None:
    other = office.hub.tenant("other")
    take_in(office, contract())
    take_in(other, contract(customer="bia", document=BIA, status="cancelled"))
    assert (sold(office), sold(other)) == ({("1", 1): Desired.ACTIVE}, {})
    assert office.contracts.customer("ana", actor="t").contracts[0].customer_id == "ana"


def test_two_imports_at_once_end_as_one(office_on_each: TenantHub) -> None:
    rows = [ContractRow.model_validate(contract(f"C{n}", f"p{n % 7}")) for n in range(60)]
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda _: office_on_each.contracts.take_in(rows), range(2)))
    assert sorted(r.added for r in reports) == [0, 60]
    assert len(list(office_on_each.subscriptions.list())) == 60


# -- what follows ------------------------------------------------------------------------------------------------------


def test_an_import_waits_behind_people_but_who_paid_does_not(office: TenantHub) -> None:
    take_in(office, contract(block_reasons=["overdue"]), contract("C2", "bia", BIA))
    take_in(office, contract(block_reasons=[]), contract("C2", "bia", BIA, block_reasons=["overdue"]))
    assert (row(office).priority, row(office, id="C2").priority) == (0, 3)


def test_each_import_leaves_an_operation_that_says_who_and_what(office: TenantHub) -> None:
    take_in(office, contract())
    take_in(office, contract(block_reasons=["overdue"]))
    created, blocked = office.operations.list(contract="C1")
    assert (created.actor, created.verb, blocked.verb) == ("import", Verb.CREATE_USER, Verb.BLOCK)
    assert (created.outcome, created.superseded_by) == ("superseded", blocked.id)


def test_what_was_given_up_is_not_asked_for_again_by_the_same_file(office: TenantHub) -> None:
    take_in(office, contract(block_reasons=["overdue"]))
    with office.hub.store.write() as connection:
        connection.execute(update(tables.subscriptions).values(observed=Observed.ACTIVE, phase=Phase.PARKED))
    (operation,) = office.operations.list(contract="C1")
    office.operations.discard(operation.id, actor="eva", note="the provider never blocks this one")
    assert verbs(take_in(office, contract(block_reasons=["overdue"]))) == {}
    assert sold(office) == {("1", 1): Desired.ACTIVE}


def test_many_errors_are_counted_beyond_those_that_are_kept(office: TenantHub) -> None:
    report = office.contracts.take_in(Rejected.for_line(n, "is bad") for n in range(1200))
    assert (report.rejected, len(report.errors), report.errors_left_out) == (1200, 1000, 200)


class Endless:
    """A file of many contracts that is never whole in memory."""

    def __init__(self, contracts: int, **fields: Any) -> None:
        self._lines = (json.dumps(self._contract(n, fields)).encode() + b"\n" for n in range(contracts))

    def _contract(self, n: int, fields: dict[str, Any]) -> Contract:
        return contract(f"C{n}", f"p{n}", **fields)

    def readline(self, _limit: int = -1) -> bytes:
        return next(self._lines, b"")


def peak(office: TenantHub, file: BytesIO | Endless) -> int:
    tracemalloc.start()
    try:
        office.contracts.take_in(read(file, FileFormat.JSON_LINES))  # type: ignore[arg-type]  # it only reads lines
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.deep
def test_memory_does_not_grow_with_the_file(office: TenantHub) -> None:
    two = {"items": [item(), item("2", "CAM")]}
    peak(office, Endless(500, **two))
    few, many = peak(office, Endless(2_000, **two)), peak(office, Endless(20_000, **two))
    assert many < 1.5 * few + 4_000_000
    assert peak(office, Endless(20_000)) < many + 12_000_000  # every contract loses an item and is put off
