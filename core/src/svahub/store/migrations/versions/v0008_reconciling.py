"""Reconciling: comparisons with a provider, whom they listed, the differences found; the layouts of bills."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from svahub.store.types import Instant

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add tables, and the index by which accounts are found by what the provider calls their user."""
    _index("accounts", "tenant", "integration", "remote_id")
    _reconciliations()
    _listed_users()
    _differences()
    _invoice_layouts()


def _name(column: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(column, sa.String(length=200), nullable=null)


def _word(column: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(column, sa.String(length=32), nullable=null)


def _key(column: str) -> sa.Column[str]:
    return sa.Column(column, sa.String(length=36), nullable=True)


def _number(column: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(column, sa.Integer(), nullable=null, autoincrement=False)


def _instant(column: str, *, null: bool = True) -> sa.Column[object]:
    return sa.Column(column, Instant(), nullable=null)


def _to(table: str, columns: list[str], others: list[str]) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(columns, others, name=op.f(f"fk_{table}_{'_'.join(columns)}"))


def _to_integration(table: str) -> sa.ForeignKeyConstraint:
    return _to(table, ["tenant", "integration"], ["integrations.tenant", "integrations.name"])


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))


def _reconciliations() -> None:
    table = "reconciliations"
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        *(_name(column) for column in ("tenant", "integration")),
        _word("state"),
        _name("actor"),
        _instant("started_at", null=False),
        _number("listed"),
        _name("last_remote_id", null=True),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        _name("owner", null=True),
        *(_instant(column) for column in ("owned_until", "finished_at")),
        sa.Column("observing", sa.Boolean(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=True),
        *(_number(column, null=True) for column in ("live", "stopping")),
        sa.Column("digest", sa.String(length=64), nullable=True),
        _name("approved_by", null=True),
        sa.Column("approval", sa.Text(), nullable=True),
        _instant("approved_at"),
        _name("applied_by", null=True),
        _instant("applied_at"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        _to_integration(table),
        sqlite_autoincrement=True,
    )
    _index(table, "tenant", "integration", "id")


def _listed_users() -> None:
    table = "listed_users"
    op.create_table(
        table,
        _number("reconciliation_id"),
        *(_name(column) for column in ("remote_id", "tenant")),
        _key("account_key"),
        sa.Column("ours", sa.Boolean(), nullable=False),
        _word("status"),
        sa.Column("entries", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("reconciliation_id", "remote_id", name=op.f(f"pk_{table}")),
        _to(table, ["reconciliation_id"], ["reconciliations.id"]),
    )
    _index(table, "reconciliation_id", "account_key", "remote_id")


def _differences() -> None:
    table = "differences"
    op.create_table(
        table,
        *(_number(column) for column in ("reconciliation_id", "number")),
        _name("tenant"),
        _word("agreement"),
        *(_key(column) for column in ("account_key", "subscription_key")),
        _name("remote_id", null=True),
        *(sa.Column(column, sa.JSON(), nullable=True) for column in ("saw", "seen")),
        _word("step"),
        sa.PrimaryKeyConstraint("reconciliation_id", "number", name=op.f(f"pk_{table}")),
        _to(table, ["reconciliation_id"], ["reconciliations.id"]),
    )
    _index(table, "reconciliation_id", "account_key")
    _index(table, "subscription_key")


def _invoice_layouts() -> None:
    table = "invoice_layouts"
    op.create_table(
        table,
        *(_name(column) for column in ("tenant", "integration")),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "integration", name=op.f(f"pk_{table}")),
        _to_integration(table),
    )
