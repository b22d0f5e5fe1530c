"""Who works on this store, as each tells of itself every few seconds."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select

from svahub.store.inserting import Upsert, for_each_database
from svahub.store.rows import WorkerRow
from svahub.store.tables import workers


def _told(new: Upsert) -> Upsert:
    changing = {name: new.excluded[name] for name in ("seen_at", "shards", "under_way")}
    return new.on_conflict_do_update(index_elements=[workers.c.owner], set_=changing)


_TELL = for_each_database(workers, _told)
_EVERY = select(workers).order_by(workers.c.started_at, workers.c.owner)
_GONE = delete(workers).where(workers.c.owner == bindparam("b_owner"))
_OLD = delete(workers).where(workers.c.seen_at < bindparam("b_before"))


def tell(connection: Connection, row: WorkerRow) -> None:
    """Keep how it stands with a worker."""
    connection.execute(_TELL[connection.dialect.name], asdict(row))


def every(connection: Connection) -> list[WorkerRow]:
    """Return every worker, lost ones too, those first that began first."""
    return [WorkerRow(*row) for row in connection.execute(_EVERY)]


def leave(connection: Connection, owner: str) -> None:
    """Forget a worker that ends."""
    connection.execute(_GONE, {"b_owner": owner})


def forget(connection: Connection, before: datetime) -> None:
    """Forget those that were not heard of since."""
    connection.execute(_OLD, {"b_before": before})
