"""The queue by shards, for workers that share it: what is free in those that one looks at, and where something is due.

On PostgreSQL only, where several machines can work. Each shard is a range of one index, so that a worker does not walk
over what lies in the shards of others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, Integer, SmallInteger, String, bindparam, func, literal, select, true

from svahub.shards import shard_of
from svahub.store.states import Priority
from svahub.store.tables import accounts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from svahub.store.queue import Lane

CHANNEL = "svahub_due"
"""Where transactions tell, once they are durable, in which shards they have made something due."""

_wanted = func.unnest(bindparam("shards", type_=ARRAY(SmallInteger))).table_valued("shard").render_derived("wanted")
_free = (
    select(accounts.c.key, accounts.c.due_at)
    .where(
        accounts.c.tenant == bindparam("tenant"),
        accounts.c.integration == bindparam("integration"),
        accounts.c.priority == bindparam("priority"),
        accounts.c.shard == _wanted.c.shard,
        accounts.c.due_at <= bindparam("now"),
    )
    .order_by(accounts.c.due_at)
    .limit(bindparam("each", type_=Integer))
    .with_for_update(skip_locked=True)
    .lateral("free")
)
_FREE = select(_free.c.key).select_from(_wanted.join(_free, true())).order_by(_free.c.due_at)


def free(
    connection: Connection, lane: Lane, priority: Priority, now: datetime, room: int, shards: Collection[int]
) -> Sequence[str]:
    """Lock and return due keys of one priority in some shards, as many of each: `room` in all, about."""
    each = -(-room // len(shards))
    place = {"tenant": lane.tenant, "integration": lane.integration, "priority": priority.value}
    return connection.execute(_FREE, place | {"now": now, "each": each, "shards": list(shards)}).scalars().all()


def _some(tenant: Any, integration: Any, priority: Any, *more: Any) -> Any:
    """Return one row if something is due there; its order and its limit let one entry of an index tell."""
    c = accounts.c
    there = (c.tenant == tenant, c.integration == integration, c.priority == priority, c.due_at <= bindparam("now"))
    return select(literal(1)).where(*there, *more).order_by(c.due_at).limit(1).lateral()


_names = (bindparam(name, type_=ARRAY(String)) for name in ("tenants", "integrations"))
_lane = func.unnest(*_names).table_valued("tenant", "integration").render_derived("lane")
_urgency = func.unnest(bindparam("priorities", type_=ARRAY(SmallInteger))).table_valued("priority")
_urgency = _urgency.render_derived("urgency")
_busy = (
    select(_lane.c.tenant, _lane.c.integration, _urgency.c.priority)
    .select_from(_lane.join(_urgency, true()))
    .join(_some(_lane.c.tenant, _lane.c.integration, _urgency.c.priority), true())
    .cte("busy")
    .prefix_with("MATERIALIZED", dialect="postgresql")
)
_here = (_busy.c.tenant, _busy.c.integration, _busy.c.priority, accounts.c.shard == _wanted.c.shard)
_DUE = (
    select(_wanted.c.shard, func.min(_busy.c.priority))
    .select_from(_busy.join(_wanted, true()))
    .join(_some(*_here), true())
    .group_by(_wanted.c.shard)
)


def due(connection: Connection, lanes: Collection[Lane], now: datetime, shards: Collection[int]) -> dict[int, int]:
    """Return in which of some shards something is due, with the priority of the most urgent of it."""
    where = {"tenants": [lane.tenant for lane in lanes], "integrations": [lane.integration for lane in lanes]}
    what = {"priorities": [one.value for one in Priority], "now": now, "shards": list(shards)}
    return {shard: int(priority) for shard, priority in connection.execute(_DUE, where | what)}


_TELL = select(func.pg_notify(CHANNEL, bindparam("told", type_=String)))


def tell(connection: Connection, key_priorities: Mapping[str, int]) -> None:
    """Let workers everywhere know, once this transaction is durable, where something is due now, and how urgently.

    SQLite has nobody to tell: who works there looks at all.
    """
    if connection.dialect.name != "postgresql" or not key_priorities:
        return
    urgent: dict[int, int] = {}
    for key, priority in key_priorities.items():
        shard = shard_of(key)
        urgent[shard] = min(priority, urgent.get(shard, priority))
    connection.execute(_TELL, {"told": words(urgent)})


def words(due: Mapping[int, int]) -> str:
    """Return what is told of shards, with the priority of the most urgent that is due there."""
    return " ".join(f"{shard}:{int(priority)}" for shard, priority in sorted(due.items()))


def heard(told: str) -> dict[int, int]:
    """Return what `words` told."""
    return {int(shard): int(priority) for shard, _, priority in (word.partition(":") for word in told.split())}
