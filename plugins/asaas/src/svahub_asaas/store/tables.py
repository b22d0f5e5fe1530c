"""The plugin's tables: what was asked for, what Asaas has of it, whose it is; texts, and who wants no mail."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
)
from svahub.extension.columns import Instant, Money

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _name(column: str, *, null: bool = False) -> Column[str]:
    return Column(column, String(200), nullable=null)


charges = Table(
    "asaas_charges",
    metadata,
    _name("tenant"),
    _name("integration"),
    _name("id"),  # pay_…
    _name("reference", null=True),  # the key of the task that made it
    _name("contract_id", null=True),  # None: made at Asaas by hand, for nothing that svahub knows
    _name("customer", null=True),  # cus_…
    _name("subscription", null=True),  # sub_…
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
    _name("tenant"),
    _name("integration"),
    _name("contract_id"),
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
    _name("tenant"),
    _name("integration"),
    _name("id"),  # sub_…
    Column("subscription_key", String(36), nullable=False),
    _name("contract_id"),
    PrimaryKeyConstraint("tenant", "integration", "id"),
    Index(None, "tenant", "contract_id"),
    Index(None, "tenant", "subscription_key"),  # a subscription's charges inherit it as their reference
)

templates = Table(
    "asaas_templates",
    metadata,
    _name("tenant"),
    _name("integration"),
    _name("name"),
    Column("text", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    PrimaryKeyConstraint("tenant", "integration", "name"),
)

opt_outs = Table(  # customers who want no mail beside that about their charges
    "asaas_opt_outs",
    metadata,
    _name("tenant"),
    _name("customer_id"),
    Column("since", Instant, nullable=False),
    PrimaryKeyConstraint("tenant", "customer_id"),
)

sweeps = Table(  # until when what webhooks may have missed was read
    "asaas_sweeps",
    metadata,
    _name("tenant"),
    _name("integration"),
    _name("kind"),
    Column("until", Date, nullable=False),
    PrimaryKeyConstraint("tenant", "integration", "kind"),
)
