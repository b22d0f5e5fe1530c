"""What the books hold of a contract's subscriptions, for an explanation: accounts, operations, attempts, exchanges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from svahub.store.rows import AccountRow, AttemptRow, OperationRow, SubscriptionRow
from svahub.store.tables import accounts, attempts, exchanges, operations

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
