"""The tables of what is done by the clock: schedules, and how long each class of data is kept."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from svahub.store.states import DataClass, RunOutcome
from svahub.store.tables.columns import metadata, name_column, tenant_column
from svahub.store.types import Choice, Instant

schedules = Table(
    "schedules",
    metadata,
    tenant_column(),
    name_column("name"),
    name_column("cron"),
    Column("enabled", Boolean, nullable=False),
    Column("next_due_at", Instant, nullable=False),
    Column("owner", String(200)),
    Column("owned_until", Instant),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("outcome", Choice(RunOutcome)),
    Column("message", Text),
    PrimaryKeyConstraint("tenant", "name"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
    Index(None, "next_due_at"),
)

retention = Table(
    "retention",
    metadata,
    tenant_column(),
    Column("data_class", Choice(DataClass), nullable=False),
    Column("days", Integer, nullable=False),
    PrimaryKeyConstraint("tenant", "data_class"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
    CheckConstraint("days >= 1", name="days"),
)
