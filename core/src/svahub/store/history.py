"""What the books hold of a contract's subscriptions, for an explanation: accounts, operations, attempts, exchanges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from svahub.store.rows import AccountRow, AttemptRow, OperationRow, SubscriptionRow
from svahub.store.tables import accounts, attempts, audit, exchanges, operations

Attempts = dict[str, tuple[AttemptRow, ...]]
Operations = dict[str, tuple[OperationRow, ...]]


def accounts_of(connection: Connection, keys: Collection[str]) -> dict[str, AccountRow]:
    """Return some accounts by their key."""
    query = select(accounts).where(accounts.c.key.in_(keys))
    return {row.key: AccountRow(*row) for row in connection.execute(query)}


def operations_of(connection: Connection, rows: Collection[SubscriptionRow], *, whole: bool) -> Operations:
    """Return the operations of some subscriptions by their key, the oldest first.

    Unless the `whole` history is asked for: the newest of each, and what that one superseded.
    """
    c = operations.c
    query = select(operations).where(c.subscription_key.in_([row.key for row in rows])).order_by(c.id)
    found: dict[str, list[OperationRow]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.subscription_key].append(OperationRow(*row))
    return {key: tuple(of if whole else _present(of)) for key, of in found.items()}


def _present(of: list[OperationRow]) -> list[OperationRow]:
    newest = of[-1]
    return [row for row in of if row.id == newest.id or row.superseded_by == newest.id]


def attempts_of(connection: Connection, since: Mapping[str, int]) -> Attempts:
    """Return the attempts of subscriptions since a generation of each, by key, in their order."""
    if not since:
        return {}
    c = attempts.c
    wanted = (and_(c.subscription_key == key, c.generation >= first) for key, first in since.items())
    query = select(attempts).where(or_(*wanted)).order_by(c.subscription_key, c.started_at, c.lease_number)
    found: dict[str, list[AttemptRow]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.subscription_key].append(AttemptRow(*row))
    return {key: tuple(of) for key, of in found.items()}


def attempts_at(connection: Connection, key: str, at: datetime) -> list[AttemptRow]:
    """Return a subscription's attempts that began or ended at an instant, the newest first."""
    c = attempts.c
    query = select(attempts).where(c.subscription_key == key, or_(c.started_at == at, c.ended_at == at))
    return [AttemptRow(*row) for row in connection.execute(query.order_by(c.started_at.desc(), c.lease_number.desc()))]


def exchanges_of(connection: Connection, made: Collection[AttemptRow]) -> tuple[dict[str, Any], ...]:
    """Return the masked exchanges of some attempts, in their order."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for attempt in made:
        numbers[attempt.account_key].append(attempt.lease_number)
    if not numbers:
        return ()
    c = exchanges.c
    wanted = (and_(c.account_key == key, c.lease_number.in_(of)) for key, of in numbers.items())
    return tuple(dict(row._mapping) for row in connection.execute(select(exchanges).where(or_(*wanted)).order_by(c.id)))


RETURNS = ("db restore", "db reopen")
"""Commands after which a store no longer knows what the providers have."""


def return_since(connection: Connection, tenant: str, since: datetime) -> tuple[datetime, str] | None:
    """Return when the store came back the last time since an instant, and by which command."""
    c = audit.c
    about = (c.tenant == tenant, c.subject == "store", c.pruned.is_(False), c.at >= since)
    query = select(c.at, c.command).where(*about, c.command.in_(RETURNS))
    row = connection.execute(query.order_by(c.at.desc(), c.number.desc()).limit(1)).first()
    return (row.at, row.command) if row else None
