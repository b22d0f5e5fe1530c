"""Importing contracts: a stream of rows from a source, merged chunk by chunk, each chunk in one transaction.

Reading files is `intake`'s part, comparing is `merge`'s, the rows are `arrivals`', and what follows for subscriptions
is `intentions`'. A run that was interrupted is repeated: the chunks that were written are unchanged then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from sqlalchemy import Connection

from svahub import announcing, brazil
from svahub.arrivals import (
    Said,
    contract_after,
    customer_after,
    items_after,
    merged_with,
    reasons_after,
    renews,
    to_sell_again,
)
from svahub.intake import ContractRow as FileContract
from svahub.intake import Rejected, RowError
from svahub.intake.reading import SeenIds
from svahub.intentions import Changes, Level, draw_consequences, levels, sell_unsold, write
from svahub.judging import judge_sold
from svahub.merge import Merged
from svahub.origins import FILE, Origin
from svahub.routes import Routes
from svahub.store import Store, contracts, journal, tables
from svahub.store.rows import ContractRow, CustomerRow, ItemRow, ReasonRow
from svahub.telling import of_debts

CHUNK = 500


@dataclass(slots=True)
class Report:
    """What an import did, or would do: contracts by what happened, subscriptions by verb, unserved items by product.

    `differing` counts the contracts that tell otherwise of their customer than an earlier row, which is believed;
    `erased` the unchanged ones whose customer was erased and stays so, `returned` the erased customers with a new sale;
    `documents` the customers whose id is a CPF or CNPJ, which no erasure can take away.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    differing: int = 0
    erased: int = 0
    returned: int = 0
    documents: int = 0
    verbs: Counter[str] = field(default_factory=Counter)
    not_served: Counter[str] = field(default_factory=Counter)
    errors: list[RowError] = field(default_factory=list)
    errors_left_out: int = 0

    def copy(self) -> Report:
        """Return the same, to be counted on."""
        return replace(self, verbs=self.verbs.copy(), not_served=self.not_served.copy(), errors=list(self.errors))

    def reject(self, rejected: Rejected, most: int = 1000) -> None:
        """Count a rejected contract and keep its errors, up to a number that a person may read."""
        self.rejected += 1
        room = max(0, most - len(self.errors))
        self.errors += rejected.errors[:room]
        self.errors_left_out += max(0, len(rejected.errors) - room)


class PutOff:
    """Contracts that lose items, kept to the file's end: one whose rows are not adjacent would lose them wrongly.

    They are kept as JSON, a tenth of what the models take: a product that is given up may leave every contract.
    """

    def __init__(self) -> None:
        self._rows: dict[str, tuple[int, bytes]] = {}

    def add(self, row: FileContract) -> None:
        """Keep a contract for the end."""
        self._rows[row.contract_id] = (row.line, row.model_dump_json(exclude_none=True).encode())

    def spoil(self, contract_id: str) -> None:
        """Drop a contract that turned out to be wrong further down."""
        self._rows.pop(contract_id, None)

    def next_chunk(self) -> list[FileContract | Rejected]:
        """Return and forget some of what was kept."""
        kept = [self._rows.pop(id) for id in list(islice(self._rows, CHUNK))]
        return [FileContract.model_validate_json(content, context=line) for line, content in kept]


@dataclass(frozen=True, slots=True)
class _Run:
    """What the chunks of one import share; without `put_off` items are taken away: at its end, or from a source."""

    report: Report
    customers: SeenIds
    put_off: PutOff | None
    ends: bool = False


class Importer:
    """Merges contracts of one tenant; `progress` hears how many were read.

    `began` is called last in the transaction of the first chunk, from a source in that of the first that is written.
    """

    def __init__(
        self,
        store: Store,
        tenant: str,
        routes: Callable[[Connection], Routes],
        progress: Callable[[int], None],
        began: Callable[[Connection], None] = lambda _connection: None,
        origin: Origin = FILE,
    ) -> None:
        self._store, self._tenant, self._routes, self._progress = store, tenant, routes, progress
        self._origin = origin
        self._began: Callable[[Connection], None] | None = began

    @property
    def has_begun(self) -> bool:
        """Whether a chunk was written."""
        return self._began is None

    def run(self, rows: Iterable[FileContract | Rejected], *, dry_run: bool = False) -> Report:
        """Import what can be imported and report the rest; with `dry_run`, write nothing."""
        put_off = PutOff()
        run = _Run(Report(), SeenIds(), None if self._origin.source else put_off)
        stream = iter(rows)
        while chunk := list(islice(stream, CHUNK)):
            run = self._chunk(self._once(chunk), run, dry_run=dry_run)
            self._progress(len(chunk))
        while chunk := put_off.next_chunk():
            run = self._chunk(chunk, replace(run, put_off=None, ends=True), dry_run=dry_run)
        return run.report

    def _once(self, chunk: list[FileContract | Rejected]) -> list[FileContract | Rejected]:
        """Leave of a source's contracts that come twice the last."""
        if self._origin.source is None:
            return chunk
        return list({row.contract_id or number: row for number, row in enumerate(chunk)}.values())

    def _chunk(self, chunk: list[FileContract | Rejected], run: _Run, *, dry_run: bool) -> _Run:
        """Merge a chunk and return the run after it; one that others crossed is merged again from the run before."""

        def merged(connection: Connection) -> _Chunk:
            contracts.lock_imports(connection, self._tenant)
            changes = Changes(self._store.now(connection), self._origin.stamp)
            again = replace(run, report=run.report.copy())
            merging = _Chunk(connection, self._tenant, self._routes(connection), again, changes, self._origin.source)
            merging.take_in(chunk)
            if self._began is not None and self._tells_of(merging):
                self._began(connection)
            return merging

        done = self._store.transact(merged, undo=dry_run)
        if self._tells_of(done):
            self._began = None
        for id in done.heard_of:
            run.customers.add(id)
        return replace(run, report=done.report)

    def _tells_of(self, chunk: _Chunk) -> bool:
        """Say whether a chunk is told of in the audit: a source is read again and again, mostly to say nothing new."""
        return self._origin.source is None or chunk.has_written


@dataclass(slots=True)
class _Rows:
    """The rows that a chunk writes, each table in one go."""

    new_contracts: list[ContractRow] = field(default_factory=list)
    contracts: list[ContractRow] = field(default_factory=list)
    new_items: list[ItemRow] = field(default_factory=list)
    items: list[ItemRow] = field(default_factory=list)
    reasons_gone: list[ReasonRow] = field(default_factory=list)
    new_reasons: list[ReasonRow] = field(default_factory=list)

    @property
    def any(self) -> bool:
        """Whether there is something to write."""
        return any(getattr(self, name) for name in self.__slots__)

    def write(self, connection: Connection, sales: dict[tuple[str, str, str], int]) -> None:
        """Write them, and with the items how often each was sold, taken from `sales`."""
        contracts.add_rows(connection, tables.contracts, self.new_contracts)
        contracts.put_rows(connection, tables.contracts, self.contracts)
        contracts.add_rows(connection, tables.items, [_with_sales(item, sales) for item in self.new_items])
        contracts.put_rows(connection, tables.items, [_with_sales(item, sales) for item in self.items])
        contracts.delete_reasons(connection, self.reasons_gone)
        contracts.put_reasons(connection, self.new_reasons)


def _with_sales(item: ItemRow, sales: dict[tuple[str, str, str], int]) -> ItemRow:
    sold = sales.pop((item.tenant, item.contract_id, item.code), None)
    return item if sold is None else replace(item, sales=sold)


class _Chunk:
    """Some contracts inside their transaction."""

    def __init__(
        self, connection: Connection, tenant: str, routes: Routes, run: _Run, changes: Changes, source: str | None
    ) -> None:
        self._connection, self._tenant, self._routes, self._source = connection, tenant, routes, source
        self.has_written = False
        self._run, self.report, self._changes = run, run.report, changes
        self.heard_of: set[str] = set()
        self._rows = _Rows()
        self._levels: dict[str, Level] = {}
        self._touched: set[str] = set()
        self._merged: set[str] = set()
        self._spoiled: set[str] = set()

    def take_in(self, chunk: list[FileContract | Rejected]) -> None:
        """Merge a chunk and write it."""
        good = [(row, Said.of(self._tenant, row.level(), self._source)) for row in self._accepted(chunk)]
        ids, customers = {row.contract_id for row, _ in good}, {row.customer.id for row, _ in good}
        holders = contracts.holders(self._connection, self._tenant, ids)
        contracts.lock_customers(self._connection, self._tenant, customers | holders)
        self._levels = levels(self._connection, self._tenant, ids)
        good = [(row, said) for row, said in good if not self._is_of_another(row)]
        known = contracts.customers_by_id(self._connection, self._tenant, customers)
        good = [(row, said) for row, said in good if not self._stays_erased(said, known)]
        self._write_customers([said for _, said in good], known)
        for row, said in good:
            self._merge(row, said)
        self._spoil()
        self._touch_others()
        self.has_written |= self._rows.any or bool(self._changes.verbs)
        self._rows.write(self._connection, self._changes.sales)
        write(self._connection, self._changes)
        sold = {row.contract_id for row in self._changes.sold}
        judge_sold(self._connection, self._tenant, sold, self._changes.now)
        announcing.customers(self._connection, self._tenant, customers | holders, self._changes.now)
        debts = of_debts(self._rows.reasons_gone, self._rows.new_reasons)
        journal.tell(self._connection, self._tenant, self._changes.now, debts)
        self.report.verbs.update(verb.value for verb in self._changes.verbs.values())

    def _accepted(self, chunk: list[FileContract | Rejected]) -> Iterator[FileContract]:
        for row in chunk:
            rejected = row if isinstance(row, Rejected) else self._refused(row)
            if rejected is None:
                assert isinstance(row, FileContract)
                yield row
            else:
                self._reject(rejected)

    def _reject(self, rejected: Rejected) -> None:
        self.report.reject(rejected)
        if rejected.contract_id is not None:
            self._spoiled.add(rejected.contract_id)

    def _spoil(self) -> None:
        # Not before the chunk is merged: the wrong row may follow in the same chunk.
        if self._run.put_off is not None:
            for id in self._spoiled:
                self._run.put_off.spoil(id)

    def _refused(self, row: FileContract) -> Rejected | None:
        id = row.contract_id if self._source else None
        errors = tuple(RowError(row.line, column, reason, id) for column, reason in self._routes.objections(row))
        return Rejected(row.line, row.contract_id, errors) if errors else None

    def _is_of_another(self, row: FileContract) -> bool:
        """Reject a contract that another source tells of: two would undo what each other says."""
        there = self._levels.get(row.contract_id)
        owner = there.contract.source if there else None
        if self._source is None or owner in {None, self._source}:
            return False
        reason = f"comes from the source {owner!r} already: ids of two sources must differ"
        self._reject(Rejected.of_source(row.contract_id, reason, "contract_id"))
        return True

    # -- customers -----------------------------------------------------------------------------------------------------

    def _stays_erased(self, said: Said, known: dict[str, CustomerRow]) -> bool:
        """Whether the contract brings nothing back of a customer who was erased."""
        customer = known.get(said.customer["id"])
        if customer is None or customer.erased_at is None:
            return False
        if renews(said, self._levels.get(said.contract["contract_id"])):
            return False
        self.report.erased += 1
        self.report.unchanged += 1
        return True

    def _write_customers(self, good: list[Said], before: dict[str, CustomerRow]) -> None:
        """Write new and changed customers; what their subscriptions carry follows."""
        after = dict(before)
        for said in good:
            self._hear_of(said, after)
        new = [row for id, row in after.items() if id not in before]
        changed = [row for id, row in before.items() if after[id] is not row]
        contracts.add_rows(self._connection, tables.customers, new)
        contracts.put_rows(self._connection, tables.customers, [after[row.id] for row in changed])
        self.report.returned += sum(1 for row in changed if row.erased_at is not None)
        self.has_written = bool(new or changed)
        self._touched = {row.id for row in changed if after[row.id].digest != row.digest}

    def _hear_of(self, said: Said, customers: dict[str, CustomerRow]) -> None:
        # An ERP may tell two things of one customer: to believe the first keeps an import repeatable.
        id = said.customer["id"]
        there = customers.get(id)
        heard = customer_after(said, there)
        first = id not in self.heard_of and id not in self._run.customers
        self.report.documents += first and brazil.is_document(id)
        self.heard_of.add(id)
        if first or there is None:
            customers[id] = heard
        elif not self._run.ends and heard is not there:
            self.report.differing += 1

    def _touch_others(self) -> None:
        """Let the subscriptions of a changed customer's other contracts follow too."""
        others = contracts.ids_of_customers(self._connection, self._tenant, self._touched) - self._merged
        for level in levels(self._connection, self._tenant, others).values():
            draw_consequences(self._changes, replace(level, touched=True), {})

    # -- contracts -----------------------------------------------------------------------------------------------------

    def _merge(self, row: FileContract, said: Said) -> None:
        level = self._levels.get(row.contract_id)
        merged = merged_with(said, level)
        if merged.removed and self._run.put_off is not None:
            self._run.put_off.add(row)
            return
        self._merged.add(row.contract_id)
        before = len(self._changes.verbs)
        after = self._arrived(said, merged, level)
        self._count(level, changed=not merged.empty or len(self._changes.verbs) > before)
        for item in after.items:
            if not item.removed and item.product_code not in self._routes.links:
                self.report.not_served[item.product_code] += 1

    def _count(self, level: Level | None, *, changed: bool) -> None:
        if level is None:
            self.report.added += 1
        elif changed:
            self.report.changed += 1
        else:
            self.report.unchanged += 1

    def _arrived(self, said: Said, merged: Merged, level: Level | None) -> Level:
        """Collect what one contract's rows and subscriptions become; return its level as it then is."""
        contract = contract_after(said, merged, level.contract if level else None, self._changes.now)
        touched = contract.customer_id in self._touched
        if level and merged.empty and not touched and contract.customer_id == level.contract.customer_id:
            self._collect_contract(contract, level)
            sell_unsold(self._changes, level, self._routes.links)
            return level
        after = self._level_after(contract, merged, level)
        draw_consequences(self._changes, replace(after, touched=touched), self._routes.links)
        return after

    def _level_after(self, contract: ContractRow, merged: Merged, level: Level | None) -> Level:
        there = {item.code: item for item in level.items} if level else {}
        items = items_after(contract, merged, there)
        gone, added = reasons_after(contract, merged, level, self._changes.now)
        again = to_sell_again(level, contract, items) if level else frozenset[str]()
        self._collect_contract(contract, level)
        self._rows.items += [item for code, item in items.items() if code in there]
        self._rows.new_items += [item for code, item in items.items() if code not in there]
        self._rows.reasons_gone += gone
        self._rows.new_reasons += added
        reasons = [r for r in level.reasons if r not in gone] + added if level else added
        return Level(contract, list((there | items).values()), reasons, level.subscriptions if level else (), again)

    def _collect_contract(self, contract: ContractRow, level: Level | None) -> None:
        if level is None:
            self._rows.new_contracts.append(contract)
        elif contract is not level.contract:
            self._rows.contracts.append(contract)
