"""What is only ever appended: the audit, each entry chained to the one before by its hash, and the events.

Whoever appends locks the tenant's row of `chains`, last in its transaction, so that numbers have no gaps and stand in
the order of the commits: a reader that has seen a number has seen all before it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any, NamedTuple

from pydantic_core import to_jsonable_python
from sqlalchemy import Connection, bindparam, insert, select, update

from svahub.exchange import Exchange
from svahub.masking import clean
from svahub.store.inserting import Upsert, for_each_database, insert_into
from svahub.store.states import AuditKind, EventKind
from svahub.store.tables import audit, chains, events, exchanges, tallies

ORIGIN = "0" * 64
"""The hash before the first entry."""
NO_ANSWER = 0
"""The status under which exchanges are counted that no answer came to."""


class Entry(NamedTuple):
    """One line of the audit: who did what to whom; `details` are masked already."""

    kind: AuditKind
    actor: str | None
    command: str | None
    subject: str | None
    details: Mapping[str, Any]


class Event(NamedTuple):
    """Something that happened; `details` are masked already."""

    kind: EventKind
    integration: str | None = None
    contract_id: str | None = None
    item_code: str | None = None
    subscription_key: str | None = None
    details: Mapping[str, Any] = {}


class Head(NamedTuple):
    """A tenant's last links: the last entry, the one before the first that is kept, the last event."""

    entry: int
    hash: str
    anchor: int
    anchor_hash: str
    event: int


EMPTY = Head(0, ORIGIN, 0, ORIGIN, 0)
_HEAD = select(*(chains.c[name] for name in Head._fields)).where(chains.c.tenant == bindparam("tenant"))
_LOCKED_HEAD = _HEAD.with_for_update()
_chain_of = update(chains).where(chains.c.tenant == bindparam("b_tenant"))
_LINK_ENTRY = _chain_of.values(entry=bindparam("b_entry"), hash=bindparam("b_hash"))
_LINK_EVENT = _chain_of.values(event=bindparam("b_event"))
_ADD_ENTRIES = insert(audit)
_ADD_EVENTS = insert(events)
_ADD_EXCHANGES = insert(exchanges).returning(exchanges.c.id)  # returning: one statement for all rows


def head(connection: Connection, tenant: str) -> Head:
    """Return the last links of a tenant as they are."""
    row = connection.execute(_HEAD, {"tenant": tenant}).first()
    return Head(*row) if row else EMPTY


def locked_head(connection: Connection, tenant: str) -> Head:
    """Return the last links, and let nobody else append until this transaction ends."""
    row = connection.execute(_LOCKED_HEAD, {"tenant": tenant}).first()
    if row is None:
        new = insert_into(connection, chains).values(tenant=tenant, **EMPTY._asdict())
        connection.execute(new.on_conflict_do_nothing())
        row = connection.execute(_LOCKED_HEAD, {"tenant": tenant}).one()
    return Head(*row)


def lock(connection: Connection, tenants: Iterable[str]) -> None:
    """Lock the last links of some tenants, in one order for all: whoever appends to several does this first."""
    for tenant in sorted(set(tenants)):
        locked_head(connection, tenant)


def append(connection: Connection, tenant: str, now: datetime, entries: Iterable[Entry]) -> None:
    """Append entries to a tenant's audit."""
    kept = [entry._replace(details=as_kept(entry.details)) for entry in entries]
    _chain(connection, tenant, now, [(entry, digest_of_entry(entry)) for entry in kept])


def as_kept(value: Any) -> Any:
    """Return what a JSON column reads back of a value: only then is its digest the same for ever.

    No NUL and no half of a surrogate pair stays: a command does not fail for what somebody typed.
    """
    return _cleaned(to_jsonable_python(value, fallback=str, inf_nan_mode="strings"))


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(name): _cleaned(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_cleaned(member) for member in value]
    if isinstance(value, float) and not isfinite(value):
        return str(value)  # JSON has no such number, and PostgreSQL refuses it
    return value


def _chain(connection: Connection, tenant: str, now: datetime, entries: Sequence[tuple[Entry, str]]) -> int:
    """Append entries with their digests; return the number of the last."""
    before = locked_head(connection, tenant)
    number, link = before.entry, before.hash
    rows = []
    for entry, digest in entries:
        number += 1
        link = hash_of(link, tenant, number, now, entry.kind, digest)
        rows.append(
            entry._asdict()
            | {"tenant": tenant, "number": number, "at": now, "digest": digest, "hash": link, "pruned": False}
        )
    if rows:
        connection.execute(_ADD_ENTRIES, rows)
        connection.execute(_LINK_ENTRY, {"b_tenant": tenant, "b_entry": number, "b_hash": link})
    return number


def write_exchanges(connection: Connection, batch: Iterable[tuple[str, str, Exchange]], now: datetime) -> None:
    """Keep exchanges, each with its tenant and integration; one entry of the audit for all of a tenant's."""
    by_tenant: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for tenant, integration, exchange in batch:
        by_tenant[tenant].append(_exchange(tenant, integration, exchange))
    for tenant in sorted(by_tenant):
        rows = by_tenant[tenant]
        for row in rows:
            row["digest"] = digest_of_exchange(row)
        entry = Entry(AuditKind.EXCHANGES, None, None, None, {"exchanges": len(rows)})
        number = _chain(connection, tenant, now, [(entry, digest_of_batch(rows))])
        connection.execute(_ADD_EXCHANGES, [row | {"audit_number": number} for row in rows]).all()
        _tally(connection, tenant, rows)


def _counted(new: Upsert) -> Upsert:
    key = [tallies.c.tenant, tallies.c.integration, tallies.c.status]
    return new.on_conflict_do_update(
        index_elements=key, set_={"exchanges": tallies.c.exchanges + new.excluded.exchanges}
    )


_TALLY = for_each_database(tallies, _counted)


def _tally(connection: Connection, tenant: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Count exchanges by integration and status; under the lock of the tenant's chain, so in nobody's way."""
    counts = Counter((row["integration"], row["status"] or NO_ANSWER) for row in rows)
    values = [
        {"tenant": tenant, "integration": name, "status": status, "exchanges": count}
        for (name, status), count in counts.items()
    ]
    connection.execute(_TALLY[connection.dialect.name], values)


def holds(connection: Connection, tenant: str, integration: str, exchange: Exchange) -> bool:
    """Say whether an exchange is kept already, and so all that were written with it."""
    row, c = _exchange(tenant, integration, exchange), exchanges.c
    names = ("tenant", "integration", "account_key", "lease_number", "at", "method", "path")
    alike = (c[name].is_not_distinct_from(row[name]) for name in names)
    return connection.execute(select(c.id).where(*alike).limit(1)).first() is not None


def _exchange(tenant: str, integration: str, exchange: Exchange) -> dict[str, Any]:
    account_key, lease_number = exchange.attempt or (None, None)
    return {
        "tenant": tenant,
        "integration": integration,
        "account_key": account_key,
        "lease_number": lease_number,
        "at": exchange.at,
        "method": exchange.method[:10],
        "path": exchange.path,
        "status": exchange.status,
        "milliseconds": round(exchange.milliseconds),
        "request_headers": dict(exchange.request_headers),
        "request_body": exchange.request_body,
        "response_headers": dict(exchange.response_headers),
        "response_body": exchange.response_body,
        "error": exchange.error,
    }


def tell(connection: Connection, tenant: str, now: datetime, told: Iterable[Event]) -> None:
    """Append events to a tenant's."""
    told = list(told)
    if told:
        last = locked_head(connection, tenant).event
        rows = [_event(event) | {"tenant": tenant, "at": now, "number": n} for n, event in enumerate(told, last + 1)]
        connection.execute(_ADD_EVENTS, rows)
        connection.execute(_LINK_EVENT, {"b_tenant": tenant, "b_event": last + len(rows)})


def _event(event: Event) -> dict[str, Any]:
    return event._asdict() | {"details": as_kept(event.details)}


def tell_each(connection: Connection, now: datetime, told: Iterable[tuple[str, Event]]) -> None:
    """Append events of several tenants, each with its tenant's name."""
    by_tenant: dict[str, list[Event]] = defaultdict(list)
    for tenant, event in told:
        by_tenant[tenant].append(event)
    for tenant in sorted(by_tenant):
        tell(connection, tenant, now, by_tenant[tenant])


# -- digests -----------------------------------------------------------------------------------------------------------

LASTING = ("tenant", "integration", "account_key", "lease_number", "at", "method", "path", "status", "milliseconds")
"""The columns of an exchange that outlive its redaction, the path without its query."""
SAID = ("request_headers", "request_body", "response_headers", "response_body", "error")
"""The columns that a redaction empties."""
WITNESSED = (*LASTING, *SAID)
"""The columns that an exchange's digest covers; where `redacted_at` is set, it can be compared no more."""


def digest_of_exchange(row: Mapping[str, Any]) -> str:
    """Return the digest of an exchange as it was written, by its columns."""
    return _sha256(canonical([row[name] for name in WITNESSED]))


def digest_of_batch(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the digest of exchanges that were written together, in the order of their ids.

    It covers what outlives a redaction, the digest of the whole included: it is the same after one.
    """
    return _sha256("\n".join(_sha256(canonical(_lasting(row))) for row in rows))


def _lasting(row: Mapping[str, Any]) -> list[Any]:
    bare = {**row, "path": without_query(row["path"])}
    return [bare[name] for name in (*LASTING, "digest")]


def without_query(path: str) -> str:
    """Return a path as a redaction leaves it."""
    return path.partition("?")[0]


def digest_of_entry(entry: Entry) -> str:
    """Return the digest of what an entry tells."""
    return _sha256(canonical([entry.actor, entry.command, entry.subject, entry.details]))


def hash_of(previous: str, tenant: str, number: int, at: datetime, kind: AuditKind, digest: str) -> str:
    """Return the hash of an entry, which covers the hash before it: none can be changed, taken out or put between."""
    return _sha256(previous + canonical([tenant, number, at, kind.value, digest]))


def canonical(value: Any) -> str:
    """Return the one text of a value that has the same meaning: what digests are made of."""
    return _CANONICAL.encode(value)


def _text(value: object) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_text)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
