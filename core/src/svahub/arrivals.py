"""What an import makes of one contract: its rows as they then are, from what the file says and what stands. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from svahub import merge
from svahub.intentions import Level
from svahub.merge import Merged
from svahub.models import Desired, DocumentKind
from svahub.store.rows import ContractRow, CustomerRow, ItemRow, ReasonRow
from svahub.store.states import ContractStatus


@dataclass(frozen=True, slots=True)
class Said:
    """What the file, or a `source`, says of one contract and its customer, comparable with what it said last."""

    tenant: str
    contract: dict[str, Any]
    customer: dict[str, Any]
    source: str | None = None

    @classmethod
    def of(cls, tenant: str, level: dict[str, Any], source: str | None = None) -> Said:
        """Take a row's level apart."""
        contract = {name: value for name, value in level.items() if name != "customer"}
        return cls(tenant, contract, level["customer"], source)


def merged_with(said: Said, before: Level | None) -> Merged:
    """Compare what the file says of a contract with its last import."""
    if before is None:
        return merge.merge(said.contract, None, ())
    ours = [r.reason for r in before.reasons if _ours(r)]
    return merge.merge(said.contract, before.contract.last_import, ours)


def contract_after(said: Said, merged: Merged, before: ContractRow | None, now: datetime) -> ContractRow:
    """Return the contract; it is `before` itself where nothing changes."""
    customer = said.customer["id"]
    base = before or ContractRow(
        said.tenant, said.contract["contract_id"], customer, ContractStatus.ACTIVE, None, None, None, now
    )
    fields = _typed(merged.contract, status=ContractStatus, price=Decimal)
    kept, source = merge.remembered(said.contract, base.last_import), said.source or base.source
    if before is not None and not fields and kept == base.last_import and customer == base.customer_id:
        return before if source == before.source else replace(before, source=source)
    return replace(base, customer_id=customer, last_import=kept, changed_at=now, source=source, **fields)


def items_after(contract: ContractRow, merged: Merged, before: Mapping[str, ItemRow]) -> dict[str, ItemRow]:
    """Return the items that the import writes, by code."""
    after = {}
    for code in merged.items.keys() | merged.removed | merged.returned:
        base = before.get(code) or _new_item(contract, code)
        fields = _typed(merged.items.get(code, {}), price=Decimal)
        item = replace(base, **fields, removed=code in merged.removed)
        if item != before.get(code):
            after[code] = item
    return after


def _new_item(contract: ContractRow, code: str) -> ItemRow:
    return ItemRow(contract.tenant, contract.id, code, "", None, None, 1, None, {}, None, 0, False)


def reasons_after(
    contract: ContractRow, merged: Merged, before: Level | None, now: datetime
) -> tuple[list[ReasonRow], list[ReasonRow]]:
    """Return the block reasons that the import takes away, and those that it adds."""
    there = before.reasons if before else ()
    gone = [r for r in there if _ours(r) and r.reason in merged.reasons_removed]
    added = sorted(merged.reasons_added)
    return gone, [ReasonRow(contract.tenant, contract.id, "", reason, merge.SOURCE, None, now) for reason in added]


def to_sell_again(before: Level, contract: ContractRow, items: Mapping[str, ItemRow]) -> frozenset[str]:
    """Return the items whose sale ends here and begins anew: another customer, product or integration, or back again.

    What an operator cancelled stays so, unless the file changed that very item or brought the contract back.
    """
    back = before.contract.status is not ContractStatus.ACTIVE and contract.status is ContractStatus.ACTIVE
    moved = before.contract.customer_id != contract.customer_id
    there = {item.code: item for item in before.items}
    every = [items.get(code, item) for code, item in there.items()]
    return frozenset(
        item.code
        for item in every
        if not item.removed
        and (
            (back and not _sold(before, item.code))
            or (moved and _sold(before, item.code))
            or _other_sale(before, there[item.code], item)
        )
    )


def _other_sale(level: Level, before: ItemRow, after: ItemRow) -> bool:
    if before.removed or before.product_code != after.product_code:
        return True
    latest = level.latest(after.code)
    named = after.integration if after.integration != before.integration else None
    return named is not None and latest is not None and latest.integration != named and _sold(level, after.code)


def _sold(level: Level, code: str) -> bool:
    latest = level.latest(code)
    return latest is not None and latest.desired is not Desired.CANCELLED


def renews(said: Said, before: Level | None) -> bool:
    """Say whether the file tells of a new relation: a contract that is there anew, or is not cancelled any more.

    Only then do the data of a customer who was erased come back.
    """
    there = before.contract.status if before else ContractStatus.ACTIVE
    return ContractStatus(merged_with(said, before).contract.get("status", there)) is not ContractStatus.CANCELLED


def customer_after(said: Said, before: CustomerRow | None) -> CustomerRow:
    """Return the customer; it is `before` itself where nothing changes."""
    customer = said.customer
    kind = DocumentKind.CPF if len(customer["document"]) == 11 else DocumentKind.CNPJ
    base = before or CustomerRow(said.tenant, customer["id"], "", "", kind, None, None, None, None, "", None)
    last = base.last_import
    fields = _typed(merge.changed(customer, last or {}, merge.CUSTOMER_FIELDS), birth_date=date.fromisoformat)
    kept = merge.remembered(customer, last)
    if before is not None and kept == last:
        return before
    after = replace(base, **fields, document_kind=kind, last_import=kept, erased_at=None)
    return replace(after, digest=digest(after))


def digest(customer: CustomerRow) -> str:
    """Return what changes exactly when a customer's data do."""
    values = [customer.name, customer.document, customer.email, customer.phone, str(customer.birth_date)]
    return hashlib.sha256(json.dumps([*values, customer.address], sort_keys=True).encode()).hexdigest()


def _ours(reason: ReasonRow) -> bool:
    return reason.source == merge.SOURCE and not reason.item_code


def _typed(fields: dict[str, Any], **types: Callable[[Any], Any]) -> dict[str, Any]:
    return {name: types[name](value) if name in types else value for name, value in fields.items()}
