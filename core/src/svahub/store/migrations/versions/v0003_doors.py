"""Tasks, debts with their rule, deliveries of providers, API keys; accounts of the ISP's own."""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa
from alembic import op

from svahub.store.types import Instant, Money

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add tables and columns; every integration gets an address for its provider's deliveries."""
    _accounts()
    _endpoints()
    _tasks()
    _task_attempts()
    _debts()
    _policies()
    _inbox()
    _keys()
    _plugin_notes()


def _tenant(table: str) -> tuple[sa.Column[str], sa.ForeignKeyConstraint]:
    return (_name("tenant"), _to(table, ["tenant"], ["tenants.name"]))


def _name(column: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(column, sa.String(length=200), nullable=null)


def _to(table: str, columns: list[str], others: list[str]) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(columns, others, name=op.f(f"fk_{table}_{'_'.join(columns)}"))


def _index(table: str, *columns: str, **options: Any) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns), **options)


def _accounts() -> None:
    with op.batch_alter_table("accounts") as accounts:
        accounts.alter_column("customer_id", existing_type=sa.String(length=200), nullable=True)


def _endpoints() -> None:
    op.add_column("integrations", sa.Column("endpoint_id", sa.String(length=32), nullable=True))
    _index("integrations", "endpoint_id", unique=True)
    table = sa.table("integrations", sa.column("tenant"), sa.column("name"), sa.column("endpoint_id"))
    connection = op.get_bind()
    for tenant, name in connection.execute(sa.select(table.c.tenant, table.c.name)).all():
        where = (table.c.tenant == tenant, table.c.name == name)
        connection.execute(sa.update(table).where(*where).values(endpoint_id=secrets.token_hex(16)))


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=36), nullable=False),
        *(_name(column) for column in ("tenant", "integration")),
        sa.Column("account_key", sa.String(length=36), nullable=False),
        *(_name(column) for column in ("kind", "name")),
        _name("contract_id", null=True),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("adds", sa.Boolean(), nullable=False),
        _name("actor"),
        sa.Column("note", sa.Text(), nullable=True),
        *(sa.Column(column, sa.String(32), nullable=False) for column in ("outcome", "phase")),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("uncertain_since", Instant(), nullable=True),
        sa.Column("looks", sa.SmallInteger(), nullable=False),
        *(sa.Column(column, sa.Text(), nullable=True) for column in ("cause", "advice")),
        _name("remote_id", null=True),
        sa.Column("details", sa.JSON(), nullable=False),
        *(sa.Column(column, Instant(), nullable=False) for column in ("created_at", "changed_at")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        sa.UniqueConstraint("key", name=op.f("uq_tasks_key")),
        _to("tasks", ["account_key"], ["accounts.key"]),
        sqlite_autoincrement=True,
    )
    _index("tasks", "account_key", "id")
    _index("tasks", "tenant", "integration", "phase")
    _index("tasks", "tenant", "contract_id", "id")


def _task_attempts() -> None:
    op.create_table(
        "task_attempts",
        sa.Column("account_key", sa.String(length=36), nullable=False),
        sa.Column("lease_number", sa.Integer(), nullable=False),
        _name("tenant"),
        sa.Column("task_key", sa.String(length=36), nullable=False),
        sa.Column("step", sa.String(32), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("certainty", sa.String(32), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("account_key", "lease_number", name=op.f("pk_task_attempts")),
        _to("task_attempts", ["account_key"], ["accounts.key"]),
        _to("task_attempts", ["task_key"], ["tasks.key"]),
    )
    _index("task_attempts", "task_key", "started_at")
    is_open = sa.column("ended_at").is_(None)
    columns = ["account_key"]
    op.create_index("ix_task_attempts_open", "task_attempts", columns, sqlite_where=is_open, postgresql_where=is_open)


def _debts() -> None:
    op.create_table(
        "debts",
        *(_name(column) for column in ("tenant", "integration", "reference", "contract_id")),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("amount", Money(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("settled_at", Instant(), nullable=True),
        sa.Column("forgiven", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "integration", "reference", name=op.f("pk_debts")),
        _to("debts", ["tenant", "integration"], ["integrations.tenant", "integrations.name"]),
        _to("debts", ["tenant", "contract_id"], ["contracts.tenant", "contracts.id"]),
    )
    _index("debts", "tenant", "contract_id")
    is_open = sa.column("settled_at").is_(None)
    columns = ["tenant", "contract_id"]
    op.create_index("ix_debts_open", "debts", columns, sqlite_where=is_open, postgresql_where=is_open)


def _policies() -> None:
    op.create_table(
        "debt_policies",
        *_tenant("debt_policies"),
        sa.Column("grace_days", sa.Integer(), nullable=False),
        sa.Column("product_types", sa.JSON(), nullable=True),
        sa.Column("integrations", sa.JSON(), nullable=False),
        sa.Column("business_days_only", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=2), nullable=True),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_debt_policies")),
        sa.CheckConstraint("grace_days >= 0", name=op.f("ck_debt_policies_grace_days")),
    )
    op.create_table(
        "debt_exemptions",
        *(_name(column) for column in ("tenant", "contract_id", "actor")),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "contract_id", name=op.f("pk_debt_exemptions")),
        _to("debt_exemptions", ["tenant", "contract_id"], ["contracts.tenant", "contracts.id"]),
    )


def _inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", sa.Integer(), nullable=False),
        *(_name(column) for column in ("tenant", "integration", "event_id", "kind")),
        _name("subject", null=True),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("tenant", "integration", "event_id", name=op.f("uq_inbox_tenant_integration_event_id")),
        _to("inbox", ["tenant", "integration"], ["integrations.tenant", "integrations.name"]),
        sqlite_autoincrement=True,
    )
    _index("inbox", "tenant", "integration", "subject", "id")
    _index("inbox", "tenant", "received_at")
    _index("inbox", "tenant", "integration", "state")
    waits = sa.column("due_at").is_not(None)
    columns = ["tenant", "integration", "due_at"]
    op.create_index("ix_inbox_waiting", "inbox", columns, sqlite_where=waits, postgresql_where=waits)


def _keys() -> None:
    op.create_table(
        "api_keys",
        *_tenant("api_keys"),
        _name("name"),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("permission", sa.String(32), nullable=False),
        _name("actor"),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("last_used_at", Instant(), nullable=True),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "name", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_keys_hash")),
    )
    op.create_table(
        "tallies",
        *_tenant("tallies"),
        _name("integration"),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("exchanges", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "integration", "status", name=op.f("pk_tallies")),
    )


def _plugin_notes() -> None:
    op.create_table(
        "plugin_notes",
        *(_name(column) for column in ("plugin", "package")),
        sa.PrimaryKeyConstraint("plugin", "package", name=op.f("pk_plugin_notes")),
    )
