"""The outbox: messages to other systems, in a line for each customer and target, each line sent by one process.

A line is due while it has a `due_at`; one that is claimed has an owner, and is due again when the claim ends. Whoever
adds messages holds the lock of the tenant's chain, so that ids stand in the order of the commits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice, zip_longest
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    case,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from svahub.store import journal
from svahub.store.among import among
from svahub.store.inserting import insert_into
from svahub.store.rows import MessageRow
from svahub.store.states import MessageState, NewsKind
from svahub.store.tables import outbox, outbox_lines

PAGE = 500


class Line(NamedTuple):
    """Whose messages to whom."""

    tenant: str
    target: str
    customer_id: str


class Draft(NamedTuple):
    """A message that is not kept yet."""

    line: Line
    kind: NewsKind
    contract_id: str | None
    item_code: str | None
    body: str


class Claim(NamedTuple):
    """Who takes lines, by which instant, and until when they are theirs."""

    owner: str
    now: datetime
    until: datetime


class Put(NamedTuple):
    """What has become of a message that was tried, and when its line is to be looked at again; None: when it can."""

    message: MessageRow
    due_at: datetime | None

    @property
    def parks(self) -> bool:
        """Whether it is left to a person."""
        return self.message.state is MessageState.PARKED


# -- what is told ------------------------------------------------------------------------------------------------------


def keep(connection: Connection, tenant: str, drafts: Sequence[Draft], now: datetime) -> None:
    """Append messages to their lines and make these due; a line that waits, or is being sent, is left as it is."""
    if not drafts:
        return
    journal.locked_head(connection, tenant)
    connection.execute(insert(outbox), [_new(draft, now) for draft in drafts])
    _wake(connection, {draft.line for draft in drafts}, now)


def _new(draft: Draft, now: datetime) -> dict[str, Any]:
    return {
        **draft.line._asdict(),
        "message_id": f"msg_{uuid4().hex}",
        "kind": draft.kind,
        "contract_id": draft.contract_id,
        "item_code": draft.item_code,
        "body": draft.body,
        "created_at": now,
        "state": MessageState.WAITING,
        "tries": 0,
    }


def _wake(connection: Connection, lines: Iterable[Line], now: datetime) -> None:
    c = outbox_lines.c
    new = insert_into(connection, outbox_lines)
    woken = new.on_conflict_do_update(
        index_elements=[c.tenant, c.target, c.customer_id],
        set_={"due_at": func.coalesce(c.due_at, new.excluded.due_at)},
    )
    connection.execute(woken, [line._asdict() | {"due_at": now} for line in sorted(lines)])


# -- claiming ----------------------------------------------------------------------------------------------------------


def _ready(tenant: str, target: str, now: datetime) -> Select[Any]:
    c = outbox_lines.c
    return (
        select(c.tenant, c.target, c.customer_id)
        .where(c.tenant == tenant, c.target == target, c.due_at <= now)
        .order_by(c.due_at)
    )


def is_due(connection: Connection, tenant: str, target: str, now: datetime) -> bool:
    """Say whether a line to a target can be claimed now."""
    return connection.execute(_ready(tenant, target, now).limit(1)).first() is not None


def claim(
    connection: Connection, rooms: Mapping[tuple[str, str], int], claim: Claim, limit: int
) -> list[tuple[Line, MessageRow | None]]:
    """Take up to `limit` due lines, of each target (tenant and name) as many as there is room for, in turns.

    Returns each with the first message that has not ended.
    """
    found = (
        [Line(*row) for row in connection.execute(_ready(*to, claim.now).limit(room).with_for_update(skip_locked=True))]
        for to, room in rooms.items()
    )
    lines = list(islice((line for turn in zip_longest(*found) for line in turn if line is not None), limit))
    if not lines:
        return []
    mine = update(outbox_lines).where(_among(outbox_lines.c, lines), outbox_lines.c.due_at <= claim.now)
    taken = mine.values(owner=claim.owner, due_at=claim.until).returning(*_key(outbox_lines.c))
    return _with_first(connection, [Line(*row) for row in connection.execute(taken)])


def _with_first(connection: Connection, lines: Sequence[Line]) -> list[tuple[Line, MessageRow | None]]:
    first = outbox.alias()
    same = (first.c[name] == outbox_lines.c[name] for name in Line._fields)
    head = select(first.c.id).where(*same, first.c.ended_at.is_(None)).order_by(first.c.id).limit(1)
    heads = outbox.c.id == head.correlate(outbox_lines).scalar_subquery()
    query = select(outbox).select_from(outbox_lines).join(outbox, heads).where(_among(outbox_lines.c, lines))
    messages = {line_of(row): row for row in (MessageRow(*row) for row in connection.execute(query))}
    return [(line, messages.get(line)) for line in lines]


def line_of(message: MessageRow) -> Line:
    """Return the line that a message stands in."""
    return Line(message.tenant, message.target, message.customer_id)


def _key(columns: Any) -> list[Any]:
    return [columns[name] for name in Line._fields]


def _among(columns: Any, lines: Collection[Line]) -> ColumnElement[bool]:
    return among(_key(columns), [tuple(line) for line in lines])


def still_mine(connection: Connection, owner: str, lines: Collection[Line]) -> set[Line]:
    """Return which of some lines are still claimed by an owner, and keep others from them meanwhile."""
    held = select(*_key(outbox_lines.c)).where(_among(outbox_lines.c, lines), outbox_lines.c.owner == owner)
    return {Line(*row) for row in connection.execute(held.order_by(*_key(outbox_lines.c)).with_for_update())}


def put(connection: Connection, written: Iterable[Put], now: datetime) -> None:
    """Write what has become of messages, whose lines nobody claims any more."""
    names = ("state", "tries", "tried_since", "status", "cause", "ended_at")
    for message, due_at in written:
        values = {name: getattr(message, name) for name in names}
        connection.execute(update(outbox).where(outbox.c.id == message.id).values(values))
        release(connection, [line_of(message)], now, due_at)


def release(connection: Connection, lines: Collection[Line], now: datetime, due_at: datetime | None = None) -> None:
    """Give lines back: due at an instant if one is said, else at once where a message can be sent."""
    at_once = case((_sendable(), literal(now, outbox_lines.c.due_at.type)), else_=None)
    values = {"owner": None, "due_at": at_once if due_at is None else due_at}
    connection.execute(update(outbox_lines).where(_among(outbox_lines.c, lines)).values(values))


def _sendable() -> ColumnElement[bool]:
    """Say that the first message of a line that has not ended is not parked."""
    first, waits = outbox.alias(), outbox.alias()
    same = (first.c[name] == outbox_lines.c[name] for name in Line._fields)
    head = select(func.min(first.c.id)).where(*same, first.c.ended_at.is_(None)).correlate(outbox_lines)
    return exists().where(waits.c.id == head.scalar_subquery(), waits.c.state == MessageState.WAITING)


def owners(connection: Connection) -> list[str]:
    """Return who claims lines now."""
    c = outbox_lines.c
    query = select(c.owner).where(c.owner.is_not(None), c.due_at.is_not(None)).distinct()
    return [owner for owner in connection.execute(query).scalars() if owner is not None]


def free_dead(connection: Connection, dead: Collection[str], now: datetime) -> None:
    """Make due at once what dead owners had claimed."""
    c = outbox_lines.c
    where = (c.owner.in_(dead), c.due_at.is_not(None))
    connection.execute(update(outbox_lines).where(*where).values(owner=None, due_at=now))


def is_claimed_by_others(connection: Connection, owner: str, tenants: Collection[str], now: datetime) -> bool:
    """Say whether another process sends a line of some tenants just now."""
    c = outbox_lines.c
    held = (c.tenant.in_(tenants), c.due_at > now, c.owner.is_not(None), c.owner != owner)
    return connection.execute(select(c.target).where(*held).limit(1)).first() is not None


def hurry(connection: Connection, lines: Collection[Line], now: datetime) -> None:
    """Make lines due now that nobody is sending; of the others that is seen to when they are given back."""
    mine = (_among(outbox_lines.c, lines), outbox_lines.c.owner.is_(None))
    connection.execute(update(outbox_lines).where(*mine).values(due_at=now))
