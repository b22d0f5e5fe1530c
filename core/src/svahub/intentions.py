"""From a contract's level (status, items, block reasons) to what is desired of its subscriptions, in one transaction.

Verbs, imports and expiries change the level; this module alone draws the consequences: sells, redesires, appends
operations, supersedes what was queued, wakes the accounts. It calls no provider.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Connection

from svahub import announcing
from svahub.models import Desired, Observed
from svahub.store import Store, catalogue, contracts, journal, queue, sales, tables
from svahub.store.rows import ContractRow, ItemRow, LinkRow, ReasonRow, SubscriptionRow
from svahub.store.states import ContractStatus, Outcome, Phase, Priority, Verb
from svahub.telling import of_debts

NAMESPACE = UUID("6f1f6c52-3d0b-5a8e-9a55-0f3f2a3c7b11")
"""The root of every key that svahub gives away; changing it would orphan every remote user."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who wants a change, why, and how urgent it is; `priority` None: by what the change is.

    What a `campaign` wants is as urgent as that says; of anything else, an unblock is one of who has paid.
    """

    actor: str
    reason: str | None = None
    note: str | None = None
    idempotency_key: str | None = None
    priority: Priority | None = None
    campaign: int | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """All that decides what is desired of one contract's subscriptions.

    `asked`: a verb that leaves an operation for the items `asked_for` even where it changes nothing that is desired.
    """

    contract: ContractRow
    items: Sequence[ItemRow]
    reasons: Sequence[ReasonRow]
    subscriptions: Sequence[SubscriptionRow]
    sell_again: frozenset[str] = frozenset()
    touched: bool = False
    asked: Verb | None = None
    asked_for: frozenset[str] = frozenset()

    def latest(self, code: str) -> SubscriptionRow | None:
        """Return the newest sale of an item."""
        sold = [s for s in self.subscriptions if s.item_code == code]
        return max(sold, key=lambda s: s.sale, default=None)

    def reasons_for(self, code: str) -> list[ReasonRow]:
        """Return why an item is blocked."""
        return [r for r in self.reasons if r.item_code in {"", code}]

    def differs_from(self, after: Level) -> bool:
        """Say whether the contract is another after a verb; after one on an item, `after` has only that item."""
        reasons = set(self.reasons) != set(after.reasons)
        status = self.contract.status is not after.contract.status
        return reasons or status or any(item not in self.items for item in after.items)


@dataclass(slots=True)
class Changes:
    """What a transaction is to write, collected over many contracts."""

    now: datetime
    stamp: Stamp
    sold: list[SubscriptionRow] = field(default_factory=list)
    redesired: list[SubscriptionRow] = field(default_factory=list)
    verbs: dict[str, Verb] = field(default_factory=dict)
    accounts: dict[tuple[str, str, str], str] = field(default_factory=dict)
    sales: dict[tuple[str, str, str], int] = field(default_factory=dict)

    @property
    def keys(self) -> list[str]:
        """The subscriptions that change."""
        return list(self.verbs)

    def add(self, other: Changes) -> None:
        """Take in what another contract's level wants, by the same stamp."""
        self.sold += other.sold
        self.redesired += other.redesired
        self.verbs |= other.verbs
        self.accounts |= other.accounts
        self.sales |= other.sales


def account_key(tenant: str, integration: str, customer: str) -> str:
    """Return the reference of a remote user: deterministic, without personal data."""
    return str(uuid5(NAMESPACE, "\x1f".join(("account", tenant, integration, customer))))


def subscription_key(tenant: str, contract: str, item: str, sale: int) -> str:
    """Return the reference of a sold item: deterministic, without personal data."""
    return str(uuid5(NAMESPACE, "\x1f".join(("subscription", tenant, contract, item, str(sale)))))


def draw_consequences(changes: Changes, level: Level, links: Mapping[str, LinkRow]) -> None:
    """Add to `changes` what one contract's level wants of its subscriptions."""
    for item in level.items:
        latest = level.latest(item.code)
        again = item.code in level.sell_again
        if latest is not None and latest.desired is not Desired.CANCELLED:
            _redesire(changes, level, item, latest, Desired.CANCELLED if again else target(level, item))
        if latest is None or again:
            _sell(changes, level, item, links)


def sell_unsold(changes: Changes, level: Level, links: Mapping[str, LinkRow]) -> None:
    """Add the sale of what was never sold, and leave the rest as people left it."""
    for item in level.items:
        if level.latest(item.code) is None:
            _sell(changes, level, item, links)


def target(level: Level, item: ItemRow) -> Desired:
    """Return what an item that is sold should be."""
    if item.removed or level.contract.status is ContractStatus.CANCELLED:
        return Desired.CANCELLED
    return Desired.BLOCKED if level.reasons_for(item.code) else Desired.ACTIVE


_NEVER_TRIED: dict[str, Any] = {
    "generation": 1,
    "observed": Observed.ABSENT,
    "phase": Phase.DUE,
    "looks": 0,
    "tries": 0,
} | dict.fromkeys(("remote_id", "applied", "sent", "uncertain_since", "cause", "advice", "handle", "candidate"))


def _sell(changes: Changes, level: Level, item: ItemRow, links: Mapping[str, LinkRow]) -> None:
    link = links.get(item.product_code)
    if link is None or item.removed or level.contract.status is not ContractStatus.ACTIVE:
        return
    contract, sale = level.contract, item.sales + 1
    integration = item.integration or link.integration
    key = subscription_key(contract.tenant, contract.id, item.code, sale)
    account = account_key(contract.tenant, integration, contract.customer_id)
    plan = item.plan or (link.plan if integration == link.integration else None)
    priority = Priority.ACTIVATION if changes.stamp.priority is None else changes.stamp.priority
    sold = SubscriptionRow(
        key=key, tenant=contract.tenant, contract_id=contract.id, item_code=item.code, sale=sale,
        product_type=link.product_type, integration=integration, account_key=account, plan=plan,
        quantity=item.quantity, price=_price(level, item), due_day=contract.due_day, attributes=item.attributes,
        consent=item.consent, desired=target(level, item), due_at=changes.now, priority=priority,
        created_at=changes.now, changed_at=changes.now, **_NEVER_TRIED,
    )  # fmt: skip
    changes.sold.append(sold)
    changes.verbs[key] = Verb.CREATE_USER
    changes.accounts[contract.tenant, integration, contract.customer_id] = account
    changes.sales[contract.tenant, contract.id, item.code] = sale


def _redesire(changes: Changes, level: Level, item: ItemRow, row: SubscriptionRow, desired: Desired) -> None:
    wanted = _wanted(level, item, row, desired)
    asked = level.asked if item.code in level.asked_for else None
    if wanted == row and not level.touched and asked is None:
        return
    verb = asked if asked and row.desired is desired else _verb(row.desired, desired)
    priority = _URGENCY[verb] if changes.stamp.priority is None else changes.stamp.priority
    if changes.stamp.priority is Priority.BULK and verb is Verb.UNBLOCK and changes.stamp.campaign is None:
        priority = Priority.PAID
    changes.redesired.append(_again(wanted, changes.now, priority))
    changes.verbs[row.key] = verb


def _wanted(level: Level, item: ItemRow, row: SubscriptionRow, desired: Desired) -> SubscriptionRow:
    if desired is Desired.CANCELLED:
        return row._replace(desired=desired)  # what ends is what was sold, not what the item says by now
    return row._replace(
        desired=desired, plan=item.plan or row.plan, quantity=item.quantity, price=_price(level, item),
        due_day=level.contract.due_day, attributes=item.attributes, consent=item.consent or row.consent,
    )  # fmt: skip


def _price(level: Level, item: ItemRow) -> Decimal | None:
    """Return what was agreed for an item: its own price, else its contract's."""
    return level.contract.price if item.price is None else item.price


_URGENCY = {
    Verb.UNBLOCK: Priority.PAID,
    Verb.CREATE_USER: Priority.ACTIVATION,
    Verb.BLOCK: Priority.ORDINARY,
    Verb.CHANGE: Priority.ORDINARY,
    Verb.CANCEL: Priority.ORDINARY,
}


def _verb(before: Desired, after: Desired) -> Verb:
    if before is after:
        return Verb.CHANGE
    return {Desired.CANCELLED: Verb.CANCEL, Desired.BLOCKED: Verb.BLOCK, Desired.ACTIVE: Verb.UNBLOCK}[after]


def _again(row: SubscriptionRow, now: datetime, priority: int) -> SubscriptionRow:
    return row._replace(
        generation=row.generation + 1, phase=Phase.DUE, due_at=now, priority=priority,
        tries=0, cause=None, advice=None, candidate=None,
    )  # fmt: skip


def write(connection: Connection, changes: Changes) -> None:
    """Write what was collected, append its operations and wake the accounts."""
    _write_accounts(connection, changes)
    sales.add(connection, changes.sold)
    sales.redesire(connection, changes.redesired)
    rows = [*changes.sold, *changes.redesired]
    sales.add_operations(connection, [_operation(row, changes) for row in rows])
    sales.supersede(connection, changes.redesired, changes.now)
    sold = [
        {"tenant": tenant, "contract_id": contract, "code": code, "sales": count}
        for (tenant, contract, code), count in changes.sales.items()
    ]
    contracts.update_rows(connection, tables.items, ("tenant", "contract_id", "code"), sold)
    urgency: dict[str, int] = {}
    for row in rows:
        urgency[row.account_key] = min(row.priority, urgency.get(row.account_key, row.priority))
    queue.wake(connection, urgency, changes.now)


def _write_accounts(connection: Connection, changes: Changes) -> None:
    by_tenant: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for tenant, integration, customer in changes.accounts:
        by_tenant[tenant].add((integration, customer))
    for tenant, pairs in by_tenant.items():
        there = contracts.accounts_by_customer(connection, tenant, pairs)
        new = [
            {
                "key": changes.accounts[tenant, integration, customer],
                "tenant": tenant,
                "integration": integration,
                "customer_id": customer,
                "priority": Priority.BULK,
                "lease_number": 0,
            }
            for integration, customer in pairs - there.keys()
        ]
        contracts.insert_missing(connection, tables.accounts, new)


def _operation(row: SubscriptionRow, changes: Changes) -> dict[str, Any]:
    stamp = changes.stamp
    return {
        "tenant": row.tenant,
        "subscription_key": row.key,
        "verb": changes.verbs[row.key],
        "generation": row.generation,
        "actor": stamp.actor,
        "reason": stamp.reason,
        "note": stamp.note,
        "idempotency_key": stamp.idempotency_key,
        "outcome": Outcome.QUEUED,
        "created_at": changes.now,
        "campaign_id": stamp.campaign,
    }


def levels(connection: Connection, tenant: str, ids: Collection[str]) -> dict[str, Level]:
    """Return the present level of some contracts."""
    if not ids:
        return {}
    items, reasons, sold = defaultdict(list), defaultdict(list), defaultdict(list)
    for item in contracts.items_of(connection, tenant, ids):
        items[item.contract_id].append(item)
    for reason in contracts.reasons_of(connection, tenant, ids):
        reasons[reason.contract_id].append(reason)
    for row in contracts.subscriptions_of(connection, tenant, ids):
        sold[row.contract_id].append(row)
    found = contracts.contracts_by_id(connection, tenant, ids)
    return {id: Level(contract, items[id], reasons[id], sold[id]) for id, contract in found.items()}


def locked_levels(connection: Connection, tenant: str, ids: Collection[str]) -> dict[str, Level]:
    """Return levels that nobody else changes before this transaction ends.

    Their customers are locked: those whose they are now, as an import may have moved a contract meanwhile.
    """
    locked: set[str] = set()
    while missing := contracts.holders(connection, tenant, ids) - locked:
        contracts.lock_customers(connection, tenant, missing)
        locked |= missing
    return levels(connection, tenant, ids)


def expire_reasons(store: Store) -> int:
    """Take away the block reasons whose time has come; return how many those were."""
    with store.read() as connection:
        found = contracts.expired_reasons(connection, store.now(connection))
    ids = _contracts_by_tenant(found)
    return sum(_expire(store, tenant, ids[tenant]) for tenant in sorted(ids))


def _expire(store: Store, tenant: str, ids: Collection[str]) -> int:
    with store.write() as connection:
        holders = contracts.holders(connection, tenant, ids)
        contracts.lock_customers(connection, tenant, holders)
        now = store.now(connection)
        reasons = contracts.reasons_of(connection, tenant, ids)
        expired = [reason for reason in reasons if reason.until is not None and reason.until <= now]
        contracts.delete_reasons(connection, expired)
        redraw(connection, tenant, {reason.contract_id for reason in expired}, Changes(now, Stamp("svahub", "expired")))
        announcing.customers(connection, tenant, holders, now)
        left = [reason for reason in reasons if reason not in expired]
        journal.tell(connection, tenant, now, of_debts(reasons, left))
        return len(expired)


def _contracts_by_tenant(reasons: Iterable[ReasonRow]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for reason in reasons:
        found[reason.tenant].add(reason.contract_id)
    return found


def redraw(connection: Connection, tenant: str, ids: Collection[str], changes: Changes) -> Changes:
    """Draw the consequences for contracts whose level was just written."""
    links = {link.code: link for link in catalogue.links(connection, tenant)}
    for level in levels(connection, tenant, ids).values():
        draw_consequences(changes, level, links)
    write(connection, changes)
    return changes
