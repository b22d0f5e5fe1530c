"""Links by which a customer buys one product with one press: made, listed and revoked by operators.

What the customer sees and does there is `offering`'s part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from svahub import entries, link_tokens
from svahub.areas.bench import Bench
from svahub.areas.offering import case_of
from svahub.areas.terms import current
from svahub.brazil import HIGHEST_AMOUNT
from svahub.errors import Refused, UnknownName
from svahub.masking import clean
from svahub.offers import Case, Standing, obstacle, standing_of_link
from svahub.store import contracts, offers
from svahub.store.offers import ActivationLinkRow
from svahub.store.rows import LinkRow

EXPIRES = timedelta(days=7)
LONGEST = timedelta(days=366)
LONGEST_TITLE = 200
LIST = "All: svahub contracts activation-links"
REFUSALS = {
    Standing.NOT_ACTIVE: "Contract {contract} is not active: import or activate it first.",
    Standing.HELD: "Contract {contract} has the product {product} already: svahub contracts show {contract}",
    Standing.BLOCKED: "Contract {contract} is blocked: who is blocked can buy nothing. svahub explain {contract}",
    Standing.UNAVAILABLE: "The product {product} cannot be sold to this customer as it is linked: svahub products list",
}


@dataclass(frozen=True, slots=True)
class ActivationLinkView:
    """A link as people see it, without what makes it open; `price` in BRL, `actor` made it.

    `item` is what was sold by it.
    """

    id: str
    standing: Standing
    contract_id: str
    product_code: str
    title: str
    price: Decimal
    product_type: str
    terms_version: str
    actor: str
    created_at: datetime
    expires_at: datetime
    taken_at: datetime | None
    revoked_at: datetime | None
    item: str | None


@dataclass(frozen=True, slots=True)
class NewActivationLink:
    """A link that was just made, and the path that opens it: whoever has that can take the offer, so it is a secret."""

    view: ActivationLinkView
    path: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ActivationLinks:
    """The activation links of one tenant."""

    bench: Bench

    def make(
        self,
        contract: str,
        product: str,
        *,
        price: Decimal | None = None,
        title: str | None = None,
        expires: timedelta = EXPIRES,
    ) -> NewActivationLink:
        """Make a link that offers a product to a contract's customer, at the price of its plan unless one is given.

        Raises Refused when there are no terms, no price or no key to sign with, or when it could not be sold now.
        """
        if not timedelta(minutes=1) <= expires <= LONGEST:
            raise Refused(f"A link is good for a minute at least, and for {LONGEST.days} days at most.")
        about: dict[str, Any] = {"product": product, "expires_in": str(expires)}
        with self.bench.writing("contracts activation-link", entries.of_contract(contract), **about) as connection:
            case = self._case(connection, contract)
            row = self._row(connection, case, self._link(case, product), price, title, expires)
            if (against := obstacle(row, case)) is not None:
                raise Refused(REFUSALS[against].format(contract=contract, product=product))
            path = f"{link_tokens.PATH}/{link_tokens.written(row.id)}"
            offers.add_link(connection, row)
        return NewActivationLink(_view(row, row.created_at), path)

    def _case(self, connection: Connection, contract: str) -> Case:
        if not contracts.contracts_by_id(connection, self.bench.tenant, [contract]):
            near = [c.id for c in contracts.contracts_near(connection, self.bench.tenant, contract)]
            raise UnknownName("contract", contract, near, "All: svahub contracts list")
        return case_of(connection, self.bench, contract)

    def _link(self, case: Case, product: str) -> LinkRow:
        link = case.routes.links.get(product)
        if link is None:
            remedy = f"Link it: svahub products link {product} --product-type TYPE --plan REMOTE_ID"
            raise UnknownName("linked product", product, case.routes.links, remedy)
        return link

    def _row(
        self,
        connection: Connection,
        case: Case,
        link: LinkRow,
        price: Decimal | None,
        title: str | None,
        expires: timedelta,
    ) -> ActivationLinkRow:
        plan = case.routes.plans.get((link.integration, link.plan)) if link.plan is not None else None
        asked = price if price is not None else (plan.price if plan else None)
        now, terms = self.bench.store.now(connection), current(connection, self.bench.tenant, link.product_type)
        contract = case.level.contract
        return ActivationLinkRow(
            self.bench.tenant, link_tokens.drawn_id(), contract.id, contract.customer_id, link.code, link.product_type,
            link.integration, link.plan, _title(title or (plan.name if plan else link.code)[:LONGEST_TITLE]),
            _price(asked, link.code), terms.version, entries.acting(self.bench.actor), now,
            (now + expires).replace(microsecond=0),
        )  # fmt: skip

    def list(self, contract: str | None = None) -> Iterator[ActivationLinkView]:
        """Stream the links, of one contract if named, the newest first."""
        with self.bench.store.read() as connection:
            now = self.bench.store.now(connection)
            yield from (_view(row, now) for row in offers.links_of(connection, self.bench.tenant, contract))

    def revoke(self, id: str) -> ActivationLinkView:
        """Let a link open nothing more; refused when the offer was taken, or the link was revoked."""
        with self.bench.writing("contracts activation-links", f"activation link {id}", revoked=True) as connection:
            row = offers.locked(connection, self.bench.tenant, id)
            if row is None:
                raise UnknownName("activation link", id, [], LIST)
            if row.taken_at is not None:
                item = f"`svahub cancel {row.contract_id} --item {row.item_code}` ends what was sold"
                raise Refused(f"The offer of this link was taken on {row.taken_at:%Y-%m-%d}: {item}.")
            if row.revoked_at is not None:
                raise Refused(f"This link was revoked on {row.revoked_at:%Y-%m-%d}.")
            now = self.bench.store.now(connection)
            row = replace(row, revoked_at=now)
            offers.put_link(connection, row)
        return _view(row, now)


def _price(price: Decimal | None, product: str) -> Decimal:
    if price is None:
        raise Refused(f"The plan of {product} has no price that customers could be told: say it with --price.")
    if not 0 <= price <= HIGHEST_AMOUNT:
        raise Refused("A price is no less than 0.")
    return price


def _title(given: str) -> str:
    title = " ".join(clean(given).split())
    if not 1 <= len(title) <= LONGEST_TITLE:
        raise Refused(f"A title has 1 to {LONGEST_TITLE} characters.")
    return title


def _view(row: ActivationLinkRow, now: datetime) -> ActivationLinkView:
    return ActivationLinkView(
        row.id, Standing.TAKEN if row.taken_at else standing_of_link(row, now), row.contract_id, row.product_code,
        row.title, row.price, row.product_type, row.terms_version, row.actor, row.created_at, row.expires_at,
        row.taken_at, row.revoked_at, row.item_code,
    )  # fmt: skip
