"""The outbox: other systems that are told, their messages in lines by customer, and what was last told of each."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from svahub.store.types import Instant

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add tables; what a subscription is known to be counts as told."""
    _told()
    _targets()
    _messages()
    _lines()
    _standings()


def _name(column: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(column, sa.String(length=200), nullable=null)


def _to(table: str, columns: list[str], others: list[str]) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(columns, others, name=op.f(f"fk_{table}_{'_'.join(columns)}"))


def _to_target(table: str) -> sa.ForeignKeyConstraint:
    return _to(table, ["tenant", "target"], ["outbox_targets.tenant", "outbox_targets.name"])


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))


def _partial(name: str, table: str, columns: list[str], where: sa.ColumnElement[bool]) -> None:
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def _told() -> None:
    op.add_column("subscriptions", sa.Column("told", sa.String(32), nullable=True))
    table = sa.table("subscriptions", sa.column("observed"), sa.column("told"))
    known = table.c.observed.in_(["ACTIVE", "BLOCKED", "CANCELLED"])
    op.execute(sa.update(table).where(known).values(told=table.c.observed))


def _targets() -> None:
    none: dict[str, Any] = {"nullable": True}
    op.create_table(
        "outbox_targets",
        *(_name(column) for column in ("tenant", "name")),
        sa.Column("url", sa.Text(), nullable=False),
        *(sa.Column(column, sa.JSON(), **none) for column in ("kinds", "product_types")),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("former_secret", sa.Text(), **none),
        sa.Column("former_until", Instant(), **none),
        sa.Column("allow_private", sa.Boolean(), nullable=False),
        sa.Column("paused_until", Instant(), **none),
        *(sa.Column(column, sa.BigInteger(), nullable=False) for column in ("sent", "failed")),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", name=op.f("pk_outbox_targets")),
        _to("outbox_targets", ["tenant"], ["tenants.name"]),
    )


def _messages() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        *(_name(column) for column in ("tenant", "target", "customer_id")),
        sa.Column("message_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        *(_name(column, null=True) for column in ("contract_id", "item_code")),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("tried_since", Instant(), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        _to_target("outbox"),
        sqlite_autoincrement=True,
    )
    _index("outbox", "tenant", "target", "state", "id")
    _index("outbox", "tenant", "customer_id")
    _index("outbox", "tenant", "ended_at")
    is_open = sa.column("ended_at").is_(None)
    _partial("ix_outbox_open", "outbox", ["tenant", "target", "customer_id", "id"], is_open)


def _lines() -> None:
    op.create_table(
        "outbox_lines",
        *(_name(column) for column in ("tenant", "target", "customer_id")),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "target", "customer_id", name=op.f("pk_outbox_lines")),
        _to_target("outbox_lines"),
    )
    waits = sa.column("due_at").is_not(None)
    _partial("ix_outbox_lines_due", "outbox_lines", ["tenant", "target", "due_at"], waits)


def _standings() -> None:
    op.create_table(
        "standings",
        *(_name(column) for column in ("tenant", "customer_id")),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "customer_id", name=op.f("pk_standings")),
        _to("standings", ["tenant", "customer_id"], ["customers.tenant", "customers.id"]),
    )
