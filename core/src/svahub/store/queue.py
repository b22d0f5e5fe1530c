"""The queue of due accounts: leasing a batch, what a worker reads under its lease, and giving it back.

An account that is leased is due again only when its lease and the longest call under it have ended, so the queue is one
index: `due_at`. A result is written only by the owner of the lease with that number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, zip_longest

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, case, func, select, update

from svahub.store.among import alike, among, chunks
from svahub.store.rows import AccountRow, AttemptRow, CustomerRow, ReasonRow, SubscriptionRow
from svahub.store.states import Priority
from svahub.store.tables import accounts, attempts, block_reasons, customers, subscriptions


@dataclass(frozen=True, slots=True)
class Lane:
    """Where to look for due accounts: one integration, or only some accounts of any."""

    tenant: str
    integration: str


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which name and for how long a batch is leased; `until` and `successor_at` are instants."""

    owner: str
    now: datetime
    until: datetime
    successor_at: datetime


def lease(
    connection: Connection, lanes: Iterable[Lane], terms: Terms, limit: int, only: Collection[str] = ()
) -> list[AccountRow]:
    """Take up to `limit` due accounts, the most urgent first; `only` restricts to those keys."""
    keys = _due_keys(connection, list(lanes), terms.now, limit, only)
    if not keys:
        return []
    taken = (
        update(accounts)
        .where(accounts.c.key.in_(keys), accounts.c.due_at <= terms.now)
        .values(
            lease_owner=terms.owner,
            lease_number=accounts.c.lease_number + 1,
            lease_until=terms.until,
            due_at=terms.successor_at,
        )
        .returning(accounts)
    )
    order = {key: place for place, key in enumerate(keys)}
    return sorted((AccountRow(*row) for row in connection.execute(taken)), key=lambda a: order[a.key])


def _due_keys(connection: Connection, lanes: list[Lane], now: datetime, limit: int, only: Collection[str]) -> list[str]:
    """Return the most urgent keys; of equally urgent ones every integration gets its turn."""
    found: list[str] = []
    for priority in Priority:
        room = limit - len(found)
        if room <= 0:
            break
        turns = zip_longest(*(_due_in_lane(connection, _due(lane, now, priority, only), room) for lane in lanes))
        found += list(islice((key for turn in turns for key in turn if key is not None), room))
    return found


def _due_in_lane(connection: Connection, query: Select[str], room: int) -> list[str]:
    return list(connection.execute(query.limit(room).with_for_update(skip_locked=True)).scalars())


def _due(lane: Lane, now: datetime, priority: Priority, only: Collection[str]) -> Select[str]:
    query = (
        select(accounts.c.key)
        .where(_in(lane), accounts.c.priority == priority.value, accounts.c.due_at <= now)
        .order_by(accounts.c.due_at)
    )
    return query.where(accounts.c.key.in_(only)) if only else query


def _in(lane: Lane) -> ColumnElement[bool]:
    return and_(accounts.c.tenant == lane.tenant, accounts.c.integration == lane.integration)


def most_urgent(connection: Connection, lanes: Iterable[Lane], now: datetime) -> Priority | None:
    """Return the priority of the most urgent account that waits; None when none does."""
    lanes = list(lanes)
    for priority in Priority:
        if any(connection.execute(_due(lane, now, priority, ()).limit(1)).first() for lane in lanes):
            return priority
    return None


def renew(connection: Connection, numbers: Mapping[str, int], terms: Terms) -> set[str]:
    """Lengthen the leases that the owner still holds under those numbers; return their accounts."""
    mine = still_mine(connection, terms.owner, numbers)
    where = (accounts.c.key.in_(mine), accounts.c.lease_owner == terms.owner)
    connection.execute(update(accounts).where(*where).values(lease_until=terms.until, due_at=terms.successor_at))
    return mine


def owners(connection: Connection) -> list[str]:
    """Return who holds leases now."""
    query = select(accounts.c.lease_owner).where(accounts.c.lease_owner.is_not(None)).distinct()
    return [owner for owner in connection.execute(query).scalars() if owner is not None]


def release_dead(connection: Connection, dead: Collection[str], now: datetime) -> int:
    """Make due at once what dead owners held, but for what others lock now; return how many accounts that were."""
    held = select(accounts.c.key).where(accounts.c.lease_owner.in_(dead)).order_by(accounts.c.key)
    keys = connection.execute(held.with_for_update(skip_locked=True)).scalars().all()
    values = {"lease_owner": None, "lease_until": None, "due_at": now}
    for chunk in chunks(keys):
        connection.execute(update(accounts).where(accounts.c.key.in_(chunk)).values(values))
    return len(keys)


def still_mine(connection: Connection, owner: str, numbers: Mapping[str, int]) -> set[str]:
    """Lock and return those accounts whose lease is still the one of that number."""
    query = (
        select(accounts.c.key, accounts.c.lease_number)
        .where(accounts.c.key.in_(list(numbers)), accounts.c.lease_owner == owner)
        .order_by(accounts.c.key)  # as `lock_customers` does: two transactions that meet must not wait for each other
        .with_for_update()
    )
    return {key for key, number in connection.execute(query) if numbers[key] == number}


@dataclass(frozen=True, slots=True)
class Release:
    """How an account is given back: when it is due again, how urgently, and its remote user if that is another now."""

    key: str
    due_at: datetime | None
    priority: int
    remote_id: str | None
    linked: bool


_LINK = update(accounts).where(accounts.c.key == bindparam("b_key")).values(remote_id=bindparam("b_remote_id"))


def release(connection: Connection, released: Collection[Release]) -> None:
    """Give leases back."""
    for (due_at, priority), rows in alike(released, lambda one: (one.due_at, one.priority)):
        free = {"lease_owner": None, "lease_until": None, "due_at": due_at, "priority": priority}
        connection.execute(update(accounts).where(accounts.c.key.in_([one.key for one in rows])).values(free))
    if linked := [{"b_key": one.key, "b_remote_id": one.remote_id} for one in released if one.linked]:
        connection.execute(_LINK, linked)


def wake(connection: Connection, key_priorities: dict[str, int], now: datetime) -> None:
    """Make accounts due now, at least as urgent as said; a leased one is looked at again when it is given back."""
    for priority in set(key_priorities.values()):
        keys = [key for key, wanted in key_priorities.items() if wanted == priority]
        more_urgent = case((accounts.c.due_at.is_(None), priority), (accounts.c.priority > priority, priority))
        for chunk in chunks(keys):
            connection.execute(
                update(accounts)
                .where(accounts.c.key.in_(chunk), accounts.c.lease_owner.is_(None))
                .values(due_at=now, priority=func.coalesce(more_urgent, accounts.c.priority))
            )


def subscriptions_of(connection: Connection, keys: Collection[str]) -> list[SubscriptionRow]:
    """Return every subscription of some accounts, oldest first."""
    query = (
        select(subscriptions)
        .where(subscriptions.c.account_key.in_(keys))
        .order_by(subscriptions.c.created_at, subscriptions.c.key)
    )
    return [SubscriptionRow(*row) for row in connection.execute(query)]


def customers_of(connection: Connection, keys: Collection[tuple[str, str]]) -> list[CustomerRow]:
    """Return customers by tenant and id."""
    query = select(customers).where(among((customers.c.tenant, customers.c.id), keys))
    return [CustomerRow(*row) for row in connection.execute(query)]


def open_attempts(connection: Connection, keys: Collection[str]) -> list[AttemptRow]:
    """Return what a former holder of the lease began and never closed."""
    query = select(attempts).where(attempts.c.account_key.in_(keys), attempts.c.ended_at.is_(None))
    return [AttemptRow(*row) for row in connection.execute(query)]


def reasons_of(connection: Connection, contracts: Collection[tuple[str, str]]) -> list[ReasonRow]:
    """Return the block reasons of some contracts, by tenant and id."""
    query = select(block_reasons).where(among((block_reasons.c.tenant, block_reasons.c.contract_id), contracts))
    return [ReasonRow(*row) for row in connection.execute(query)]


def leased_by_others(
    connection: Connection, owner: str, tenants: Collection[str], now: datetime, only: Collection[str] = ()
) -> bool:
    """Say whether another worker, not known to be gone, holds an account of some tenants."""
    c = accounts.c
    held = (c.lease_owner.is_not(None), c.lease_owner != owner, c.due_at > now)
    query = select(c.key).where(*held, c.tenant.in_(tenants))
    query = query.where(c.key.in_(only)) if only else query
    return connection.execute(query.limit(1)).first() is not None


def is_due(connection: Connection, lanes: Iterable[Lane], now: datetime, only: Collection[str] = ()) -> bool:
    """Say whether some account is due now."""
    return any(
        connection.execute(_due(lane, now, priority, only).limit(1)).first() for lane in lanes for priority in Priority
    )


def account(connection: Connection, key: str) -> AccountRow:
    """Return one account."""
    return AccountRow(*connection.execute(select(accounts).where(accounts.c.key == key)).one())


def lock(connection: Connection, key: str) -> None:
    """Let no worker lease an account, and none write what it came to, until this transaction ends."""
    connection.execute(select(accounts.c.key).where(accounts.c.key == key).with_for_update()).all()


def locked(connection: Connection, keys: Collection[str]) -> list[AccountRow]:
    """Return some accounts that no worker leases, nor writes what they came to, before this transaction ends."""
    query = select(accounts).where(accounts.c.key.in_(keys)).order_by(accounts.c.key).with_for_update()
    return [AccountRow(*row) for row in connection.execute(query)]


def set_remote_id(connection: Connection, key: str, remote_id: str | None) -> None:
    """Link an account to a user that the provider has."""
    connection.execute(update(accounts).where(accounts.c.key == key).values(remote_id=remote_id))
