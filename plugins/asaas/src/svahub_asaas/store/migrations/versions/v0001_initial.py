"""Charges, what was asked for, whose it is; texts, wishes and sweeps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from svahub.extension.columns import Instant, Money

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the plugin's tables."""
    op.create_table(
        "asaas_charges",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("integration", sa.String(length=200), nullable=False),
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=True),
        sa.Column("contract_id", sa.String(length=200), nullable=True),
        sa.Column("customer", sa.String(length=200), nullable=True),
        sa.Column("subscription", sa.String(length=200), nullable=True),
        sa.Column("billing_type", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("value", Money(), nullable=False),
        sa.Column("net_value", Money(), nullable=True),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("created_on", sa.Date(), nullable=False),
        sa.Column("payment_date", sa.Date(), nullable=True),
        sa.Column("client_payment_date", sa.Date(), nullable=True),
        sa.Column("invoice_url", sa.Text(), nullable=True),
        sa.Column("told_at", sa.String(length=19), nullable=True),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "integration", "id", name=op.f("pk_asaas_charges")),
    )
    op.create_index(
        op.f("ix_asaas_charges_tenant_contract_id_due_date"),
        "asaas_charges",
        ["tenant", "contract_id", "due_date"],
        unique=False,
    )
    op.create_index(
        op.f("ix_asaas_charges_tenant_integration_created_on"),
        "asaas_charges",
        ["tenant", "integration", "created_on"],
        unique=False,
    )
    op.create_index(
        op.f("ix_asaas_charges_tenant_integration_due_date"),
        "asaas_charges",
        ["tenant", "integration", "due_date"],
        unique=False,
    )
    op.create_index(
        op.f("ix_asaas_charges_tenant_integration_payment_date"),
        "asaas_charges",
        ["tenant", "integration", "payment_date"],
        unique=False,
    )
    op.create_index(
        op.f("ix_asaas_charges_tenant_integration_reference"),
        "asaas_charges",
        ["tenant", "integration", "reference"],
        unique=False,
    )
    op.create_table(
        "asaas_invoices",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("integration", sa.String(length=200), nullable=False),
        sa.Column("contract_id", sa.String(length=200), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("reference", sa.String(length=36), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("value", Money(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "contract_id", "month", "number", name=op.f("pk_asaas_invoices")),
    )
    op.create_index(op.f("ix_asaas_invoices_reference"), "asaas_invoices", ["reference"], unique=True)
    op.create_index(op.f("ix_asaas_invoices_tenant_task_id"), "asaas_invoices", ["tenant", "task_id"], unique=False)
    op.create_index(
        op.f("ix_asaas_invoices_tenant_integration_month"),
        "asaas_invoices",
        ["tenant", "integration", "month"],
        unique=False,
    )
    op.create_table(
        "asaas_opt_outs",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("customer_id", sa.String(length=200), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "customer_id", name=op.f("pk_asaas_opt_outs")),
    )
    op.create_table(
        "asaas_subscriptions",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("integration", sa.String(length=200), nullable=False),
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("subscription_key", sa.String(length=36), nullable=False),
        sa.Column("contract_id", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "integration", "id", name=op.f("pk_asaas_subscriptions")),
    )
    op.create_index(
        op.f("ix_asaas_subscriptions_tenant_contract_id"),
        "asaas_subscriptions",
        ["tenant", "contract_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_asaas_subscriptions_tenant_subscription_key"),
        "asaas_subscriptions",
        ["tenant", "subscription_key"],
        unique=False,
    )
    op.create_table(
        "asaas_sweeps",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("integration", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=200), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "integration", "kind", name=op.f("pk_asaas_sweeps")),
    )
    op.create_table(
        "asaas_templates",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("integration", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "integration", "name", name=op.f("pk_asaas_templates")),
    )
