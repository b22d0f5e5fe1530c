"""The audit with its chain, events, schedules, retention; two slots for secrets; who was erased."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from svahub.store.types import Instant

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add tables and columns; looks and exchanges that are there become the first entries of the audit."""
    _audit()
    _duties()
    _columns()
    _chain_what_there_is()


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
    kept = sa.column("pruned").is_(False)
    for column in ("kind", "actor", "subject"):
        columns = ["tenant", column, "at", "number"]
        op.create_index(f"ix_audit_{column}", "audit", columns, sqlite_where=kept, postgresql_where=kept)
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
    by_integration = op.f("ix_exchanges_tenant_integration_at_id")
    op.create_index(by_integration, "exchanges", ["tenant", "integration", "at", "id"])
    op.drop_index(op.f("ix_exchanges_tenant_at"), "exchanges")
    op.add_column("customers", sa.Column("erased_at", Instant(), nullable=True))
    op.add_column("integrations", sa.Column("secrets_at", Instant(), nullable=True))
    op.add_column("integrations", sa.Column("former_secrets", sa.JSON(), nullable=True))
    op.add_column("integrations", sa.Column("secret_dates", sa.JSON(), nullable=True))
    op.execute("UPDATE integrations SET secrets_at = created_at")


ORIGIN = "0" * 64
PAGE = 500
_COLUMNS = ("tenant", "number", "kind", "actor", "command", "subject", "digest", "hash", "pruned")
_AUDIT = sa.table("audit", sa.column("at", Instant()), sa.column("details", sa.JSON()), *map(sa.column, _COLUMNS))
_CHAINS = sa.table("chains", *map(sa.column, ("tenant", "entry", "hash", "anchor", "anchor_hash", "event")))
_LOOKS = sa.table(
    "looks", sa.column("at", Instant()), *map(sa.column, ("id", "tenant", "actor", "command", "subject", "revealed"))
)
_LASTING = ("tenant", "integration", "account_key", "lease_number", "at", "method", "path", "status", "milliseconds")
_WITNESSED = (*_LASTING, "request_headers", "request_body", "response_headers", "response_body", "error")
_TYPES: dict[str, Any] = {"at": Instant(), "request_headers": sa.JSON(), "response_headers": sa.JSON()}
_EXCHANGES = sa.table(
    "exchanges", *(sa.column(name, _TYPES.get(name)) for name in ("id", "audit_number", "digest", *_WITNESSED))
)


def _chain_what_there_is() -> None:
    connection = op.get_bind()
    for tenant in connection.execute(sa.text("SELECT name FROM tenants ORDER BY name")).scalars().all():
        link, number = ORIGIN, 0
        for entry in (*_looks(connection, tenant), *_exchanges(connection, tenant)):
            number += 1
            link = _sha256(link + _canonical([tenant, number, entry["at"], entry["kind"], entry["digest"]]))
            numbered = {"tenant": tenant, "number": number, "hash": link, "pruned": False}
            ids = entry.pop("ids", [])
            connection.execute(sa.insert(_AUDIT), entry | numbered)
            connection.execute(sa.update(_EXCHANGES).where(_EXCHANGES.c.id.in_(ids)).values(audit_number=number))
        if number:
            head = {"entry": number, "hash": link, "anchor": 0, "anchor_hash": ORIGIN, "event": 0}
            connection.execute(sa.insert(_CHAINS), head | {"tenant": tenant})
    op.drop_table("looks")


def _looks(connection: sa.Connection, tenant: str) -> Iterator[dict[str, Any]]:
    query = sa.select(*_LOOKS.c).where(_LOOKS.c.tenant == tenant).order_by(_LOOKS.c.id)
    for look in connection.execute(query).all():
        details = {"revealed": bool(look.revealed)}
        yield {
            "at": look.at, "kind": "look", "actor": look.actor, "command": look.command, "subject": look.subject,
            "details": details, "digest": _sha256(_canonical([look.actor, look.command, look.subject, details])),
        }  # fmt: skip


def _exchanges(connection: sa.Connection, tenant: str) -> Iterator[dict[str, Any]]:
    """Give each exchange its digest; yield one entry for every page of them."""
    c, after = _EXCHANGES.c, 0
    query = sa.select(*c).where(c.tenant == tenant, c.id > sa.bindparam("after")).order_by(c.id).limit(PAGE)
    sealed = sa.update(_EXCHANGES).where(c.id == sa.bindparam("b_id")).values(digest=sa.bindparam("b_digest"))
    while page := connection.execute(query, {"after": after}).all():
        after = page[-1].id
        digests = [_sha256(_canonical([getattr(row, name) for name in _WITNESSED])) for row in page]
        connection.execute(
            sealed, [{"b_id": row.id, "b_digest": digest} for row, digest in zip(page, digests, strict=True)]
        )
        yield {
            "at": max(row.at for row in page), "kind": "exchanges", "actor": None, "command": None, "subject": None,
            "details": {"exchanges": len(page)}, "digest": _of_batch(page, digests), "ids": [row.id for row in page],
        }  # fmt: skip


def _of_batch(page: Sequence[Any], digests: Sequence[str]) -> str:
    rows = [dict(row._mapping) | {"path": row.path.partition("?")[0]} for row in page]
    lasting = [[*(row[name] for name in _LASTING), digest] for row, digest in zip(rows, digests, strict=True)]
    return _sha256("\n".join(_sha256(_canonical(columns)) for columns in lasting))


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_text)


def _text(value: object) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
