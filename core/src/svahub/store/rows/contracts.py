"""What the ISP has told: customers, their contracts, items, and why they are blocked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from svahub.models import Address, BlockReason, Customer, DocumentKind, Reason
from svahub.store.states import ContractStatus


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """A customer as the contract source tells of it; `digest` is that of all its data, gone since `erased_at`."""

    tenant: str
    id: str
    name: str = field(repr=False)
    document: str = field(repr=False)
    document_kind: DocumentKind
    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    birth_date: date | None = field(repr=False)
    address: dict[str, str] | None = field(repr=False)
    digest: str
    last_import: dict[str, Any] | None = field(repr=False)
    erased_at: datetime | None = None

    def customer(self) -> Customer:
        """Return it as a plugin sees it."""
        address = Address(**self.address) if self.address else None
        return Customer(
            self.id, self.name, self.document, self.document_kind, self.email, self.phone, self.birth_date, address
        )


@dataclass(frozen=True, slots=True)
class ContractRow:
    """A contract; `last_import` is what was said of it last, `source` who told of it, None: a file or a program."""

    tenant: str
    id: str
    customer_id: str
    status: ContractStatus
    due_day: int | None
    price: Decimal | None
    last_import: dict[str, Any] | None = field(repr=False)
    changed_at: datetime
    source: str | None = None


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A product on a contract; `sales` counts how often it was sold."""

    tenant: str
    contract_id: str
    code: str
    product_code: str
    plan: str | None
    integration: str | None
    quantity: int
    price: Decimal | None
    attributes: dict[str, Any] = field(repr=False)
    consent: dict[str, Any] | None
    sales: int
    removed: bool


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """Why a contract, or one item of it (`item_code`, empty for all), is blocked."""

    tenant: str
    contract_id: str
    item_code: str
    reason: Reason
    source: str
    until: datetime | None
    created_at: datetime

    def block_reason(self) -> BlockReason:
        """Return it as a plugin sees it."""
        return BlockReason(self.reason, self.source, self.until)
