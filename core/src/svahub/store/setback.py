"""A clock that was set back: noticed by the audit, whose last entry then lies ahead, and what it left in the future.

Nothing waits until the clock has come there again. What is brought back is due now, at worst a little early: an early
look is not believed, an early retry is one more try. So it does no harm to do it twice.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Column, ColumnElement, Connection, Table, Update, and_, bindparam, select, update

from svahub.store.tables import (
    accounts,
    audit,
    breakers,
    chains,
    happenings,
    inbox,
    integrations,
    outbox,
    outbox_lines,
    outbox_targets,
    paces,
    reconciliations,
    sources,
    subscriptions,
    tasks,
)

SLACK = timedelta(seconds=5)
NOW = timedelta(0)
LONGEST_LEASE = timedelta(minutes=3)
"""Longer than any worker's lease with the longest call under it, and than the claim of a delivery."""


# not joined: SQLite would look every entry's chain up, and not every chain's entry
_last_entry = and_(audit.c.tenant == chains.c.tenant, audit.c.number == chains.c.entry)
_LAST_TOLD = select(chains.c.tenant, select(audit.c.at).where(_last_entry).scalar_subquery())


def noticed(connection: Connection, now: datetime) -> dict[str, timedelta]:
    """Return by how much the clock stands before the last entry of each tenant's audit, where it does."""
    told = connection.execute(_LAST_TOLD).all()
    return {tenant: at - now for tenant, at in told if at is not None and at > now + SLACK}


def bring_back(connection: Connection, tenant: str, now: datetime) -> None:
    """Let what a tenant's accounts and deliveries wait for be due now; what others hold, once that has surely ended."""
    for statement, ahead in _steps():
        connection.execute(statement, {"b_tenant": tenant, "b_at": now + ahead})


@cache
def _steps() -> list[tuple[Update, timedelta]]:
    """Return what may lie no further ahead than now, and by how much it may."""
    return [
        *_free_and_held(accounts, accounts.c.lease_owner),
        (_no_later(accounts, "lease_until", accounts.c.lease_owner.is_not(None)), LONGEST_LEASE),
        (_no_later(subscriptions, "due_at"), NOW),
        (_no_later(subscriptions, "uncertain_since"), NOW),
        (_no_later(tasks, "due_at"), NOW),
        (_no_later(tasks, "uncertain_since"), NOW),
        *_free_and_held(inbox, inbox.c.owner),
        (_no_later(integrations, "paused_until"), NOW),
        *_free_and_held(outbox_lines, outbox_lines.c.owner),
        (_no_later(outbox, "tried_since"), NOW),
        (_no_later(outbox_targets, "paused_until"), NOW),
        (_no_later(sources, "due_at"), NOW),
        (_no_later(sources, "contracts_until"), NOW),
        (_no_later(sources, "receivables_until"), NOW),
        (_no_later(happenings, "due_at"), NOW),
        (_no_later(reconciliations, "owned_until"), NOW),
        (_no_later(breakers, "probe_at"), NOW),
        (_no_later(paces, "free_at"), NOW),
    ]


def _no_later(table: Table, name: str, *more: ColumnElement[bool]) -> Update:
    later = (table.c.tenant == bindparam("b_tenant"), table.c[name] > bindparam("b_at"), *more)
    return update(table).where(*later).values({name: bindparam("b_at")})


def _free_and_held(table: Table, owner: Column[str]) -> list[tuple[Update, timedelta]]:
    free, held = owner.is_(None), owner.is_not(None)
    return [(_no_later(table, "due_at", free), NOW), (_no_later(table, "due_at", held), LONGEST_LEASE)]
