"""What the law gives a person (LGPD): everything held about them as one document, and its erasure.

What must stay to prove that a service was sold, agreed to and ended stays under a pseudonym.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from string import ascii_lowercase
from typing import Any

from sqlalchemy import Connection

from svahub import brazil, entries
from svahub.areas.bench import Bench
from svahub.areas.integrations import usable
from svahub.chain import ERASE
from svahub.errors import Refused, UnknownName
from svahub.extension import Transaction
from svahub.models import Desired
from svahub.store import contracts, integrations
from svahub.store.privacy import ERASED, Person, buyers, entries_about, erase, forget
from svahub.store.remains import Swept, sweep
from svahub.store.rows import ContractRow, CustomerRow, InboxRow, SubscriptionRow, TaskRow
from svahub.store.states import AuditKind, ContractStatus, Phase

HELD = (
    "contracts", "items", "block_reasons", "debts", "debt_exemptions", "accounts", "subscriptions", "operations",
    "attempts", "tasks", "task_attempts", "exchanges", "events", "standings", "outbox",
    "activation_links",
)  # fmt: skip
"""The tables of an export, beside the customer's own row, the inbox and the audit."""
KEPT = (
    "contracts", "subscriptions", "operations", "attempts", "tasks", "debts", "exchanges", "block_reasons", "outbox",
    "activation_links",
)  # fmt: skip
SHOWN = 10
"""So many obstacles are told."""
ERASING = {  # what is lost of each table
    "customers": "name, document, e-mail, phone, birth date and address",
    "contracts": "attributes of items, as last imported",
    "items": "attributes, and the IP address of a consent",
    "subscriptions": "attributes, the IP address of a consent, digests of personal data, and what the provider said",
    "operations": "notes",
    "attempts": "digests of personal data, and what the provider said",
    "tasks": "what was asked for, what came of it, and notes",
    "task_attempts": "what the provider said",
    "debt_exemptions": "notes",
    "exchanges": "headers, bodies and queries",
    "events": "details",
    "inbox": "what providers told of the person, as far as it names them",
    "outbox": "what other systems were told, once they have taken it, and what they answered",
}
KEEPING = {  # why it stays
    "consents": "proof of consent: when, over which channel, to which text",
    "contracts": "the ERP's ids and dates, to tell which contract it was",
    "subscriptions": "what was sold, and the id at the provider: proof that billing ended",
    "operations": "who asked for what, and when",
    "attempts": "what was tried at the provider, when, and how it ended",
    "tasks": "what was asked of the provider and when, by its name and the id there: a charge is a fact of accounting",
    "debts": "which contract owed what and since when: a fact of accounting, under the ids of ERP and provider only",
    "exchanges": "method, path, status and digest, so that the audit can be verified",
    "audit": "who did what and when; bears the ERP's ids only",
    "activation_links": "what was offered at which price under which terms, and when it was taken: part of the consent",
    "block_reasons": "why the contract was blocked",
    "outbox": "that other systems were told, and when; until they have taken it also what, which bears ids only",
}


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure took away, or would take, and what it left, in rows by table; `already`: it was done before.

    `left_out` names plugins whose tables were not erased, `providers` the ids that are left there, by integration. The
    pseudonym is drawn when it is done, so a dry run has none.
    """

    customer_id: str
    pseudonym: str | None
    erased_at: datetime
    already: bool
    erased: dict[str, int]
    kept: dict[str, int]
    plugins: tuple[str, ...]
    left_out: dict[str, str]
    providers: dict[str, list[str]]
    id_is_document: bool = False
    store: Swept | None = None


def pseudonym() -> str:
    """Draw what stands for a person: as long as a document may be, and of letters alone, so never like one."""
    return "x" + "".join(secrets.choice(ascii_lowercase) for _ in range(13))


@dataclass(frozen=True, slots=True)
class Privacy:
    """The personal data of one tenant's customers."""

    bench: Bench
    draw: Callable[[], str] = pseudonym

    def export(self, customer: str, *, actor: str, without_missing: bool = False) -> dict[str, Any]:
        """Return everything held about a customer, unmasked; that it was looked at is recorded with it.

        Raises Refused when a plugin cannot tell of its tables, as the answer would not be whole; `without_missing`
        goes on without those that are missing or broken, and names them.
        """
        return self.bench.store.transact(
            lambda connection: self._exported(self._person(connection, customer), actor, without_missing)
        )

    def _exported(self, person: Person, actor: str, without_missing: bool) -> dict[str, Any]:
        row = self._known(person)
        left_out = self._silent(person, "read", without_missing=without_missing)
        held = {name: [_bare(record) for record in person.records(name)] for name in HELD}
        held["inbox"] = [_told(row) for row in person.deliveries()]
        held["audit"] = [_bare(entry) for entry in _entries(person)]
        transaction = self._transaction(person)
        plugins = self.bench.registry.observers.export_customer(transaction, person.id)
        self._record(person, AuditKind.LOOK, "customers export", actor, revealed=True, left_out=sorted(left_out))
        about = {"tenant": person.tenant, "exported_at": transaction.now, "customer": _bare(asdict(row))}
        return about | held | {"plugins": plugins, "left_out": left_out}

    def erase(self, customer: str, *, actor: str, dry_run: bool = False, without_missing: bool = False) -> Erased:
        """Erase a customer's personal data for good; of one who was erased before, what came since.

        Raises Refused while anything of theirs lives, and when a plugin's tables cannot be erased, unless
        `without_missing` leaves those of missing and broken plugins out.
        """

        def carry_out(connection: Connection) -> Erased:
            person = self._person(connection, customer)
            contracts.lock_customers(connection, person.tenant, [customer])
            row = self._known(person)
            if row.erased_at is not None:
                return self._erased_again(person, row.document, row.erased_at, actor)
            return self._erased(person, row, actor, without_missing)

        done = self.bench.store.transact(carry_out, undo=dry_run)
        return replace(done, pseudonym=None) if dry_run else replace(done, store=sweep(self.bench.store, ERASED))

    def _erased(self, person: Person, row: CustomerRow, actor: str, without_missing: bool) -> Erased:
        sold = person.subscriptions()
        if sentence := still_living(person.contracts(), sold, person.running(), person.open_tasks()):
            raise Refused(f"Customer {person.id} cannot be erased yet. {sentence}")
        left_out = self._silent(person, "erased", without_missing=without_missing)
        transaction, mark = self._transaction(person), self.draw()
        self.bench.registry.observers.erase_customer(transaction, person.id)  # while what they may join is there
        counts, outside = erase(person, row, mark, transaction.now)
        done = self._told(person, mark, transaction.now, erased=counts, left_out=left_out)
        told = {"pseudonym": mark, "rows": counts, "plugins": done.plugins, "left_out": sorted(left_out)}
        self._record_erased(person, actor, outside, **told)
        return done

    def _erased_again(self, person: Person, mark: str, at: datetime, actor: str) -> Erased:
        """Erase what came after the erasure, as what a call that was under way then had heard."""
        counts, outside = forget(person, self.bench.store.now(person.connection))
        late = {name: count for name, count in counts.items() if count}
        if late:
            self._record_erased(person, actor, outside, pseudonym=mark, rows=late)
        return self._told(person, mark, at, already=True, erased=late)

    def _record_erased(self, person: Person, actor: str, outside: Sequence[int], **told: Any) -> None:
        emptied = {"accounts": [account.key for account in person.accounts()], "exchanges": list(outside)}
        self._record(person, AuditKind.COMMAND, ERASE, actor, ours=emptied, **told)

    def _told(self, person: Person, mark: str, at: datetime, *, already: bool = False, **more: Any) -> Erased:
        kept = {name: person.count(name) for name in KEPT}
        kept |= {"audit": len(_entries(person)), "consents": sum(1 for i in person.records("items") if i["consent"])}
        plugins = () if already else self.bench.registry.observers.names
        given = {"erased": {}, "left_out": {}} | more
        return Erased(
            person.id, mark, at, already, kept=kept, plugins=plugins, providers=_remote_ids(person),
            id_is_document=brazil.is_document(person.id), **given,
        )  # fmt: skip

    # -- what both need ------------------------------------------------------------------------------------------------

    def _person(self, connection: Connection, customer: str) -> Person:
        return Person(connection, self.bench.tenant, customer)

    def _known(self, person: Person) -> CustomerRow:
        row = person.customer()
        if row is None:
            remedy = "The id is the ERP's: svahub contracts list tells it for each contract."
            raise UnknownName("customer", person.id, [], remedy)
        return row

    def _transaction(self, person: Person) -> Transaction:
        return Transaction(person.connection, person.tenant, self.bench.store.now(person.connection))

    def _record(self, person: Person, kind: AuditKind, command: str, actor: str, **details: Any) -> None:
        self.bench.record(person.connection, kind, command, entries.of_customer(person.id), actor=actor, **details)

    def _silent(self, person: Person, done: str, *, without_missing: bool) -> dict[str, str]:
        """Return the plugins whose tables nobody can ask for, and why; Refused unless they may be left out."""
        silent = {f"plugin {name}": f"broken: {why}" for name, why in self.bench.registry.broken_hooks().items()}
        for name in sorted({account.integration for account in person.accounts()}):
            row = integrations.one(person.connection, person.tenant, name)
            if row is not None and (problem := usable(self.bench, row)[1]):
                silent[f"integration {name}"] = problem
        if silent and not without_missing:
            told = "; ".join(f"{name} is {why}" for name, why in silent.items())
            raise Refused(
                f"What these plugins may keep of customer {person.id} cannot be {done}: {told}. "
                "Mend that first, or leave them out with --without-missing."
            )
        return silent


def still_living(
    held: Sequence[ContractRow],
    sold: Sequence[SubscriptionRow],
    running: Collection[str],
    asked: Sequence[TaskRow] = (),
) -> str | None:
    """Say what is to be cancelled, or to end, before a customer can be erased; None when nothing lives."""
    wanted = {c.id for c in held if c.status is not ContractStatus.CANCELLED}
    wanted |= {s.contract_id for s in sold if s.desired is not Desired.CANCELLED}
    ending = [s for s in sold if s.contract_id not in wanted and _unended(s, running)]
    told = []
    if wanted:
        told.append(f"Cancel first: svahub cancel {_listed(sorted(wanted))}.")
    if ending:
        names = _listed([f"{s.contract_id}/{s.item_code} at {s.integration} ({_how(s)})" for s in ending], ", ")
        told.append(f"Not ended at the provider yet: {names}. `svahub work` ends it; `svahub operations list` tells.")
    if asked:
        names = _listed([f"{task.id} ({task.kind} at {task.integration}, {task.phase.value})" for task in asked], ", ")
        told.append(
            f"Tasks that have not ended: {names}. `svahub work` does them; "
            "`svahub tasks discard ID --note WHY` lets one go."
        )
    return " ".join(told) or None


def _unended(row: SubscriptionRow, running: Collection[str]) -> bool:
    return row.live or row.key in running or row.uncertain_since is not None or row.handle is not None


def _how(row: SubscriptionRow) -> str:
    parked = row.phase is Phase.PARKED
    return f"parked, seen {row.observed.value}" if parked else f"seen {row.observed.value}"


def _listed(names: Sequence[str], between: str = " ") -> str:
    return between.join(names[:SHOWN]) + (f" … and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _entries(person: Person) -> list[dict[str, Any]]:
    """Return what the audit tells of a person: who did what to what is theirs, and who looked at it."""
    operations = {operation["id"] for operation in person.records("operations")}
    tasks = [f"task {task['id']}" for task in person.records("tasks")]
    of_contracts = _contract_subjects(person)
    subjects = [
        entries.fitted(entries.of_customer(person.id)),
        *of_contracts,
        *(f"operation {id}" for id in operations),
        *tasks,
    ]
    sold = buyers(person.connection, person.tenant, set(of_contracts.values()))

    def theirs(entry: dict[str, Any]) -> bool:
        """Say whether it is about the person, and not about who else had the contract."""
        if entry["subject"] not in of_contracts:
            return True
        if made := (entry["details"] or {}).get("operations"):
            return not operations.isdisjoint(made)
        return _holder(sold[of_contracts[entry["subject"]]], entry["at"]) in {None, person.id}

    return list(filter(theirs, entries_about(person.connection, person.tenant, subjects)))


def _contract_subjects(person: Person) -> dict[str, str]:
    """Return the subjects under which the audit tells of contracts that are or were theirs, each with its contract."""
    held = {contract.id for contract in person.contracts()} | {row.contract_id for row in person.subscriptions()}
    items = contracts.items_of(person.connection, person.tenant, held)
    named = {entries.of_contract(id): id for id in held}
    named |= {entries.of_contract(item.contract_id, item.code): item.contract_id for item in items}
    return {entries.fitted(subject): id for subject, id in named.items()}


def _holder(sold: Sequence[tuple[datetime, str]], at: datetime) -> str | None:
    """Return who held a contract at an instant, as far as its sales tell; None when it was never sold."""
    before = [customer for sold_at, customer in sold if sold_at <= at]
    return before[-1] if before else next((customer for _, customer in sold), None)


def _remote_ids(person: Person) -> dict[str, list[str]]:
    """Return by integration what the person is there, also where nothing was sold to them, and what was sold."""
    found: dict[str, set[str]] = {}
    for row in person.subscriptions():
        found.setdefault(row.integration, set()).update(filter(None, [row.remote_id]))
    for account in person.accounts():
        if account.remote_id is not None:
            found.setdefault(account.integration, set()).add(account.remote_id)
    return {name: sorted(ids) for name, ids in sorted(found.items())}


def _told(row: InboxRow) -> dict[str, Any]:
    """Return a delivery as the person gets to see it: what was told, and not how it was received."""
    names = ("id", "integration", "event_id", "kind", "subject", "received_at", "deliveries", "state", "ended_at")
    body = (row.body or b"").decode(errors="replace")
    return {name: getattr(row, name) for name in names} | {"details": row.details, "body": body}


def _bare(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row without its tenant, which stands at the top."""
    return {name: value for name, value in record.items() if name != "tenant"}
