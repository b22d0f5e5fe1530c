"""Where calls fail one after the other, and which providers answer nobody: a row for each as long as that lasts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update

from svahub.store.inserting import insert_into
from svahub.store.queue import Lane
from svahub.store.rows import BreakerRow
from svahub.store.tables import breakers

_EVERY = select(breakers).order_by(breakers.c.tenant, breakers.c.integration)
_OPENED = _EVERY.where(breakers.c.tenant == bindparam("tenant"), breakers.c.opened)
_CHANGES = ("cause", "failures", "opened", "probes", "probe_at", "probing")
_THIS = (breakers.c.tenant == bindparam("b_tenant"), breakers.c.integration == bindparam("b_integration"))
_FREE = select(breakers.c.probe_at).where(*_THIS, breakers.c.probe_at <= bindparam("now"))
_FREE_AND_MINE = _FREE.with_for_update(skip_locked=True)
_PROBED = update(breakers).where(*_THIS).values(probing=True, probe_at=bindparam("b_until"))


def every(connection: Connection) -> dict[Lane, BreakerRow]:
    """Return where calls fail, by integration."""
    rows = (BreakerRow(*row) for row in connection.execute(_EVERY))
    return {Lane(row.tenant, row.integration): row for row in rows}


def opened(connection: Connection, tenant: str) -> dict[str, BreakerRow]:
    """Return which providers of a tenant answer nobody, by integration."""
    rows = (BreakerRow(*row) for row in connection.execute(_OPENED, {"tenant": tenant}))
    return {row.integration: row for row in rows}


def put(connection: Connection, row: BreakerRow) -> bool:
    """Keep how it stands with failures; return False where another worker has found out before that nobody answers."""
    statement = insert_into(connection, breakers).values(row._asdict())
    changed = {name: statement.excluded[name] for name in _CHANGES}
    kept = statement.on_conflict_do_update(
        index_elements=["tenant", "integration"], set_=changed, where=breakers.c.opened.is_(False)
    )
    return connection.execute(kept.returning(breakers.c.tenant)).first() is not None


def change(connection: Connection, row: BreakerRow) -> None:
    """Keep how probes end, unless the provider answers again meanwhile."""
    values = {name: getattr(row, name) for name in _CHANGES}
    connection.execute(update(breakers).where(*_THIS).values(values), _named(Lane(row.tenant, row.integration)))


def lock_for_probe(connection: Connection, lanes: Collection[Lane], now: datetime) -> set[Lane]:
    """Return those that may be probed now; no other worker probes them before this transaction ends."""
    return {lane for lane in lanes if connection.execute(_FREE_AND_MINE, _named(lane) | {"now": now}).first()}


def begin_probe(connection: Connection, lane: Lane, until: datetime) -> None:
    """Note that a probe is made now; unless it is heard of `until` then, another may be made."""
    connection.execute(_PROBED, _named(lane) | {"b_until": until})


def forget(connection: Connection, lane: Lane) -> bool:
    """Note that a provider answers; return whether that was not known."""
    gone = delete(breakers).where(*_THIS).returning(breakers.c.tenant)
    return connection.execute(gone, _named(lane)).first() is not None


def _named(lane: Lane) -> dict[str, str]:
    return {"b_tenant": lane.tenant, "b_integration": lane.integration}
