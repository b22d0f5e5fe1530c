"""A clock that was set back: noticed by the audit, whose last entry then lies ahead, and what it left in the future.

Nothing waits until the clock has come there again. What is brought back is due now, at worst a little early: an early
look is not believed, an early retry is one more try. So it does no harm to do it twice.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, select, update

from svahub.store.tables import (
    accounts,
    audit,
    chains,
    happenings,
    inbox,
    integrations,
    outbox,
    outbox_lines,
    outbox_targets,
    reconciliations,
    sources,
    subscriptions,
    tasks,
)

SLACK = timedelta(seconds=5)
LONGEST_LEASE = timedelta(minutes=3)
"""Longer than any worker's lease with the longest call under it, and than the claim of a delivery."""


def noticed(connection: Connection, now: datetime) -> dict[str, timedelta]:
    """Return by how much the clock stands before the last entry of each tenant's audit, where it does."""
    # not joined: SQLite would look every entry's chain up, and not every chain's entry
    entry = and_(audit.c.tenant == chains.c.tenant, audit.c.number == chains.c.entry)
    last = select(audit.c.at).where(entry).scalar_subquery()
    told = connection.execute(select(chains.c.tenant, last)).all()
    return {tenant: at - now for tenant, at in told if at is not None and at > now + SLACK}


def bring_back(connection: Connection, tenant: str, now: datetime) -> None:
    """Let what a tenant's accounts and deliveries wait for be due now; what others hold, once that has surely ended."""
    free, held = accounts.c.lease_owner.is_(None), accounts.c.lease_owner.is_not(None)
    _no_later(connection, accounts, tenant, (accounts.c.due_at,), now, [free])
    _no_later(connection, accounts, tenant, (accounts.c.lease_until, accounts.c.due_at), now + LONGEST_LEASE, [held])
    for column in (subscriptions.c.due_at, subscriptions.c.uncertain_since):
        _no_later(connection, subscriptions, tenant, (column,), now)
    for column in (tasks.c.due_at, tasks.c.uncertain_since):
        _no_later(connection, tasks, tenant, (column,), now)
    _no_later(connection, inbox, tenant, (inbox.c.due_at,), now, [inbox.c.owner.is_(None)])
    _no_later(connection, inbox, tenant, (inbox.c.due_at,), now + LONGEST_LEASE, [inbox.c.owner.is_not(None)])
    _no_later(connection, integrations, tenant, (integrations.c.paused_until,), now)
    lines = outbox_lines.c
    _no_later(connection, outbox_lines, tenant, (lines.due_at,), now, [lines.owner.is_(None)])
    _no_later(connection, outbox_lines, tenant, (lines.due_at,), now + LONGEST_LEASE, [lines.owner.is_not(None)])
    _no_later(connection, outbox, tenant, (outbox.c.tried_since,), now)
    _no_later(connection, outbox_targets, tenant, (outbox_targets.c.paused_until,), now)
    for column in (sources.c.due_at, sources.c.contracts_until, sources.c.receivables_until):
        _no_later(connection, sources, tenant, (column,), now)
    _no_later(connection, happenings, tenant, (happenings.c.due_at,), now)
    _no_later(connection, reconciliations, tenant, (reconciliations.c.owned_until,), now)


def _no_later(
    connection: Connection,
    table: Table,
    tenant: str,
    columns: Collection[Column[datetime]],
    at: datetime,
    more: Collection[ColumnElement[bool]] = (),
) -> None:
    for column in columns:
        later = (table.c.tenant == tenant, column > at, *more)
        connection.execute(update(table).where(*later).values({column.name: at}))
