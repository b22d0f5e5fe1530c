"""The tables of the business: tenants, integrations and catalogue; customers and contracts; what was sold."""

from __future__ import annotations

from typing import Any

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
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from svahub.models import Desired, DocumentKind, Environment, Observed, Reason
from svahub.shards import shard_of
from svahub.store.states import ContractStatus, IntegrationState, Phase
from svahub.store.tables.columns import ONLY, metadata, name_column, tenant_column
from svahub.store.types import Choice, Instant, Money

tenants = Table(
    "tenants",
    metadata,
    Column("name", String(200), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("name"),
)

integrations = Table(
    "integrations",
    metadata,
    tenant_column(),
    name_column("name"),
    name_column("provider"),
    Column("distribution", String(200)),
    Column("environment", Choice(Environment), nullable=False),
    Column("base_url", Text, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("secrets", JSON, nullable=False),
    Column("state", Choice(IntegrationState), nullable=False),
    Column("cause", Text),
    Column("paused_until", Instant),
    Column("created_at", Instant, nullable=False),
    Column("secrets_at", Instant),
    Column("former_secrets", JSON),
    Column("secret_dates", JSON),
    Column("endpoint_id", String(32)),
    PrimaryKeyConstraint("tenant", "name"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
    Index(None, "endpoint_id", unique=True),
)

plans = Table(
    "plans",
    metadata,
    tenant_column(),
    name_column("integration"),
    name_column("remote_id"),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("price", Money),
    Column("version", Integer, nullable=False),
    Column("retired_at", Instant),
    Column("synced_at", Instant, nullable=False),
    PrimaryKeyConstraint("tenant", "integration", "remote_id"),
    ForeignKeyConstraint(["tenant", "integration"], ["integrations.tenant", "integrations.name"]),
)

product_links = Table(
    "product_links",
    metadata,
    tenant_column(),
    name_column("code"),
    name_column("product_type"),
    name_column("integration"),
    name_column("plan", null=True),
    PrimaryKeyConstraint("tenant", "code"),
    ForeignKeyConstraint(["tenant", "integration"], ["integrations.tenant", "integrations.name"]),
)

customers = Table(
    "customers",
    metadata,
    tenant_column(),
    name_column("id"),
    Column("name", Text, nullable=False),
    Column("document", String(14), nullable=False),
    Column("document_kind", Choice(DocumentKind), nullable=False),
    Column("email", Text),
    Column("phone", String(20)),
    Column("birth_date", Date),
    Column("address", JSON),
    Column("digest", String(64), nullable=False),
    Column("last_import", JSON),
    Column("erased_at", Instant),
    PrimaryKeyConstraint("tenant", "id"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
    Index(None, "tenant", "document"),
)

contracts = Table(
    "contracts",
    metadata,
    tenant_column(),
    name_column("id"),
    name_column("customer_id"),
    Column("status", Choice(ContractStatus), nullable=False),
    Column("due_day", SmallInteger),
    Column("price", Money),
    Column("last_import", JSON),
    Column("changed_at", Instant, nullable=False),
    name_column("source", null=True),  # which told of it last; None: a file or a program
    PrimaryKeyConstraint("tenant", "id"),
    ForeignKeyConstraint(["tenant", "customer_id"], ["customers.tenant", "customers.id"]),
    CheckConstraint("due_day BETWEEN 1 AND 31", name="due_day"),
    Index(None, "tenant", "customer_id"),
)

items = Table(
    "items",
    metadata,
    tenant_column(),
    name_column("contract_id"),
    name_column("code"),
    name_column("product_code"),
    name_column("plan", null=True),
    name_column("integration", null=True),
    Column("quantity", Integer, nullable=False),
    Column("price", Money),
    Column("attributes", JSON, nullable=False),
    Column("consent", JSON),
    Column("sales", Integer, nullable=False),
    Column("removed", Boolean, nullable=False),
    PrimaryKeyConstraint("tenant", "contract_id", "code"),
    ForeignKeyConstraint(["tenant", "contract_id"], ["contracts.tenant", "contracts.id"]),
    CheckConstraint("quantity >= 1", name="quantity"),
    Index(None, "tenant", "product_code"),
)

block_reasons = Table(
    "block_reasons",
    metadata,
    tenant_column(),
    name_column("contract_id"),
    Column("item_code", String(200), nullable=False),  # empty: the whole contract
    Column("reason", Choice(Reason), nullable=False),
    name_column("source"),
    Column("until", Instant),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("tenant", "contract_id", "item_code", "reason", "source"),
    ForeignKeyConstraint(["tenant", "contract_id"], ["contracts.tenant", "contracts.id"]),
)
Index(
    "ix_block_reasons_until",
    block_reasons.c.until,
    sqlite_where=block_reasons.c.until.is_not(None),
    postgresql_where=block_reasons.c.until.is_not(None),
)


def _shard_of_new(context: Any) -> int:
    return shard_of(context.get_current_parameters()["key"])


accounts = Table(
    "accounts",
    metadata,
    Column("key", String(36), nullable=False),
    tenant_column(),
    name_column("integration"),
    name_column("customer_id", null=True),  # None: the ISP's own, for tasks that are no customer's
    name_column("remote_id", null=True),
    Column("priority", SmallInteger, nullable=False),
    Column("due_at", Instant),
    Column("lease_owner", String(200)),
    Column("lease_number", Integer, nullable=False),
    Column("lease_until", Instant),
    Column("shard", SmallInteger, nullable=False, default=_shard_of_new),
    PrimaryKeyConstraint("key"),
    ForeignKeyConstraint(["tenant", "integration"], ["integrations.tenant", "integrations.name"]),
    ForeignKeyConstraint(["tenant", "customer_id"], ["customers.tenant", "customers.id"]),
    UniqueConstraint("tenant", "integration", "customer_id"),
    Index(None, "tenant", "customer_id"),
    Index(None, "tenant", "integration", "remote_id"),
)
Index(
    "ix_accounts_due",
    accounts.c.tenant,
    accounts.c.integration,
    accounts.c.priority,
    accounts.c.due_at,
    sqlite_where=accounts.c.due_at.is_not(None),
    postgresql_where=accounts.c.due_at.is_not(None),
)
Index(
    "ix_accounts_due_by_shard",
    accounts.c.tenant,
    accounts.c.integration,
    accounts.c.priority,
    accounts.c.shard,
    accounts.c.due_at,
    postgresql_where=accounts.c.due_at.is_not(None),
    info={ONLY: "postgresql"},
)
Index(
    "ix_accounts_leased",
    accounts.c.lease_owner,
    sqlite_where=accounts.c.lease_owner.is_not(None),
    postgresql_where=accounts.c.lease_owner.is_not(None),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("key", String(36), nullable=False),
    tenant_column(),
    name_column("contract_id"),
    name_column("item_code"),
    Column("sale", Integer, nullable=False),
    name_column("product_type"),
    name_column("integration"),
    Column("account_key", String(36), nullable=False),
    name_column("plan", null=True),
    Column("quantity", Integer, nullable=False),
    Column("price", Money),
    Column("due_day", SmallInteger),
    Column("attributes", JSON, nullable=False),
    Column("consent", JSON),
    Column("desired", Choice(Desired), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("observed", Choice(Observed), nullable=False),
    name_column("remote_id", null=True),
    Column("applied", JSON),
    Column("sent", JSON),
    Column("uncertain_since", Instant),
    Column("looks", SmallInteger, nullable=False),
    Column("phase", Choice(Phase), nullable=False),
    Column("due_at", Instant),
    Column("priority", SmallInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("cause", Text),
    Column("advice", Text),
    Column("handle", Text),
    name_column("candidate", null=True),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("told", Choice(Observed)),  # how it was when it was last known for certain; None: never sold yet
    PrimaryKeyConstraint("key"),
    ForeignKeyConstraint(["account_key"], ["accounts.key"]),
    ForeignKeyConstraint(["tenant", "contract_id", "item_code"], ["items.tenant", "items.contract_id", "items.code"]),
    UniqueConstraint("tenant", "contract_id", "item_code", "sale"),
    Index(None, "account_key"),
    Index(None, "tenant", "integration", "phase"),
)
