"""The inbox: providers' deliveries, kept as they came, claimed by one process each, read in the order of arrival.

A delivery waits as long as it has a `due_at`; one that is claimed has an owner, and is due again when the claim ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import islice, zip_longest
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Select,
    exists,
    func,
    null,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from svahub.store.queue import Lane
from svahub.store.rows import InboxRow
from svahub.store.states import InboxState
from svahub.store.tables import inbox, integrations

BATCH = 500
REMOVED = "its integration was removed before it was read"


class Delivery(NamedTuple):
    """What has come and is authentic; not kept yet."""

    lane: Lane
    event_id: str
    kind: str
    subject: str | None
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Delivery({self.lane}, {self.kind})"


class Claim(NamedTuple):
    """Who takes deliveries, by which instant, and until when they are theirs."""

    owner: str
    now: datetime
    until: datetime


# -- what comes --------------------------------------------------------------------------------------------------------


def keep(connection: Connection, deliveries: Iterable[Delivery], now: datetime) -> None:
    """Keep deliveries; of an event that is there already, or comes twice, it is only counted how often it came."""
    rows: dict[tuple[Lane, str], dict[str, Any]] = {}
    for one in deliveries:
        row = rows.setdefault((one.lane, one.event_id), _new(one, now))
        row["deliveries"] += 1
    if rows:
        # In one order for all: two servers that keep the same events wait for each other, and never both ways.
        connection.execute(_keeping(connection.dialect.name), [rows[key] for key in sorted(rows, key=_order)])


@cache
def _keeping(dialect: str) -> Executable:
    """Return the statement that keeps or counts; to make it takes as long as to keep some."""
    new = (postgresql if dialect == "postgresql" else sqlite).insert(inbox)
    again = {"deliveries": inbox.c.deliveries + new.excluded.deliveries}
    key = [inbox.c.tenant, inbox.c.integration, inbox.c.event_id]
    statement: Executable = new.on_conflict_do_update(index_elements=key, set_=again)
    return statement


def _order(key: tuple[Lane, str]) -> tuple[str, str, str]:
    return key[0].tenant, key[0].integration, key[1]


def _new(one: Delivery, now: datetime) -> dict[str, Any]:
    return {
        "tenant": one.lane.tenant,
        "integration": one.lane.integration,
        "event_id": one.event_id,
        "kind": one.kind,
        "subject": one.subject,
        "received_at": now,
        "deliveries": 0,
        "headers": dict(one.headers),
        "body": one.body,
        "state": InboxState.WAITING,
        "due_at": now,
        "tries": 0,
        "details": {},
    }


# -- claiming ----------------------------------------------------------------------------------------------------------

_older = inbox.alias("older")
_FOLLOWS = exists().where(
    _older.c.tenant == inbox.c.tenant,
    _older.c.integration == inbox.c.integration,
    _older.c.subject == inbox.c.subject,
    _older.c.id < inbox.c.id,
    _older.c.due_at.is_not(None),
)
"""An older delivery about the same waits, or is being read."""


def _ready(now: datetime) -> Select[Any]:
    """Return what can be claimed; its order and a limit let the first entries of an index tell."""
    return select(inbox.c.id).where(inbox.c.due_at <= now, ~_FOLLOWS).order_by(inbox.c.due_at)


def _of(lane: Lane) -> ColumnElement[bool]:
    return (inbox.c.tenant == lane.tenant) & (inbox.c.integration == lane.integration)


def _with_any(found: Select[Any], tenants: Collection[str]) -> Select[Any]:
    """Return at which integrations of some tenants (none named: of all) there is such a delivery: one is looked for."""
    i = integrations.c
    there = found.where(inbox.c.tenant == i.tenant, inbox.c.integration == i.name).limit(1).scalar_subquery()
    query = select(i.tenant, i.name).where(there.is_not(None))
    return query.where(i.tenant.in_(tenants)) if tenants else query


def lanes_due(connection: Connection, tenants: Collection[str], now: datetime) -> set[Lane]:
    """Return the integrations of some tenants (none named: of all) of which a delivery can be claimed now."""
    return {Lane(*row) for row in connection.execute(_with_any(_ready(now), tenants))}


def claim(connection: Connection, lanes: Iterable[Lane], claim: Claim, limit: int) -> list[InboxRow]:
    """Take up to `limit` deliveries, the oldest first; of those with one subject only the oldest."""
    ready = _ready(claim.now).order_by(inbox.c.id).limit(limit).with_for_update(skip_locked=True)
    turns = zip_longest(*(list(connection.execute(ready.where(_of(lane))).scalars()) for lane in lanes))
    ids = list(islice((id for turn in turns for id in turn if id is not None), limit))
    if not ids:
        return []
    mine = update(inbox).where(inbox.c.id.in_(ids), inbox.c.due_at <= claim.now)
    taken = mine.values(owner=claim.owner, due_at=claim.until).returning(inbox)
    return sorted((InboxRow(*row) for row in connection.execute(taken)), key=lambda row: row.id)


def still_mine(connection: Connection, owner: str, ids: Collection[int]) -> set[int]:
    """Return which of some deliveries are still claimed by an owner, and keep others from claiming them meanwhile."""
    held = select(inbox.c.id).where(inbox.c.id.in_(ids), inbox.c.owner == owner).order_by(inbox.c.id)
    return set(connection.execute(held.with_for_update()).scalars())


def renew(connection: Connection, owner: str, ids: Collection[int], until: datetime) -> None:
    """Lengthen the claims that an owner still has."""
    connection.execute(update(inbox).where(inbox.c.id.in_(ids), inbox.c.owner == owner).values(due_at=until))


def give_back(connection: Connection, owner: str, ids: Collection[int], now: datetime) -> None:
    """Let others claim what an owner has not begun to read."""
    where = (inbox.c.id.in_(ids), inbox.c.owner == owner)
    connection.execute(update(inbox).where(*where).values(owner=None, due_at=now))


def owners(connection: Connection) -> list[str]:
    """Return who claims deliveries now."""
    c = inbox.c
    query = select(c.owner).where(c.owner.is_not(None), c.due_at.is_not(None)).distinct()
    return [owner for owner in connection.execute(query).scalars() if owner is not None]


def free_dead(connection: Connection, dead: Collection[str], now: datetime) -> None:
    """Make due at once what dead owners had claimed."""
    where = (inbox.c.owner.in_(dead), inbox.c.due_at.is_not(None))
    connection.execute(update(inbox).where(*where).values(owner=None, due_at=now))


def is_claimed_by_others(connection: Connection, owner: str, tenants: Collection[str], now: datetime) -> bool:
    """Say whether another process reads a delivery of some tenants (none named: of any) just now."""
    c = inbox.c
    held = select(c.id).where(c.due_at > now, c.owner.is_not(None), c.owner != owner)
    return connection.execute(_with_any(held, tenants).limit(1)).first() is not None


def let_go(connection: Connection, tenant: str, integration: str, now: datetime) -> None:
    """Have nothing more of an integration's be read: it is removed."""
    where = (inbox.c.tenant == tenant, inbox.c.integration == integration, inbox.c.due_at.is_not(None))
    values = {"state": InboxState.DONE, "due_at": None, "owner": None, "cause": REMOVED, "ended_at": now}
    connection.execute(update(inbox).where(*where).values(values))


def put(connection: Connection, row: InboxRow, now: datetime) -> None:
    """Write what has become of a delivery, which nobody claims any more."""
    ended = None if row.due_at is not None else now
    names = ("state", "due_at", "tries", "cause", "details")
    values = {name: getattr(row, name) for name in names} | {"owner": None, "ended_at": ended}
    connection.execute(update(inbox).where(inbox.c.id == row.id).values(values))


# -- looking, and reading again ----------------------------------------------------------------------------------------


def listed(
    connection: Connection,
    tenant: str,
    *,
    integration: str | None = None,
    state: InboxState | None = None,
    since: datetime | None = None,
    after: int = 0,
    limit: int = BATCH,
) -> list[InboxRow]:
    """Return a tenant's deliveries that follow one, the oldest first, without their bodies."""
    query = select(*(null().label("body") if c is inbox.c.body else c for c in inbox.c))
    chosen = _chosen(tenant, integration, state, since)
    return [
        InboxRow(*row)
        for row in connection.execute(query.where(*chosen, inbox.c.id > after).order_by(inbox.c.id).limit(limit))
    ]


def _chosen(
    tenant: str, integration: str | None, state: InboxState | None, since: datetime | None
) -> Sequence[ColumnElement[bool]]:
    c, chosen = inbox.c, [inbox.c.tenant == tenant]
    chosen += [c.integration == integration] if integration is not None else []
    chosen += [c.state == state] if state is not None else []
    chosen += [c.received_at >= since] if since is not None else []
    return chosen


def one(connection: Connection, tenant: str, id: int) -> InboxRow | None:
    """Return one delivery of a tenant."""
    row = connection.execute(select(inbox).where(inbox.c.tenant == tenant, inbox.c.id == id)).first()
    return InboxRow(*row) if row else None


def replay(connection: Connection, tenant: str, ids: Sequence[int], now: datetime) -> list[int]:
    """Let deliveries be read once more, or at once; return which: not what is being read, nor what has no body."""
    c = inbox.c
    again: list[int] = []
    values = {"state": InboxState.WAITING, "due_at": now, "tries": 0, "cause": None, "ended_at": None}
    for start in range(0, len(ids), BATCH):
        some = (c.tenant == tenant, c.id.in_(ids[start : start + BATCH]), c.body.is_not(None), c.owner.is_(None))
        again += connection.execute(update(inbox).where(*some).values(values).returning(c.id)).scalars().all()
    return sorted(again)


def unread_about(connection: Connection, tenant: str, subjects: Collection[str]) -> set[tuple[str, str]]:
    """Return the integrations and subjects, out of some, about which a delivery waits that nobody reads yet."""
    c = inbox.c
    query = select(c.integration, c.subject).distinct()
    query = query.where(c.tenant == tenant, c.subject.in_(subjects), c.due_at.is_not(None), c.owner.is_(None))
    return {(name, subject) for name, subject in connection.execute(query)}


# -- counting ----------------------------------------------------------------------------------------------------------


def waiting(connection: Connection) -> dict[Lane, datetime]:
    """Return since when the oldest delivery that is not read yet waits, by integration."""
    c = inbox.c
    query = select(c.tenant, c.integration, func.min(c.received_at)).where(c.due_at.is_not(None))
    found = connection.execute(query.group_by(c.tenant, c.integration))
    return {Lane(tenant, name): oldest for tenant, name, oldest in found}


def counts(connection: Connection) -> dict[tuple[Lane, InboxState], int]:
    """Count every delivery that is kept, by integration and state."""
    c = inbox.c
    found: dict[tuple[Lane, InboxState], int] = defaultdict(int)
    for tenant, name, state, count in connection.execute(
        select(c.tenant, c.integration, c.state, func.count()).group_by(c.tenant, c.integration, c.state)
    ):
        found[Lane(tenant, name), state] = count
    return found
