"""Rows of customers, contracts, items and block reasons, read and written in chunks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Table, and_, bindparam, delete, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from svahub.store.rows import AccountRow, ContractRow, CustomerRow, ItemRow, ReasonRow, SubscriptionRow
from svahub.store.tables import accounts, block_reasons, contracts, customers, items, subscriptions

PAGE = 500


def customers_by_id(connection: Connection, tenant: str, ids: Collection[str]) -> dict[str, CustomerRow]:
    """Return some customers by their id."""
    query = select(customers).where(customers.c.tenant == tenant, customers.c.id.in_(ids))
    return {row.id: CustomerRow(*row) for row in connection.execute(query)}


def contracts_by_id(connection: Connection, tenant: str, ids: Collection[str]) -> dict[str, ContractRow]:
    """Return some contracts by their id."""
    query = select(contracts).where(contracts.c.tenant == tenant, contracts.c.id.in_(ids))
    return {row.id: ContractRow(*row) for row in connection.execute(query)}


def contracts_near(connection: Connection, tenant: str, id: str) -> list[ContractRow]:
    """Return contracts whose ids begin like one that does not exist, for a suggestion."""
    query = select(contracts).where(contracts.c.tenant == tenant, contracts.c.id.startswith(id[:3], autoescape=True))
    return [ContractRow(*row) for row in connection.execute(query.order_by(contracts.c.id).limit(20))]


def contracts_of_customer(connection: Connection, tenant: str, customer_id: str) -> list[ContractRow]:
    """Return a customer's contracts."""
    query = select(contracts).where(contracts.c.tenant == tenant, contracts.c.customer_id == customer_id)
    return [ContractRow(*row) for row in connection.execute(query.order_by(contracts.c.id))]


def contract_pages(
    connection: Connection, tenant: str, status: str | None = None, customer: str | None = None
) -> Iterator[ContractRow]:
    """Stream a tenant's contracts in the order of their ids, a page at a time."""
    after = ""
    while True:
        query = select(contracts).where(contracts.c.tenant == tenant, contracts.c.id > after)
        query = query.where(contracts.c.status == status) if status else query
        query = query.where(contracts.c.customer_id == customer) if customer else query
        page = [ContractRow(*row) for row in connection.execute(query.order_by(contracts.c.id).limit(PAGE))]
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].id


def _of_contracts(table: Table, tenant: str, ids: Collection[str]) -> Select[Any]:
    return select(table).where(table.c.tenant == tenant, table.c.contract_id.in_(ids))


def items_of(connection: Connection, tenant: str, ids: Collection[str]) -> list[ItemRow]:
    """Return the items of some contracts."""
    query = _of_contracts(items, tenant, ids).order_by(items.c.contract_id, items.c.code)
    return [ItemRow(*row) for row in connection.execute(query)]


def reasons_of(connection: Connection, tenant: str, ids: Collection[str]) -> list[ReasonRow]:
    """Return the block reasons of some contracts."""
    return [ReasonRow(*row) for row in connection.execute(_of_contracts(block_reasons, tenant, ids))]


def subscriptions_of(connection: Connection, tenant: str, ids: Collection[str]) -> list[SubscriptionRow]:
    """Return every subscription of some contracts, older sales first."""
    query = _of_contracts(subscriptions, tenant, ids)
    query = query.order_by(subscriptions.c.contract_id, subscriptions.c.item_code, subscriptions.c.sale)
    return [SubscriptionRow(*row) for row in connection.execute(query)]


def expired_reasons(connection: Connection, now: datetime, limit: int = PAGE) -> list[ReasonRow]:
    """Return block reasons whose time has come, of any tenant."""
    query = select(block_reasons).where(block_reasons.c.until <= now).order_by(block_reasons.c.until).limit(limit)
    return [ReasonRow(*row) for row in connection.execute(query)]


def insert(connection: Connection, table: Table, rows: Sequence[Any]) -> None:
    """Insert row values in one go."""
    if rows:
        connection.execute(table_insert(table), [columns(table, row) for row in rows])


def insert_missing(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows that are not there yet."""
    if rows:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(table).on_conflict_do_nothing(), rows)


def update_rows(connection: Connection, table: Table, key: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Update rows by their key in one go; every row names the same columns."""
    if rows:
        changed = [name for name in rows[0] if name not in key]
        where = and_(*(table.c[name] == bindparam(f"k_{name}") for name in key))
        statement = update(table).where(where).values({name: bindparam(f"v_{name}") for name in changed})
        connection.execute(statement, [{f"k_{n}": r[n] for n in key} | {f"v_{n}": r[n] for n in changed} for r in rows])


def delete_reasons(connection: Connection, rows: Collection[ReasonRow]) -> None:
    """Take block reasons away."""
    c = block_reasons.c
    for row in rows:
        connection.execute(
            delete(block_reasons).where(
                c.tenant == row.tenant,
                c.contract_id == row.contract_id,
                c.item_code == row.item_code,
                c.reason == row.reason,
                c.source == row.source,
            )
        )


def put_reason(connection: Connection, row: ReasonRow) -> None:
    """Keep a block reason in place of the same one from the same source."""
    delete_reasons(connection, [row])
    connection.execute(insert(block_reasons), {c.name: getattr(row, c.name) for c in block_reasons.c})


def accounts_by_customer(
    connection: Connection, tenant: str, pairs: Collection[tuple[str, str]]
) -> dict[tuple[str, str], AccountRow]:
    """Return accounts by integration and customer."""
    c = accounts.c
    query = select(accounts).where(c.tenant == tenant, tuple_(c.integration, c.customer_id).in_(pairs))
    return {(row.integration, row.customer_id): AccountRow(*row) for row in connection.execute(query)}


def lock_customers(connection: Connection, tenant: str, ids: Collection[str]) -> None:
    """Let no other verb, and no result of these customers' accounts, be written until this transaction ends."""
    c = accounts.c
    ours = (customers.c.tenant == tenant, customers.c.id.in_(ids))
    connection.execute(select(customers.c.id).where(*ours).order_by(customers.c.id).with_for_update()).all()
    query = select(c.key).where(c.tenant == tenant, c.customer_id.in_(ids)).order_by(c.key).with_for_update()
    connection.execute(query).all()
