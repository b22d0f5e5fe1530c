"""The tables of where contracts come from: up to when each source was read, what it is to be told, debts that wait."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from svahub.store.states import RunOutcome
from svahub.store.tables.columns import metadata, name_column, tenant_column
from svahub.store.types import Choice, Instant, Money

sources = Table(  # an integration that has a row here is a source
    "sources",
    metadata,
    tenant_column(),
    name_column("name"),
    Column("wants", JSON, nullable=False),
    Column("contracts_until", Instant),  # by the source's clock
    Column("receivables_until", Instant),
    Column("due_at", Instant),  # None: nobody pulls by itself
    Column("owner", String(200)),
    Column("owned_until", Instant),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("outcome", Choice(RunOutcome)),
    Column("message", Text),
    PrimaryKeyConstraint("tenant", "name"),
    ForeignKeyConstraint(["tenant", "name"], ["integrations.tenant", "integrations.name"]),
)

happenings = Table(  # what a source is to be told; a row goes with the tasks that come of it
    "happenings",
    metadata,
    Column("id", Integer, nullable=False),
    tenant_column(),
    name_column("source"),
    Column("key", String(40), nullable=False),
    name_column("customer_id"),
    name_column("subscription_key", null=True),
    Column("body", JSON, nullable=False),
    Column("at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("cause", Text),
    Column("doubted", Boolean, nullable=False),  # the store came back: it may have been told, and done
    PrimaryKeyConstraint("id"),
    UniqueConstraint("tenant", "source", "key"),
    ForeignKeyConstraint(["tenant", "source"], ["sources.tenant", "sources.name"]),
    Index(None, "tenant", "source", "due_at"),
    Index(None, "tenant", "customer_id"),
    sqlite_autoincrement=True,
)

unplaced_debts = Table(  # of contracts that a source told of and that could not be taken yet
    "unplaced_debts",
    metadata,
    tenant_column(),
    name_column("source"),
    name_column("reference"),
    name_column("contract_id"),
    Column("since", Date, nullable=False),
    Column("amount", Money, nullable=False),
    PrimaryKeyConstraint("tenant", "source", "reference"),
    ForeignKeyConstraint(["tenant", "source"], ["sources.tenant", "sources.name"]),
    Index(None, "tenant", "source", "contract_id"),
)

rejected_contracts = Table(  # what a source tells of and that cannot be taken as it is
    "rejected_contracts",
    metadata,
    tenant_column(),
    name_column("source"),
    name_column("contract_id"),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("tenant", "source", "contract_id"),
    ForeignKeyConstraint(["tenant", "source"], ["sources.tenant", "sources.name"]),
)
