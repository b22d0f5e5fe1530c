"""The tables of what plugins ask for beside the lifecycle: tasks, and each try of one."""

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
    UniqueConstraint,
)

from svahub.store.states import Certainty, Outcome, Phase, TaskStep
from svahub.store.tables.columns import metadata, name_column, tenant_column
from svahub.store.types import Choice, Instant

tasks = Table(
    "tasks",
    metadata,
    Column("id", Integer, nullable=False),
    Column("key", String(36), nullable=False),
    tenant_column(),
    name_column("integration"),
    Column("account_key", String(36), nullable=False),
    name_column("kind"),
    name_column("name"),
    name_column("contract_id", null=True),
    Column("payload", JSON, nullable=False),
    Column("adds", Boolean, nullable=False),
    name_column("actor"),
    Column("note", Text),
    Column("outcome", Choice(Outcome), nullable=False),
    Column("phase", Choice(Phase), nullable=False),
    Column("due_at", Instant),
    Column("priority", SmallInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("uncertain_since", Instant),
    Column("looks", SmallInteger, nullable=False),
    Column("cause", Text),
    Column("advice", Text),
    name_column("remote_id", null=True),
    Column("details", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("key"),
    ForeignKeyConstraint(["account_key"], ["accounts.key"]),
    Index(None, "account_key", "id"),
    Index(None, "tenant", "integration", "phase"),
    Index(None, "tenant", "contract_id", "id"),
    sqlite_autoincrement=True,
)

task_attempts = Table(
    "task_attempts",
    metadata,
    Column("account_key", String(36), nullable=False),
    Column("lease_number", Integer, nullable=False),
    tenant_column(),
    Column("task_key", String(36), nullable=False),
    Column("step", Choice(TaskStep), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("certainty", Choice(Certainty)),
    Column("cause", Text),
    PrimaryKeyConstraint("account_key", "lease_number"),
    ForeignKeyConstraint(["account_key"], ["accounts.key"]),
    ForeignKeyConstraint(["task_key"], ["tasks.key"]),
    Index(None, "task_key", "started_at"),
)
Index(
    "ix_task_attempts_open",
    task_attempts.c.account_key,
    sqlite_where=task_attempts.c.ended_at.is_(None),
    postgresql_where=task_attempts.c.ended_at.is_(None),
)
