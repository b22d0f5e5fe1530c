"""The messages of the outbox as people see them: looked at, counted, sent once more, let go. `outbox` sends them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, case, func, select, update

from svahub.store import journal
from svahub.store.outbox import PAGE, Line, hurry, line_of
from svahub.store.rows import MessageRow
from svahub.store.states import MessageState
from svahub.store.tables import outbox


def one(connection: Connection, tenant: str, id: int) -> MessageRow | None:
    """Return one message of a tenant."""
    row = connection.execute(select(outbox).where(outbox.c.tenant == tenant, outbox.c.id == id)).first()
    return MessageRow(*row) if row else None


def troubled(connection: Connection, tenant: str, target: str | None, limit: int) -> list[MessageRow]:
    """Return messages that have not ended and were tried in vain, or are parked; the oldest first."""
    c = outbox.c
    query = select(outbox).where(c.tenant == tenant, c.ended_at.is_(None), c.tries > 0)
    query = query.where(c.target == target) if target else query
    return [MessageRow(*row) for row in connection.execute(query.order_by(c.id).limit(limit))]


def ids_since(
    connection: Connection, tenant: str, since: datetime, target: str | None, after: int, limit: int = PAGE
) -> list[int]:
    """Return the first of the messages that were made since an instant and follow one."""
    c = outbox.c
    query = select(c.id).where(c.tenant == tenant, c.created_at >= since, c.id > after, c.body.is_not(None))
    query = query.where(c.target == target) if target else query
    return list(connection.execute(query.order_by(c.id).limit(limit)).scalars())


_AFRESH: dict[str, Any] = {"state": MessageState.WAITING, "tries": 0} | dict.fromkeys(
    ("tried_since", "status", "cause", "ended_at")
)


def replay(connection: Connection, tenant: str, ids: Sequence[int], now: datetime) -> list[int]:
    """Let messages be sent once more, or at once, under their own ids and in their places; return which."""
    journal.locked_head(connection, tenant)
    c, again = outbox.c, []
    for start in range(0, len(ids), PAGE):
        some = (c.tenant == tenant, c.id.in_(ids[start : start + PAGE]), c.body.is_not(None))
        values = update(outbox).where(*some).values(_AFRESH).returning(c.id, c.tenant, c.target, c.customer_id)
        written = connection.execute(values).all()
        again += [id for id, *_ in written]
        hurry(connection, {Line(*line) for _, *line in written}, now)
    return sorted(again)


def discard(connection: Connection, message: MessageRow, now: datetime) -> bool:
    """Let a parked message go, and those behind it on; False when it is parked no more."""
    journal.locked_head(connection, message.tenant)
    mine = (outbox.c.id == message.id, outbox.c.state == MessageState.PARKED)
    done = connection.execute(update(outbox).where(*mine).values(state=MessageState.DISCARDED, ended_at=now)).rowcount
    if done:
        hurry(connection, [line_of(message)], now)
    return bool(done)


# -- counting ----------------------------------------------------------------------------------------------------------


class Tally(NamedTuple):
    """How many messages to a target have not ended, how many of them were tried in vain or are parked, since when."""

    waiting: int = 0
    failing: int = 0
    parked: int = 0
    oldest: datetime | None = None


def tallies(connection: Connection, tenants: Collection[str] = ()) -> dict[tuple[str, str], Tally]:
    """Count the messages that have not ended, by tenant and target."""
    c = outbox.c
    waits = c.state == MessageState.WAITING
    counted = (
        func.sum(case((waits, 1), else_=0)),
        func.sum(case((waits & (c.tries > 0), 1), else_=0)),
        func.sum(case((waits, 0), else_=1)),
        func.min(c.created_at),
    )
    query = select(c.tenant, c.target, *counted).where(c.ended_at.is_(None)).group_by(c.tenant, c.target)
    found = connection.execute(query.where(c.tenant.in_(tenants)) if tenants else query)
    return {(tenant, target): Tally(*counts) for tenant, target, *counts in found}
