"""What tells how an installation stands: ages and counts of the queue, of attempts and leases; what the database says.

Each answers from an index: there may be a million accounts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, and_, func, or_, select, text, update

from svahub.store.queue import Lane
from svahub.store.states import InboxState, Phase, Priority
from svahub.store.tables import accounts, attempts, audit, chains, exchanges, inbox, subscriptions, task_attempts


@dataclass(frozen=True, slots=True)
class Lease:
    """How many accounts one owner holds, and until when at the longest."""

    owner: str
    accounts: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """When an exchange was, and the headers of the answer."""

    at: datetime
    headers: dict[str, str]


def running(connection: Connection, tenant: str) -> Counter[tuple[str, Phase]]:
    """Count the subscriptions for which an attempt is under way, by integration and phase."""
    s = subscriptions.c
    query = select(s.integration, s.phase, func.count(s.key.distinct())).join_from(
        attempts, subscriptions, s.key == attempts.c.subscription_key
    )
    query = query.where(attempts.c.tenant == tenant, attempts.c.ended_at.is_(None)).group_by(s.integration, s.phase)
    return Counter({(name, phase): count for name, phase, count in connection.execute(query)})


@dataclass(frozen=True, slots=True)
class Unread:
    """How many deliveries were not read yet, since when the first of them waits, and how many could not be read."""

    waiting: int = 0
    since: datetime | None = None
    failed: int = 0


def deliveries(connection: Connection, tenant: str, names: Collection[str]) -> dict[str, Unread]:
    """Return what of each integration's deliveries was not read; one that failed counts as long as it has its body."""
    c = inbox.c
    ours = (c.tenant == tenant, c.integration.in_(names))
    waiting = select(c.integration, func.count(), func.min(c.received_at)).where(*ours)
    found = {
        name: Unread(count, since)
        for name, count, since in connection.execute(waiting.where(c.due_at.is_not(None)).group_by(c.integration))
    }
    failed = select(c.integration, func.count()).where(*ours, c.state == InboxState.FAILED)
    for name, count in connection.execute(failed.where(c.body.is_not(None)).group_by(c.integration)):
        found[name] = replace(found.get(name, Unread()), failed=count)
    return found


def first_due(connection: Connection, lanes: Iterable[Lane], now: datetime, *, later: bool = False) -> datetime | None:
    """Return when the first account that nobody holds any more is due: by now, or `later`."""
    c = accounts.c
    free = or_(c.lease_owner.is_(None), c.lease_until <= now)
    when = c.due_at > now if later else c.due_at <= now
    found: list[datetime] = []
    for lane in lanes:
        for priority in Priority:
            query = select(c.due_at).where(
                c.tenant == lane.tenant, c.integration == lane.integration, c.priority == priority.value,
                c.due_at.is_not(None), when, free,
            )  # fmt: skip
            found += connection.execute(query.order_by(c.due_at).limit(1)).scalars()
    return min(found, default=None)


def leases(connection: Connection, now: datetime) -> list[Lease]:
    """Return who holds accounts under leases that have not ended."""
    c = accounts.c
    query = select(c.lease_owner, func.count(), func.max(c.lease_until))
    query = query.where(c.lease_owner.is_not(None), c.lease_until > now).group_by(c.lease_owner)
    return [Lease(*row) for row in connection.execute(query)]


def orphans(connection: Connection, tenant: str, now: datetime) -> tuple[int, datetime | None]:
    """Count the attempts that nobody closed and whose lease has ended; return also when the oldest began."""
    found = [_orphans(connection, tried, tenant, now) for tried in (attempts, task_attempts)]
    return sum(count for count, _ in found), min((oldest for _, oldest in found if oldest is not None), default=None)


def _orphans(connection: Connection, tried: Table, tenant: str, now: datetime) -> tuple[int, datetime | None]:
    c = accounts.c
    ended = or_(c.lease_until.is_(None), c.lease_until <= now, c.lease_number != tried.c.lease_number)
    query = select(func.count(), func.min(tried.c.started_at)).join_from(tried, accounts, c.key == tried.c.account_key)
    count, oldest = connection.execute(query.where(tried.c.tenant == tenant, tried.c.ended_at.is_(None), ended)).one()
    return count, oldest


def newest_entry(connection: Connection, tenant: str) -> datetime | None:
    """Return when the newest entry of a tenant's audit was made."""
    last = and_(audit.c.tenant == chains.c.tenant, audit.c.number == chains.c.entry)
    query = select(audit.c.at).join_from(chains, audit, last).where(chains.c.tenant == tenant)
    at: datetime | None = connection.execute(query).scalar()
    return at


def last_answer(connection: Connection, tenant: str, integration: str, since: datetime) -> Answer | None:
    """Return the newest exchange of an integration since an instant."""
    c = exchanges.c
    query = select(c.at, c.response_headers).where(c.tenant == tenant, c.at >= since, c.integration == integration)
    row = connection.execute(query.order_by(c.at.desc()).limit(1)).first()
    return Answer(*row) if row else None


def probe(connection: Connection) -> None:
    """Write to no row: refused where the store is read-only."""
    connection.execute(update(accounts).where(accounts.c.key == "").values(priority=0))


def pragmas(connection: Connection) -> dict[str, Any]:
    """Return SQLite's settings on which durability rests."""
    names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names}


def server(connection: Connection) -> tuple[str, datetime | None]:
    """Return the database's version, and the instant by its own clock if it has one."""
    if connection.dialect.name == "sqlite":
        return f"SQLite {connection.exec_driver_sql('SELECT sqlite_version()').scalar()}", None
    version, at = connection.execute(text("SELECT current_setting('server_version'), clock_timestamp()")).one()
    return f"PostgreSQL {version}", at
