"""The table of access tokens that processes share: encrypted, named by a keyed digest, and of no use elsewhere."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKeyConstraint, PrimaryKeyConstraint, String, Table, Text

from svahub.store.tables.columns import metadata, name_column, tenant_column
from svahub.store.types import Instant

tokens = Table(
    "tokens",
    metadata,
    tenant_column(),
    Column("name", String(64), nullable=False),
    name_column("integration"),  # that fetched it last: others with the same credentials use it, too
    Column("sealed", Text),
    Column("use_until", Instant),
    Column("owner", String(200)),  # who fetches one now
    Column("owned_until", Instant),
    PrimaryKeyConstraint("tenant", "name"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
)
