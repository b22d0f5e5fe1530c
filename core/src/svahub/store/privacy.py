"""All that is held about one person: read whole, and erased but for what must stay.

An exchange that was erased keeps its digest and bears `redacted_at`: its content is gone, so whoever verifies the audit
takes the digest as it is kept.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, false, func, or_, select

from svahub import errors
from svahub.store import contracts as rows
from svahub.store import tables
from svahub.store.heard import deliveries_about, forget_deliveries
from svahub.store.journal import SAID, without_query
from svahub.store.rows import AccountRow, ContractRow, CustomerRow, InboxRow, SubscriptionRow, TaskRow
from svahub.store.states import Phase

BATCH = 500
ERASED = (
    "customers", "contracts", "items", "subscriptions", "operations", "attempts", "tasks", "task_attempts",
    "debt_exemptions", "exchanges", "events", "inbox", "outbox",
)  # fmt: skip
"""The tables that an erasure writes."""


@dataclass(frozen=True, slots=True)
class Person:
    """One customer of a tenant: what is theirs in each table.

    A contract may have changed hands, so what was sold is theirs by the account, not by the contract.
    """

    connection: Connection
    tenant: str
    id: str

    def customer(self) -> CustomerRow | None:
        """Return the customer's row."""
        return rows.customers_by_id(self.connection, self.tenant, [self.id]).get(self.id)

    def accounts(self) -> list[AccountRow]:
        """Return their accounts at integrations."""
        return [AccountRow(*row) for row in self.connection.execute(self.query("accounts"))]

    def contracts(self) -> list[ContractRow]:
        """Return the contracts that are theirs now."""
        return rows.contracts_of_customer(self.connection, self.tenant, self.id)

    def subscriptions(self) -> list[SubscriptionRow]:
        """Return all that was ever sold to them."""
        return [SubscriptionRow(*row) for row in self.connection.execute(self.query("subscriptions"))]

    def running(self) -> set[str]:
        """Return the keys of their subscriptions for which an attempt is under way."""
        query = self.query("attempts").where(tables.attempts.c.ended_at.is_(None))
        return {row.subscription_key for row in self.connection.execute(query)}

    def open_tasks(self) -> list[TaskRow]:
        """Return what plugins asked for about them and that has not ended."""
        query = self.query("tasks").where(tables.tasks.c.phase != Phase.SETTLED)
        return [TaskRow(*row) for row in self.connection.execute(query)]

    def deliveries(self) -> list[InboxRow]:
        """Return what providers told of them and is still whole, as far as it can be told."""
        return list(deliveries_about(self, self.customer()))

    def records(self, table: str) -> Iterator[dict[str, Any]]:
        """Stream a table's rows about them, in the order in which they came."""
        for row in self.connection.execute(self.query(table), execution_options={"yield_per": BATCH}):
            yield dict(row._mapping)

    def count(self, table: str, *where: ColumnElement[bool]) -> int:
        """Count a table's rows about them."""
        query = self.query(table).where(*where).order_by(None).with_only_columns(func.count())
        counted: int = self.connection.execute(query).scalar_one()
        return counted

    def query(self, table: str) -> Select[Any]:
        """Return what finds a table's rows about them."""
        whole = tables.metadata.tables[table]
        return select(whole).where(self._theirs(whole)).order_by(*_ORDER.get(table, whole.primary_key))

    def _theirs(self, table: Table) -> ColumnElement[bool]:
        match table.name:
            case "accounts" | "contracts" | "outbox" | "standings" | "activation_links":
                return and_(table.c.tenant == self.tenant, table.c.customer_id == self.id)
            case "items" | "block_reasons" | "debts" | "debt_exemptions":
                return and_(table.c.tenant == self.tenant, table.c.contract_id.in_(self._ids()))
            case "subscriptions" | "attempts" | "tasks" | "task_attempts":
                return self.of_account(table.c.account_key)
            case "exchanges":
                return or_(self.of_account(table.c.account_key), self._named_outside_of_attempts())
            case "operations":
                return table.c.subscription_key.in_(self._subscription_keys())
            case "events":
                whole = and_(table.c.subscription_key.is_(None), table.c.contract_id.in_(self._ids()))
                sold = table.c.subscription_key.in_(self._subscription_keys())
                return and_(table.c.tenant == self.tenant, or_(sold, whole))
        raise ValueError(f"{table.name} is not kept by person")

    def of_account(self, key: ColumnElement[Any]) -> ColumnElement[bool]:
        """Say that an account is theirs."""
        return key.in_(self._account_keys())

    def _named_outside_of_attempts(self) -> ColumnElement[bool]:
        """Say that an exchange, which is of no account, names one of theirs: somebody looked at it at the provider."""
        c = tables.exchanges.c
        named = [c[name].contains(a.key) for a in self.accounts() for name in ("path", *_TEXTS)]
        return and_(c.tenant == self.tenant, c.account_key.is_(None), or_(false(), *named))

    def _account_keys(self) -> Select[Any]:
        c = tables.accounts.c
        return select(c.key).where(c.tenant == self.tenant, c.customer_id == self.id)

    def _subscription_keys(self) -> Select[Any]:
        c = tables.subscriptions.c
        return select(c.key).where(c.account_key.in_(self._account_keys()))

    def _ids(self) -> Select[Any]:
        c = tables.contracts.c
        return select(c.id).where(c.tenant == self.tenant, c.customer_id == self.id)


_ORDER: dict[str, list[ColumnElement[Any]]] = {
    "attempts": [tables.attempts.c.started_at, tables.attempts.c.lease_number],
    "task_attempts": [tables.task_attempts.c.started_at, tables.task_attempts.c.lease_number],
    "tasks": [tables.tasks.c.id],
    "subscriptions": [tables.subscriptions.c[name] for name in ("contract_id", "item_code", "sale")],
}


def entries_about(connection: Connection, tenant: str, subjects: Sequence[str]) -> list[dict[str, Any]]:
    """Return the entries of the audit about some subjects, in their order."""
    c, found = tables.audit.c, []
    for start in range(0, len(subjects), BATCH):
        some = c.subject.in_(subjects[start : start + BATCH])
        query = select(tables.audit).where(c.tenant == tenant, c.pruned.is_(False), some)
        found += [dict(row._mapping) for row in connection.execute(query)]
    return sorted(found, key=lambda entry: int(entry["number"]))


def buyers(connection: Connection, tenant: str, contracts: Collection[str]) -> dict[str, list[tuple[datetime, str]]]:
    """Return when each contract was sold and to which customer, the oldest first."""
    s, a, found = tables.subscriptions.c, tables.accounts.c, defaultdict(list)
    sold = select(s.contract_id, s.created_at, a.customer_id).join_from(
        tables.subscriptions, tables.accounts, s.account_key == a.key
    )
    for some in _batches(sorted(contracts)):
        ours = sold.where(s.tenant == tenant, s.contract_id.in_(some)).order_by(s.created_at, s.sale)
        for contract, at, customer in connection.execute(ours):
            found[contract].append((at, customer))
    return found


# -- erasing -----------------------------------------------------------------------------------------------------------


def erase(person: Person, customer: CustomerRow, pseudonym: str, now: datetime) -> tuple[dict[str, int], Sequence[int]]:
    """Erase what need not stay; return what `forget` does."""
    heard = [row.id for row in person.deliveries()]
    bare = CustomerRow(
        customer.tenant, customer.id, pseudonym, pseudonym, customer.document_kind,
        None, None, None, None, "", None, now,
    )  # fmt: skip
    rows.put_rows(person.connection, tables.customers, [bare])
    counts, outside = forget(person, now, heard)
    return {"customers": 1} | counts, outside


def forget(person: Person, now: datetime, heard: Sequence[int] | None = None) -> tuple[dict[str, int], Sequence[int]]:
    """Erase what is in other tables than the customer's own; return how many rows of each lost something.

    `heard` are the deliveries that tell of them, where that was found out before. Beside it, the ids of the exchanges
    that were outside of any attempt: the audit must tell of each.
    """
    heard = [row.id for row in person.deliveries()] if heard is None else heard
    forgotten = {name: _forget(person, name, forget) for name, forget in _FORGETS.items()}
    redacted = _redact(person, now)
    counts = forgotten | {"exchanges": len(redacted), "inbox": forget_deliveries(person, heard, now)}
    return counts, [id for id, account in redacted.items() if account is None]


Record = dict[str, Any]


def _forget(person: Person, table: str, forget: Callable[[Record], Record]) -> int:
    """Write the rows of a table that become others when what is personal is forgotten."""
    whole = tables.metadata.tables[table]
    key = [column.name for column in whole.primary_key]
    before = ((record, forget(record)) for record in list(person.records(table)))
    changed = [{name: r[name] for name in key} | after for r, after in before if after != {n: r[n] for n in after}]
    for batch in _batches(changed):
        rows.update_rows(person.connection, whole, key, batch)
    return len(changed)


def _forget_import(contract: Record) -> Record:
    """Keep what the file said of the contract itself, so that the next file is compared with it, and not its items'."""
    last = contract["last_import"]
    if not last:
        return {"last_import": last}
    items = [{name: value for name, value in item.items() if name != "attributes"} for item in last.get("items", ())]
    return {"last_import": {**last, "items": items}}


def _forget_applied(subscription: Record) -> Record:
    given = {name: _without_customer(subscription[name]) for name in ("applied", "sent")}
    said = {"cause": _our_words(subscription["cause"]), "advice": None}
    return {"attributes": {}, "consent": _without_ip(subscription["consent"]), **said, **given}


def _without_ip(consent: Record | None) -> Record | None:
    return {name: value for name, value in consent.items() if name != "ip"} if consent else consent


def _forget_sent(attempt: Record) -> Record:
    return {"sent": _without_customer(attempt["sent"]), "cause": _our_words(attempt["cause"])}


def _forget_task(task: Record) -> Record:
    return {"payload": {}, "details": {}, "note": None, "cause": _our_words(task["cause"]), "advice": None}


def _forget_message(message: Record) -> Record:
    """Keep what is still to be told: it bears ids only, and that somebody has left must arrive."""
    return {"body": message["body"] if message["ended_at"] is None else None, "cause": None}


def _without_customer(given: Record | None) -> Record | None:
    return {**given, "customer": None} if given else given


_KINDS = [name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)]
_OUR_WORDS = re.compile(
    rf"""(?: {"|".join(_KINDS)} | held | only\ in\ part | given\ up\ after\ \d+\ tries | accepted,\ result\ pending
    | the\ user\ (?: has\ vanished\ at\ the\ provider | exists\ already )
    | the\ process\ that\ made\ it\ ended\ before\ the\ answer | was\ not\ there\ any\ more | vanished;\ created\ again
    | the\ provider\ (?: cannot\ be\ reached\ \(\w+\) | does\ not\ accept\ our\ \w+
      | asks\ for\ fewer\ calls (?: \ for\ [\d.e+]+\ s )? )
    ) (?= : | \Z )""",
    re.VERBOSE,
)


def _our_words(cause: str | None) -> str | None:
    """Return what we ourselves say at the beginning of a cause; what the provider said may name the person."""
    ours = _OUR_WORDS.match(cause or "")
    return ours[0] if ours else None


_FORGETS: dict[str, Callable[[Record], Record]] = {
    "contracts": _forget_import,
    "items": lambda item: {"attributes": {}, "consent": _without_ip(item["consent"])},
    "subscriptions": _forget_applied,
    "operations": lambda _operation: {"note": None},
    "attempts": _forget_sent,
    "tasks": _forget_task,
    "task_attempts": lambda attempt: {"cause": _our_words(attempt["cause"])},
    "debt_exemptions": lambda _exemption: {"note": None},
    "events": lambda _event: {"details": {}},
    "outbox": _forget_message,
}
_TEXTS = ("request_body", "response_body", "error")


def _redact(person: Person, now: datetime) -> dict[int, str | None]:
    """Take away what was said in the person's exchanges; method, path and status stay, and the digest of the whole.

    Returns the account of each by its id.
    """
    nothing: Record = {name: None if name in _TEXTS else {} for name in SAID}
    c = tables.exchanges.c
    query = person.query("exchanges").where(c.redacted_at.is_(None)).with_only_columns(c.id, c.path, c.account_key)
    found = person.connection.execute(query).all()
    changed = [{"id": id, "path": without_query(path), "redacted_at": now} | nothing for id, path, _ in found]
    for batch in _batches(changed):
        rows.update_rows(person.connection, tables.exchanges, ["id"], batch)
    return {id: account for id, _, account in found}


def _batches(changed: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (changed[start : start + BATCH] for start in range(0, len(changed), BATCH))
