"""Rows of subscriptions and operations as verbs write and people read them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, exists, func, insert, or_, select, tuple_, union_all, update

from svahub.store.among import one_of
from svahub.store.inserting import insert_into
from svahub.store.rows import AttemptRow, OperationRow, SubscriptionRow
from svahub.store.states import Outcome, Phase
from svahub.store.tables import attempts, exchanges, idempotency_keys, operations, subscriptions

PAGE = 500
FIRST = ("", "", 0)
"""Before the first subscription by contract, item and sale."""
_DESIRED = ("desired", "generation", "plan", "quantity", "price", "due_day", "attributes", "consent")
_NEXT = ("phase", "due_at", "priority", "tries", "cause", "advice", "candidate")
_REDESIRE = (
    update(subscriptions)
    .where(subscriptions.c.key == bindparam("b_key"))
    .values({name: bindparam(f"b_{name}") for name in (*_DESIRED, *_NEXT)})
)


def add(connection: Connection, rows: Sequence[SubscriptionRow]) -> None:
    """Keep new subscriptions."""
    if rows:
        names = [column.name for column in subscriptions.c]
        connection.execute(insert(subscriptions), [{name: getattr(row, name) for name in names} for row in rows])


def redesire(connection: Connection, rows: Sequence[SubscriptionRow]) -> None:
    """Write what is desired of subscriptions now; what is observed stays the worker's."""
    if rows:
        names = ("key", *_DESIRED, *_NEXT)
        connection.execute(_REDESIRE, [{f"b_{name}": getattr(row, name) for name in names} for row in rows])


def put(connection: Connection, row: SubscriptionRow) -> None:
    """Write a subscription whole, by a person's decision about one that nobody drives."""
    values = {column.name: getattr(row, column.name) for column in subscriptions.c if column.name != "key"}
    connection.execute(update(subscriptions).where(subscriptions.c.key == row.key).values(values))


def add_operations(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Append operations."""
    if rows:
        connection.execute(insert(operations), rows)


_newer = operations.alias("newer")
_running = exists().where(
    attempts.c.subscription_key == operations.c.subscription_key,
    attempts.c.ended_at.is_(None),
    attempts.c.generation == operations.c.generation,
)
_SUPERSEDE = (
    update(operations)
    .where(
        operations.c.subscription_key == bindparam("b_key"),
        operations.c.generation < bindparam("b_generation"),
        or_(operations.c.outcome == Outcome.QUEUED, operations.c.outcome == Outcome.PARKED),
        ~_running,
    )
    .values(
        outcome=Outcome.SUPERSEDED,
        ended_at=bindparam("b_now"),
        superseded_by=select(func.max(_newer.c.id))
        .where(_newer.c.subscription_key == operations.c.subscription_key)
        .scalar_subquery(),
    )
)


def supersede(connection: Connection, rows: Iterable[SubscriptionRow], now: datetime) -> None:
    """End, as superseded, what was queued before the present generation; never what runs."""
    values = [{"b_key": row.key, "b_generation": row.generation, "b_now": now} for row in rows]
    if values:
        connection.execute(_SUPERSEDE, values)


_BY_KEYS = select(subscriptions).where(
    subscriptions.c.tenant == bindparam("tenant"), one_of(subscriptions.c.key, "keys")
)


def by_keys(connection: Connection, tenant: str, keys: Collection[str]) -> list[SubscriptionRow]:
    """Return some subscriptions."""
    return [SubscriptionRow(*row) for row in connection.execute(_BY_KEYS, {"tenant": tenant, "keys": keys})]


def pages(
    connection: Connection, tenant: str, integration: str | None = None, phases: Collection[Phase] = ()
) -> Iterator[SubscriptionRow]:
    """Stream a tenant's subscriptions by contract, item and sale, a page at a time."""
    after = FIRST
    while True:
        page = after_sale(connection, tenant, after, PAGE, integration=integration, phases=phases)
        yield from page
        if len(page) < PAGE:
            return
        after = (page[-1].contract_id, page[-1].item_code, page[-1].sale)


def after_sale(
    connection: Connection,
    tenant: str,
    after: tuple[str, str, int],
    limit: int,
    *,
    integration: str | None = None,
    contract: str | None = None,
    phases: Collection[Phase] = (),
) -> list[SubscriptionRow]:
    """Return the first of a tenant's subscriptions that follow a contract, item and sale."""
    c = subscriptions.c
    following = tuple_(c.contract_id, c.item_code, c.sale) > after  # spelt out with OR, SQLite reads all before it
    query = select(subscriptions).where(c.tenant == tenant, following)
    query = query.where(c.integration == integration) if integration else query
    query = query.where(c.contract_id == contract) if contract else query
    query = query.where(c.phase.in_(phases)) if phases else query
    query = query.order_by(c.contract_id, c.item_code, c.sale).limit(limit)
    return [SubscriptionRow(*row) for row in connection.execute(query)]


_counted = (subscriptions.c.tenant, subscriptions.c.integration, subscriptions.c.phase)
_PHASE_COUNTS = select(*_counted, func.count()).group_by(*_counted)
_PHASE_COUNTS_OF_SOME = _PHASE_COUNTS.where(one_of(subscriptions.c.tenant, "tenants"))


def phase_counts(connection: Connection, tenants: Collection[str] = ()) -> dict[tuple[str, str, Phase], int]:
    """Count subscriptions by tenant, integration and phase."""
    if tenants:
        found = connection.execute(_PHASE_COUNTS_OF_SOME, {"tenants": tenants})
    else:
        found = connection.execute(_PHASE_COUNTS)
    return {(tenant, name, phase): count for tenant, name, phase, count in found}


def next_due(connection: Connection, tenant: str) -> datetime | None:
    """Return when the first subscription that waits for a time is due."""
    c = subscriptions.c
    waits = c.phase.in_([Phase.WAITING, Phase.PENDING])
    first: datetime | None = connection.execute(select(func.min(c.due_at)).where(c.tenant == tenant, waits)).scalar()
    return first


_RUNNING = select(attempts.c.subscription_key).where(
    attempts.c.tenant == bindparam("tenant"), attempts.c.ended_at.is_(None)
)
_RUNNING_OF_SOME = _RUNNING.where(one_of(attempts.c.subscription_key, "keys"))


def running(connection: Connection, tenant: str, keys: Collection[str] | None = None) -> set[str]:
    """Return the keys of subscriptions for which an attempt is under way."""
    if keys is None:
        return set(connection.execute(_RUNNING, {"tenant": tenant}).scalars())
    return set(connection.execute(_RUNNING_OF_SOME, {"tenant": tenant, "keys": keys}).scalars())


def operation(connection: Connection, tenant: str, id: int) -> OperationRow | None:
    """Return one operation."""
    row = connection.execute(select(operations).where(operations.c.tenant == tenant, operations.c.id == id)).first()
    return OperationRow(*row) if row else None


def operation_pages(
    connection: Connection, tenant: str, outcome: Outcome | None = None, keys: Collection[str] | None = None
) -> Iterator[OperationRow]:
    """Stream operations, the oldest first, a page at a time."""
    after = 0
    while True:
        page = operations_after(connection, tenant, after, PAGE, outcome=outcome, keys=keys)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].id


def operations_after(
    connection: Connection,
    tenant: str,
    after: int,
    limit: int,
    *,
    outcome: Outcome | None = None,
    keys: Collection[str] | None = None,
) -> list[OperationRow]:
    """Return the oldest of a tenant's operations that follow a number, those of some subscriptions if named."""
    c = operations.c
    if keys is not None:
        query = select(operations).where(c.tenant == tenant, c.subscription_key.in_(keys), c.id > after)
        query = query.where(c.outcome == outcome) if outcome else query
    else:  # by outcome, one range of the index each: the numbers alone lead through all tenants' operations
        ours = select(operations).where(c.tenant == tenant, c.id > after).order_by(c.id).limit(limit)
        each = (ours.where(c.outcome == one).subquery().select() for one in ([outcome] if outcome else Outcome))
        query = select(union_all(*each).subquery())
    found = connection.execute(query.order_by("id").limit(limit))
    return [OperationRow(*row) for row in found]


def operations_by_id(connection: Connection, tenant: str, ids: Collection[int]) -> list[OperationRow]:
    """Return some operations, the oldest first."""
    query = select(operations).where(operations.c.tenant == tenant, operations.c.id.in_(ids)).order_by(operations.c.id)
    return [OperationRow(*row) for row in connection.execute(query)]


def asked_with(connection: Connection, tenant: str, key: str, keys: Collection[str], since: datetime) -> list[int]:
    """Return the operations on some subscriptions that a command with an idempotency key made since an instant."""
    c = operations.c
    ours = (c.tenant == tenant, c.subscription_key.in_(keys), c.idempotency_key == key, c.created_at >= since)
    return list(connection.execute(select(c.id).where(*ours).order_by(c.id)).scalars())


def reopen_operation(connection: Connection, id: int, outcome: Outcome, ended_at: datetime | None, note: str) -> None:
    """Put an operation in another state by a person's decision."""
    values = {"outcome": outcome, "ended_at": ended_at, "note": func.coalesce(operations.c.note + "; ", "") + note}
    connection.execute(update(operations).where(operations.c.id == id).values(values))


def note_operation(connection: Connection, id: int, note: str, outcome: Outcome | None = None) -> None:
    """Add to an operation what has become known of it; with an outcome, open it again."""
    values: dict[str, Any] = {"note": func.coalesce(operations.c.note + "; ", "") + note}
    values |= {"outcome": outcome, "ended_at": None} if outcome is not None else {}
    connection.execute(update(operations).where(operations.c.id == id).values(values))


def attempts_of(connection: Connection, key: str) -> list[AttemptRow]:
    """Return every attempt made for a subscription, in their order."""
    query = select(attempts).where(attempts.c.subscription_key == key)
    return [
        AttemptRow(*row) for row in connection.execute(query.order_by(attempts.c.started_at, attempts.c.lease_number))
    ]


def exchanges_of(connection: Connection, account_key: str, numbers: Collection[int]) -> list[dict[str, Any]]:
    """Return the masked exchanges of some attempts of an account."""
    c = exchanges.c
    query = select(exchanges).where(c.account_key == account_key, c.lease_number.in_(numbers)).order_by(c.id)
    return [dict(row._mapping) for row in connection.execute(query)]


def remembered(connection: Connection, tenant: str, key: str, since: datetime) -> tuple[str, Any] | None:
    """Return digest and answer of the command that bore an idempotency key since an instant."""
    c = idempotency_keys.c
    query = select(c.digest, c.answer).where(c.tenant == tenant, c.key == key, c.created_at >= since)
    row = connection.execute(query).first()
    return (row.digest, row.answer) if row else None


def remember(connection: Connection, values: dict[str, Any], since: datetime) -> bool:
    """Keep what a command with an idempotency key did, in place of one from before `since`, which counts no more.

    False when another command has used the key meanwhile.
    """
    c = idempotency_keys.c
    new = insert_into(connection, idempotency_keys).values(values)
    instead = {name: new.excluded[name] for name in ("digest", "answer", "created_at")}
    kept = new.on_conflict_do_update(index_elements=[c.tenant, c.key], set_=instead, where=c.created_at < since)
    return connection.execute(kept.returning(c.key)).first() is not None


_LAST_OPERATIONS = (  # by the keys alone: with the tenant to go by, SQLite may read all its operations
    select(operations.c.tenant, operations.c.subscription_key, func.max(operations.c.id))
    .where(one_of(operations.c.subscription_key, "keys"))
    .group_by(operations.c.tenant, operations.c.subscription_key)
)


def last_operation_ids(connection: Connection, tenant: str, keys: Collection[str]) -> dict[str, int]:
    """Return the newest operation of each subscription of a tenant."""
    found = connection.execute(_LAST_OPERATIONS, {"keys": keys}) if keys else ()
    return {key: int(id) for whose, key, id in found if whose == tenant}
