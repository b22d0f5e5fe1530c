"""Rows of customers, contracts, items and block reasons, read and written in chunks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Integer,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    extract,
    insert,
    select,
    tuple_,
    update,
)

from svahub.store.among import Among, one_of
from svahub.store.inserting import insert_into
from svahub.store.rows import AccountRow, ContractRow, CustomerRow, ItemRow, ReasonRow, SubscriptionRow
from svahub.store.states import ContractStatus
from svahub.store.tables import accounts, block_reasons, contracts, customers, items, subscriptions, tenants

PAGE = 500
_CUSTOMERS = select(customers).where(customers.c.tenant == bindparam("tenant"), one_of(customers.c.id, "ids"))
_named = (contracts.c.tenant == bindparam("tenant"), one_of(contracts.c.id, "ids"))
_CONTRACTS = select(contracts).where(*_named)
_HOLDERS = select(contracts.c.customer_id).where(*_named)


def customers_by_id(connection: Connection, tenant: str, ids: Collection[str]) -> dict[str, CustomerRow]:
    """Return some customers by their id."""
    found = connection.execute(_CUSTOMERS, {"tenant": tenant, "ids": ids}).all()
    return {row.id: CustomerRow(*row) for row in found}


def contracts_by_id(connection: Connection, tenant: str, ids: Collection[str]) -> dict[str, ContractRow]:
    """Return some contracts by their id."""
    found = connection.execute(_CONTRACTS, {"tenant": tenant, "ids": ids}).all()
    return {row.id: ContractRow(*row) for row in found}


def contracts_near(connection: Connection, tenant: str, id: str) -> list[ContractRow]:
    """Return contracts whose ids begin like one that does not exist, for a suggestion."""
    query = select(contracts).where(contracts.c.tenant == tenant, contracts.c.id.startswith(id[:3], autoescape=True))
    return [ContractRow(*row) for row in connection.execute(query.order_by(contracts.c.id).limit(20))]


def ids_beginning(connection: Connection, tenant: str, begun: str, limit: int) -> Sequence[str]:
    """Return the first ids of contracts that begin like this."""
    query = select(contracts.c.id).where(
        contracts.c.tenant == tenant, contracts.c.id.startswith(begun, autoescape=True)
    )
    return connection.execute(query.order_by(contracts.c.id).limit(limit)).scalars().all()


def contracts_of_customer(connection: Connection, tenant: str, customer_id: str) -> list[ContractRow]:
    """Return a customer's contracts."""
    query = select(contracts).where(contracts.c.tenant == tenant, contracts.c.customer_id == customer_id)
    return [ContractRow(*row) for row in connection.execute(query.order_by(contracts.c.id))]


def ids_of_customers(connection: Connection, tenant: str, customer_ids: Collection[str]) -> set[str]:
    """Return the ids of all contracts of some customers."""
    if not customer_ids:
        return set()
    query = select(contracts.c.id).where(contracts.c.tenant == tenant, contracts.c.customer_id.in_(customer_ids))
    return set(connection.execute(query).scalars())


def holders(connection: Connection, tenant: str, ids: Collection[str]) -> set[str]:
    """Return the ids of the customers that hold some contracts now."""
    return set(connection.execute(_HOLDERS, {"tenant": tenant, "ids": ids}).scalars())


def contract_pages(
    connection: Connection, tenant: str, status: str | None = None, customer: str | None = None
) -> Iterator[ContractRow]:
    """Stream a tenant's contracts in the order of their ids, a page at a time."""
    after = ""
    while True:
        page = contracts_after(connection, tenant, after, PAGE, status=status, customer=customer)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].id


def contracts_after(
    connection: Connection,
    tenant: str,
    after: str,
    limit: int,
    *,
    status: str | None = None,
    customer: str | None = None,
) -> list[ContractRow]:
    """Return the first of a tenant's contracts that follow an id."""
    query = select(contracts).where(contracts.c.tenant == tenant, contracts.c.id > after)
    query = query.where(contracts.c.status == status) if status else query
    query = query.where(contracts.c.customer_id == customer) if customer else query
    return [ContractRow(*row) for row in connection.execute(query.order_by(contracts.c.id).limit(limit))]


def _of_contracts(table: Table) -> Select[Any]:
    return select(table).where(table.c.tenant == bindparam("tenant"), one_of(table.c.contract_id, "ids"))


_ITEMS = _of_contracts(items).order_by(items.c.contract_id, items.c.code)
_REASONS = _of_contracts(block_reasons)
_SUBSCRIPTIONS = _of_contracts(subscriptions).order_by(
    subscriptions.c.contract_id, subscriptions.c.item_code, subscriptions.c.sale
)
_EXPIRED_REASONS = (
    select(block_reasons)
    .where(block_reasons.c.until <= bindparam("now"))
    .order_by(block_reasons.c.until)
    .limit(bindparam("limit", type_=Integer))
)


def items_of(connection: Connection, tenant: str, ids: Collection[str]) -> list[ItemRow]:
    """Return the items of some contracts."""
    return [ItemRow(*row) for row in connection.execute(_ITEMS, {"tenant": tenant, "ids": ids}).all()]


def reasons_of(connection: Connection, tenant: str, ids: Collection[str]) -> list[ReasonRow]:
    """Return the block reasons of some contracts."""
    return [ReasonRow(*row) for row in connection.execute(_REASONS, {"tenant": tenant, "ids": ids}).all()]


def subscriptions_of(connection: Connection, tenant: str, ids: Collection[str]) -> list[SubscriptionRow]:
    """Return every subscription of some contracts, older sales first."""
    return [SubscriptionRow(*row) for row in connection.execute(_SUBSCRIPTIONS, {"tenant": tenant, "ids": ids}).all()]


def expired_reasons(connection: Connection, now: datetime, limit: int = PAGE) -> list[ReasonRow]:
    """Return block reasons whose time has come, of any tenant."""
    return [ReasonRow(*row) for row in connection.execute(_EXPIRED_REASONS, {"now": now, "limit": limit}).all()]


def add_rows(connection: Connection, table: Table, rows: Sequence[Any]) -> None:
    """Insert row values in one go."""
    if rows:
        connection.execute(insert(table), _columns(table, rows))


def put_rows(connection: Connection, table: Table, rows: Sequence[Any]) -> None:
    """Write row values in place of those with their primary key, in one go."""
    update_rows(connection, table, [column.name for column in table.primary_key], _columns(table, rows))


def _columns(table: Table, rows: Iterable[Any]) -> list[dict[str, Any]]:
    names = [column.name for column in table.c]
    return [{name: getattr(row, name) for name in names} for row in rows]


def insert_missing(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows that are not there yet."""
    if rows:
        connection.execute(insert_into(connection, table).on_conflict_do_nothing(), rows)


def update_rows(connection: Connection, table: Table, key: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Update rows by their key in one go; every row names the same columns."""
    if rows:
        changed = [name for name in rows[0] if name not in key]
        where = and_(*(table.c[name] == bindparam(f"k_{name}") for name in key))
        statement = update(table).where(where).values({name: bindparam(f"v_{name}") for name in changed})
        connection.execute(statement, [{f"k_{n}": r[n] for n in key} | {f"v_{n}": r[n] for n in changed} for r in rows])


_GONE = delete(block_reasons).where(*(column == bindparam(f"k_{column.name}") for column in block_reasons.primary_key))


def delete_reasons(connection: Connection, rows: Collection[ReasonRow]) -> None:
    """Take block reasons away, in one go."""
    if rows:
        key = [column.name for column in block_reasons.primary_key]
        connection.execute(_GONE, [{f"k_{name}": getattr(row, name) for name in key} for row in rows])


def put_reasons(connection: Connection, rows: Sequence[ReasonRow]) -> None:
    """Keep block reasons in place of the same ones from the same sources."""
    delete_reasons(connection, rows)
    add_rows(connection, block_reasons, rows)


_of_pairs = Among(accounts.c.integration, accounts.c.customer_id)
_ACCOUNTS = select(accounts).where(accounts.c.tenant == bindparam("tenant"), _of_pairs.condition)


def accounts_by_customer(
    connection: Connection, tenant: str, pairs: Collection[tuple[str, str]]
) -> dict[tuple[str, str], AccountRow]:
    """Return accounts by integration and customer."""
    found = connection.execute(_ACCOUNTS, {"tenant": tenant} | _of_pairs.keys(pairs)).all()
    return {(row.integration, row.customer_id): AccountRow(*row) for row in found}


def linked_customers(connection: Connection, tenant: str, integration: str) -> dict[str, str]:
    """Return the remote user of each customer that has one at an integration."""
    c = accounts.c
    where = (c.tenant == tenant, c.integration == integration, c.customer_id.is_not(None), c.remote_id.is_not(None))
    return {
        row.customer_id: row.remote_id for row in connection.execute(select(c.customer_id, c.remote_id).where(*where))
    }


def birthdays(connection: Connection, tenant: str, days: Collection[tuple[int, int]]) -> list[str]:
    """Return the customers of active contracts who were born on one of some days (month, day) and have an address."""
    c = customers.c
    born = tuple_(extract("month", c.birth_date), extract("day", c.birth_date)).in_(days)
    active = select(contracts.c.customer_id).where(
        contracts.c.tenant == tenant, contracts.c.status == ContractStatus.ACTIVE
    )
    where = (c.tenant == tenant, born, c.email.is_not(None), c.erased_at.is_(None), c.id.in_(active))
    return list(connection.execute(select(c.id).where(*where).order_by(c.id)).scalars())


_LOCK_CUSTOMERS = _CUSTOMERS.with_only_columns(customers.c.id).order_by(customers.c.id).with_for_update()
_LOCK_ACCOUNTS = (
    select(accounts.c.key)
    .where(accounts.c.tenant == bindparam("tenant"), one_of(accounts.c.customer_id, "ids"))
    .order_by(accounts.c.key)
    .with_for_update()
)


def lock_customers(connection: Connection, tenant: str, ids: Collection[str]) -> None:
    """Let no other verb, and no result of these customers' accounts, be written until this transaction ends."""
    for query in (_LOCK_CUSTOMERS, _LOCK_ACCOUNTS):
        connection.execute(query, {"tenant": tenant, "ids": ids}).all()


def lock_imports(connection: Connection, tenant: str) -> None:
    """Let no other import of the tenant write until this transaction ends: two would make the same customer twice."""
    # The weaker lock lets others refer to the tenant meanwhile.
    connection.execute(select(tenants.c.name).where(tenants.c.name == tenant).with_for_update(key_share=True)).all()
