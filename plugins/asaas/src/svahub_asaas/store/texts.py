"""Queries on the ISP's texts, on who wants no greetings, and on how far sweeps have come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, select
from svahub.extension.queries import insert_into

from svahub_asaas.store.tables import opt_outs, sweeps, templates


def one(connection: Connection, tenant: str, integration: str, name: str) -> str | None:
    """Return a text, None where it was never set."""
    c = templates.c
    where = (c.tenant == tenant, c.integration == integration, c.name == name)
    text: str | None = connection.execute(select(c.text).where(*where)).scalar_one_or_none()
    return text


def put(connection: Connection, tenant: str, integration: str, name: str, text: str, now: datetime) -> None:
    """Set a text."""
    key = {"tenant": tenant, "integration": integration, "name": name}
    _put(connection, templates, key, {"text": text, "changed_at": now})


def opt_out(connection: Connection, tenant: str, customer_id: str, now: datetime) -> None:
    """Note that a customer wants no greetings."""
    _put(connection, opt_outs, {"tenant": tenant, "customer_id": customer_id}, {"since": now})


def opt_in(connection: Connection, tenant: str, customer_id: str) -> None:
    """Note that a customer has nothing against greetings."""
    where = (opt_outs.c.tenant == tenant, opt_outs.c.customer_id == customer_id)
    connection.execute(delete(opt_outs).where(*where))


def opted_out(connection: Connection, tenant: str) -> dict[str, datetime]:
    """Return who wants no greetings, and since when."""
    query = select(opt_outs.c.customer_id, opt_outs.c.since).where(opt_outs.c.tenant == tenant)
    return {row.customer_id: row.since for row in connection.execute(query)}


def swept_until(connection: Connection, tenant: str, integration: str, kind: str) -> date | None:
    """Return until which day something was read, None where it never was."""
    c = sweeps.c
    where = (c.tenant == tenant, c.integration == integration, c.kind == kind)
    until: date | None = connection.execute(select(c.until).where(*where)).scalar_one_or_none()
    return until


def swept(connection: Connection, tenant: str, integration: str, kind: str, until: date) -> None:
    """Note until which day something was read."""
    _put(connection, sweeps, {"tenant": tenant, "integration": integration, "kind": kind}, {"until": until})


def _put(connection: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    new = insert_into(connection, table).values(**key, **values)
    connection.execute(new.on_conflict_do_update(index_elements=list(key), set_=dict(values)))
