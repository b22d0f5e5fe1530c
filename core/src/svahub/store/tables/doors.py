"""The tables of what comes in from outside: deliveries of providers, API keys; and how often providers were called."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from svahub.store.states import InboxState, Permission
from svahub.store.tables.columns import metadata, name_column, tenant_column
from svahub.store.types import Choice, Instant

inbox = Table(
    "inbox",
    metadata,
    Column("id", Integer, nullable=False),
    tenant_column(),
    name_column("integration"),
    name_column("event_id"),
    name_column("kind"),
    name_column("subject", null=True),
    Column("received_at", Instant, nullable=False),
    Column("deliveries", Integer, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("body", LargeBinary),  # None: erased, or older than its retention
    Column("state", Choice(InboxState), nullable=False),
    Column("due_at", Instant),
    Column("owner", String(200)),
    Column("tries", Integer, nullable=False),
    Column("cause", Text),
    Column("details", JSON, nullable=False),
    Column("ended_at", Instant),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("tenant", "integration", "event_id"),
    ForeignKeyConstraint(["tenant", "integration"], ["integrations.tenant", "integrations.name"]),
    Index(None, "tenant", "integration", "subject", "id"),
    Index(None, "tenant", "received_at"),
    Index(None, "tenant", "integration", "state"),
    sqlite_autoincrement=True,
)
Index(
    "ix_inbox_waiting",
    inbox.c.tenant,
    inbox.c.integration,
    inbox.c.due_at,
    sqlite_where=inbox.c.due_at.is_not(None),
    postgresql_where=inbox.c.due_at.is_not(None),
)

api_keys = Table(
    "api_keys",
    metadata,
    tenant_column(),
    name_column("name"),
    Column("hash", String(64), nullable=False),
    Column("permission", Choice(Permission), nullable=False),
    name_column("actor"),
    Column("created_at", Instant, nullable=False),
    Column("last_used_at", Instant),
    Column("revoked_at", Instant),
    PrimaryKeyConstraint("tenant", "name"),
    UniqueConstraint("hash"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
)

tallies = Table(  # of exchanges, which are pruned: a metric must not fall
    "tallies",
    metadata,
    tenant_column(),
    name_column("integration"),
    Column("status", SmallInteger, nullable=False),  # 0: no answer
    Column("exchanges", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "integration", "status"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
)
