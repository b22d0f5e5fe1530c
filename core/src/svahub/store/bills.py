"""What a provider's bill is checked against: whose its lines are, and the history of what was sold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from svahub.store.among import chunks
from svahub.store.rows import AccountRow, AttemptRow
from svahub.store.tables import accounts, attempts, invoice_layouts, subscriptions


def layout(connection: Connection, tenant: str, integration: str) -> dict[str, Any] | None:
    """Return what was told of an integration's bills; None: nothing yet."""
    c = invoice_layouts.c
    query = select(c.columns).where(c.tenant == tenant, c.integration == integration)
    kept: dict[str, Any] | None = connection.execute(query).scalar()
    return kept


def put_layout(connection: Connection, tenant: str, integration: str, told: dict[str, Any]) -> None:
    """Keep what was told of an integration's bills, in place of what was told before."""
    c = invoice_layouts.c
    connection.execute(delete(invoice_layouts).where(c.tenant == tenant, c.integration == integration))
    connection.execute(insert(invoice_layouts), {"tenant": tenant, "integration": integration, "columns": told})


def by_reference(connection: Connection, tenant: str, integration: str, keys: Collection[str]) -> dict[str, str]:
    """Return whose account each of some references of ours is: of the account itself, or of a subscription."""
    found: dict[str, str] = {}
    a, s, here = accounts.c, subscriptions.c, (tenant, integration)
    for chunk in chunks(sorted(keys)):
        # asked for by the key alone: with more to go by, SQLite reads all of the integration
        mine = select(a.tenant, a.integration, a.key, a.key.label("account_key")).where(a.key.in_(chunk))
        sold = select(s.tenant, s.integration, s.key, s.account_key).where(s.key.in_(chunk))
        for query in (mine, sold):
            rows = (row for row in connection.execute(query) if (row.tenant, row.integration) == here)
            found.update((row.key, row.account_key) for row in rows)
    return found


def by_user(connection: Connection, tenant: str, integration: str, ids: Collection[str]) -> dict[str, str]:
    """Return whose account each of a provider's users is."""
    found: dict[str, str] = {}
    c = accounts.c
    for chunk in chunks(sorted(ids)):
        query = select(c.remote_id, c.key).where(c.tenant == tenant, c.integration == integration)
        found.update((row[0], row[1]) for row in connection.execute(query.where(c.remote_id.in_(chunk))))
    return found


def accounts_of(connection: Connection, keys: Collection[str]) -> list[AccountRow]:
    """Return some accounts."""
    found = []
    for chunk in chunks(sorted(keys)):
        found += [AccountRow(*row) for row in connection.execute(select(accounts).where(accounts.c.key.in_(chunk)))]
    return found


def attempts_of(connection: Connection, keys: Sequence[str]) -> dict[str, list[AttemptRow]]:
    """Return every attempt made for some subscriptions, by subscription, in their order."""
    found: dict[str, list[AttemptRow]] = defaultdict(list)
    for chunk in chunks(keys):
        query = select(attempts).where(attempts.c.subscription_key.in_(chunk))
        for row in connection.execute(query.order_by(attempts.c.started_at, attempts.c.lease_number)):
            found[row.subscription_key].append(AttemptRow(*row))
    return found
