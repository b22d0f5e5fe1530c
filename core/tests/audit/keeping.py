"""Contracts, commands and calls that the audit keeps, and what it tells of them: what the tests of the audit share."""

from __future__ import annotations

from typing import Any

from svahub.areas.audit import Wanted
from svahub.exchange import Exchange
from svahub.hub import TenantHub
from svahub.intake import ContractRow
from svahub.store import journal
from svahub.verbs import Action, Command

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
