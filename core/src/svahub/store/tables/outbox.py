"""The tables of what other systems are told: who is told, what, in which order; and how each customer stands."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
)

from svahub.store.states import MessageState, NewsKind
from svahub.store.tables.columns import metadata, name_column, tenant_column
from svahub.store.types import Choice, Instant

outbox_targets = Table(
    "outbox_targets",
    metadata,
    tenant_column(),
    name_column("name"),
    Column("url", Text, nullable=False),
    Column("kinds", JSON(none_as_null=True)),  # None: all
    Column("product_types", JSON(none_as_null=True)),  # None: all that are not sensitive
    Column("secret", Text, nullable=False),
    Column("former_secret", Text),
    Column("former_until", Instant),
    Column("allow_private", Boolean, nullable=False),
    Column("paused_until", Instant),
    Column("sent", BigInteger, nullable=False),  # messages are pruned: a metric must not fall
    Column("failed", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("tenant", "name"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
)

outbox = Table(  # ids are given under the lock of the tenant's chain: they stand in the order of the commits
    "outbox",
    metadata,
    Column("id", Integer, nullable=False),
    tenant_column(),
    name_column("target"),
    name_column("customer_id"),
    Column("message_id", String(40), nullable=False),
    Column("kind", Choice(NewsKind), nullable=False),
    name_column("contract_id", null=True),
    name_column("item_code", null=True),
    Column("body", Text),  # None: the customer was erased
    Column("created_at", Instant, nullable=False),
    Column("state", Choice(MessageState), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("tried_since", Instant),
    Column("status", SmallInteger),
    Column("cause", Text),
    Column("ended_at", Instant),
    PrimaryKeyConstraint("id"),
    ForeignKeyConstraint(["tenant", "target"], ["outbox_targets.tenant", "outbox_targets.name"]),
    Index(None, "tenant", "target", "state", "id"),
    Index(None, "tenant", "customer_id"),
    Index(None, "tenant", "ended_at"),
    sqlite_autoincrement=True,
)
Index(
    "ix_outbox_open",
    outbox.c.tenant,
    outbox.c.target,
    outbox.c.customer_id,
    outbox.c.id,
    sqlite_where=outbox.c.ended_at.is_(None),
    postgresql_where=outbox.c.ended_at.is_(None),
)

outbox_lines = Table(
    "outbox_lines",
    metadata,
    tenant_column(),
    name_column("target"),
    name_column("customer_id"),
    Column("due_at", Instant),
    Column("owner", String(200)),
    PrimaryKeyConstraint("tenant", "target", "customer_id"),
    ForeignKeyConstraint(["tenant", "target"], ["outbox_targets.tenant", "outbox_targets.name"]),
)
Index(
    "ix_outbox_lines_due",
    outbox_lines.c.tenant,
    outbox_lines.c.target,
    outbox_lines.c.due_at,
    sqlite_where=outbox_lines.c.due_at.is_not(None),
    postgresql_where=outbox_lines.c.due_at.is_not(None),
)

standings = Table(  # what was last told of each customer
    "standings",
    metadata,
    tenant_column(),
    name_column("customer_id"),
    Column("status", String(32), nullable=False),
    Column("reasons", JSON, nullable=False),
    PrimaryKeyConstraint("tenant", "customer_id"),
    ForeignKeyConstraint(["tenant", "customer_id"], ["customers.tenant", "customers.id"]),
)
