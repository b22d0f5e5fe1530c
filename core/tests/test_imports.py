"""Importing contracts into a store: what follows for items, reasons and subscriptions, and what stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from svahub import imports
from svahub.hub import TenantHub
from svahub.intake import ContractRow
from svahub.intentions import account_key, subscription_key
from svahub.models import Desired, Reason
from svahub.store import catalogue, tables
from svahub.store.rows import LinkRow, SubscriptionRow
from svahub.store.states import ContractStatus, Phase
from svahub.verbs import Action, Command

if TYPE_CHECKING:
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


def issue(office: TenantHub, action: Action, **more: Any) -> None:
    office.verbs.issue(Command(action, more.pop("contract", "C1"), **more))


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
        business = [t for t in tables.metadata.sorted_tables if t.name not in {"audit", "chains"}]
        return {t.name: {str(r) for r in connection.execute(select(t))} for t in business}


def link(office: TenantHub, code: str, integration: str) -> None:
    with office.hub.store.write() as connection:
        catalogue.put_link(connection, LinkRow(office.name, code, "any", integration, f"{integration}-1"))


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "CHUNK", 2)


# -- what stands -------------------------------------------------------------------------------------------------------


def test_what_operators_did_stands_at_the_next_import(office_on_each: TenantHub) -> None:
    office, file = office_on_each, contract(items=[item(), item("2", "CAM"), item("3", "CAM")])
    take_in(office, file)
    issue(office, Action.CHANGE, item="1", plan="clinic-2")
    issue(office, Action.CHANGE, item="2", quantity=3)
    issue(office, Action.CANCEL, item="3")
    issue(office, Action.BLOCK, reason=Reason.STAFF)
    before = everything(office)
    report = take_in(office, file)
    assert (report.unchanged, verbs(report)) == (1, {})
    assert everything(office) == before
    assert (row(office).plan, row(office, "2").quantity) == ("clinic-2", 3)
    assert sold(office) == {("1", 1): Desired.BLOCKED, ("2", 1): Desired.BLOCKED, ("3", 1): Desired.CANCELLED}


def test_what_the_file_changes_counts_more_than_what_operators_did(office: TenantHub) -> None:
    take_in(office, contract())
    issue(office, Action.CHANGE, plan="clinic-2")
    take_in(office, contract(items=[item(plan="clinic-1")]))
    assert row(office).plan == "clinic-1"


def test_overdue_by_import_that_an_operator_took_away_stays_away(office: TenantHub) -> None:
    in_debt = contract(block_reasons=["overdue"])
    take_in(office, in_debt)
    issue(office, Action.UNBLOCK)
    assert verbs(take_in(office, in_debt)) == {}
    assert sold(office) == {("1", 1): Desired.ACTIVE}
    take_in(office, contract(block_reasons=[]))
    assert verbs(take_in(office, in_debt)) == {"block": 1}


def test_the_file_takes_only_its_own_reasons_away(office: TenantHub) -> None:
    take_in(office, contract(block_reasons=["overdue"]))
    issue(office, Action.BLOCK, reason=Reason.OVERDUE, actor="eva")
    assert verbs(take_in(office, contract())) == {}
    assert verbs(take_in(office, contract(block_reasons=[]))) == {}
    left = office.contracts.show("C1").block_reasons
    assert [(r.reason, r.source) for r in left] == [(Reason.OVERDUE, "operator:eva")]


def test_contracts_that_are_not_in_the_file_stay(office: TenantHub) -> None:
    take_in(office, contract(), contract("C2", "bia", BIA))
    take_in(office, contract("C2", "bia", BIA))
    assert sold(office) == {("1", 1): Desired.ACTIVE}


# -- status ------------------------------------------------------------------------------------------------------------


def test_a_pending_contract_is_sold_when_it_becomes_active(office: TenantHub) -> None:
    take_in(office, contract(status="pending"))
    assert sold(office) == {}
    assert verbs(take_in(office, contract())) == {"create_user": 1}


def test_a_contract_that_comes_back_by_way_of_pending_is_sold_again(office: TenantHub) -> None:
    for status in ("active", "cancelled", "pending", "active"):
        take_in(office, contract(status=status))
    assert sold(office) == {("1", 1): Desired.CANCELLED, ("1", 2): Desired.ACTIVE}


def test_a_pending_contract_that_was_activated_stays_active(office: TenantHub) -> None:
    take_in(office, contract(status="pending"))
    issue(office, Action.ACTIVATE)
    assert take_in(office, contract(status="pending")).unchanged == 1
    assert take_in(office, contract()).changed == 1
    assert sold(office) == {("1", 1): Desired.ACTIVE}


def test_cancelled_in_the_file_cancels_and_active_again_sells_anew(office_on_each: TenantHub) -> None:
    office = office_on_each
    take_in(office, contract())
    assert verbs(take_in(office, contract(status="cancelled"))) == {"cancel": 1}
    assert verbs(take_in(office, contract(status="cancelled"))) == {}
    assert verbs(take_in(office, contract())) == {"create_user": 1}
    assert sold(office) == {("1", 1): Desired.CANCELLED, ("1", 2): Desired.ACTIVE}
    assert office.contracts.show("C1").items[0].sales == 2


def test_a_contract_that_an_operator_cancelled_stays_cancelled(office: TenantHub) -> None:
    take_in(office, contract())
    issue(office, Action.CANCEL)
    take_in(office, contract(due_day=5))
    assert sold(office) == {("1", 1): Desired.CANCELLED}
    assert office.contracts.show("C1").status is ContractStatus.CANCELLED


# -- items -------------------------------------------------------------------------------------------------------------


def test_an_item_gone_from_its_contract_is_cancelled_and_sold_anew_when_it_is_back(office_on_each: TenantHub) -> None:
    office, both = office_on_each, contract(items=[item(), item("2", "CAM")])
    take_in(office, both)
    assert verbs(take_in(office, contract())) == {"cancel": 1}
    assert sold(office) == {("1", 1): Desired.ACTIVE, ("2", 1): Desired.CANCELLED}
    assert take_in(office, contract()).unchanged == 1
    assert verbs(take_in(office, both)) == {"create_user": 1}
    assert sold(office)["2", 2] is Desired.ACTIVE


def test_another_product_ends_the_sale_and_begins_one(office: TenantHub) -> None:
    take_in(office, contract())
    assert verbs(take_in(office, contract(items=[item(product="CAM")]))) == {"cancel": 1, "create_user": 1}
    assert (row(office).integration, row(office).desired) == ("clinic", Desired.CANCELLED)
    assert (row(office, sale=2).integration, row(office, sale=2).desired) == ("cameras", Desired.ACTIVE)
    assert take_in(office, contract(items=[item(product="CAM")])).unchanged == 1


def test_so_does_another_integration(office: TenantHub) -> None:
    take_in(office, contract(items=[item(product="CAM")]))
    elsewhere = contract(items=[item(product="CAM", integration="clinic", plan="clinic-1")])
    assert verbs(take_in(office, elsewhere)) == {"cancel": 1, "create_user": 1}
    assert (row(office).integration, row(office).plan) == ("cameras", "cameras-1")
    assert (row(office, sale=2).integration, row(office, sale=2).plan) == ("clinic", "clinic-1")


def test_to_name_the_integration_where_it_is_sold_changes_nothing(office: TenantHub) -> None:
    take_in(office, contract())
    assert verbs(take_in(office, contract(items=[item(integration="clinic")]))) == {}


def test_a_product_linked_elsewhere_leaves_what_is_sold_where_it_is(office: TenantHub) -> None:
    take_in(office, contract())
    link(office, "TM", "cameras")
    assert verbs(take_in(office, contract(), contract("C2", "bia", BIA))) == {"create_user": 1}
    assert (row(office).integration, row(office, id="C2").integration) == ("clinic", "cameras")


def test_an_unlinked_product_is_counted_and_sold_once_it_is_linked(office: TenantHub) -> None:
    file = contract(items=[item(), item("2", "NET")])
    assert dict(take_in(office, file).not_served) == {"NET": 1}
    link(office, "NET", "cameras")
    report = take_in(office, file)
    assert (dict(report.not_served), verbs(report), report.changed) == ({}, {"create_user": 1}, 1)
    assert row(office, "2").integration == "cameras"


@pytest.mark.parametrize(
    ("wrong", "column", "part"),
    [
        (contract(items=[item(plan="clinic-11")]), "plan", "did you mean 'clinic-1'"),
        (contract(items=[item(plan="cameras-1")]), "plan", "no plan of 'clinic'"),
        (contract(items=[item(integration="clinics")]), "integration", "did you mean 'clinic'"),
        (contract(items=[item(product="CAM", integration="clinic")]), "plan", "names no plan"),
        (contract(items=[item(quantity=3)]), "quantity", "Clinic sells one for each subscription, not 3"),
        (contract(document=COMPANY), "customer_document", "takes customers with CPF, and this one has a CNPJ"),
    ],
)
def test_what_cannot_be_sold_is_an_error_of_its_row(office: TenantHub, wrong: Contract, column: str, part: str) -> None:
    report = take_in(office, wrong, contract("C2", "bia", BIA))
    assert (report.added, report.rejected, columns(report)) == (1, 1, [column])
    assert part in report.errors[0].reason
    assert COMPANY not in report.errors[0].reason


# -- customers ---------------------------------------------------------------------------------------------------------


def test_a_contract_that_moves_ends_at_one_account_and_begins_at_the_other(office_on_each: TenantHub) -> None:
    office = office_on_each
    take_in(office, contract())
    assert verbs(take_in(office, contract("C1", "bia", BIA))) == {"cancel": 1, "create_user": 1}
    assert sold(office) == {("1", 1): Desired.CANCELLED, ("1", 2): Desired.ACTIVE}
    assert row(office).account_key == account_key("default", "clinic", "ana")
    assert row(office, sale=2).account_key == account_key("default", "clinic", "bia")
    assert take_in(office, contract("C1", "bia", BIA)).unchanged == 1


def test_an_item_that_an_operator_cancelled_does_not_move(office: TenantHub) -> None:
    file = {"items": [item(), item("2", "CAM")]}
    take_in(office, contract(**file))
    issue(office, Action.CANCEL, item="2")
    take_in(office, contract("C1", "bia", BIA, **file))
    assert sold(office) == {("1", 1): Desired.CANCELLED, ("2", 1): Desired.CANCELLED, ("1", 2): Desired.ACTIVE}


def test_a_customers_new_data_reach_every_subscription_of_theirs(office_on_each: TenantHub) -> None:
    office = office_on_each
    take_in(office, contract(), contract("C2"), contract("C3", "bia", BIA))
    renamed = contract()
    renamed["customer"]["email"] = "ana@example.com"
    assert verbs(take_in(office, renamed)) == {"change": 2}
    assert [row(office, id=id).generation for id in ("C1", "C2", "C3")] == [2, 2, 1]
    assert verbs(take_in(office, renamed)) == {}


def test_they_reach_a_contract_that_loses_an_item_too(office: TenantHub) -> None:
    take_in(office, contract(items=[item(), item("2", "CAM")]))
    renamed = contract()
    renamed["customer"]["name"] = "Ana Inventada"
    take_in(office, renamed)
    assert (row(office).generation, row(office).phase) == (2, Phase.DUE)
    assert row(office, "2").desired is Desired.CANCELLED


def test_of_two_things_said_of_one_customer_the_first_is_believed(office: TenantHub, small_chunks: None) -> None:
    file = [contract(f"C{n}") for n in range(5)]
    for n, one in enumerate(file):
        one["customer"]["name"] = f"Name {n}"
    first = take_in(office, *file)
    assert (first.added, first.differing) == (5, 4)
    again = take_in(office, *file)
    assert (again.unchanged, again.differing, verbs(again)) == (5, 4, {})
