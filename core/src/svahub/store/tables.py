"""Every table of the core. A row never lacks its tenant; a constraint never lacks its name.

Queries live beside this module, one file for each part of the business; migrations are frozen copies of it.
"""

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
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from svahub.lifecycle import Step
from svahub.models import Desired, DocumentKind, Environment, Observed, Reason
from svahub.store.states import Certainty, ContractStatus, IntegrationState, Outcome, Phase, Verb
from svahub.store.types import Choice, Instant, Money

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _name(column: str, *, null: bool = False) -> Column[str]:
    return Column(column, String(200), nullable=null)


def _tenant() -> Column[str]:
    return Column("tenant", String(200), nullable=False)


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
    _tenant(),
    _name("name"),
    _name("provider"),
    Column("distribution", String(200)),
    Column("environment", Choice(Environment), nullable=False),
    Column("base_url", Text, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("secrets", JSON, nullable=False),
    Column("state", Choice(IntegrationState), nullable=False),
    Column("cause", Text),
    Column("paused_until", Instant),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("tenant", "name"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
)

plans = Table(
    "plans",
    metadata,
    _tenant(),
    _name("integration"),
    _name("remote_id"),
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
    _tenant(),
    _name("code"),
    _name("product_type"),
    _name("integration"),
    _name("plan", null=True),
    PrimaryKeyConstraint("tenant", "code"),
    ForeignKeyConstraint(["tenant", "integration"], ["integrations.tenant", "integrations.name"]),
)

customers = Table(
    "customers",
    metadata,
    _tenant(),
    _name("id"),
    Column("name", Text, nullable=False),
    Column("document", String(14), nullable=False),
    Column("document_kind", Choice(DocumentKind), nullable=False),
    Column("email", Text),
    Column("phone", String(20)),
    Column("birth_date", Date),
    Column("address", JSON),
    Column("digest", String(64), nullable=False),
    Column("last_import", JSON),
    PrimaryKeyConstraint("tenant", "id"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
    Index(None, "tenant", "document"),
)

contracts = Table(
    "contracts",
    metadata,
    _tenant(),
    _name("id"),
    _name("customer_id"),
    Column("status", Choice(ContractStatus), nullable=False),
    Column("due_day", SmallInteger),
    Column("price", Money),
    Column("last_import", JSON),
    Column("changed_at", Instant, nullable=False),
    PrimaryKeyConstraint("tenant", "id"),
    ForeignKeyConstraint(["tenant", "customer_id"], ["customers.tenant", "customers.id"]),
    CheckConstraint("due_day BETWEEN 1 AND 31", name="due_day"),
    Index(None, "tenant", "customer_id"),
)

items = Table(
    "items",
    metadata,
    _tenant(),
    _name("contract_id"),
    _name("code"),
    _name("product_code"),
    _name("plan", null=True),
    _name("integration", null=True),
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
    _tenant(),
    _name("contract_id"),
    Column("item_code", String(200), nullable=False),  # empty: the whole contract
    Column("reason", Choice(Reason), nullable=False),
    _name("source"),
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

accounts = Table(
    "accounts",
    metadata,
    Column("key", String(36), nullable=False),
    _tenant(),
    _name("integration"),
    _name("customer_id"),
    _name("remote_id", null=True),
    Column("priority", SmallInteger, nullable=False),
    Column("due_at", Instant),
    Column("lease_owner", String(200)),
    Column("lease_number", Integer, nullable=False),
    Column("lease_until", Instant),
    PrimaryKeyConstraint("key"),
    ForeignKeyConstraint(["tenant", "integration"], ["integrations.tenant", "integrations.name"]),
    ForeignKeyConstraint(["tenant", "customer_id"], ["customers.tenant", "customers.id"]),
    UniqueConstraint("tenant", "integration", "customer_id"),
    Index(None, "tenant", "customer_id"),
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
    "ix_accounts_leased",
    accounts.c.lease_owner,
    sqlite_where=accounts.c.lease_owner.is_not(None),
    postgresql_where=accounts.c.lease_owner.is_not(None),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("key", String(36), nullable=False),
    _tenant(),
    _name("contract_id"),
    _name("item_code"),
    Column("sale", Integer, nullable=False),
    _name("product_type"),
    _name("integration"),
    Column("account_key", String(36), nullable=False),
    _name("plan", null=True),
    Column("quantity", Integer, nullable=False),
    Column("price", Money),
    Column("due_day", SmallInteger),
    Column("attributes", JSON, nullable=False),
    Column("consent", JSON),
    Column("desired", Choice(Desired), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("observed", Choice(Observed), nullable=False),
    _name("remote_id", null=True),
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
    _name("candidate", null=True),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    PrimaryKeyConstraint("key"),
    ForeignKeyConstraint(["account_key"], ["accounts.key"]),
    ForeignKeyConstraint(["tenant", "contract_id", "item_code"], ["items.tenant", "items.contract_id", "items.code"]),
    UniqueConstraint("tenant", "contract_id", "item_code", "sale"),
    Index(None, "account_key"),
    Index(None, "tenant", "integration", "phase"),
)

operations = Table(
    "operations",
    metadata,
    Column("id", Integer, nullable=False),
    _tenant(),
    Column("subscription_key", String(36), nullable=False),
    Column("verb", Choice(Verb), nullable=False),
    Column("generation", Integer, nullable=False),
    _name("actor"),
    Column("reason", String(32)),
    Column("note", Text),
    _name("idempotency_key", null=True),
    Column("outcome", Choice(Outcome), nullable=False),
    Column("superseded_by", Integer),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
    PrimaryKeyConstraint("id"),
    ForeignKeyConstraint(["subscription_key"], ["subscriptions.key"]),
    Index(None, "subscription_key", "generation"),
    Index(None, "tenant", "outcome", "id"),
    sqlite_autoincrement=True,
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    _tenant(),
    _name("key"),
    Column("digest", String(64), nullable=False),
    Column("answer", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("tenant", "key"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
    Index(None, "created_at"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("account_key", String(36), nullable=False),
    Column("lease_number", Integer, nullable=False),
    _tenant(),
    Column("subscription_key", String(36), nullable=False),
    Column("step", Choice(Step), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("sent", JSON),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("certainty", Choice(Certainty)),
    Column("cause", Text),
    PrimaryKeyConstraint("account_key", "lease_number"),
    ForeignKeyConstraint(["account_key"], ["accounts.key"]),
    ForeignKeyConstraint(["subscription_key"], ["subscriptions.key"]),
    Index(None, "subscription_key", "started_at"),
)
Index(
    "ix_attempts_open",
    attempts.c.account_key,
    sqlite_where=attempts.c.ended_at.is_(None),
    postgresql_where=attempts.c.ended_at.is_(None),
)

exchanges = Table(
    "exchanges",
    metadata,
    Column("id", Integer, nullable=False),
    _tenant(),
    _name("integration"),
    Column("account_key", String(36)),
    Column("lease_number", Integer),
    Column("at", Instant, nullable=False),
    Column("method", String(10), nullable=False),
    Column("path", Text, nullable=False),
    Column("status", SmallInteger),
    Column("milliseconds", Integer, nullable=False),
    Column("request_headers", JSON, nullable=False),
    Column("request_body", Text),
    Column("response_headers", JSON, nullable=False),
    Column("response_body", Text),
    Column("error", Text),
    PrimaryKeyConstraint("id"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
    Index(None, "account_key", "lease_number"),
    Index(None, "tenant", "at"),
    sqlite_autoincrement=True,
)

looks = Table(
    "looks",
    metadata,
    Column("id", Integer, nullable=False),
    _tenant(),
    Column("at", Instant, nullable=False),
    _name("actor"),
    _name("command"),
    _name("subject"),
    Column("revealed", Boolean, nullable=False),
    PrimaryKeyConstraint("id"),
    ForeignKeyConstraint(["tenant"], ["tenants.name"]),
    Index(None, "tenant", "at"),
    sqlite_autoincrement=True,
)
