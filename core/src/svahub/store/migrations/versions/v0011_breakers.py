"""What holds calls back: providers that answer nobody, and from when on the next call to one may be made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from svahub.store.types import Instant

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add tables."""
    _of_integrations(
        "breakers",
        sa.Column("since", Instant(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("opened", sa.Boolean(), nullable=False),
        sa.Column("probes", sa.Integer(), nullable=False),
        sa.Column("probe_at", Instant(), nullable=False),
        sa.Column("probing", sa.Boolean(), nullable=False),
    )
    _of_integrations("paces", sa.Column("free_at", Instant(), nullable=False))


def _of_integrations(table: str, *columns: sa.Column[object]) -> None:
    key = ["tenant", "integration"]
    op.create_table(
        table,
        *(sa.Column(name, sa.String(length=200), nullable=False) for name in key),
        *columns,
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(
            key, ["integrations.tenant", "integrations.name"], name=op.f(f"fk_{table}_tenant_integration")
        ),
    )
