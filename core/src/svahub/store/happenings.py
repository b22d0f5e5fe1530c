"""What sources are to be told: rows that go when the tasks that come of them are kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, select, update

from svahub.store.among import Among, one_of
from svahub.store.inserting import insert_into
from svahub.store.states import IntegrationState
from svahub.store.tables import contracts, happenings, integrations, sources

PAGE = 200


class HappeningRow(NamedTuple):
    """Something that a source is to be told; `cause` is why that has failed so far.

    `doubted`: the store came back since it was kept, so that it may have been told already.
    """

    id: int
    tenant: str
    source: str
    key: str
    customer_id: str
    subscription_key: str | None
    body: dict[str, Any]
    at: datetime
    due_at: datetime
    cause: str | None
    doubted: bool


_named = Among(contracts.c.tenant, contracts.c.id)
_ORIGINS = select(contracts.c.tenant, contracts.c.id, contracts.c.source, contracts.c.customer_id).where(
    _named.condition, contracts.c.source.is_not(None)
)
_LISTENING = (
    select(sources.c.tenant, sources.c.name, sources.c.wants)
    .where(one_of(sources.c.tenant, "tenants"))
    .order_by(sources.c.tenant, sources.c.name)
    .with_for_update(read=True, key_share=True)
)


def listening(connection: Connection, tenants: Collection[str]) -> dict[tuple[str, str], list[str]]:
    """Return the sources of some tenants that want to be told of something, by tenant and name, with of what.

    None of them can be removed before this transaction ends.
    """
    found = connection.execute(_LISTENING, {"tenants": set(tenants)})
    return {(row.tenant, row.name): row.wants for row in found if row.wants}


def origins(connection: Connection, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, str]]:
    """Return of contracts, by tenant and id, the source that told of them last and the customer."""
    found = connection.execute(_ORIGINS, _named.keys(keys))
    return {(row.tenant, row.id): (row.source, row.customer_id) for row in found}


def add(connection: Connection, rows: Iterable[dict[str, Any]]) -> None:
    """Keep what is to be told; what is kept already under the same key stays."""
    values = list(rows)
    if values:
        connection.execute(insert_into(connection, happenings).on_conflict_do_nothing(), values)


def lanes_due(connection: Connection, tenants: Collection[str], now: datetime) -> list[tuple[str, str]]:
    """Return the sources of some tenants (none named: of all) that are to be told of something and may be called."""
    c, i = happenings.c, integrations.c
    enabled = (i.tenant == c.tenant) & (i.name == c.source) & (i.state != IntegrationState.REMOVED)
    query = select(c.tenant, c.source).join(integrations, enabled).where(c.due_at <= now).distinct()
    query = query.where(c.tenant.in_(tenants)) if tenants else query
    return [(row.tenant, row.source) for row in connection.execute(query.order_by(c.tenant, c.source))]


def due(connection: Connection, tenant: str, source: str, now: datetime, *, lock: bool = False) -> list[HappeningRow]:
    """Return what a source is to be told now, the oldest first; with `lock`, nobody else tells it."""
    c = happenings.c
    query = select(happenings).where(c.tenant == tenant, c.source == source, c.due_at <= now)
    query = query.order_by(c.id).limit(PAGE)
    query = query.with_for_update(skip_locked=True) if lock else query
    return [HappeningRow(*row) for row in connection.execute(query)]


def done(connection: Connection, ids: Sequence[int]) -> None:
    """Forget what was told."""
    if ids:
        connection.execute(delete(happenings).where(happenings.c.id.in_(ids)))


def put_off(connection: Connection, ids: Collection[int], until: datetime, cause: str) -> None:
    """Keep what could not be told until later, with its cause."""
    if ids:
        connection.execute(update(happenings).where(happenings.c.id.in_(ids)).values(due_at=until, cause=cause))


def count(connection: Connection, tenant: str, source: str) -> int:
    """Count what a source is still to be told."""
    query = select(func.count()).select_from(happenings)
    ours = (happenings.c.tenant == tenant, happenings.c.source == source)
    return int(connection.execute(query.where(*ours)).scalar_one())


def causes(connection: Connection, tenant: str, source: str) -> list[str]:
    """Return why a source could not be told of something, each cause once."""
    c = happenings.c
    query = select(c.cause).where(c.tenant == tenant, c.source == source, c.cause.is_not(None)).distinct()
    return [cause for cause in connection.execute(query).scalars() if cause is not None]
