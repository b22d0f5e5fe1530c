"""Users as a provider lists them: kept while they come, each with whose it is; read again account by account.

Both ways go by indexes: what a batch costs does not grow with how many there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from svahub.models import RemoteUser
from svahub.store.among import chunks
from svahub.store.inserting import insert_into
from svahub.store.rows import AccountRow, ListedRow, entries_column, entries_from
from svahub.store.tables import accounts, attempts, customers, listed_users, subscriptions

PAGE = 500


def keep(connection: Connection, tenant: str, id: int, rows: Sequence[ListedRow]) -> None:
    """Keep some users of a listing; one that comes twice is as it came last."""
    if not rows:
        return
    new = insert_into(connection, listed_users)
    instead = {name: new.excluded[name] for name in ("account_key", "ours", "status", "entries")}
    key = [listed_users.c.reconciliation_id, listed_users.c.remote_id]
    whose = {"reconciliation_id": id, "tenant": tenant}
    values = [_columns(row) | whose for row in rows]
    connection.execute(new.on_conflict_do_update(index_elements=key, set_=instead), values)


def _columns(row: ListedRow) -> dict[str, Any]:
    return {
        "remote_id": row.remote_id,
        "account_key": row.account_key,
        "ours": row.ours,
        "status": row.status,
        "entries": entries_column(row.entries),
    }


def placed(connection: Connection, tenant: str, integration: str, users: Sequence[RemoteUser]) -> list[ListedRow]:
    """Return some users, each with whose it is: by its reference, by one of its subscriptions, else by its document."""
    ours = _by_reference(connection, tenant, integration, {u.reference for u in users if u.reference})
    left = [u for u in users if u.reference not in ours]
    named = {e.reference for u in left for e in u.subscriptions if e.reference}
    sold = _by_subscription(connection, tenant, integration, named)
    strange = {u.document for u in left if u.document and not _sold_to(u, sold)}
    persons = by_document(connection, tenant, integration, strange)
    found = []
    for user in users:
        own = user.reference if user.reference in ours else _sold_to(user, sold)
        key = own or next(iter(persons.get(user.document or "", ())), None)
        found.append(ListedRow(user.remote_id, key, own is not None, user.status, user.subscriptions))
    return found


def _sold_to(user: RemoteUser, sold: dict[str, str]) -> str | None:
    return next((sold[e.reference] for e in user.subscriptions if e.reference in sold), None)


def _by_reference(connection: Connection, tenant: str, integration: str, keys: Collection[str]) -> set[str]:
    c, found, here = accounts.c, set[str](), (tenant, integration)
    for chunk in chunks(sorted(keys)):
        # asked for by the key alone: with more to go by, SQLite reads all accounts of the integration
        query = select(c.key, c.tenant, c.integration).where(c.key.in_(chunk))
        found.update(row.key for row in connection.execute(query) if (row.tenant, row.integration) == here)
    return found


def _by_subscription(connection: Connection, tenant: str, integration: str, keys: Collection[str]) -> dict[str, str]:
    c, found, here = subscriptions.c, dict[str, str](), (tenant, integration)
    for chunk in chunks(sorted(keys)):
        query = select(c.key, c.account_key, c.tenant, c.integration).where(c.key.in_(chunk))
        rows = (row for row in connection.execute(query) if (row.tenant, row.integration) == here)
        found.update((row.key, row.account_key) for row in rows)
    return found


def by_document(
    connection: Connection, tenant: str, integration: str, documents: Collection[str]
) -> dict[str, list[str]]:
    """Return the accounts of who has each of some documents: several persons may have one."""
    found: dict[str, list[str]] = defaultdict(list)
    c, a = customers.c, accounts.c
    for chunk in chunks(sorted(documents)):
        # not joined: SQLite would begin with all accounts of the integration
        query = select(c.id, c.document).where(c.tenant == tenant, c.document.in_(chunk))
        persons = {row.id: row.document for row in connection.execute(query)}
        for some in chunks(sorted(persons)):
            theirs = (a.tenant == tenant, a.integration == integration, a.customer_id.in_(some))
            for holder, key in connection.execute(select(a.customer_id, a.key).where(*theirs)):
                found[persons[holder]].append(key)
    return {document: sorted(keys) for document, keys in found.items()}


# -- account by account ------------------------------------------------------------------------------------------------


def accounts_after(connection: Connection, tenant: str, integration: str, after: str) -> list[AccountRow]:
    """Return the next of an integration's accounts by their customers, after one of these."""
    c = accounts.c
    ours = (c.tenant == tenant, c.integration == integration, c.customer_id > after)
    query = select(accounts).where(*ours).order_by(c.customer_id).limit(PAGE)
    return [AccountRow(*row) for row in connection.execute(query)]


def of_accounts(connection: Connection, id: int, page: Sequence[AccountRow]) -> dict[str, list[ListedRow]]:
    """Return the listed users of some accounts, by account: by whose they are, or by the id that we know."""
    c, found = listed_users.c, defaultdict[str, list[ListedRow]](list)
    ours = {account.key: account.remote_id for account in page}
    for row in _read(connection, id, c.account_key.in_(list(ours))):
        by_id = not row.ours and row.remote_id == ours[row.account_key or ""]
        found[row.account_key or ""].append(row._replace(ours=row.ours or by_id, by_id=by_id))
    left = {id: key for key, id in ours.items() if id is not None and not any(row.ours for row in found[key])}
    for row in _read(connection, id, c.remote_id.in_(sorted(left))) if left else ():
        if not row.ours:
            found[left[row.remote_id]].append(row._replace(ours=True, by_id=True))
    return found


def _read(connection: Connection, id: int, which: Any) -> list[ListedRow]:
    c = listed_users.c
    query = select(c.remote_id, c.account_key, c.ours, c.status, c.entries).where(c.reconciliation_id == id, which)
    # not ordered by the database: SQLite would read the whole listing in that order
    return sorted(map(_listed, connection.execute(query)), key=lambda row: row.remote_id)


def _listed(row: Any) -> ListedRow:
    return ListedRow(row.remote_id, row.account_key, row.ours, row.status, entries_from(row.entries))


def claim(connection: Connection, id: int, whose: Mapping[str, str]) -> None:
    """Write whose some listed users are, by their remote ids."""
    for remote_id, key in whose.items():
        mine = (listed_users.c.reconciliation_id == id, listed_users.c.remote_id == remote_id)
        connection.execute(update(listed_users).where(*mine).values(account_key=key))


def strangers_after(connection: Connection, id: int, after: str) -> list[ListedRow]:
    """Return the next of the listed users that are nobody's of ours, after a remote id."""
    c = listed_users.c
    nobodys = (c.reconciliation_id == id, c.account_key.is_(None), c.remote_id > after)
    query = select(c.remote_id, c.account_key, c.ours, c.status, c.entries).where(*nobodys)
    return [_listed(row) for row in connection.execute(query.order_by(c.remote_id).limit(PAGE))]


def with_open_attempts(connection: Connection, keys: Collection[str]) -> set[str]:
    """Return those of some accounts for which a step is under way."""
    c = attempts.c
    query = select(c.account_key).where(c.account_key.in_(keys), c.ended_at.is_(None))
    return set(connection.execute(query).scalars())
