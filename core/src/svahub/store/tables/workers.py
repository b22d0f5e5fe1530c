"""The table of who works on this store: processes, whose rows are of no tenant."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Integer, PrimaryKeyConstraint, String, Table

from svahub.store.states import RunnerName
from svahub.store.tables.columns import metadata
from svahub.store.types import Choice, Instant

workers = Table(
    "workers",
    metadata,
    Column("owner", String(200), nullable=False),
    Column("runner", Choice(RunnerName), nullable=False),
    Column("threads", Integer, nullable=False),
    Column("tenants", JSON, nullable=False),  # none named: all
    Column("started_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("shards", Integer),  # None: it looks everywhere
    Column("under_way", Integer, nullable=False),
    PrimaryKeyConstraint("owner"),
)
