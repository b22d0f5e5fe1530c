"""The tables of who owes: debts that billing plugins raised, the rule about them, contracts that are exempt from it."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from svahub.store.tables.columns import metadata, name_column, tenant_column
from svahub.store.types import Instant, Money

debts = Table(
    "debts",
    metadata,
    tenant_column(),
    name_column("integration"),
    name_column("reference"),
    name_column("contract_id"),
    Column("since", Date, nullable=False),
    Column("amount", Money, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("settled_at", Instant),
    Column("forgiven", Boolean, nullable=False),
    PrimaryKeyConstraint("tenant", "integration", "reference"),
    ForeignKeyConstraint(["tenant", "integration"], ["integrations.tenant", "integrations.name"]),
    ForeignKeyConstraint(["tenant", "contract_id"], ["contracts.tenant", "contracts.id"]),
    Index(None, "tenant", "contract_id"),
)
Index(
    "ix_debts_open",
    debts.c.tenant,
    debts.c.contract_id,
    sqlite_where=debts.c.settled_at.is_(None),
    postgresql_where=debts.c.settled_at.is_(None),
)

debt_policies = Table(
    "debt_policies",
    metadata,
    tenant_column(),
    Column("grace_days", Integer, nullable=False),
    Column("product_types", JSON),  # None: all
    Column("integrations", JSON, nullable=False),  # those that are blocked for debts that they themselves raised
    Column("business_days_only", Boolean, nullable=False),
    Column("state", String(2)),  # of Brazil, for its holidays
    Column("changed_at", Instant, nullable=False),
    PrimaryKeyConstraint("tenant"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
    CheckConstraint("grace_days >= 0", name="grace_days"),
)

debt_exemptions = Table(
    "debt_exemptions",
    metadata,
    tenant_column(),
    name_column("contract_id"),
    name_column("actor"),
    Column("note", Text),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("tenant", "contract_id"),
    ForeignKeyConstraint(["tenant", "contract_id"], ["contracts.tenant", "contracts.id"]),
)
