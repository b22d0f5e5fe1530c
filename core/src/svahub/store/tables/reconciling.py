"""The tables of reconciling: each comparison with a provider, whom it has listed, and the differences that it found."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from svahub.lifecycle import Step
from svahub.models import Observed
from svahub.store.states import Agreement, ReconcileState
from svahub.store.tables.columns import metadata, name_column, tenant_column
from svahub.store.types import Choice, Instant

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("id", Integer, nullable=False),
    tenant_column(),
    name_column("integration"),
    Column("state", Choice(ReconcileState), nullable=False),
    name_column("actor"),
    Column("started_at", Instant, nullable=False),
    Column("listed", Integer, nullable=False),
    name_column("last_remote_id", null=True),  # the listing goes on after it
    Column("whole", Boolean, nullable=False),  # the listing came to its end
    Column("cause", Text),  # why it did not
    Column("owner", String(200)),
    Column("owned_until", Instant),
    Column("finished_at", Instant),
    Column("observing", Boolean, nullable=False),  # the first of its integration: nothing follows from it
    Column("counts", JSON),
    Column("live", Integer),
    Column("stopping", Integer),
    Column("digest", String(64)),
    name_column("approved_by", null=True),
    Column("approval", Text),
    Column("approved_at", Instant),
    name_column("applied_by", null=True),
    Column("applied_at", Instant),
    PrimaryKeyConstraint("id"),
    ForeignKeyConstraint(["tenant", "integration"], ["integrations.tenant", "integrations.name"]),
    Index(None, "tenant", "integration", "id"),
    sqlite_autoincrement=True,
)

listed_users = Table(  # while a comparison is under way; no personal data
    "listed_users",
    metadata,
    Column("reconciliation_id", Integer, nullable=False),
    name_column("remote_id"),
    tenant_column(),
    Column("account_key", String(36)),  # whose it is, as far as it tells; None: nobody's yet
    Column("ours", Boolean, nullable=False),  # by our reference; otherwise by the document alone
    Column("status", Choice(Observed), nullable=False),
    Column("entries", JSON, nullable=False),
    PrimaryKeyConstraint("reconciliation_id", "remote_id"),
    ForeignKeyConstraint(["reconciliation_id"], ["reconciliations.id"]),
    Index(None, "reconciliation_id", "account_key", "remote_id"),
)

differences = Table(
    "differences",
    metadata,
    Column("reconciliation_id", Integer, nullable=False),
    Column("number", Integer, nullable=False, autoincrement=False),
    tenant_column(),
    Column("agreement", Choice(Agreement), nullable=False),
    Column("account_key", String(36)),
    Column("subscription_key", String(36)),
    name_column("remote_id", null=True),
    Column("saw", JSON),
    Column("seen", JSON),
    Column("step", Choice(Step), nullable=False),
    PrimaryKeyConstraint("reconciliation_id", "number"),
    ForeignKeyConstraint(["reconciliation_id"], ["reconciliations.id"]),
    Index(None, "reconciliation_id", "account_key"),
    Index(None, "subscription_key"),
)

invoice_layouts = Table(  # which columns of a provider's bill mean what
    "invoice_layouts",
    metadata,
    tenant_column(),
    name_column("integration"),
    Column("columns", JSON, nullable=False),
    PrimaryKeyConstraint("tenant", "integration"),
    ForeignKeyConstraint(["tenant", "integration"], ["integrations.tenant", "integrations.name"]),
)
