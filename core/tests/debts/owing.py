"""An ISP's contracts, what they owe, and what came of it: what the tests of debts share."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from click.testing import CliRunner, Result
from svahub.cli import main
from svahub.debt_rule import Policy
from svahub.hub import TenantHub
from svahub.intake import ContractRow
from svahub.intentions import levels
from svahub.models import Debt, DebtSettled, Desired
from svahub.store.rows import ReasonRow

CPF = "52998224725"
DUE = date(2026, 11, 2)
TEN_DAYS = Policy(10)
MONDAY = datetime(2026, 11, 23, 15, tzinfo=UTC)


def contract(id: str = "C1", *reasons: str, products: tuple[str, ...] = ("TM", "CAM"), **more: Any) -> ContractRow:
    customer = {"id": f"P{id}", "name": "Pessoa Inventada", "document": CPF}
    items = [{"code": code, "product_code": code} for code in products]
    whole = {"contract_id": id, "customer": customer, "items": items, "block_reasons": list(reasons)} | more
    return ContractRow.model_validate(whole)


def owe(reference: str = "pay_1", contract: str = "C1", since: date = DUE, amount: str = "99.90") -> Debt:
    return Debt(contract, reference, since, Decimal(amount))


def tell(office: TenantHub, *told: Debt | DebtSettled, by: str = "clinic") -> list[str]:
    with office.transaction("test", "debts") as transaction:
        return [*office.debts.report(transaction, by, told)]


def settled(reference: str = "pay_1", contract: str = "C1") -> DebtSettled:
    return DebtSettled(contract, reference)


def blocked(office: TenantHub, contract: str = "C1") -> set[str]:
    return {view.item_code for view in office.subscriptions.list(contract=contract) if view.desired is Desired.BLOCKED}


def reasons(office: TenantHub, contract: str = "C1") -> list[ReasonRow]:
    with office.hub.store.read() as connection:
        return [*levels(connection, office.name, [contract])[contract].reasons]


def told(office: TenantHub) -> list[tuple[str, str, str | None]]:
    events = [event for batch in office.events.until_now(0) for event in batch]
    return [(event.kind.value, event.details["source"], event.details.get("reference")) for event in events]


def run(office: TenantHub, *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, obj=office.hub)
