"""The tables of campaigns: each with its plan, and a row for each contract, or item of one, that it is about."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKeyConstraint, Index, Integer, PrimaryKeyConstraint, String, Table, Text

from svahub.store.states import CampaignState, RowState, Verb
from svahub.store.tables.columns import metadata, name_column, tenant_column
from svahub.store.types import Choice, Instant

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", Integer, nullable=False),
    tenant_column(),
    Column("verb", Choice(Verb), nullable=False),
    Column("asked", JSON, nullable=False),
    Column("chosen", JSON, nullable=False),  # the file's name, or what was to hold
    Column("note", Text),
    Column("state", Choice(CampaignState), nullable=False),
    name_column("actor"),
    Column("created_at", Instant, nullable=False),
    Column("counts", JSON),  # by integration, what follows for how many subscriptions
    Column("contracts", Integer),
    Column("refused", Integer),
    Column("repeated", Integer),  # named more than once
    Column("stopping", Integer),
    Column("live", Integer),
    Column("digest", String(64)),
    name_column("approved_by", null=True),
    Column("approval", Text),
    Column("approved_at", Instant),
    name_column("started_by", null=True),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    PrimaryKeyConstraint("id"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
    Index(None, "tenant", "state", "id"),
    sqlite_autoincrement=True,
)

campaign_rows = Table(
    "campaign_rows",
    metadata,
    Column("campaign_id", Integer, nullable=False),
    Column("number", Integer, nullable=False, autoincrement=False),
    tenant_column(),
    name_column("contract_id", null=True),  # None: a line that cannot be read
    name_column("item_code", null=True),  # None: the contract as a whole
    name_column("integration", null=True),  # whose turn it takes; None: nothing is to be done at any
    Column("state", Choice(RowState), nullable=False),
    Column("cause", Text),  # why it was refused, or what there is to say of it
    Column("effects", JSON, nullable=False),  # what follows for each subscription, as planned
    PrimaryKeyConstraint("campaign_id", "number"),
    ForeignKeyConstraint(["campaign_id"], ["campaigns.id"]),
    Index(None, "campaign_id", "state", "integration", "number"),
)
