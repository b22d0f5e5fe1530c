"""How long each class of data is kept, and deleting what is older, a bounded number of rows at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    Text,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    null,
    or_,
    select,
    update,
)

from svahub.store import campaigns as rows_of_campaigns
from svahub.store import journal, reconciling
from svahub.store.inserting import insert_into
from svahub.store.states import AuditKind, DataClass, Phase
from svahub.store.tables import (
    activation_links,
    attempts,
    audit,
    campaigns,
    chains,
    events,
    exchanges,
    idempotency_keys,
    inbox,
    outbox,
    reconciliations,
    retention,
    subscriptions,
    tasks,
)

BATCH = 500
COMPARISONS = 5
"""A comparison may have found very much."""
BATCHES_OF_EXCHANGES = 50
"""An entry of exchanges has up to some hundreds of them: so many entries go in one transaction."""


def chosen(connection: Connection, tenant: str) -> dict[DataClass, int]:
    """Return the days that a tenant chose, by class."""
    c = retention.c
    rows = connection.execute(select(c.data_class, c.days).where(c.tenant == tenant))
    return {row.data_class: row.days for row in rows}


def choose(connection: Connection, tenant: str, kind: DataClass, days: int) -> None:
    """Keep how many days a tenant wants a class to be kept."""
    new = insert_into(connection, retention).values(tenant=tenant, data_class=kind, days=days)
    c = retention.c
    connection.execute(new.on_conflict_do_update(index_elements=[c.tenant, c.data_class], set_={"days": days}))


# -- entries and exchanges ---------------------------------------------------------------------------------------------

_said = exchanges.alias("said")
_needed = or_(  # explain needs what was said until the matter is settled
    exists().where(
        subscriptions.c.account_key == _said.c.account_key,
        or_(subscriptions.c.phase != Phase.SETTLED, subscriptions.c.uncertain_since.is_not(None)),
    ),
    exists().where(tasks.c.account_key == _said.c.account_key, tasks.c.phase != Phase.SETTLED),
    exists().where(attempts.c.account_key == _said.c.account_key, attempts.c.ended_at.is_(None)),
)
_NEEDED = exists().where(_said.c.tenant == audit.c.tenant, _said.c.audit_number == audit.c.number, _needed)
_other = audit.alias("other")


def _old(tenant: str, kind: AuditKind, before: datetime) -> list[ColumnElement[bool]]:
    c = audit.c
    return [c.tenant == tenant, c.kind == kind, c.pruned.is_(False), c.at < before]


def _prunable(tenant: str, kind: AuditKind, before: datetime, proof: str) -> list[ColumnElement[bool]]:
    old = _old(tenant, kind, before)
    if kind is AuditKind.EXCHANGES:
        return [*old, ~_NEEDED]
    return [*old, or_(audit.c.command.is_(None), audit.c.command != proof, audit.c.number < _first_exchanges(tenant))]


def _first_exchanges(tenant: str) -> Any:
    """Return a query for the first entry that has exchanges: what proves their redaction stays as long as they."""
    c = _other.c
    ours = (c.tenant == tenant, c.kind == AuditKind.EXCHANGES, c.pruned.is_(False))
    first = select(func.coalesce(func.min(c.number), 2**31 - 1)).where(*ours)
    return first.scalar_subquery()


def count_entries(connection: Connection, tenant: str, kind: AuditKind, before: datetime, proof: str) -> int:
    """Count the entries of a kind that may be emptied; those of the command `proof` wait for older exchanges."""
    query = select(func.count()).select_from(audit).where(*_prunable(tenant, kind, before, proof))
    return int(connection.execute(query).scalar_one())


def count_exchanges(connection: Connection, tenant: str, before: datetime) -> int:
    """Count the exchanges that may be deleted."""
    c = exchanges.c
    query = select(func.count()).select_from(
        exchanges.join(audit, (c.tenant == audit.c.tenant) & (c.audit_number == audit.c.number))
    )
    return int(connection.execute(query.where(*_prunable(tenant, AuditKind.EXCHANGES, before, ""))).scalar_one())


def empty_entries(connection: Connection, tenant: str, kind: AuditKind, before: datetime, proof: str) -> int:
    """Empty some entries of commands or looks that are old; return how many."""
    return len(_emptied(connection, tenant, _prunable(tenant, kind, before, proof), BATCH))


def delete_exchanges(connection: Connection, tenant: str, before: datetime) -> tuple[int, int]:
    """Empty some old entries of exchanges and delete these; return how many of both."""
    where = _prunable(tenant, AuditKind.EXCHANGES, before, "")
    numbers = _emptied(connection, tenant, where, BATCHES_OF_EXCHANGES)
    gone = delete(exchanges).where(exchanges.c.tenant == tenant, exchanges.c.audit_number.in_(numbers))
    return len(numbers), connection.execute(gone).rowcount if numbers else 0


def _emptied(connection: Connection, tenant: str, where: list[ColumnElement[bool]], limit: int) -> list[int]:
    c = audit.c
    numbers = list(connection.execute(select(c.number).where(*where).order_by(c.at).limit(limit)).scalars())
    nothing = {"actor": None, "command": None, "subject": None, "details": null(), "pruned": True}
    if numbers:
        connection.execute(update(audit).where(c.tenant == tenant, c.number.in_(numbers)).values(nothing))
    return numbers


# -- the beginning of the chain ----------------------------------------------------------------------------------------


def last_of_emptied_prefix(connection: Connection, tenant: str) -> int:
    """Return the number of the last entry before the first that is not pruned; the anchor when there is none."""
    head = journal.head(connection, tenant)
    c = audit.c
    query = select(c.number).where(c.tenant == tenant, c.pruned.is_(False)).order_by(c.number).limit(1)
    first = connection.execute(query).scalar()
    return head.entry if first is None else first - 1


def move_anchor(connection: Connection, tenant: str, last: int) -> int:
    """Delete some entries from the chain's beginning up to `last`, and begin the chain after them; return how many."""
    c, head = audit.c, journal.locked_head(connection, tenant)
    where = (c.tenant == tenant, c.number <= min(last, head.anchor + BATCH))
    new = connection.execute(select(c.number, c.hash).where(*where).order_by(c.number.desc()).limit(1)).first()
    if new is None:
        return 0
    moved = update(chains).where(chains.c.tenant == tenant).values(anchor=new.number, anchor_hash=new.hash)
    connection.execute(moved)
    return connection.execute(delete(audit).where(*where)).rowcount


# -- events, keys, messages and links ----------------------------------------------------------------------------------


def count_events(connection: Connection, tenant: str, before: datetime) -> int:
    """Count the events from before an instant."""
    return _count(connection, events, tenant, events.c.at < before)


def delete_events(connection: Connection, tenant: str, before: datetime) -> int:
    """Delete some events from before an instant; return how many."""
    return _delete(connection, events, tenant, events.c.number, events.c.at, before)


def count_keys(connection: Connection, tenant: str, before: datetime) -> int:
    """Count the idempotency keys from before an instant."""
    return _count(connection, idempotency_keys, tenant, idempotency_keys.c.created_at < before)


def delete_keys(connection: Connection, tenant: str, before: datetime) -> int:
    """Delete some idempotency keys from before an instant; return how many."""
    c = idempotency_keys.c
    return _delete(connection, idempotency_keys, tenant, c.key, c.created_at, before)


def count_messages(connection: Connection, tenant: str, before: datetime) -> int:
    """Count the messages that ended before an instant."""
    return _count(connection, outbox, tenant, outbox.c.ended_at < before)


def delete_messages(connection: Connection, tenant: str, before: datetime) -> int:
    """Delete some messages that ended before an instant; return how many."""
    return _delete(connection, outbox, tenant, outbox.c.id, outbox.c.ended_at, before)


_link_ended = case(  # none has ended by which something was bought: what was offered belongs to the consent
    (activation_links.c.taken_at.is_(None), func.coalesce(activation_links.c.revoked_at, activation_links.c.expires_at))
)


def count_links(connection: Connection, tenant: str, before: datetime) -> int:
    """Count the activation links that were revoked, or expired, before an instant, and sold nothing."""
    return _count(connection, activation_links, tenant, _link_ended < before)


def delete_links(connection: Connection, tenant: str, before: datetime) -> int:
    """Delete some activation links that sold nothing and open nothing more; return how many."""
    return _delete(connection, activation_links, tenant, activation_links.c.id, _link_ended, before)


def count_reconciliations(connection: Connection, tenant: str, before: datetime) -> int:
    """Count the comparisons with providers that began before an instant."""
    return _count(connection, reconciliations, tenant, reconciliations.c.started_at < before)


def delete_reconciliations(connection: Connection, tenant: str, before: datetime) -> int:
    """Delete some comparisons from before an instant, with all that they found; return how many."""
    c = reconciliations.c
    query = select(c.id).where(c.tenant == tenant, c.started_at < before).order_by(c.id).limit(COMPARISONS)
    ids = list(connection.execute(query).scalars())
    if ids:
        reconciling.remove(connection, ids)
    return len(ids)


def count_campaigns(connection: Connection, tenant: str, before: datetime) -> int:
    """Count the campaigns that ended, or were planned and never started, before an instant."""
    query = select(func.count()).select_from(campaigns).where(*rows_of_campaigns.ended_before(tenant, before))
    return int(connection.execute(query).scalar_one())


def delete_campaigns(connection: Connection, tenant: str, before: datetime) -> int:
    """Delete one campaign that ended before an instant, with its rows; return how many those were."""
    query = select(campaigns.c.id).where(*rows_of_campaigns.ended_before(tenant, before)).limit(1)
    ids = list(connection.execute(query).scalars())
    for id in ids:
        rows_of_campaigns.remove(connection, id)
    return len(ids)


# -- deliveries and tasks, whose rows stay: what comes twice is known by them ------------------------------------------

_WITHOUT_BODY: dict[str, Any] = {"body": None, "headers": {}, "details": {}}
_BARE: dict[str, Any] = {"payload": {}, "details": {}, "note": None, "cause": None, "advice": None}


def count_bodies(connection: Connection, tenant: str, before: datetime) -> int:
    """Count the deliveries that were read before an instant and still have their bodies."""
    return _count(connection, inbox, tenant, _whole(before))


def empty_bodies(connection: Connection, tenant: str, before: datetime) -> int:
    """Take the bodies of some old deliveries away, and what was made of them; return of how many."""
    c = inbox.c
    query = select(c.id).where(c.tenant == tenant, _whole(before)).order_by(c.received_at).limit(BATCH)
    return _emptied_rows(connection, inbox, list(connection.execute(query).scalars()), _WITHOUT_BODY)


def _whole(before: datetime) -> ColumnElement[bool]:
    c = inbox.c
    return and_(c.received_at < before, c.due_at.is_(None), c.body.is_not(None))


def count_tasks(connection: Connection, tenant: str, before: datetime) -> int:
    """Count the tasks that ended before an instant and still tell what they were about."""
    return _count(connection, tasks, tenant, _telling(before))


def empty_tasks(connection: Connection, tenant: str, before: datetime) -> int:
    """Take away what some old tasks were about; return of how many."""
    query = select(tasks.c.id).where(tasks.c.tenant == tenant, _telling(before)).order_by(tasks.c.id).limit(BATCH)
    return _emptied_rows(connection, tasks, list(connection.execute(query).scalars()), _BARE)


def _telling(before: datetime) -> ColumnElement[bool]:
    c = tasks.c
    told = (cast(c[name], Text) != "{}" for name in ("payload", "details"))
    said = (c[name].is_not(None) for name in ("note", "cause", "advice"))
    return and_(c.phase == Phase.SETTLED, c.changed_at < before, or_(*told, *said))


def _emptied_rows(connection: Connection, table: Table, ids: list[int], nothing: dict[str, Any]) -> int:
    if ids:
        connection.execute(update(table).where(table.c.id.in_(ids)).values(nothing))
    return len(ids)


def _count(connection: Connection, table: Table, tenant: str, older: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(table).where(table.c.tenant == tenant, older)
    return int(connection.execute(query).scalar_one())


def _delete(connection: Connection, table: Table, tenant: str, id: Any, at: Any, before: datetime) -> int:
    query = select(id).where(table.c.tenant == tenant, at < before).order_by(at).limit(BATCH)
    ids = list(connection.execute(query).scalars())
    if ids:
        connection.execute(delete(table).where(table.c.tenant == tenant, id.in_(ids)))
    return len(ids)
