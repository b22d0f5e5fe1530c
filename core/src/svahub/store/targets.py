"""The systems that are told: their rows, and how often each was called."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from svahub.store.among import one_of
from svahub.store.rows import TargetRow
from svahub.store.tables import outbox, outbox_lines, outbox_targets

_OF_TENANT = (
    select(outbox_targets).where(outbox_targets.c.tenant == bindparam("tenant")).order_by(outbox_targets.c.name)
)
_LISTENING = _OF_TENANT.with_for_update(read=True, key_share=True)
_ONE = _OF_TENANT.where(outbox_targets.c.name == bindparam("name"))
_WITH_ANY = select(outbox_targets.c.tenant).where(one_of(outbox_targets.c.tenant, "tenants")).distinct()
_EVERY = select(outbox_targets).order_by(outbox_targets.c.tenant, outbox_targets.c.name)
_OF_TENANTS = _EVERY.where(one_of(outbox_targets.c.tenant, "tenants"))


def of_tenant(connection: Connection, tenant: str) -> list[TargetRow]:
    """Return a tenant's targets by name."""
    return [TargetRow(*row) for row in connection.execute(_OF_TENANT, {"tenant": tenant})]


def listening(connection: Connection, tenant: str) -> list[TargetRow]:
    """Return a tenant's targets, none of which can be removed before this transaction ends."""
    return [TargetRow(*row) for row in connection.execute(_LISTENING, {"tenant": tenant})]


def with_any(connection: Connection, tenants: Iterable[str]) -> set[str]:
    """Return those of some tenants that have targets."""
    return set(connection.execute(_WITH_ANY, {"tenants": set(tenants)}).scalars())


def every(connection: Connection, tenants: Collection[str] = ()) -> list[TargetRow]:
    """Return the targets of some tenants (none named: of all)."""
    found = connection.execute(_OF_TENANTS, {"tenants": tenants}) if tenants else connection.execute(_EVERY)
    return [TargetRow(*row) for row in found]


def one(connection: Connection, tenant: str, name: str) -> TargetRow | None:
    """Return one target."""
    row = connection.execute(_ONE, {"tenant": tenant, "name": name}).first()
    return TargetRow(*row) if row else None


def add(connection: Connection, row: TargetRow) -> None:
    """Keep a new target."""
    connection.execute(insert(outbox_targets), {column.name: getattr(row, column.name) for column in outbox_targets.c})


def put_secrets(connection: Connection, row: TargetRow) -> None:
    """Write a target's secrets."""
    mine = (outbox_targets.c.tenant == row.tenant, outbox_targets.c.name == row.name)
    values = {name: getattr(row, name) for name in ("secret", "former_secret", "former_until")}
    connection.execute(update(outbox_targets).where(*mine).values(values))


def remove(connection: Connection, row: TargetRow) -> None:
    """Forget a target, and every message to it."""
    for table in (outbox, outbox_lines):
        connection.execute(delete(table).where(table.c.tenant == row.tenant, table.c.target == row.name))
    mine = (outbox_targets.c.tenant == row.tenant, outbox_targets.c.name == row.name)
    connection.execute(delete(outbox_targets).where(*mine))


_COUNT = (
    update(outbox_targets)
    .where(outbox_targets.c.tenant == bindparam("b_tenant"), outbox_targets.c.name == bindparam("b_target"))
    .values(
        sent=outbox_targets.c.sent + bindparam("b_sent"),
        failed=outbox_targets.c.failed + bindparam("b_failed"),
    )
)


def count(connection: Connection, called: Mapping[tuple[str, str], tuple[int, int]]) -> None:
    """Add, by tenant and target, how many messages were delivered and how many tries failed."""
    rows = [
        {"b_tenant": tenant, "b_target": name, "b_sent": sent, "b_failed": failed}
        for (tenant, name), (sent, failed) in sorted(called.items())
    ]
    if rows:
        connection.execute(_COUNT, rows)


def pause(connection: Connection, tenant: str, name: str, until: datetime) -> None:
    """Send a target nothing before an instant: it asks for that."""
    mine = (outbox_targets.c.tenant == tenant, outbox_targets.c.name == name)
    connection.execute(update(outbox_targets).where(*mine).values(paused_until=until))
