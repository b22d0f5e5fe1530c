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

from sqlalchemy import ColumnElement, Connection, Integer, Select, bindparam, case, exists, func, insert, select, update

from svahub.store import journal
from svahub.store.among import Among
from svahub.store.inserting import Upsert, for_each_database
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


_ADD = insert(outbox)


def keep(connection: Connection, tenant: str, drafts: Sequence[Draft], now: datetime) -> None:
    """Append messages to their lines and make these due; a line that waits, or is being sent, is left as it is."""
    if not drafts:
        return
    journal.locked_head(connection, tenant)
    connection.execute(_ADD, [_new(draft, now) for draft in drafts])
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


def _woken(new: Upsert) -> Upsert:
    due_at = func.coalesce(outbox_lines.c.due_at, new.excluded.due_at)
    return new.on_conflict_do_update(index_elements=Line._fields, set_={"due_at": due_at})


_WAKE = for_each_database(outbox_lines, _woken)


def _wake(connection: Connection, lines: Iterable[Line], now: datetime) -> None:
    values = [line._asdict() | {"due_at": now} for line in sorted(lines)]
    connection.execute(_WAKE[connection.dialect.name], values)


# -- claiming ----------------------------------------------------------------------------------------------------------


_key = [outbox_lines.c[name] for name in Line._fields]
_named = Among(*_key)
_READY = (
    select(*_key)
    .where(
        outbox_lines.c.tenant == bindparam("tenant"),
        outbox_lines.c.target == bindparam("target"),
        outbox_lines.c.due_at <= bindparam("now"),
    )
    .order_by(outbox_lines.c.due_at)
    .limit(bindparam("room", type_=Integer))
)
_FREE = _READY.with_for_update(skip_locked=True)
_CLAIM = (
    update(outbox_lines)
    .where(_named.condition, outbox_lines.c.due_at <= bindparam("b_now"))
    .values(owner=bindparam("b_owner"), due_at=bindparam("b_until"))
    .returning(*_key)
)


def is_due(connection: Connection, tenant: str, target: str, now: datetime) -> bool:
    """Say whether a line to a target can be claimed now."""
    return bool(_due(connection, _READY, tenant, target, now, 1))


def _due(connection: Connection, query: Select[Any], tenant: str, target: str, now: datetime, room: int) -> list[Line]:
    found = connection.execute(query, {"tenant": tenant, "target": target, "now": now, "room": room})
    return [Line(*row) for row in found]


def claim(
    connection: Connection, rooms: Mapping[tuple[str, str], int], claim: Claim, limit: int
) -> list[tuple[Line, MessageRow | None]]:
    """Take up to `limit` due lines, of each target (tenant and name) as many as there is room for, in turns.

    Returns each with the first message that has not ended.
    """
    found = (_due(connection, _FREE, tenant, target, claim.now, room) for (tenant, target), room in rooms.items())
    lines = list(islice((line for turn in zip_longest(*found) for line in turn if line is not None), limit))
    if not lines:
        return []
    bounds = {"b_now": claim.now, "b_owner": claim.owner, "b_until": claim.until}
    taken = connection.execute(_CLAIM, _named.keys(lines) | bounds)
    return _with_first(connection, [Line(*row) for row in taken])


_first = outbox.alias("first")
_open_in_line = (*(_first.c[name] == outbox_lines.c[name] for name in Line._fields), _first.c.ended_at.is_(None))
_head = select(_first.c.id).where(*_open_in_line).order_by(_first.c.id).limit(1).correlate(outbox_lines)
_HEADS = (
    select(outbox)
    .select_from(outbox_lines)
    .join(outbox, outbox.c.id == _head.scalar_subquery())
    .where(_named.condition)
)


def _with_first(connection: Connection, lines: Sequence[Line]) -> list[tuple[Line, MessageRow | None]]:
    found = connection.execute(_HEADS, _named.keys(lines))
    messages = {line_of(row): row for row in (MessageRow(*row) for row in found)}
    return [(line, messages.get(line)) for line in lines]


def line_of(message: MessageRow) -> Line:
    """Return the line that a message stands in."""
    return Line(message.tenant, message.target, message.customer_id)


_MINE = (
    select(*_key).where(_named.condition, outbox_lines.c.owner == bindparam("owner")).order_by(*_key).with_for_update()
)


def still_mine(connection: Connection, owner: str, lines: Collection[Line]) -> set[Line]:
    """Return which of some lines are still claimed by an owner, and keep others from them meanwhile."""
    return {Line(*row) for row in connection.execute(_MINE, _named.keys(lines) | {"owner": owner})}


_TRIED = ("state", "tries", "tried_since", "status", "cause", "ended_at")
_PUT = update(outbox).where(outbox.c.id == bindparam("b_id")).values({name: bindparam(f"b_{name}") for name in _TRIED})


def put(connection: Connection, written: Iterable[Put], now: datetime) -> None:
    """Write what has become of messages, whose lines nobody claims any more."""
    for message, due_at in written:
        connection.execute(_PUT, {f"b_{name}": getattr(message, name) for name in ("id", *_TRIED)})
        release(connection, [line_of(message)], now, due_at)


def _sendable() -> ColumnElement[bool]:
    """Say that the first message of a line that has not ended is not parked."""
    waits = outbox.alias("waits")
    head = select(func.min(_first.c.id)).where(*_open_in_line).correlate(outbox_lines)
    return exists().where(waits.c.id == head.scalar_subquery(), waits.c.state == MessageState.WAITING)


_named_lines = update(outbox_lines).where(_named.condition)
_RELEASE = _named_lines.values(owner=None, due_at=bindparam("b_due_at"))
_RELEASE_AT_ONCE = _named_lines.values(
    owner=None, due_at=case((_sendable(), bindparam("b_due_at", type_=outbox_lines.c.due_at.type)), else_=None)
)


def release(connection: Connection, lines: Collection[Line], now: datetime, due_at: datetime | None = None) -> None:
    """Give lines back: due at an instant if one is said, else at once where a message can be sent."""
    if due_at is None:
        connection.execute(_RELEASE_AT_ONCE, _named.keys(lines) | {"b_due_at": now})
    else:
        connection.execute(_RELEASE, _named.keys(lines) | {"b_due_at": due_at})


_claimed = (outbox_lines.c.owner.is_not(None), outbox_lines.c.due_at.is_not(None))
_OWNERS = select(outbox_lines.c.owner).where(*_claimed).distinct()


def owners(connection: Connection) -> list[str]:
    """Return who claims lines now."""
    return [owner for owner in connection.execute(_OWNERS).scalars() if owner is not None]


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


_HURRY = _named_lines.where(outbox_lines.c.owner.is_(None)).values(due_at=bindparam("b_now"))


def hurry(connection: Connection, lines: Collection[Line], now: datetime) -> None:
    """Make lines due now that nobody is sending; of the others that is seen to when they are given back."""
    connection.execute(_HURRY, _named.keys(lines) | {"b_now": now})
