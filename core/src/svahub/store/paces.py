"""From when on the next call of an integration may be made whose calls are limited, for all workers."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from svahub.store.inserting import insert_into
from svahub.store.queue import Lane
from svahub.store.tables import accounts, paces

_THIS = (paces.c.tenant == bindparam("b_tenant"), paces.c.integration == bindparam("b_integration"))
_LOCK = select(paces.c.free_at).where(*_THIS).with_for_update()
_PUT = update(paces).where(*_THIS).values(free_at=bindparam("b_free_at"))


def lock(connection: Connection, lane: Lane, now: datetime) -> datetime:
    """Return from when on the next call may be made; no other worker changes that before this transaction ends."""
    found: datetime | None = connection.execute(_LOCK, _named(lane)).scalar()
    if found is not None:
        return found
    row = {"tenant": lane.tenant, "integration": lane.integration, "free_at": now}
    connection.execute(insert_into(connection, paces).values(row).on_conflict_do_nothing())
    locked: datetime = connection.execute(_LOCK, _named(lane)).scalar_one()
    return locked


def put(connection: Connection, lane: Lane, free_at: datetime) -> None:
    """Keep from when on the next call may be made."""
    connection.execute(_PUT, _named(lane) | {"b_free_at": free_at})


_HELD = select(accounts.c.tenant, accounts.c.integration).where(
    accounts.c.lease_owner > "", accounts.c.due_at > bindparam("now")
)


def held(connection: Connection, now: datetime) -> Counter[Lane]:
    """Count by integration the accounts for which a call may be under way; by the index of leases."""
    return Counter(Lane(*row) for row in connection.execute(_HELD, {"now": now}))


def _named(lane: Lane) -> dict[str, str]:
    return {"b_tenant": lane.tenant, "b_integration": lane.integration}
