"""Reading events by their numbers, which stand in the order of the commits; `journal` writes them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, bindparam, func, select

from svahub.store import journal
from svahub.store.among import one_of
from svahub.store.rows import EventRow
from svahub.store.states import EventKind
from svahub.store.tables import events


def last_number(connection: Connection, tenant: str) -> int:
    """Return the number of a tenant's newest event, 0 when there is none."""
    return journal.head(connection, tenant).event


def number_before(connection: Connection, tenant: str, at: datetime) -> int:
    """Return the number after which the events since an instant follow."""
    query = select(func.min(events.c.number)).where(events.c.tenant == tenant, events.c.at >= at)
    first = connection.execute(query).scalar()
    return last_number(connection, tenant) if first is None else first - 1


def number_before_last(
    connection: Connection, tenant: str, kinds: Collection[EventKind], count: int, after: int
) -> int:
    """Return the number after which the last `count` follow of those that follow another number."""
    if not count:
        return last_number(connection, tenant)
    query = select(events.c.number).where(*_of(tenant, kinds), events.c.number > after)
    first = connection.execute(query.order_by(events.c.number.desc()).offset(count - 1).limit(1)).scalar()
    return after if first is None else first - 1


_FOLLOWING = (
    select(*(events.c[field.name] for field in fields(EventRow)))
    .where(events.c.tenant == bindparam("tenant"), events.c.number > bindparam("after"))
    .order_by(events.c.number)
    .limit(bindparam("limit", type_=Integer))
)
_FOLLOWING_OF_KINDS = _FOLLOWING.where(one_of(events.c.kind, "kinds"))


def following(
    connection: Connection, tenant: str, kinds: Collection[EventKind], after: int, limit: int
) -> list[EventRow]:
    """Return the first of those that follow a number, the oldest first; of some kinds only if any are named."""
    asked = {"tenant": tenant, "after": after, "limit": limit}
    if kinds:
        return [EventRow(*row) for row in connection.execute(_FOLLOWING_OF_KINDS, asked | {"kinds": kinds})]
    return [EventRow(*row) for row in connection.execute(_FOLLOWING, asked)]


def _of(tenant: str, kinds: Collection[EventKind]) -> list[ColumnElement[Any]]:
    tenants: list[ColumnElement[Any]] = [events.c.tenant == tenant]
    return [*tenants, events.c.kind.in_(kinds)] if kinds else tenants
