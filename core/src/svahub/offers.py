"""What an activation link offers, whether it can be taken now, and the item that it puts on the contract. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain, count
from typing import Any

from svahub.intentions import Level
from svahub.models import Desired
from svahub.routes import Routes, declined
from svahub.store.offers import ActivationLinkRow
from svahub.store.rows import CustomerRow, ItemRow
from svahub.store.states import ContractStatus

CHANNEL = "activation-link"
"""The channel of a consent that was given by a link."""
SHOWN_AFTER = timedelta(days=1)
"""So long a link shows at least what came of it, even if it would have expired meanwhile."""


class Standing(StrEnum):
    """How it stands with an offer."""

    OPEN = "open"
    TAKEN = "taken"
    USED = "used"
    """It was taken, and the link no longer shows what came of that."""
    REVOKED = "revoked"
    EXPIRED = "expired"
    NOT_ACTIVE = "not_active"
    """The contract was cancelled, is not active yet, or is another customer's by now."""
    HELD = "held"
    """The contract has the product."""
    BLOCKED = "blocked"
    UNAVAILABLE = "unavailable"
    """The product is not sold any more as it was offered, or not to such a customer."""


@dataclass(frozen=True, slots=True)
class Case:
    """All that decides whether an offer can be taken."""

    level: Level
    customer: CustomerRow
    routes: Routes


def standing(row: ActivationLinkRow, case: Case, now: datetime) -> Standing:
    """Return how it stands with a link's offer."""
    own = standing_of_link(row, now)
    return (obstacle(row, case) or own) if own is Standing.OPEN else own


def standing_of_link(row: ActivationLinkRow, now: datetime) -> Standing:
    """Return how it stands with a link, whatever became of its contract."""
    if row.revoked_at is not None:
        return Standing.REVOKED
    if row.taken_at is not None:
        return Standing.TAKEN if now < max(row.expires_at, row.taken_at + SHOWN_AFTER) else Standing.USED
    return Standing.EXPIRED if now >= row.expires_at else Standing.OPEN


def obstacle(row: ActivationLinkRow, case: Case) -> Standing | None:
    """Return what stands against selling now what is offered, None when nothing does."""
    contract = case.level.contract
    is_theirs = contract.customer_id == row.customer_id and case.customer.erased_at is None
    if contract.status is not ContractStatus.ACTIVE or not is_theirs:
        return Standing.NOT_ACTIVE
    if any(_is_held(item, case.level) for item in _of_product(row, case.level)):
        return Standing.HELD
    if case.level.reasons_for(item_to_sell(row, case.level, None).code):
        return Standing.BLOCKED
    return None if _is_sold_so(row, case) else Standing.UNAVAILABLE


def _of_product(row: ActivationLinkRow, level: Level) -> Iterator[ItemRow]:
    return (item for item in level.items if item.product_code == row.product_code and not item.removed)


def _is_held(item: ItemRow, level: Level) -> bool:
    latest = level.latest(item.code)
    return latest is not None and latest.desired is not Desired.CANCELLED


def _is_sold_so(row: ActivationLinkRow, case: Case) -> bool:
    """Say whether the product is sold as it was offered, and to such a customer."""
    link = case.routes.links.get(row.product_code)
    if link is None or link.product_type != row.product_type or row.integration not in case.routes.integrations:
        return False
    if row.plan is None and link.plan is not None and link.integration == row.integration:
        return False  # it has a plan by now, which would be sold and was not offered
    plan = case.routes.plans.get((row.integration, row.plan)) if row.plan is not None else None
    if row.plan is not None and (plan is None or plan.retired_at is not None):
        return False
    kind = case.routes.kinds.get(row.integration)
    return kind is None or not any(declined(kind, 1, case.customer.document_kind))


def item_to_sell(row: ActivationLinkRow, level: Level, consent: dict[str, Any] | None) -> ItemRow:
    """Return the item as it is on the contract once the offer is taken.

    It is the contract's own of this product, if one is there that is not sold; or one whose code nothing has yet.
    """
    new = ItemRow(
        row.tenant, row.contract_id, _free_code(row, level), row.product_code, None, None, 1, None, {}, None, 0, False
    )
    item = next(_of_product(row, level), new)
    return replace(
        item, plan=row.plan, integration=row.integration, quantity=1, price=row.price, consent=consent or item.consent
    )


def _free_code(row: ActivationLinkRow, level: Level) -> str:
    taken = {item.code for item in level.items}
    codes = chain([row.product_code], (f"{row.product_code[:190]}-{number}" for number in count(2)))
    return next(code for code in codes if code not in taken)
