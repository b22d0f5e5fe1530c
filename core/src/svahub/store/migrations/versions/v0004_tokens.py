"""Access tokens that processes share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from svahub.store.types import Instant

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "tokens",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("integration", sa.String(length=200), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=True),
        sa.Column("use_until", Instant(), nullable=True),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("owned_until", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "name", name=op.f("pk_tokens")),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.name"], name=op.f("fk_tokens_tenant")),
    )
