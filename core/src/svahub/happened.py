"""From what is kept of a happening to what a source's plugin is told: with the subscription's ids as they are now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from svahub.decisions import View
from svahub.errors import ProviderError, Refused
from svahub.extension import Transaction
from svahub.happenings import Happened, HappenedKind
from svahub.models import Observed, Payment
from svahub.steps import subscription_of
from svahub.store import contracts, integrations, queue, sales
from svahub.store.queue import Lane

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from svahub.fleet import Fleet
    from svahub.store.happenings import HappeningRow
    from svahub.store.rows import SubscriptionRow


def happened_of(connection: Connection, row: HappeningRow, fleet: Fleet, now: datetime) -> Happened:
    """Return a happening as a plugin sees it."""
    body = row.body
    known: dict[str, Any] = {
        "kind": HappenedKind(body["kind"]),
        "key": row.key,
        "at": row.at,
        "contract_id": body["contract_id"],
        "customer_id": row.customer_id,
        "integration": body["integration"],
        "provider": _provider(connection, row.tenant, body["integration"]),
    }
    if known["kind"] is HappenedKind.PAID:
        return Happened(**known, payment=_payment(body), reference=body["reference"])
    return Happened(**known, **_of_subscription(connection, row, fleet, now))


def _provider(connection: Connection, tenant: str, integration: str) -> str:
    account = integrations.one(connection, tenant, integration)
    return account.provider if account else ""


def _payment(body: Mapping[str, Any]) -> Payment:
    paid_on, due_on = (date.fromisoformat(body[name]) for name in ("paid_on", "due_on"))
    return Payment(Decimal(body["amount"]), paid_on, due_on)


def _of_subscription(connection: Connection, row: HappeningRow, fleet: Fleet, now: datetime) -> dict[str, Any]:
    body = row.body
    told = {name: body.get(name) for name in ("plan", "quantity", "remote_id", "cause")}
    told |= {"observed": Observed(body["observed"]), "subscription_key": row.subscription_key}
    found = sales.by_keys(connection, row.tenant, [row.subscription_key or ""])
    if not found:  # a store may have been restored since
        return told
    (sold,) = found
    item: dict[str, Any] = {name: getattr(sold, name) for name in ("item_code", "product_type", "attributes")}
    item["product_code"] = _product(connection, sold)
    account = queue.account(connection, sold.account_key)
    user = {"account_remote_id": account.remote_id, "kept": _kept(connection, sold, fleet, now)}
    return told | item | user | {"reasons": _reasons(connection, sold)}


def _product(connection: Connection, sold: SubscriptionRow) -> str | None:
    items = contracts.items_of(connection, sold.tenant, [sold.contract_id])
    return next((item.product_code for item in items if item.code == sold.item_code), None)


def _reasons(connection: Connection, sold: SubscriptionRow) -> tuple[str, ...]:
    kept = queue.reasons_of(connection, {(sold.tenant, sold.contract_id)})
    return tuple(sorted({r.reason.value for r in kept if r.item_code in {"", sold.item_code}}))


def _kept(connection: Connection, sold: SubscriptionRow, fleet: Fleet, now: datetime) -> Mapping[str, Any]:
    """Return what the provider's plugin holds of a subscription in its own tables; nothing where it cannot say."""
    lane = Lane(sold.tenant, sold.integration)
    try:
        opened = fleet.opened(lane)
        if not opened.relay.can("recall"):
            return {}
        account = queue.account(connection, sold.account_key)
        customers = queue.customers_of(connection, {(sold.tenant, account.customer_id or "")})
        view = View(
            account, next(iter(customers), None), tuple(queue.subscriptions_of(connection, [account.key])), opened.facts
        )
        with connection.begin_nested():
            transaction = Transaction(connection, sold.tenant, now, sold.integration)
            return opened.relay.recall(transaction, subscription_of(view, sold, {}))
    except (KeyError, ProviderError, Refused):
        return {}
