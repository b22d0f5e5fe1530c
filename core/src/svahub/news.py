"""What other systems are told of subscriptions and customers: made from rows as they were and as they are. Pure.

It bears ids and words of svahub's own, and no personal data: an id of the ERP that is a CPF or CNPJ is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from svahub import brazil
from svahub.debt_rule import is_of_debt
from svahub.models import Desired, Observed
from svahub.store.rows import ReasonRow, SubscriptionRow, TargetRow
from svahub.store.standings import Held, Standing
from svahub.store.states import ContractStatus, NewsKind

CERTAIN = frozenset({Observed.ACTIVE, Observed.BLOCKED, Observed.CANCELLED})


class News(NamedTuple):
    """Something that happened to a customer, or to one of their subscriptions.

    `product_types` are those that it tells of, or that the customer has; `sensitive`: that they have it may not be
    told to whoever is not meant by name.
    """

    kind: NewsKind
    customer_id: str
    status: str
    reasons: tuple[str, ...] = ()
    contract_id: str | None = None
    item_code: str | None = None
    product_type: str | None = None
    plan: str | None = None
    quantity: int | None = None
    product_types: frozenset[str] = frozenset()
    sensitive: bool = False


def heard(row: SubscriptionRow) -> SubscriptionRow:
    """Return a subscription with how it was when that was last certain.

    What was not looked up yet changes nothing, nor does what has vanished while it is wanted: it may be made again.
    """
    certain = row.observed in CERTAIN
    ended = row.observed is Observed.ABSENT and row.desired is Desired.CANCELLED and row.told is not None
    told = row.observed if certain else Observed.CANCELLED if ended else row.told
    return row if told is row.told else row._replace(told=told)


def of_subscription(before: SubscriptionRow, after: SubscriptionRow) -> NewsKind | None:
    """Return what is to be told of a subscription as it was and is, `after` being heard already."""
    was, is_ = before.told, after.told
    if is_ is None:
        return None
    if was is is_:
        return NewsKind.CHANGED if is_ is not Observed.CANCELLED and _differs(before, after) else None
    if is_ is Observed.ACTIVE:
        return NewsKind.UNBLOCKED if was is Observed.BLOCKED else NewsKind.ACTIVATED
    return NewsKind.BLOCKED if is_ is Observed.BLOCKED else NewsKind.CANCELLED


def _differs(before: SubscriptionRow, after: SubscriptionRow) -> bool:
    """Say whether the provider was given another plan or quantity; what it was given is not known after a restore."""
    was, is_ = before.what_was_applied(), after.what_was_applied()
    return was is not None and is_ is not None and (was.plan, was.quantity) != (is_.plan, is_.quantity)


def about(
    kind: NewsKind, row: SubscriptionRow, customer: str, reasons: Iterable[ReasonRow], *, sensitive: bool
) -> News:
    """Return the news of a subscription; of one that is blocked with the reasons that hold for it."""
    assert row.told is not None  # of what nothing is certain there is no news
    given = row.what_was_applied()
    why = {reason.reason.value for reason in reasons} if row.told is Observed.BLOCKED else set()
    return News(
        kind, customer, row.told.value, tuple(sorted(why)), row.contract_id, row.item_code, row.product_type,
        given.plan if given else row.plan, given.quantity if given else row.quantity,
        frozenset({row.product_type}), sensitive,
    )  # fmt: skip


def standing(held: Sequence[Held]) -> Standing:
    """Return how the holder of some contracts stands: active while one of them is, blocked when all that live are."""
    live = [_standing_reasons(contract) for contract in held if contract.status is ContractStatus.ACTIVE]
    if not all(live):
        return Standing(Desired.ACTIVE.value)
    if live:
        return Standing(Desired.BLOCKED.value, tuple(sorted(set().union(*live))))
    pending = any(contract.status is ContractStatus.PENDING for contract in held)
    return Standing("PENDING" if pending else Desired.CANCELLED.value)


def _standing_reasons(contract: Held) -> set[str]:
    """Return what speaks against a whole contract: what blocks one item of it does not, unless that is a debt."""
    return {one.reason.value for one in contract.reasons if not one.item_code or is_of_debt(one)}


def wants(target: TargetRow, news: News) -> bool:
    """Say whether a target is told: it asks for the kind, and for the product, of the sensitive ones by name."""
    if target.kinds is not None and news.kind.value not in target.kinds:
        return False
    if target.product_types is None:
        return not news.sensitive
    return not news.product_types.isdisjoint(target.product_types)


def body(news: News, tenant: str, at: datetime) -> str:
    """Return a message's body: JSON as Standard Webhooks has it, `timestamp` being when it happened."""
    told: Mapping[str, object] = {
        "tenant": tenant,
        "customer": _bare(news.customer_id),
        "contract": _bare(news.contract_id),
        "item": _bare(news.item_code),
        "product_type": news.product_type,
        "plan": news.plan,
        "quantity": news.quantity,
        "status": news.status,
        "reasons": list(news.reasons),
    }
    whole = {"type": news.kind.value, "timestamp": at.astimezone(UTC).isoformat(), "data": told}
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=False)


def _bare(id: str | None) -> str | None:
    return id if id and not brazil.is_document(id) else None
