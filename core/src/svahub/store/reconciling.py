"""Rows of comparisons with providers: who makes one now, the differences that it found, what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, exists, func, insert, or_, select, update

from svahub.lifecycle import GONE
from svahub.store.rows import DifferenceRow, ReconciliationRow
from svahub.store.states import Agreement, ReconcileState
from svahub.store.tables import differences, listed_users, reconciliations, subscriptions

PAGE = 500
BATCH = 2_000
FINISHED = (ReconcileState.FINISHED, ReconcileState.APPLIED)


def begin(connection: Connection, values: dict[str, Any]) -> ReconciliationRow:
    """Keep a new comparison."""
    return ReconciliationRow(
        *connection.execute(insert(reconciliations).values(values).returning(reconciliations)).one()
    )


def one(connection: Connection, tenant: str, id: int, *, lock: bool = False) -> ReconciliationRow | None:
    """Return one comparison; with `lock`, nobody else changes it before this transaction ends."""
    query = select(reconciliations).where(reconciliations.c.tenant == tenant, reconciliations.c.id == id)
    row = connection.execute(query.with_for_update(key_share=True) if lock else query).first()
    return ReconciliationRow(*row) if row else None


def by_digest(connection: Connection, tenant: str, beginning: str) -> list[ReconciliationRow]:
    """Return the finished comparisons whose hash begins with some characters."""
    c = reconciliations.c
    query = select(reconciliations).where(c.tenant == tenant, c.digest.startswith(beginning, autoescape=True))
    return [ReconciliationRow(*row) for row in connection.execute(query)]


def of_tenant(connection: Connection, tenant: str, integration: str | None, limit: int) -> list[ReconciliationRow]:
    """Return the newest comparisons, those of one integration if it is named."""
    query = select(reconciliations).where(reconciliations.c.tenant == tenant).order_by(reconciliations.c.id.desc())
    query = query.where(reconciliations.c.integration == integration) if integration else query
    return [ReconciliationRow(*row) for row in connection.execute(query.limit(limit))]


def _of(tenant: str, integration: str) -> Select[Any]:
    c = reconciliations.c
    return select(reconciliations).where(c.tenant == tenant, c.integration == integration).order_by(c.id.desc())


def unfinished(connection: Connection, tenant: str, integration: str) -> ReconciliationRow | None:
    """Return the comparison that was begun and not finished; nobody else goes on with it before this transaction ends.

    There is at most one: the integration's row is locked by whoever begins.
    """
    query = _of(tenant, integration).where(reconciliations.c.state == ReconcileState.LISTING).limit(1)
    row = connection.execute(query.with_for_update(key_share=True)).first()
    return ReconciliationRow(*row) if row else None


def newest_finished(connection: Connection, tenant: str, integration: str, since: datetime) -> ReconciliationRow | None:
    """Return the newest finished comparison that began since an instant."""
    c = reconciliations.c
    query = _of(tenant, integration).where(c.state.in_(FINISHED), c.started_at >= since).limit(1)
    row = connection.execute(query).first()
    return ReconciliationRow(*row) if row else None


def write(connection: Connection, id: int, **values: Any) -> None:
    """Write some columns of a comparison."""
    connection.execute(update(reconciliations).where(reconciliations.c.id == id).values(values))


def write_own(connection: Connection, id: int, claimant: str, **values: Any) -> bool:
    """Write some columns of a comparison that is still made under a claim; return whether it is."""
    mine = (reconciliations.c.id == id, reconciliations.c.owner == claimant)
    return connection.execute(update(reconciliations).where(*mine).values(values)).rowcount == 1


def live(connection: Connection, tenant: str, integration: str) -> int:
    """Count the subscriptions that an integration's provider has, as far as we know."""
    c = subscriptions.c
    ours = (c.tenant == tenant, c.integration == integration, c.observed.not_in(GONE))
    return int(connection.execute(select(func.count()).select_from(subscriptions).where(*ours)).scalar_one())


# -- differences -------------------------------------------------------------------------------------------------------


def add(connection: Connection, tenant: str, id: int, found: Sequence[DifferenceRow]) -> None:
    """Keep differences."""
    if found:
        whose = {"reconciliation_id": id, "tenant": tenant}
        connection.execute(insert(differences), [row._asdict() | whose for row in found])


def forget_differences(connection: Connection, id: int) -> None:
    """Delete the differences of a comparison that is made anew."""
    connection.execute(delete(differences).where(differences.c.reconciliation_id == id))


def pages(connection: Connection, id: int, agreements: Sequence[Agreement] = ()) -> Iterator[list[DifferenceRow]]:
    """Stream the differences of a comparison by their number, a page at a time."""
    c, after = differences.c, 0
    names = [c[name] for name in DifferenceRow._fields]
    while True:
        query = select(*names).where(c.reconciliation_id == id, c.number > after).order_by(c.number).limit(PAGE)
        query = query.where(c.agreement.in_(agreements)) if agreements else query
        page = [DifferenceRow(*row) for row in connection.execute(query)]
        if not page:
            return
        yield page
        after = page[-1].number


def accounts_page(connection: Connection, id: int, after: str) -> list[DifferenceRow]:
    """Return the differences of the next accounts by their key: those of each account together."""
    c = differences.c
    ours = (c.reconciliation_id == id, c.subscription_key.is_not(None))
    keys = select(c.account_key).where(*ours, c.account_key > after).distinct().order_by(c.account_key).limit(PAGE)
    named = list(connection.execute(keys).scalars())
    names = [c[name] for name in DifferenceRow._fields]
    query = select(*names).where(*ours, c.account_key.in_(named)).order_by(c.account_key, c.number)
    return [DifferenceRow(*row) for row in connection.execute(query)]


def about(connection: Connection, keys: Sequence[str]) -> list[tuple[DifferenceRow, ReconciliationRow]]:
    """Return the differences of some subscriptions that were applied, the newest first."""
    c, r = differences.c, reconciliations.c
    names = [c[name] for name in DifferenceRow._fields]
    query = select(*names, reconciliations).join(reconciliations, r.id == c.reconciliation_id)
    query = query.where(c.subscription_key.in_(keys), r.state == ReconcileState.APPLIED).order_by(r.id.desc())
    width = len(names)
    return [(DifferenceRow(*row[:width]), ReconciliationRow(*row[width:])) for row in connection.execute(query)]


# -- what is no longer needed ------------------------------------------------------------------------------------------


def forget_listed(connection: Connection, id: int) -> int:
    """Delete some of the users that a comparison has listed; return how many."""
    c = listed_users.c
    some = select(c.remote_id).where(c.reconciliation_id == id).order_by(c.remote_id).limit(BATCH)
    gone = delete(listed_users).where(c.reconciliation_id == id, c.remote_id.in_(some))
    return connection.execute(gone).rowcount


def left_over(connection: Connection, tenant: str, integration: str) -> list[int]:
    """Return the comparisons that still have whom they listed, and need that no more: finished, or begun anew."""
    c = reconciliations.c
    ended = (c.tenant == tenant, c.integration == integration, or_(c.state.in_(FINISHED), c.listed == 0))
    listed = exists().where(listed_users.c.reconciliation_id == c.id)
    return list(connection.execute(select(c.id).where(*ended, listed)).scalars())


def of_integration(connection: Connection, tenant: str, integration: str) -> list[int]:
    """Return the comparisons with an integration's provider."""
    c = reconciliations.c
    return list(connection.execute(select(c.id).where(c.tenant == tenant, c.integration == integration)).scalars())


def remove(connection: Connection, ids: Sequence[int]) -> None:
    """Delete comparisons with all that they found."""
    for table in (differences, listed_users):
        connection.execute(delete(table).where(table.c.reconciliation_id.in_(ids)))
    connection.execute(delete(reconciliations).where(reconciliations.c.id.in_(ids)))
