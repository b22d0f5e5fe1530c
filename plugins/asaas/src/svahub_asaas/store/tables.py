"""The plugin's tables: what was asked for, what Asaas has of it, whose it is; texts, and who wants no mail."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
)
from svahub.extension.columns import Instant, Money, name_column, new_metadata

metadata = new_metadata()

charges = Table(
    "asaas_charges",
    metadata,
    name_column("tenant"),
    name_column("integration"),
    name_column("id"),  # pay_…
    name_column("reference", null=True),  # the key of the task that made it
    name_column("contract_id", null=True),  # None: made at Asaas by hand, for nothing that svahub knows
    name_column("customer", null=True),  # cus_…
    name_column("subscription", null=True),  # sub_…
    Column("billing_type", String(32), nullable=False),
    Column("status", String(64), nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("value", Money, nullable=False),
    Column("net_value", Money),
    Column("due_date", Date, nullable=False),
    Column("created_on", Date, nullable=False),
    Column("payment_date", Date),
    Column("client_payment_date", Date),
    Column("invoice_url", Text),
    Column("told_at", String(19)),  # the instant of the newest event about it, as Asaas writes it
    Column("seen_at", Instant, nullable=False),
    PrimaryKeyConstraint("tenant", "integration", "id"),
    Index(None, "tenant", "integration", "reference"),
    Index(None, "tenant", "contract_id", "due_date"),
    Index(None, "tenant", "integration", "due_date"),
    Index(None, "tenant", "integration", "payment_date"),
    Index(None, "tenant", "integration", "created_on"),
)

invoices = Table(  # what was asked for; a charge with its reference is what came of it
    "asaas_invoices",
    metadata,
    name_column("tenant"),
    name_column("integration"),
    name_column("contract_id"),
    Column("month", String(7), nullable=False),  # 2026-11
    Column("number", SmallInteger, nullable=False),  # 2 and on: asked for again, after a cancellation
    Column("reference", String(36), nullable=False),  # the task's key
    Column("task_id", Integer, nullable=False),
    Column("value", Money, nullable=False),
    Column("due_date", Date, nullable=False),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("tenant", "contract_id", "month", "number"),  # at whatever integration
    Index(None, "reference", unique=True),
    Index(None, "tenant", "task_id"),
    Index(None, "tenant", "integration", "month"),
)

subscriptions = Table(
    "asaas_subscriptions",
    metadata,
    name_column("tenant"),
    name_column("integration"),
    name_column("id"),  # sub_…
    Column("subscription_key", String(36), nullable=False),
    name_column("contract_id"),
    PrimaryKeyConstraint("tenant", "integration", "id"),
    Index(None, "tenant", "contract_id"),
    Index(None, "tenant", "subscription_key"),  # a subscription's charges inherit it as their reference
)

templates = Table(
    "asaas_templates",
    metadata,
    name_column("tenant"),
    name_column("integration"),
    name_column("name"),
    Column("text", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    PrimaryKeyConstraint("tenant", "integration", "name"),
)

opt_outs = Table(  # customers who want no mail beside that about their charges
    "asaas_opt_outs",
    metadata,
    name_column("tenant"),
    name_column("customer_id"),
    Column("since", Instant, nullable=False),
    PrimaryKeyConstraint("tenant", "customer_id"),
)

sweeps = Table(  # until when what webhooks may have missed was read
    "asaas_sweeps",
    metadata,
    name_column("tenant"),
    name_column("integration"),
    name_column("kind"),
    Column("until", Date, nullable=False),
    PrimaryKeyConstraint("tenant", "integration", "kind"),
)
