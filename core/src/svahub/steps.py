"""Carrying one decided step out: from rows to what a plugin sees, and the one hook call that the step is."""

from __future__ import annotations

from collections.abc import Mapping

from svahub.decisions import Decision, View
from svahub.endings import Result
from svahub.errors import ProviderError
from svahub.lifecycle import Step
from svahub.models import Account, BlockReason, Plan, Subscription
from svahub.relay import Relay
from svahub.store.rows import SubscriptionRow


def subscription_of(view: View, row: SubscriptionRow, plans: Mapping[str, Plan]) -> Subscription:
    """Return a subscription as its plugin sees it, siblings included."""
    assert view.customer is not None  # a subscription is a customer's
    account = Account(view.account.key, view.customer.customer(), view.account.remote_id)
    siblings = tuple(_bare(other, account, plans) for other in view.others(row))
    return _bare(row, account, plans, siblings)


def _bare(
    row: SubscriptionRow, account: Account, plans: Mapping[str, Plan], siblings: tuple[Subscription, ...] = ()
) -> Subscription:
    return Subscription(
        key=row.key,
        contract_id=row.contract_id,
        item_code=row.item_code,
        product_type=row.product_type,
        account=account,
        desired=row.desired,
        observed=row.observed,
        plan=plans.get(row.plan) if row.plan else None,
        quantity=row.quantity,
        price=row.price,
        due_day=row.due_day,
        remote_id=row.remote_id,
        applied=row.what_was_applied(),
        sent=row.what_was_sent(),
        attributes=row.attributes,
        consent=row.what_was_agreed(),
        siblings=siblings,
    )


def carry_out(relay: Relay, done: Decision, subscription: Subscription, reasons: frozenset[BlockReason]) -> Result:
    """Call the provider once, as the step says, and return what came of it; no ProviderError leaves."""
    try:
        return _call(relay, done, subscription, reasons)
    except ProviderError as error:
        return error


def _call(relay: Relay, done: Decision, subscription: Subscription, reasons: frozenset[BlockReason]) -> Result:
    match done.step:
        case Step.FIND:
            return relay.find_user(subscription)
        case Step.CREATE_USER:
            return relay.create_user(subscription)
        case Step.POLL:
            return relay.poll(subscription, _handle(done))
        case Step.BLOCK:
            relay.block(subscription, reasons)
        case Step.UNBLOCK:
            relay.unblock(subscription)
        case Step.CHANGE:
            return relay.change(subscription, done.what)
        case Step.CANCEL:
            relay.cancel(subscription)
        case _:
            raise AssertionError(f"{done.step} is no call")
    return None


def _handle(done: Decision) -> str:
    assert done.row is not None
    return (done.row.handle or "").partition(":")[2]
