"""API keys: kept as hashes, bound to a tenant; one that is revoked keeps its row, so that its name is not reused."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, or_, select, update

from svahub.store.inserting import insert_into
from svahub.store.states import Permission
from svahub.store.tables import api_keys


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key: what its bearer may do, and who made it."""

    tenant: str
    name: str
    hash: str = field(repr=False)
    permission: Permission
    actor: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


def add(connection: Connection, row: KeyRow) -> bool:
    """Keep a new key; False when there is, or was, one of its name."""
    values = {column.name: getattr(row, column.name) for column in api_keys.c}
    new = insert_into(connection, api_keys).values(values).on_conflict_do_nothing(index_elements=["tenant", "name"])
    return connection.execute(new.returning(api_keys.c.name)).first() is not None


def of_tenant(connection: Connection, tenant: str) -> list[KeyRow]:
    """Return a tenant's keys by name, revoked ones too."""
    query = select(api_keys).where(api_keys.c.tenant == tenant).order_by(api_keys.c.name)
    return [KeyRow(*row) for row in connection.execute(query)]


def one(connection: Connection, tenant: str, name: str) -> KeyRow | None:
    """Return one key."""
    row = connection.execute(select(api_keys).where(api_keys.c.tenant == tenant, api_keys.c.name == name)).first()
    return KeyRow(*row) if row else None


def by_hash(connection: Connection, hashed: str) -> KeyRow | None:
    """Return the key of any tenant that has a hash, unless it is revoked."""
    query = select(api_keys).where(api_keys.c.hash == hashed, api_keys.c.revoked_at.is_(None))
    row = connection.execute(query).first()
    return KeyRow(*row) if row else None


def revoke(connection: Connection, tenant: str, name: str, now: datetime) -> None:
    """Let a key open nothing more."""
    mine = (api_keys.c.tenant == tenant, api_keys.c.name == name, api_keys.c.revoked_at.is_(None))
    connection.execute(update(api_keys).where(*mine).values(revoked_at=now))


def note_use(connection: Connection, tenant: str, name: str, now: datetime, before: datetime) -> None:
    """Keep when a key was used last, unless a use since `before` is kept already."""
    c = api_keys.c
    stale = or_(c.last_used_at.is_(None), c.last_used_at <= before)
    connection.execute(update(api_keys).where(c.tenant == tenant, c.name == name, stale).values(last_used_at=now))
