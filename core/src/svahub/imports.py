"""Importing contracts: a stream of rows from a source, merged chunk by chunk, each chunk in one transaction.

Reading files is `intake`'s part, comparing is `merge`'s, what follows for subscriptions is `intentions`'.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from svahub import merge
from svahub.intake import ContractRow as FileContract
from svahub.intake import Rejected, RowError
from svahub.intentions import Changes, Level, Stamp, draw_consequences, levels, write
from svahub.merge import Merged
from svahub.models import DocumentKind
from svahub.routes import Routes
from svahub.store import Store, contracts, tables
from svahub.store.rows import ContractRow, CustomerRow, ItemRow, ReasonRow
from svahub.store.states import ContractStatus, Priority

CHUNK = 500
STAMP = Stamp("import", priority=Priority.BULK)


@dataclass(slots=True)
class Report:
    """What an import did, or would do: contracts by what happened, subscriptions by verb, unserved items by product."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    verbs: Counter[str] = field(default_factory=Counter)
    not_served: Counter[str] = field(default_factory=Counter)
    errors: list[RowError] = field(default_factory=list)
    errors_left_out: int = 0

    def reject(self, rejected: Rejected, most: int = 1000) -> None:
        """Count a rejected contract and keep its errors, up to a number that a person may read."""
        self.rejected += 1
        room = max(0, most - len(self.errors))
        self.errors += rejected.errors[:room]
        self.errors_left_out += max(0, len(rejected.errors) - room)


class PutOff:
    """Contracts that lose items, kept to the file's end: one whose rows are not adjacent would lose them wrongly."""

    def __init__(self) -> None:
        self._rows: dict[str, FileContract] = {}

    def add(self, row: FileContract) -> None:
        """Keep a contract for the end."""
        self._rows[row.contract_id] = row

    def spoil(self, contract_id: str) -> None:
        """Drop a contract that turned out to be wrong further down."""
        self._rows.pop(contract_id, None)

    def next_chunk(self) -> list[FileContract | Rejected]:
        """Return and forget some of what was kept."""
        chunk = list(islice(self._rows.values(), CHUNK))
        for row in chunk:
            del self._rows[row.contract_id]
        return [*chunk]


class Importer:
    """Merges contracts of one tenant; `progress` hears how many were read."""

    def __init__(
        self, store: Store, tenant: str, routes: Callable[[Connection], Routes], progress: Callable[[int], None]
    ) -> None:
        self._store, self._tenant, self._routes, self._progress = store, tenant, routes, progress

    def run(self, rows: Iterable[FileContract | Rejected], *, dry_run: bool = False) -> Report:
        """Import what can be imported and report the rest; with `dry_run`, write nothing."""
        report, put_off = Report(), PutOff()
        stream = iter(rows)
        while chunk := list(islice(stream, CHUNK)):
            self._chunk(chunk, report, put_off, dry_run=dry_run)
            self._progress(len(chunk))
        while chunk := put_off.next_chunk():
            self._chunk(chunk, report, None, dry_run=dry_run)
        return report

    def _chunk(
        self, chunk: list[FileContract | Rejected], report: Report, put_off: PutOff | None, *, dry_run: bool
    ) -> None:
        with self._store.write(undo=dry_run) as connection:
            now, routes = self._store.now(connection), self._routes(connection)
            _Batch(connection, self._tenant, routes, report, Changes(now, STAMP), put_off).run(chunk)


class _Batch:
    """One chunk inside its transaction."""

    def __init__(
        self,
        connection: Connection,
        tenant: str,
        routes: Routes,
        report: Report,
        changes: Changes,
        put_off: PutOff | None,
    ) -> None:
        self._connection, self._tenant, self._routes = connection, tenant, routes
        self._report, self._changes, self._put_off = report, changes, put_off
        self._new: dict[str, list[dict[str, Any]]] = {"contracts": [], "items": [], "customers": []}
        self._customers: dict[str, CustomerRow] = {}
        self._levels: dict[str, Level] = {}

    def run(self, chunk: list[FileContract | Rejected]) -> None:
        """Merge a chunk and write it."""
        good = list(self._accepted(chunk))
        ids = {row.customer.id for row in good}
        contracts.lock_customers(self._connection, self._tenant, ids)
        self._levels = levels(self._connection, self._tenant, {row.contract_id for row in good})
        self._customers = contracts.customers_by_id(self._connection, self._tenant, ids)
        touched = self._customers_changed(good)
        for row in good:
            self._merge(row, touched)
        self._touch_others(touched, {row.contract_id for row in good})
        write(self._connection, self._changes)
        self._report.verbs.update(verb.value for verb in self._changes.verbs.values())

    def _accepted(self, chunk: list[FileContract | Rejected]) -> Iterator[FileContract]:
        for row in chunk:
            if isinstance(row, Rejected):
                self._reject(row)
            elif refused := self._refused(row):
                self._reject(refused)
            else:
                yield row

    def _reject(self, rejected: Rejected) -> None:
        self._report.reject(rejected)
        if self._put_off is not None and rejected.contract_id is not None:
            self._put_off.spoil(rejected.contract_id)

    def _refused(self, row: FileContract) -> Rejected | None:
        errors = tuple(RowError(row.line, column, reason) for column, reason in self._routes.objections(row))
        return Rejected(row.line, row.contract_id, errors) if errors else None

    # -- customers -----------------------------------------------------------------------------------------------------

    def _customers_changed(self, good: list[FileContract]) -> set[str]:
        """Write new and changed customers; return the ids of those that were there and whose data changed."""
        before = dict(self._customers)
        for row in good:
            id = row.customer.id
            self._customers[id] = _customer(self._tenant, self._customers.get(id), row.level()["customer"])
        columns = [c.name for c in tables.customers.c]
        new = [_columns(row, columns) for id, row in self._customers.items() if id not in before]
        changed = [_columns(row, columns) for id, row in self._customers.items() if id in before and row != before[id]]
        contracts.insert_rows(self._connection, tables.customers, new)
        contracts.update_rows(self._connection, tables.customers, ("tenant", "id"), changed)
        return {id for id, row in before.items() if row.digest != self._customers[id].digest}

    def _touch_others(self, customers: set[str], done: set[str]) -> None:
        """Let the subscriptions of a changed customer's other contracts follow too."""
        for id in customers:
            others = {c.id for c in contracts.contracts_of_customer(self._connection, self._tenant, id)} - done
            for level in levels(self._connection, self._tenant, others).values():
                draw_consequences(self._changes, replace(level, touched=True), {})

    # -- contracts -----------------------------------------------------------------------------------------------------

    def _merge(self, row: FileContract, touched: set[str]) -> None:
        said = row.level()
        level = self._levels.get(row.contract_id)
        last = level.contract.last_import if level else None
        present = [r.reason for r in level.reasons if r.source == merge.SOURCE and not r.item_code] if level else []
        merged = merge.merge(said, last, present)
        if merged.removed and self._put_off is not None:
            self._put_off.add(row)
            return
        after = self._written(row, said, merged, level)
        changed_person = row.customer.id in touched
        before = len(self._changes.verbs)
        draw_consequences(self._changes, replace(after, touched=changed_person), self._routes.links)
        self._count(level, merged, changed=changed_person or len(self._changes.verbs) > before)
        for item in after.items:
            if not item.removed and item.product_code not in self._routes.links:
                self._report.not_served[item.product_code] += 1

    def _count(self, level: Level | None, merged: Merged, *, changed: bool) -> None:
        if level is None:
            self._report.added += 1
        elif changed or not merged.empty:
            self._report.changed += 1
        else:
            self._report.unchanged += 1

    def _written(self, row: FileContract, said: dict[str, Any], merged: Merged, level: Level | None) -> Level:
        contract = self._contract(row, said, merged, level.contract if level else None)
        items, again = self._items(contract, merged, {item.code: item for item in level.items} if level else {})
        reasons = self._reasons(contract, merged, list(level.reasons) if level else [])
        sold_again = level is not None and level.contract.status is ContractStatus.CANCELLED
        moved = level is not None and level.contract.customer_id != contract.customer_id
        if moved or (sold_again and contract.status is ContractStatus.ACTIVE):
            again |= {item.code for item in items if not item.removed}
        return Level(contract, items, reasons, level.subscriptions if level else (), again)

    def _contract(
        self, row: FileContract, said: dict[str, Any], merged: Merged, before: ContractRow | None
    ) -> ContractRow:
        now = self._changes.now
        kept = merge.remembered(
            {k: v for k, v in said.items() if k != "customer"}, before.last_import if before else None
        )
        base = before or ContractRow(
            self._tenant, row.contract_id, row.customer.id, ContractStatus.ACTIVE, None, None, None, now
        )
        changed = _typed(merged.contract, status=ContractStatus, price=Decimal)
        after = replace(base, customer_id=row.customer.id, last_import=kept, **changed)
        if after != base or before is None:
            after = replace(after, changed_at=now)
            columns = _columns(after, [c.name for c in tables.contracts.c])
            self._save(tables.contracts, ("tenant", "id"), columns, new=before is None)
        return after

    def _items(
        self, contract: ContractRow, merged: Merged, there: dict[str, ItemRow]
    ) -> tuple[list[ItemRow], frozenset[str]]:
        """Write the items that changed; return all, and the codes of those to sell again."""
        after, again = dict(there), set()
        for code in merged.items.keys() | merged.removed | merged.returned:
            before = there.get(code)
            base = before or ItemRow(contract.tenant, contract.id, code, "", None, None, 1, None, {}, None, 0, False)
            fields = _typed(merged.items.get(code, {}), price=Decimal)
            item = replace(base, **fields, removed=code in merged.removed)
            if before and ((before.removed and not item.removed) or before.product_code != item.product_code):
                again.add(code)
            after[code] = item
            if item != before:
                columns = _columns(item, [c.name for c in tables.items.c])
                self._save(tables.items, ("tenant", "contract_id", "code"), columns, new=before is None)
        return list(after.values()), frozenset(again)

    def _save(self, table: Any, key: tuple[str, ...], row: dict[str, Any], *, new: bool) -> None:
        if new:
            contracts.insert_rows(self._connection, table, [row])
        else:
            contracts.update_rows(self._connection, table, key, [row])

    def _reasons(self, contract: ContractRow, merged: Merged, there: list[ReasonRow]) -> list[ReasonRow]:
        ours = [r for r in there if r.source == merge.SOURCE and not r.item_code and r.reason in merged.reasons_removed]
        contracts.delete_reasons(self._connection, ours)
        now = self._changes.now
        new = [
            ReasonRow(contract.tenant, contract.id, "", reason, merge.SOURCE, None, now)
            for reason in sorted(merged.reasons_added)
        ]
        for reason in new:
            contracts.put_reason(self._connection, reason)
        return [r for r in there if r not in ours] + new


def _customer(tenant: str, before: CustomerRow | None, said: dict[str, Any]) -> CustomerRow:
    last = before.last_import if before else None
    kept = merge.remembered(said, last)
    kind = DocumentKind.CPF if len(said["document"]) == 11 else DocumentKind.CNPJ
    base = before or CustomerRow(tenant, said["id"], "", "", kind, None, None, None, None, "", None)
    changed = merge.changed(said, last or {}, merge.CUSTOMER_FIELDS)
    if "birth_date" in changed:
        changed["birth_date"] = date.fromisoformat(changed["birth_date"])
    after = replace(base, **changed, document_kind=kind, last_import=kept)
    return replace(after, digest=digest(after))


def digest(customer: CustomerRow) -> str:
    """Return what changes exactly when a customer's data do."""
    values = [customer.name, customer.document, customer.email, customer.phone, str(customer.birth_date)]
    return hashlib.sha256(json.dumps([*values, customer.address], sort_keys=True).encode()).hexdigest()


def _typed(fields: dict[str, Any], **types: Callable[[Any], Any]) -> dict[str, Any]:
    return {name: types[name](value) if name in types else value for name, value in fields.items()}


def _columns(row: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}
