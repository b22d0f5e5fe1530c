"""The tables of what holds calls back: providers that answer nobody, and from when on the next call may be made."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKeyConstraint, Integer, PrimaryKeyConstraint, Table, Text

from svahub.store.tables.columns import metadata, name_column, tenant_column
from svahub.store.types import Instant

breakers = Table(  # a row as long as calls fail one after the other; once it is opened, the provider is only probed
    "breakers",
    metadata,
    tenant_column(),
    name_column("integration"),
    Column("since", Instant, nullable=False),
    Column("cause", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("opened", Boolean, nullable=False),
    Column("probes", Integer, nullable=False),
    Column("probe_at", Instant, nullable=False),  # of one that is made now: when another may be, if it is lost
    Column("probing", Boolean, nullable=False),
    PrimaryKeyConstraint("tenant", "integration"),
    ForeignKeyConstraint(["tenant", "integration"], ["integrations.tenant", "integrations.name"]),
)

paces = Table(  # of integrations whose calls are limited
    "paces",
    metadata,
    tenant_column(),
    name_column("integration"),
    Column("free_at", Instant, nullable=False),
    PrimaryKeyConstraint("tenant", "integration"),
    ForeignKeyConstraint(["tenant", "integration"], ["integrations.tenant", "integrations.name"]),
)
