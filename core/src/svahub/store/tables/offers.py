"""The tables of what customers are offered by a link: the texts that they agree to, and the links."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from svahub.store.tables.columns import metadata, name_column, tenant_column
from svahub.store.types import Instant, Money

terms = Table(  # never changed nor deleted: a consent names its version
    "terms",
    metadata,
    tenant_column(),
    name_column("product_type"),
    name_column("version"),
    Column("text", Text, nullable=False),
    name_column("actor"),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("tenant", "product_type", "version"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
)

activation_links = Table(
    "activation_links",
    metadata,
    tenant_column(),
    Column("id", String(40), nullable=False),
    name_column("contract_id"),
    name_column("customer_id"),  # whom it was made for: a contract may change hands
    name_column("product_code"),
    name_column("product_type"),
    name_column("integration"),
    name_column("plan", null=True),
    name_column("title"),
    Column("price", Money, nullable=False),
    name_column("terms_version"),
    name_column("actor"),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column("taken_at", Instant),
    name_column("item_code", null=True),  # what was sold by it
    Column("sale", Integer),
    PrimaryKeyConstraint("tenant", "id"),
    UniqueConstraint("id"),
    ForeignKeyConstraint(["tenant", "contract_id"], ["contracts.tenant", "contracts.id"]),
    ForeignKeyConstraint(["tenant", "customer_id"], ["customers.tenant", "customers.id"]),
    ForeignKeyConstraint(
        ["tenant", "product_type", "terms_version"], ["terms.tenant", "terms.product_type", "terms.version"]
    ),
    Index(None, "tenant", "contract_id"),
    Index(None, "tenant", "customer_id"),
)
