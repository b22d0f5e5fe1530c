"""Licences."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from svahub.extension.columns import Instant

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the plugin's table."""
    op.create_table(
        "iot_licences",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("integration", sa.String(length=200), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("subscription_key", sa.String(length=36), nullable=False),
        sa.Column("contract_id", sa.String(length=200), nullable=False),
        sa.Column("item_code", sa.String(length=200), nullable=False),
        sa.Column("customer", sa.String(length=200), nullable=True),
        sa.Column("subscription", sa.String(length=200), nullable=True),
        sa.Column("licence", sa.String(length=200), nullable=True),
        sa.Column("code", sa.String(length=200), nullable=True),
        sa.Column("device", sa.String(length=200), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("leaving", sa.Boolean(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("made_at", Instant(), nullable=True),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "integration", "reference", name=op.f("pk_iot_licences")),
    )
    for columns in (("tenant", "subscription_key"), ("tenant", "contract_id"), ("tenant", "device")):
        op.create_index(op.f(f"ix_iot_licences_{'_'.join(columns)}"), "iot_licences", list(columns), unique=False)
