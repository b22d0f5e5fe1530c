"""Where contracts come from: sources, what they are to be told, debts of contracts that are not known yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from svahub.store.types import Instant, Money

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add tables, and to each contract the source that told of it."""
    op.add_column("contracts", sa.Column("source", sa.String(length=200), nullable=True))
    _sources()
    _happenings()
    _unplaced_debts()
    _rejected_contracts()


def _name(column: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(column, sa.String(length=200), nullable=null)


def _to(table: str, columns: list[str], others: list[str]) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(columns, others, name=op.f(f"fk_{table}_{'_'.join(columns)}"))


def _sources() -> None:
    op.create_table(
        "sources",
        *(_name(column) for column in ("tenant", "name")),
        sa.Column("wants", sa.JSON(), nullable=False),
        *(sa.Column(column, Instant(), nullable=True) for column in ("contracts_until", "receivables_until", "due_at")),
        _name("owner", null=True),
        *(sa.Column(column, Instant(), nullable=True) for column in ("owned_until", "started_at", "ended_at")),
        sa.Column("outcome", sa.String(length=32), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "name", name=op.f("pk_sources")),
        _to("sources", ["tenant", "name"], ["integrations.tenant", "integrations.name"]),
    )


def _happenings() -> None:
    table = "happenings"
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        *(_name(column) for column in ("tenant", "source")),
        sa.Column("key", sa.String(length=40), nullable=False),
        _name("customer_id"),
        _name("subscription_key", null=True),
        sa.Column("body", sa.JSON(), nullable=False),
        *(sa.Column(column, Instant(), nullable=False) for column in ("at", "due_at")),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("doubted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("tenant", "source", "key", name=op.f(f"uq_{table}_tenant_source_key")),
        _to(table, ["tenant", "source"], ["sources.tenant", "sources.name"]),
        sqlite_autoincrement=True,
    )
    for columns in (["tenant", "source", "due_at"], ["tenant", "customer_id"]):
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)


def _unplaced_debts() -> None:
    table = "unplaced_debts"
    op.create_table(
        table,
        *(_name(column) for column in ("tenant", "source", "reference", "contract_id")),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("amount", Money(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "source", "reference", name=op.f(f"pk_{table}")),
        _to(table, ["tenant", "source"], ["sources.tenant", "sources.name"]),
    )
    op.create_index(op.f(f"ix_{table}_tenant_source_contract_id"), table, ["tenant", "source", "contract_id"])


def _rejected_contracts() -> None:
    table = "rejected_contracts"
    op.create_table(
        table,
        *(_name(column) for column in ("tenant", "source", "contract_id")),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "source", "contract_id", name=op.f(f"pk_{table}")),
        _to(table, ["tenant", "source"], ["sources.tenant", "sources.name"]),
    )
