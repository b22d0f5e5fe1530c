"""The first store: tenants, integrations, catalogue, contracts, subscriptions, and what was tried."""

import sqlalchemy as sa
from alembic import op

from svahub.store.types import Instant

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "tenants",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tenants")),
    )
    op.create_table(
        "customers",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("document", sa.String(length=14), nullable=False),
        sa.Column("document_kind", sa.String(32), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("address", sa.JSON(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("last_import", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.name"], name=op.f("fk_customers_tenant")),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_customers")),
    )
    op.create_index(op.f("ix_customers_tenant_document"), "customers", ["tenant", "document"], unique=False)
    op.create_table(
        "exchanges",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("integration", sa.String(length=200), nullable=False),
        sa.Column("account_key", sa.String(length=36), nullable=True),
        sa.Column("lease_number", sa.Integer(), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("method", sa.String(length=10), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("request_headers", sa.JSON(), nullable=False),
        sa.Column("request_body", sa.Text(), nullable=True),
        sa.Column("response_headers", sa.JSON(), nullable=False),
        sa.Column("response_body", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.name"], name=op.f("fk_exchanges_tenant")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchanges")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_exchanges_account_key_lease_number"), "exchanges", ["account_key", "lease_number"], unique=False
    )
    op.create_index(op.f("ix_exchanges_tenant_at"), "exchanges", ["tenant", "at"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.name"], name=op.f("fk_idempotency_keys_tenant")),
        sa.PrimaryKeyConstraint("tenant", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "integrations",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("provider", sa.String(length=200), nullable=False),
        sa.Column("distribution", sa.String(length=200), nullable=True),
        sa.Column("environment", sa.String(32), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("secrets", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("paused_until", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.name"], name=op.f("fk_integrations_tenant")),
        sa.PrimaryKeyConstraint("tenant", "name", name=op.f("pk_integrations")),
    )
    op.create_table(
        "looks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("command", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("revealed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.name"], name=op.f("fk_looks_tenant")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_looks")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_looks_tenant_at"), "looks", ["tenant", "at"], unique=False)
    op.create_table(
        "accounts",
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("integration", sa.String(length=200), nullable=False),
        sa.Column("customer_id", sa.String(length=200), nullable=False),
        sa.Column("remote_id", sa.String(length=200), nullable=True),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("lease_owner", sa.String(length=200), nullable=True),
        sa.Column("lease_number", sa.Integer(), nullable=False),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "customer_id"], ["customers.tenant", "customers.id"], name=op.f("fk_accounts_tenant_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "integration"],
            ["integrations.tenant", "integrations.name"],
            name=op.f("fk_accounts_tenant_integration"),
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_accounts")),
        sa.UniqueConstraint(
            "tenant", "integration", "customer_id", name=op.f("uq_accounts_tenant_integration_customer_id")
        ),
    )
    op.create_index(
        "ix_accounts_due",
        "accounts",
        ["tenant", "integration", "priority", "due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_accounts_leased",
        "accounts",
        ["lease_owner"],
        unique=False,
        sqlite_where=sa.text("lease_owner IS NOT NULL"),
        postgresql_where=sa.text("lease_owner IS NOT NULL"),
    )
    op.create_index(op.f("ix_accounts_tenant_customer_id"), "accounts", ["tenant", "customer_id"], unique=False)
    op.create_table(
        "contracts",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("customer_id", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("due_day", sa.SmallInteger(), nullable=True),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("last_import", sa.JSON(), nullable=True),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.CheckConstraint("due_day BETWEEN 1 AND 31", name=op.f("ck_contracts_due_day")),
        sa.ForeignKeyConstraint(
            ["tenant", "customer_id"],
            ["customers.tenant", "customers.id"],
            name=op.f("fk_contracts_tenant_customer_id"),
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_contracts")),
    )
    op.create_index(op.f("ix_contracts_tenant_customer_id"), "contracts", ["tenant", "customer_id"], unique=False)
    op.create_table(
        "plans",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("integration", sa.String(length=200), nullable=False),
        sa.Column("remote_id", sa.String(length=200), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("retired_at", Instant(), nullable=True),
        sa.Column("synced_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "integration"],
            ["integrations.tenant", "integrations.name"],
            name=op.f("fk_plans_tenant_integration"),
        ),
        sa.PrimaryKeyConstraint("tenant", "integration", "remote_id", name=op.f("pk_plans")),
    )
    op.create_table(
        "product_links",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("code", sa.String(length=200), nullable=False),
        sa.Column("product_type", sa.String(length=200), nullable=False),
        sa.Column("integration", sa.String(length=200), nullable=False),
        sa.Column("plan", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "integration"],
            ["integrations.tenant", "integrations.name"],
            name=op.f("fk_product_links_tenant_integration"),
        ),
        sa.PrimaryKeyConstraint("tenant", "code", name=op.f("pk_product_links")),
    )
    op.create_table(
        "block_reasons",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("contract_id", sa.String(length=200), nullable=False),
        sa.Column("item_code", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("until", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "contract_id"],
            ["contracts.tenant", "contracts.id"],
            name=op.f("fk_block_reasons_tenant_contract_id"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant", "contract_id", "item_code", "reason", "source", name=op.f("pk_block_reasons")
        ),
    )
    op.create_index(
        "ix_block_reasons_until",
        "block_reasons",
        ["until"],
        unique=False,
        sqlite_where=sa.text("until IS NOT NULL"),
        postgresql_where=sa.text("until IS NOT NULL"),
    )
    op.create_table(
        "items",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("contract_id", sa.String(length=200), nullable=False),
        sa.Column("code", sa.String(length=200), nullable=False),
        sa.Column("product_code", sa.String(length=200), nullable=False),
        sa.Column("plan", sa.String(length=200), nullable=True),
        sa.Column("integration", sa.String(length=200), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("consent", sa.JSON(), nullable=True),
        sa.Column("sales", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.CheckConstraint("quantity >= 1", name=op.f("ck_items_quantity")),
        sa.ForeignKeyConstraint(
            ["tenant", "contract_id"], ["contracts.tenant", "contracts.id"], name=op.f("fk_items_tenant_contract_id")
        ),
        sa.PrimaryKeyConstraint("tenant", "contract_id", "code", name=op.f("pk_items")),
    )
    op.create_index(op.f("ix_items_tenant_product_code"), "items", ["tenant", "product_code"], unique=False)
    op.create_table(
        "subscriptions",
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("contract_id", sa.String(length=200), nullable=False),
        sa.Column("item_code", sa.String(length=200), nullable=False),
        sa.Column("sale", sa.Integer(), nullable=False),
        sa.Column("product_type", sa.String(length=200), nullable=False),
        sa.Column("integration", sa.String(length=200), nullable=False),
        sa.Column("account_key", sa.String(length=36), nullable=False),
        sa.Column("plan", sa.String(length=200), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("due_day", sa.SmallInteger(), nullable=True),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("consent", sa.JSON(), nullable=True),
        sa.Column("desired", sa.String(32), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("observed", sa.String(32), nullable=False),
        sa.Column("remote_id", sa.String(length=200), nullable=True),
        sa.Column("applied", sa.JSON(), nullable=True),
        sa.Column("sent", sa.JSON(), nullable=True),
        sa.Column("uncertain_since", Instant(), nullable=True),
        sa.Column("looks", sa.SmallInteger(), nullable=False),
        sa.Column("phase", sa.String(32), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("advice", sa.Text(), nullable=True),
        sa.Column("handle", sa.Text(), nullable=True),
        sa.Column("candidate", sa.String(length=200), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_key"], ["accounts.key"], name=op.f("fk_subscriptions_account_key")),
        sa.ForeignKeyConstraint(
            ["tenant", "contract_id", "item_code"],
            ["items.tenant", "items.contract_id", "items.code"],
            name=op.f("fk_subscriptions_tenant_contract_id_item_code"),
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_subscriptions")),
        sa.UniqueConstraint(
            "tenant",
            "contract_id",
            "item_code",
            "sale",
            name=op.f("uq_subscriptions_tenant_contract_id_item_code_sale"),
        ),
    )
    op.create_index(op.f("ix_subscriptions_account_key"), "subscriptions", ["account_key"], unique=False)
    op.create_index(
        op.f("ix_subscriptions_tenant_integration_phase"),
        "subscriptions",
        ["tenant", "integration", "phase"],
        unique=False,
    )
    op.create_table(
        "attempts",
        sa.Column("account_key", sa.String(length=36), nullable=False),
        sa.Column("lease_number", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("subscription_key", sa.String(length=36), nullable=False),
        sa.Column("step", sa.String(32), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("sent", sa.JSON(), nullable=True),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("certainty", sa.String(32), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["account_key"], ["accounts.key"], name=op.f("fk_attempts_account_key")),
        sa.ForeignKeyConstraint(["subscription_key"], ["subscriptions.key"], name=op.f("fk_attempts_subscription_key")),
        sa.PrimaryKeyConstraint("account_key", "lease_number", name=op.f("pk_attempts")),
    )
    op.create_index(
        "ix_attempts_open",
        "attempts",
        ["account_key"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        op.f("ix_attempts_subscription_key_started_at"), "attempts", ["subscription_key", "started_at"], unique=False
    )
    op.create_table(
        "operations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("subscription_key", sa.String(length=36), nullable=False),
        sa.Column("verb", sa.String(32), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("idempotency_key", sa.String(length=200), nullable=True),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("superseded_by", sa.Integer(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["subscription_key"], ["subscriptions.key"], name=op.f("fk_operations_subscription_key")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operations")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_operations_subscription_key_generation"),
        "operations",
        ["subscription_key", "generation"],
        unique=False,
    )
    op.create_index(op.f("ix_operations_tenant_outcome_id"), "operations", ["tenant", "outcome", "id"], unique=False)
