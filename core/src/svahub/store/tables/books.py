"""The tables of what happened: operations and attempts, exchanges, and the audit with its chain of hashes."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
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

from svahub.lifecycle import Step
from svahub.store.states import AuditKind, Certainty, EventKind, Outcome, Verb
from svahub.store.tables.columns import metadata, name_column, tenant_column
from svahub.store.types import Choice, Instant

operations = Table(
    "operations",
    metadata,
    Column("id", Integer, nullable=False),
    tenant_column(),
    Column("subscription_key", String(36), nullable=False),
    Column("verb", Choice(Verb), nullable=False),
    Column("generation", Integer, nullable=False),
    name_column("actor"),
    Column("reason", String(32)),
    Column("note", Text),
    name_column("idempotency_key", null=True),
    Column("outcome", Choice(Outcome), nullable=False),
    Column("superseded_by", Integer),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("campaign_id", Integer),  # that asked for it; it may be older than campaigns are kept
    PrimaryKeyConstraint("id"),
    ForeignKeyConstraint(["subscription_key"], ["subscriptions.key"]),
    Index(None, "subscription_key", "generation"),
    Index(None, "tenant", "outcome", "id"),
    sqlite_autoincrement=True,
)
Index(
    "ix_operations_campaign",
    operations.c.campaign_id,
    operations.c.outcome,
    sqlite_where=operations.c.campaign_id.is_not(None),
    postgresql_where=operations.c.campaign_id.is_not(None),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    tenant_column(),
    name_column("key"),
    Column("digest", String(64), nullable=False),
    Column("answer", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("tenant", "key"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
    Index(None, "created_at"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("account_key", String(36), nullable=False),
    Column("lease_number", Integer, nullable=False),
    tenant_column(),
    Column("subscription_key", String(36), nullable=False),
    Column("step", Choice(Step), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("sent", JSON),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("certainty", Choice(Certainty)),
    Column("cause", Text),
    PrimaryKeyConstraint("account_key", "lease_number"),
    ForeignKeyConstraint(["account_key"], ["accounts.key"]),
    ForeignKeyConstraint(["subscription_key"], ["subscriptions.key"]),
    Index(None, "subscription_key", "started_at"),
)
Index(
    "ix_attempts_open",
    attempts.c.account_key,
    sqlite_where=attempts.c.ended_at.is_(None),
    postgresql_where=attempts.c.ended_at.is_(None),
)

exchanges = Table(
    "exchanges",
    metadata,
    Column("id", Integer, nullable=False),
    tenant_column(),
    name_column("integration"),
    Column("account_key", String(36)),
    Column("lease_number", Integer),
    Column("at", Instant, nullable=False),
    Column("method", String(10), nullable=False),
    Column("path", Text, nullable=False),
    Column("status", SmallInteger),
    Column("milliseconds", Integer, nullable=False),
    Column("request_headers", JSON, nullable=False),
    Column("request_body", Text),
    Column("response_headers", JSON, nullable=False),
    Column("response_body", Text),
    Column("error", Text),
    Column("audit_number", Integer),
    Column("digest", String(64)),
    Column("redacted_at", Instant),
    PrimaryKeyConstraint("id"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
    Index(None, "account_key", "lease_number"),
    Index(None, "tenant", "integration", "at", "id"),
    Index(None, "tenant", "audit_number"),
    sqlite_autoincrement=True,
)

chains = Table(  # the last links: whoever appends locks the tenant's row, so numbers are in the order of the commits
    "chains",
    metadata,
    tenant_column(),
    Column("entry", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("anchor", Integer, nullable=False),
    Column("anchor_hash", String(64), nullable=False),
    Column("event", Integer, nullable=False),
    PrimaryKeyConstraint("tenant"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
)

audit = Table(
    "audit",
    metadata,
    tenant_column(),
    Column("number", Integer, nullable=False, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("kind", Choice(AuditKind), nullable=False),
    name_column("actor", null=True),
    name_column("command", null=True),
    name_column("subject", null=True),
    Column("details", JSON),
    Column("digest", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("pruned", Boolean, nullable=False),
    PrimaryKeyConstraint("tenant", "number"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
)
for _led_by in (audit.c.kind, audit.c.actor, audit.c.subject):  # what was pruned is not looked for
    Index(
        f"ix_audit_{_led_by.name}",
        audit.c.tenant,
        _led_by,
        audit.c.at,
        audit.c.number,
        sqlite_where=audit.c.pruned.is_(False),
        postgresql_where=audit.c.pruned.is_(False),
    )

events = Table(
    "events",
    metadata,
    tenant_column(),
    Column("number", Integer, nullable=False, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("kind", Choice(EventKind), nullable=False),
    name_column("integration", null=True),
    name_column("contract_id", null=True),
    name_column("item_code", null=True),
    Column("subscription_key", String(36)),
    Column("details", JSON, nullable=False),
    PrimaryKeyConstraint("tenant", "number"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
    Index(None, "tenant", "at"),
)
