"""Accounts know their shard, by which workers on several machines share them, and the store who works."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from svahub.store.types import Instant

revision = "0010"
down_revision = "0009"

DIGITS = "0123456789abcdef"


def upgrade() -> None:
    """Add the shard of each account, on PostgreSQL the index of what is due in it, and the table of workers."""
    _shards()
    _workers()


def _shards() -> None:
    """Fill the column with the last six bits of each key."""
    op.add_column("accounts", sa.Column("shard", sa.SmallInteger(), nullable=True))
    accounts = sa.table("accounts", sa.column("key"), sa.column("shard", sa.SmallInteger))
    shard = _digit(accounts.c.key, 35) % 4 * 16 + _digit(accounts.c.key, 36)
    op.execute(accounts.update().values(shard=shard))
    with op.batch_alter_table("accounts") as batch:
        batch.alter_column("shard", existing_type=sa.SmallInteger(), nullable=False)
    if op.get_bind().dialect.name == "postgresql":
        columns = ["tenant", "integration", "priority", "shard", "due_at"]
        is_due = sa.text("due_at IS NOT NULL")
        op.create_index("ix_accounts_due_by_shard", "accounts", columns, postgresql_where=is_due)


def _workers() -> None:
    op.create_table(
        "workers",
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("runner", sa.String(length=32), nullable=False),
        sa.Column("threads", sa.Integer(), nullable=False),
        sa.Column("tenants", sa.JSON(), nullable=False),
        *(sa.Column(column, Instant(), nullable=False) for column in ("started_at", "seen_at")),
        sa.Column("shards", sa.Integer(), nullable=True),
        sa.Column("under_way", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_workers")),
    )


def _digit(key: sa.ColumnElement[str], place: int) -> sa.ColumnElement[int]:
    """Return the value of a hexadecimal digit: its place among them all."""
    found = sa.func.strpos if op.get_bind().dialect.name == "postgresql" else sa.func.instr
    return found(DIGITS, sa.func.substr(key, place, 1)) - 1
