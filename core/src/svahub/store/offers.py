"""Rows of activation links and of the texts that customers agree to; a text is never changed, as a consent names it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, insert, select, update

from svahub.store.inserting import insert_into
from svahub.store.tables import activation_links, terms

PAGE = 500


@dataclass(frozen=True, slots=True)
class TermsRow:
    """One version of the text that whoever buys something of a product type agrees to; `actor` brought it."""

    tenant: str
    product_type: str
    version: str
    text: str = field(repr=False)
    actor: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ActivationLinkRow:
    """One offer to the customer of a contract: what, at which price (BRL) and under which terms; and what came of it.

    It was taken at `taken_at` and sold then as the `sale` of `item_code`.
    """

    tenant: str
    id: str
    contract_id: str
    customer_id: str
    product_code: str
    product_type: str
    integration: str
    plan: str | None
    title: str
    price: Decimal
    terms_version: str
    actor: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    taken_at: datetime | None = None
    item_code: str | None = None
    sale: int | None = None


# -- terms -------------------------------------------------------------------------------------------------------------


def add_terms(connection: Connection, row: TermsRow) -> bool:
    """Keep a version of a text; False when there is one of this version already."""
    values = {column.name: getattr(row, column.name) for column in terms.c}
    new = insert_into(connection, terms).values(values).on_conflict_do_nothing().returning(terms.c.version)
    return connection.execute(new).first() is not None


def terms_of(connection: Connection, tenant: str, product_type: str | None = None) -> list[TermsRow]:
    """Return a tenant's texts by product type, the newest version first."""
    c = terms.c
    query = select(terms).where(c.tenant == tenant).order_by(c.product_type, c.created_at.desc(), c.version.desc())
    query = query.where(c.product_type == product_type) if product_type is not None else query
    return [TermsRow(*row) for row in connection.execute(query)]


def terms_in(connection: Connection, tenant: str, product_type: str, version: str) -> TermsRow | None:
    """Return one version of a text."""
    c = terms.c
    query = select(terms).where(c.tenant == tenant, c.product_type == product_type, c.version == version)
    row = connection.execute(query).first()
    return TermsRow(*row) if row else None


# -- links -------------------------------------------------------------------------------------------------------------


def add_link(connection: Connection, row: ActivationLinkRow) -> None:
    """Keep a new link."""
    connection.execute(insert(activation_links), [{c.name: getattr(row, c.name) for c in activation_links.c}])


def links_of(connection: Connection, tenant: str, contract: str | None = None) -> Iterator[ActivationLinkRow]:
    """Stream a tenant's links, of one contract if named, the newest first."""
    c = activation_links.c
    query = select(activation_links).where(c.tenant == tenant).order_by(c.created_at.desc(), c.id)
    query = query.where(c.contract_id == contract) if contract is not None else query
    for row in connection.execute(query, execution_options={"yield_per": PAGE}):
        yield ActivationLinkRow(*row)


def link_of_any(connection: Connection, id: str) -> ActivationLinkRow | None:
    """Return a link, of whatever tenant it is."""
    row = connection.execute(select(activation_links).where(activation_links.c.id == id)).first()
    return ActivationLinkRow(*row) if row else None


def locked(connection: Connection, tenant: str, id: str) -> ActivationLinkRow | None:
    """Return a link that nobody else takes or revokes until this transaction ends."""
    mine = (activation_links.c.tenant == tenant, activation_links.c.id == id)
    row = connection.execute(select(activation_links).where(*mine).with_for_update()).first()
    return ActivationLinkRow(*row) if row else None


def put_link(connection: Connection, row: ActivationLinkRow) -> None:
    """Keep what became of a link."""
    mine = (activation_links.c.tenant == row.tenant, activation_links.c.id == row.id)
    became = {name: getattr(row, name) for name in ("revoked_at", "taken_at", "item_code", "sale")}
    connection.execute(update(activation_links).where(*mine).values(became))
