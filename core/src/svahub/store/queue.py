"""The queue of due accounts: leasing a batch, what a worker reads under its lease, and giving it back.

An account that is leased is due again only when its lease and the longest call under it have ended, so the queue is one
index: `due_at`. A result is written only by the owner of the lease with that number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice, zip_longest
from typing import NamedTuple

from sqlalchemy import Connection, Integer, ScalarSelect, bindparam, case, func, select, update

from svahub.store import sharding
from svahub.store.among import Among, alike, chunks, one_of
from svahub.store.rows import AccountRow, CustomerRow, ReasonRow, SubscriptionRow
from svahub.store.states import Priority
from svahub.store.tables import accounts, block_reasons, customers, integrations, subscriptions


@dataclass(frozen=True, slots=True)
class Lane:
    """Where to look for due accounts: one integration of one tenant."""

    tenant: str
    integration: str


class Room(NamedTuple):
    """How many accounts of one lane are wanted, of which priorities."""

    accounts: int
    priorities: range = range(len(Priority))

    def among(self, priority: Priority) -> int:
        """Return how many of a priority there is room for."""
        return self.accounts if priority in self.priorities else 0


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which name and for how long a batch is leased; `until` and `successor_at` are instants."""

    owner: str
    now: datetime
    until: datetime
    successor_at: datetime


_LEASE = (
    update(accounts)
    .where(one_of(accounts.c.key, "b_keys"), accounts.c.due_at <= bindparam("b_now"))
    .values(
        lease_owner=bindparam("b_owner"),
        lease_number=accounts.c.lease_number + 1,
        lease_until=bindparam("b_until"),
        due_at=bindparam("b_successor_at"),
    )
    .returning(accounts)
)


def lease(
    connection: Connection,
    rooms: Mapping[Lane, Room],
    terms: Terms,
    limit: int,
    only: Collection[str] = (),
    shards: Collection[int] | None = None,
) -> list[AccountRow]:
    """Take due accounts as lanes have room, the most urgent first, `limit` in all.

    `only` restricts to those keys, or `shards` to these.
    """
    keys = _due_keys(connection, rooms, terms.now, limit, only, shards) if shards is None or shards else []
    if not keys:
        return []
    taken = connection.execute(_LEASE, {f"b_{name}": value for name, value in asdict(terms).items()} | {"b_keys": keys})
    order = {key: place for place, key in enumerate(keys)}
    return sorted((AccountRow(*row) for row in taken), key=lambda a: order[a.key])


def _due_keys(
    connection: Connection,
    rooms: Mapping[Lane, Room],
    now: datetime,
    limit: int,
    only: Collection[str],
    shards: Collection[int] | None,
) -> list[str]:
    """Return the most urgent keys; of equally urgent ones every integration gets its turn."""
    found: list[str] = []
    taken = dict.fromkeys(rooms, 0)
    busy = due_since(connection, [lane for lane, room in rooms.items() if room.accounts > 0], now, only)
    for priority in Priority:
        due = []
        for lane, room in rooms.items():
            left = min(room.among(priority) - taken[lane], limit - len(found))
            if left > 0 and (lane, priority) in busy:
                due.append(_free(connection, lane, now, priority, left, only, shards))
                taken[lane] += len(due[-1])
        found += islice((key for turn in zip_longest(*due) for key in turn if key is not None), limit - len(found))
    return found


_FREE = (
    select(accounts.c.key)
    .where(
        accounts.c.tenant == bindparam("tenant"),
        accounts.c.integration == bindparam("integration"),
        accounts.c.priority == bindparam("priority"),
        accounts.c.due_at <= bindparam("now"),
    )
    .order_by(accounts.c.due_at)
    .limit(bindparam("room", type_=Integer))
    .with_for_update(skip_locked=True)
)
_FREE_OF_SOME = _FREE.where(one_of(accounts.c.key, "only"))


def _free(
    connection: Connection,
    lane: Lane,
    now: datetime,
    priority: Priority,
    room: int,
    only: Collection[str],
    shards: Collection[int] | None,
) -> Sequence[str]:
    """Lock and return due keys of one priority, those that others lock left out."""
    if shards is not None:
        return sharding.free(connection, lane, priority, now, room, shards)[:room]
    place = {"tenant": lane.tenant, "integration": lane.integration, "priority": priority.value}
    query = _FREE_OF_SOME if only else _FREE
    return connection.execute(query, place | {"now": now, "room": room, "only": only}).scalars().all()


def _first(priority: Priority) -> ScalarSelect[datetime]:
    """Return since when the first is due at an integration; its order and its limit let one entry of an index tell."""
    c, i = accounts.c, integrations.c
    here = (c.tenant == i.tenant, c.integration == i.name, c.priority == priority.value, c.due_at <= bindparam("now"))
    return select(c.due_at).where(*here).order_by(c.due_at).limit(1).scalar_subquery()


_named_lanes = Among(integrations.c.tenant, integrations.c.name)
_SINCE = select(integrations.c.tenant, integrations.c.name, *map(_first, Priority)).where(_named_lanes.condition)
_place = (accounts.c.tenant, accounts.c.integration, accounts.c.priority)
_SINCE_OF_SOME = (
    select(*_place, func.min(accounts.c.due_at))
    .where(one_of(accounts.c.key, "only"), accounts.c.due_at <= bindparam("now"))
    .group_by(*_place)
)


def due_since(
    connection: Connection, lanes: Collection[Lane], now: datetime, only: Collection[str] = ()
) -> dict[tuple[Lane, Priority], datetime]:
    """Return since when something is due, for those lanes and priorities of which something is."""
    if not lanes:
        return {}
    if only:
        rows = connection.execute(_SINCE_OF_SOME, {"only": only, "now": now}).all()
        found = {(Lane(tenant, name), Priority(priority)): at for tenant, name, priority, at in rows}
        return {place: at for place, at in found.items() if place[0] in lanes}
    named = _named_lanes.keys([(lane.tenant, lane.integration) for lane in lanes])
    firsts = {Lane(tenant, name): each for tenant, name, *each in connection.execute(_SINCE, named | {"now": now})}
    return {
        (lane, priority): each[priority] for lane, each in firsts.items() for priority in Priority if each[priority]
    }


def longest_due(connection: Connection, lane: Lane, now: datetime, only: Collection[str] = ()) -> Room:
    """Return room for the one account that is due for the longest, however urgent others are."""
    first = [(at, priority) for (_, priority), at in due_since(connection, [lane], now, only).items()]
    return Room(1, range(min(first)[1], min(first)[1] + 1)) if first else Room(0)


_RENEW = (
    update(accounts)
    .where(one_of(accounts.c.key, "b_keys"), accounts.c.lease_owner == bindparam("b_owner"))
    .values(lease_until=bindparam("b_until"), due_at=bindparam("b_successor_at"))
)


def renew(connection: Connection, numbers: Mapping[str, int], terms: Terms) -> set[str]:
    """Lengthen the leases that the owner still holds under those numbers; return their accounts."""
    mine = still_mine(connection, terms.owner, numbers)
    lengthened = {"b_owner": terms.owner, "b_until": terms.until, "b_successor_at": terms.successor_at}
    connection.execute(_RENEW, lengthened | {"b_keys": mine})
    return mine


_OWNERS = select(accounts.c.lease_owner).where(accounts.c.lease_owner.is_not(None)).distinct()


def owners(connection: Connection) -> list[str]:
    """Return who holds leases now."""
    return [owner for owner in connection.execute(_OWNERS).scalars() if owner is not None]


def release_dead(connection: Connection, dead: Collection[str], now: datetime) -> int:
    """Make due at once what dead owners held, but for what others lock now; return how many accounts that were."""
    held = select(accounts.c.key).where(accounts.c.lease_owner.in_(dead)).order_by(accounts.c.key)
    keys = connection.execute(held.with_for_update(skip_locked=True)).scalars().all()
    values = {"lease_owner": None, "lease_until": None, "due_at": now}
    for chunk in chunks(keys):
        connection.execute(update(accounts).where(accounts.c.key.in_(chunk)).values(values))
    return len(keys)


_MINE = (
    select(accounts.c.key, accounts.c.lease_number)
    .where(one_of(accounts.c.key, "keys"), accounts.c.lease_owner == bindparam("owner"))
    .order_by(accounts.c.key)  # as `lock_customers` does: two transactions that meet must not wait for each other
    .with_for_update()
)


def still_mine(connection: Connection, owner: str, numbers: Mapping[str, int]) -> set[str]:
    """Lock and return those accounts whose lease is still the one of that number."""
    held = connection.execute(_MINE, {"keys": list(numbers), "owner": owner})
    return {key for key, number in held if numbers[key] == number}


@dataclass(frozen=True, slots=True)
class Release:
    """How an account is given back: when it is due again, how urgently, and its remote user if that is another now."""

    key: str
    due_at: datetime | None
    priority: int
    remote_id: str | None
    linked: bool


_GIVE_BACK = (
    update(accounts)
    .where(one_of(accounts.c.key, "b_keys"))
    .values(lease_owner=None, lease_until=None, due_at=bindparam("b_due_at"), priority=bindparam("b_priority"))
)
_LINK = update(accounts).where(accounts.c.key == bindparam("b_key")).values(remote_id=bindparam("b_remote_id"))


def release(connection: Connection, released: Collection[Release], now: datetime) -> None:
    """Give leases back; what is due again already is told of as what is woken is."""
    for (due_at, priority), rows in alike(released, lambda one: (one.due_at, one.priority)):
        given = {"b_keys": [one.key for one in rows], "b_due_at": due_at, "b_priority": priority}
        connection.execute(_GIVE_BACK, given)
    if linked := [{"b_key": one.key, "b_remote_id": one.remote_id} for one in released if one.linked]:
        connection.execute(_LINK, linked)
    due = (one for one in released if one.due_at is not None and one.due_at <= now)
    sharding.tell(connection, {one.key: one.priority for one in due})


_wanted = bindparam("b_priority", type_=accounts.c.priority.type)
_more_urgent = case((accounts.c.due_at.is_(None), _wanted), (accounts.c.priority > _wanted, _wanted))
_WAKE = (
    update(accounts)
    .where(one_of(accounts.c.key, "b_keys"), accounts.c.lease_owner.is_(None))
    .values(due_at=bindparam("b_now"), priority=func.coalesce(_more_urgent, accounts.c.priority))
)


def wake(connection: Connection, key_priorities: dict[str, int], now: datetime) -> None:
    """Make accounts due now, at least as urgent as said; a leased one is looked at again when it is given back."""
    for priority in set(key_priorities.values()):
        keys = [key for key, wanted in key_priorities.items() if wanted == priority]
        for chunk in chunks(keys):
            connection.execute(_WAKE, {"b_keys": chunk, "b_priority": priority, "b_now": now})
    sharding.tell(connection, key_priorities)


_SUBSCRIPTIONS = (
    select(subscriptions)
    .where(one_of(subscriptions.c.account_key, "keys"))
    .order_by(subscriptions.c.created_at, subscriptions.c.key)
)
_named_customers = Among(customers.c.tenant, customers.c.id)
_CUSTOMERS = select(customers).where(_named_customers.condition)
_of_named_contracts = Among(block_reasons.c.tenant, block_reasons.c.contract_id)
_REASONS = select(block_reasons).where(_of_named_contracts.condition)


def subscriptions_of(connection: Connection, keys: Collection[str]) -> list[SubscriptionRow]:
    """Return every subscription of some accounts, oldest first."""
    return [SubscriptionRow(*row) for row in connection.execute(_SUBSCRIPTIONS, {"keys": keys})]


def customers_of(connection: Connection, keys: Collection[tuple[str, str]]) -> list[CustomerRow]:
    """Return customers by tenant and id."""
    return [CustomerRow(*row) for row in connection.execute(_CUSTOMERS, _named_customers.keys(keys))]


def reasons_of(connection: Connection, contracts: Collection[tuple[str, str]]) -> list[ReasonRow]:
    """Return the block reasons of some contracts, by tenant and id."""
    return [ReasonRow(*row) for row in connection.execute(_REASONS, _of_named_contracts.keys(contracts))]


_HELD_BY_OTHERS = (
    select(accounts.c.key)
    .where(
        accounts.c.lease_owner.is_not(None),
        accounts.c.lease_owner != bindparam("owner"),
        accounts.c.due_at > bindparam("now"),
        one_of(accounts.c.tenant, "tenants"),
    )
    .limit(1)
)
_SOME_HELD_BY_OTHERS = _HELD_BY_OTHERS.where(one_of(accounts.c.key, "only"))


def leased_by_others(
    connection: Connection, owner: str, tenants: Collection[str], now: datetime, only: Collection[str] = ()
) -> bool:
    """Say whether another worker, not known to be gone, holds an account of some tenants."""
    known = {"owner": owner, "now": now, "tenants": tenants}
    if only:
        return connection.execute(_SOME_HELD_BY_OTHERS, known | {"only": only}).first() is not None
    return connection.execute(_HELD_BY_OTHERS, known).first() is not None


def is_due(connection: Connection, lanes: Collection[Lane], now: datetime, only: Collection[str] = ()) -> bool:
    """Say whether some account is due now."""
    return bool(due_since(connection, lanes, now, only))


def account(connection: Connection, key: str) -> AccountRow:
    """Return one account."""
    return AccountRow(*connection.execute(select(accounts).where(accounts.c.key == key)).one())


_LOCK = select(accounts.c.key).where(accounts.c.key == bindparam("key")).with_for_update()


def lock(connection: Connection, key: str) -> None:
    """Let no worker lease an account, and none write what it came to, until this transaction ends."""
    connection.execute(_LOCK, {"key": key}).all()


def locked(connection: Connection, keys: Collection[str]) -> list[AccountRow]:
    """Return some accounts that no worker leases, nor writes what they came to, before this transaction ends."""
    query = select(accounts).where(accounts.c.key.in_(keys)).order_by(accounts.c.key).with_for_update()
    return [AccountRow(*row) for row in connection.execute(query)]


def set_remote_id(connection: Connection, key: str, remote_id: str | None) -> None:
    """Link an account to a user that the provider has."""
    connection.execute(update(accounts).where(accounts.c.key == key).values(remote_id=remote_id))
