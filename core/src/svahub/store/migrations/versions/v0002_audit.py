"""The audit with its chain, events, schedules, retention; two slots for secrets; who was erased."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from svahub.store.types import Instant

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add tables and columns; the records of looks become entries of the audit."""
    _audit()
    _duties()
    _columns()
    _move_looks()


def _tenant(table: str) -> tuple[sa.Column[str], sa.ForeignKeyConstraint]:
    return (
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.name"], name=op.f(f"fk_{table}_tenant")),
    )


def _audit() -> None:
    op.create_table(
        "chains",
        *_tenant("chains"),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("anchor", sa.Integer(), nullable=False),
        sa.Column("anchor_hash", sa.String(length=64), nullable=False),
        sa.Column("event", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_chains")),
    )
    op.create_table(
        "audit",
        *_tenant("audit"),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=True),
        sa.Column("command", sa.String(length=200), nullable=True),
        sa.Column("subject", sa.String(length=200), nullable=True),
        sa.Column("details", sa.JSON(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("pruned", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "number", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_tenant_at"), "audit", ["tenant", "at"])
    op.create_index(op.f("ix_audit_tenant_subject"), "audit", ["tenant", "subject"])
    op.create_table(
        "events",
        *_tenant("events"),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("integration", sa.String(length=200), nullable=True),
        sa.Column("contract_id", sa.String(length=200), nullable=True),
        sa.Column("item_code", sa.String(length=200), nullable=True),
        sa.Column("subscription_key", sa.String(length=36), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "number", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_tenant_at"), "events", ["tenant", "at"])


def _duties() -> None:
    op.create_table(
        "schedules",
        *_tenant("schedules"),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("cron", sa.String(length=200), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("next_due_at", Instant(), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("owned_until", Instant(), nullable=True),
        sa.Column("started_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("outcome", sa.String(32), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "name", name=op.f("pk_schedules")),
    )
    op.create_index(op.f("ix_schedules_next_due_at"), "schedules", ["next_due_at"])
    op.create_table(
        "retention",
        *_tenant("retention"),
        sa.Column("data_class", sa.String(32), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "data_class", name=op.f("pk_retention")),
        sa.CheckConstraint("days >= 1", name=op.f("ck_retention_days")),
    )


def _columns() -> None:
    op.add_column("exchanges", sa.Column("audit_number", sa.Integer(), nullable=True))
    op.add_column("exchanges", sa.Column("digest", sa.String(length=64), nullable=True))
    op.add_column("exchanges", sa.Column("redacted_at", Instant(), nullable=True))
    op.create_index(op.f("ix_exchanges_tenant_audit_number"), "exchanges", ["tenant", "audit_number"])
    op.add_column("customers", sa.Column("erased_at", Instant(), nullable=True))
    op.add_column("integrations", sa.Column("secrets_at", Instant(), nullable=True))
    op.add_column("integrations", sa.Column("former_secrets", sa.JSON(), nullable=True))
    op.execute("UPDATE integrations SET secrets_at = created_at")


def _move_looks() -> None:
    connection = op.get_bind()
    columns = ("tenant", "actor", "command", "subject", "revealed")
    looks = sa.table("looks", sa.column("at", Instant()), *map(sa.column, (*columns, "id")))
    tenants = connection.execute(sa.select(looks.c.tenant).distinct().order_by(looks.c.tenant)).scalars().all()
    for tenant in tenants:
        query = sa.select(*looks.c).where(looks.c.tenant == tenant).order_by(looks.c.id)
        entries = list(_chained(tenant, connection.execute(query).all()))
        connection.execute(sa.insert(_AUDIT), entries)
        head = {"entry": len(entries), "hash": entries[-1]["hash"], "anchor": 0, "anchor_hash": ORIGIN, "event": 0}
        connection.execute(sa.insert(_CHAINS), head | {"tenant": tenant})
    op.drop_table("looks")


ORIGIN = "0" * 64
_COLUMNS = ("tenant", "number", "kind", "actor", "command", "subject", "digest", "hash", "pruned")
_AUDIT = sa.table("audit", sa.column("at", Instant()), sa.column("details", sa.JSON()), *map(sa.column, _COLUMNS))
_CHAINS = sa.table("chains", *map(sa.column, ("tenant", "entry", "hash", "anchor", "anchor_hash", "event")))


def _chained(tenant: str, looks: Sequence[sa.Row[Any]]) -> Iterator[dict[str, Any]]:
    link = ORIGIN
    for number, look in enumerate(looks, 1):
        details = {"revealed": bool(look.revealed)}
        digest = _sha256(_canonical([look.actor, look.command, look.subject, details]))
        link = _sha256(link + _canonical([tenant, number, look.at.isoformat(), "look", digest]))
        yield {
            "tenant": tenant, "number": number, "at": look.at, "kind": "look", "actor": look.actor,
            "command": look.command, "subject": look.subject, "details": details, "digest": digest, "hash": link,
            "pruned": False,
        }  # fmt: skip


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
