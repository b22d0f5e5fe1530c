"""Campaigns: each with its plan, a row for each contract that it is about, and the operations that it asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from svahub.store.types import Instant

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the tables, and to operations which campaign asked for them."""
    op.add_column("operations", sa.Column("campaign_id", sa.Integer(), nullable=True))
    asked = sa.text("campaign_id IS NOT NULL")
    columns = ["campaign_id", "outcome"]
    op.create_index("ix_operations_campaign", "operations", columns, sqlite_where=asked, postgresql_where=asked)
    _campaigns()
    _rows()


def _name(column: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(column, sa.String(length=200), nullable=null)


def _word(column: str) -> sa.Column[str]:
    return sa.Column(column, sa.String(length=32), nullable=False)


def _number(column: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(column, sa.Integer(), nullable=null, autoincrement=False)


def _instant(column: str, *, null: bool = True) -> sa.Column[object]:
    return sa.Column(column, Instant(), nullable=null)


def _json(column: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(column, sa.JSON(), nullable=null)


def _campaigns() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", sa.Integer(), nullable=False),
        _name("tenant"),
        _word("verb"),
        *(_json(column) for column in ("asked", "chosen")),
        sa.Column("note", sa.Text(), nullable=True),
        _word("state"),
        _name("actor"),
        _instant("created_at", null=False),
        _json("counts", null=True),
        *(_number(column, null=True) for column in ("contracts", "refused", "repeated", "stopping", "live")),
        sa.Column("digest", sa.String(length=64), nullable=True),
        _name("approved_by", null=True),
        sa.Column("approval", sa.Text(), nullable=True),
        _instant("approved_at"),
        _name("started_by", null=True),
        *(_instant(column) for column in ("started_at", "ended_at")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.name"], name=op.f("fk_campaigns_tenant")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_campaigns_tenant_state_id"), "campaigns", ["tenant", "state", "id"])


def _rows() -> None:
    table = "campaign_rows"
    op.create_table(
        table,
        *(_number(column) for column in ("campaign_id", "number")),
        _name("tenant"),
        *(_name(column, null=True) for column in ("contract_id", "item_code", "integration")),
        _word("state"),
        sa.Column("cause", sa.Text(), nullable=True),
        _json("effects"),
        sa.PrimaryKeyConstraint("campaign_id", "number", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f(f"fk_{table}_campaign_id")),
    )
    columns = ["campaign_id", "state", "integration", "number"]
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)
