"""Contracts and customers: importing, listing, and what the attendant sees."""

from __future__ import annotations

from calendar import isleap
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from svahub import entries
from svahub.areas.bench import Bench
from svahub.areas.subscriptions import Subscriptions, SubscriptionView
from svahub.errors import Refused, UnknownName
from svahub.imports import Importer, Report
from svahub.intake import FileFormat, Rejected, read_file
from svahub.masking import mask_consent, mask_document, mask_email, mask_phone
from svahub.models import BlockReason
from svahub.origins import FILE, Origin
from svahub.routes import Routes
from svahub.store import contracts
from svahub.store.rows import ContractRow, CustomerRow, ItemRow, SubscriptionRow
from svahub.store.states import AuditKind, ContractStatus

IMPORT = "contracts import"
Of = TypeVar("Of", ItemRow, SubscriptionRow)


def _nothing(_connection: Connection) -> None: ...


@dataclass(frozen=True, slots=True)
class ItemView:
    """One item of a contract and whether something serves it."""

    code: str
    product_code: str
    plan: str | None
    integration: str | None
    quantity: int
    price: Decimal | None
    attributes: dict[str, Any]
    consent: dict[str, Any] | None
    removed: bool
    sales: int


@dataclass(frozen=True, slots=True)
class ContractView:
    """A contract with its items, subscriptions and what blocks it."""

    contract_id: str
    customer_id: str
    status: ContractStatus
    due_day: int | None
    price: Decimal | None
    block_reasons: tuple[BlockReason, ...]
    items: tuple[ItemView, ...]
    subscriptions: tuple[SubscriptionView, ...]
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class CustomerView:
    """A customer as the attendant sees them: documents and addresses of contact are masked.

    Of one who was erased, name and document are a pseudonym.
    """

    id: str
    name: str
    document: str
    email: str | None
    phone: str | None
    contracts: tuple[ContractView, ...]
    erased_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """A contract with its items that are not removed, and what was ever sold of it."""

    contract: ContractRow
    items: tuple[ItemRow, ...]
    subscriptions: tuple[SubscriptionRow, ...]


class StrictRefusal(Refused):
    """A strict import found an error and wrote nothing; `report` has the errors."""

    def __init__(self, report: Report) -> None:
        self.report = report
        super().__init__(f"{report.rejected} contracts have errors: with --strict nothing was imported.")


@dataclass(frozen=True, slots=True)
class Contracts:
    """The contracts of one tenant."""

    bench: Bench

    def bring(
        self,
        path: str | Path,
        *,
        file_format: FileFormat | None = None,
        dry_run: bool = False,
        strict: bool = False,
        progress: Callable[[int], None] = lambda _read: None,
    ) -> Report:
        """Import a file ("-": standard input) as a stream; bad contracts are reported and left out.

        With `strict`, one error stops all before anything is written: raises StrictRefusal. OSError when the file
        cannot be read.
        """
        if strict and str(path) == "-":
            raise Refused("--strict reads the file twice: name a file instead of standard input.")
        if strict:
            checked = self._importer(lambda _read: None).run(read_file(path, file_format), dry_run=True)
            if checked.rejected:
                raise StrictRefusal(checked)
        name = "standard input" if str(path) == "-" else Path(path).name
        return self.take_in(read_file(path, file_format), dry_run=dry_run, progress=progress, source=name)

    def take_in(
        self,
        rows: Iterable[Any | Rejected],
        *,
        dry_run: bool = False,
        progress: Callable[[int], None] = lambda _read: None,
        source: str = "a program",
        origin: Origin = FILE,
        guard: Callable[[Connection], None] = _nothing,
    ) -> Report:
        """Import contracts that a program has, in the shape of `svahub.intake.ContractRow`; `source` names them.

        `guard` is called first in each transaction, and stops the import when it raises.
        """

        def began(connection: Connection) -> None:
            self._record(connection, origin, source, "began")

        importer = self._importer(progress, began, origin, guard)
        report = importer.run(rows, dry_run=dry_run)
        if importer.has_begun and not dry_run:
            with self.bench.store.write() as connection:
                self._record(connection, origin, source, "ended", **_counts(report))
        return report

    def _record(self, connection: Connection, origin: Origin, source: str, state: str, **counts: Any) -> None:
        """Append to the audit that an import began or ended: it is many transactions, and may be killed in between."""
        details, command = {"source": source, "state": state, **counts}, "source pull" if origin.source else IMPORT
        self.bench.record(connection, AuditKind.COMMAND, command, "contracts", **details)

    def _importer(
        self,
        progress: Callable[[int], None],
        began: Callable[[Connection], None] = _nothing,
        origin: Origin = FILE,
        guard: Callable[[Connection], None] = _nothing,
    ) -> Importer:
        tenant, registry = self.bench.tenant, self.bench.registry

        def routes(connection: Connection) -> Routes:
            guard(connection)
            return Routes.of(connection, tenant, registry)

        return Importer(self.bench.store, tenant, routes, progress, began, origin)

    def list(self, status: ContractStatus | None = None, customer: str | None = None) -> Iterator[ContractRow]:
        """Stream contracts by their id."""
        with self.bench.store.read() as connection:
            yield from contracts.contract_pages(connection, self.bench.tenant, status, customer)

    def page(
        self, after: str, limit: int, *, status: ContractStatus | None = None, customer: str | None = None
    ) -> Sequence[ContractRow]:
        """Return the first contracts that follow an id."""
        with self.bench.store.read() as connection:
            tenant = self.bench.tenant
            return contracts.contracts_after(connection, tenant, after, limit, status=status, customer=customer)

    def beginning(self, begun: str, limit: int) -> Sequence[str]:
        """Return the first ids of contracts that begin like this."""
        with self.bench.store.read() as connection:
            return contracts.ids_beginning(connection, self.bench.tenant, begun, limit)

    def whole(self, status: ContractStatus | None = None) -> Iterator[Whole]:
        """Stream contracts with their items and what was sold of them, by their id."""
        with self.bench.store.read() as connection:
            rows = contracts.contract_pages(connection, self.bench.tenant, status)
            while page := list(islice(rows, contracts.PAGE)):
                ids = [row.id for row in page]
                items = _by_contract(contracts.items_of(connection, self.bench.tenant, ids))
                sold = _by_contract(contracts.subscriptions_of(connection, self.bench.tenant, ids))
                for row in page:
                    there = tuple(item for item in items[row.id] if not item.removed)
                    yield Whole(row, there, tuple(sold[row.id]))

    def birthdays(self, day: date) -> Sequence[str]:
        """Return the customers of active contracts who have their birthday on a day, and an e-mail address.

        Who was born on 29 February has it on the 28th where there is no 29th.
        """
        days = {(day.month, day.day)}
        if (day.month, day.day) == (2, 28) and not isleap(day.year):
            days.add((2, 29))
        with self.bench.store.read() as connection:
            return contracts.birthdays(connection, self.bench.tenant, days)

    def show(self, contract: str) -> ContractView:
        """Return one contract with all that hangs on it."""
        with self.bench.store.read() as connection:
            row = contracts.contracts_by_id(connection, self.bench.tenant, [contract]).get(contract)
            if row is None:
                near = [c.id for c in contracts.contracts_near(connection, self.bench.tenant, contract)]
                raise UnknownName("contract", contract, near, "All: svahub contracts list")
        return self._view(row)

    def _view(self, row: ContractRow) -> ContractView:
        with self.bench.store.read() as connection:
            items = contracts.items_of(connection, self.bench.tenant, [row.id])
            reasons = contracts.reasons_of(connection, self.bench.tenant, [row.id])
            sold = contracts.subscriptions_of(connection, self.bench.tenant, [row.id])
            views = Subscriptions(self.bench).views(connection, sold)
        why = tuple(r.block_reason() for r in reasons)
        return ContractView(
            row.id, row.customer_id, row.status, row.due_day, row.price, why,
            tuple(_item(i) for i in items), tuple(views), row.changed_at,
        )  # fmt: skip

    def customer(self, id: str, *, actor: str) -> CustomerView:
        """Return a customer with everything they hold; the look is recorded."""
        with self.bench.store.write() as connection:
            row = contracts.customers_by_id(connection, self.bench.tenant, [id]).get(id)
            if row is None:
                raise UnknownName("customer", id, [], "Customers come with contracts: svahub contracts import")
            held = contracts.contracts_of_customer(connection, self.bench.tenant, id)
            subject = entries.of_customer(id)
            self.bench.record(connection, AuditKind.LOOK, "customers show", subject, actor=actor)
        return _customer(row, tuple(self._view(contract) for contract in held))


def _by_contract(rows: Iterable[Of]) -> dict[str, list[Of]]:
    found: dict[str, list[Of]] = defaultdict(list)
    for row in rows:
        found[row.contract_id].append(row)
    return found


def _counts(report: Report) -> dict[str, Any]:
    counts = {name: getattr(report, name) for name in ("added", "changed", "unchanged", "rejected", "differing")}
    return counts | {"operations": dict(report.verbs), "not_served": report.not_served.total()}


def _item(row: ItemRow) -> ItemView:
    return ItemView(
        row.code, row.product_code, row.plan, row.integration, row.quantity, row.price,
        row.attributes, mask_consent(row.consent), row.removed, row.sales,
    )  # fmt: skip


def _customer(row: CustomerRow, held: tuple[ContractView, ...]) -> CustomerView:
    email = mask_email(row.email) if row.email else None
    phone = mask_phone(row.phone) if row.phone else None
    document = mask_document(row.document) if row.erased_at is None else row.document
    return CustomerView(row.id, row.name, document, email, phone, held, row.erased_at)
