"""Rows of access tokens, and who fetches one now: a row is changed only by who saw it as it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, inspect, or_, select, update

from svahub.store.inserting import insert_into
from svahub.store.tables import tokens


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token of a tenant, encrypted, and until when it is used; or that one is fetched now, by whom and how long."""

    tenant: str
    name: str
    integration: str
    sealed: str | None = field(repr=False)
    use_until: datetime | None
    owner: str | None
    owned_until: datetime | None


class Hold(NamedTuple):
    """Who fetches a token, and until when nobody else does."""

    owner: str
    until: datetime


def of_tenant(connection: Connection, tenant: str) -> list[TokenRow]:
    """Return the tokens of a tenant: one for each of its accounts' credentials, and those not pruned yet."""
    query = select(tokens).where(tokens.c.tenant == tenant).order_by(tokens.c.name)
    return [TokenRow(*row) for row in connection.execute(query)]


def one(connection: Connection, tenant: str, name: str) -> TokenRow | None:
    """Return one token."""
    row = connection.execute(select(tokens).where(*_named(tenant, name))).first()
    return TokenRow(*row) if row else None


def add_held(connection: Connection, tenant: str, name: str, integration: str, hold: Hold) -> bool:
    """Keep that a first token is fetched; return whether that was done: not if somebody else did."""
    values = {"tenant": tenant, "name": name, "integration": integration}
    held = {"owner": hold.owner, "owned_until": hold.until}
    added = insert_into(connection, tokens).values(values | held).on_conflict_do_nothing().returning(tokens.c.name)
    return connection.execute(added).first() is not None


def hold(connection: Connection, seen: TokenRow, hold: Hold) -> bool:
    """Keep that a token is fetched; return whether that was done: not if the row is no longer as it was seen."""
    c = tokens.c
    same = [
        c[name].is_not_distinct_from(getattr(seen, name)) for name in ("sealed", "use_until", "owner", "owned_until")
    ]
    taken = update(tokens).where(*_named(seen.tenant, seen.name), *same)
    return connection.execute(taken.values(owner=hold.owner, owned_until=hold.until)).rowcount == 1


def put(
    connection: Connection, tenant: str, name: str, hold: Hold, integration: str, sealed: str, until: datetime
) -> None:
    """Keep a token that its holder has fetched, and end the hold; one whose hold others took over is not kept."""
    values = {"integration": integration, "sealed": sealed, "use_until": until, "owner": None, "owned_until": None}
    mine = (*_named(tenant, name), tokens.c.owner == hold.owner)
    connection.execute(update(tokens).where(*mine).values(values))


def release(connection: Connection, tenant: str, name: str, hold: Hold) -> None:
    """End a hold that brought no token."""
    mine = (*_named(tenant, name), tokens.c.owner == hold.owner)
    connection.execute(update(tokens).where(*mine).values(owner=None, owned_until=None))


def _named(tenant: str, name: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return tokens.c.tenant == tenant, tokens.c.name == name


def drop_spent(connection: Connection, tenant: str, now: datetime) -> int:
    """Delete a tenant's tokens that are no longer used and that nobody fetches anew; return how many."""
    return connection.execute(delete(tokens).where(tokens.c.tenant == tenant, _spent(now))).rowcount


def _spent(now: datetime) -> ColumnElement[bool]:
    c = tokens.c
    return and_(or_(c.use_until.is_(None), c.use_until <= now), or_(c.owner.is_(None), c.owned_until <= now))


def drop_of(connection: Connection, tenant: str, integration: str) -> None:
    """Delete the tokens that an integration fetched: whoever else uses them fetches others."""
    connection.execute(delete(tokens).where(tokens.c.tenant == tenant, tokens.c.integration == integration))


def drop_all(connection: Connection) -> int:
    """Delete every token, if the store is not older than they are; return how many."""
    there = inspect(connection).has_table(tokens.name)
    return connection.execute(delete(tokens)).rowcount if there else 0
