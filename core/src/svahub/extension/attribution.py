"""Which plan a subscription is to have, and which of a remote user's plans is whose where no reference tells. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from svahub.errors import Rejected
from svahub.models import Observed, RemoteSubscription, RemoteUser

if TYPE_CHECKING:
    from svahub.models import Subscription


def plan_wanted(subscription: Subscription) -> str:
    """Return the plan that a subscription should have; raises Rejected where its product is linked to none."""
    if subscription.plan is None:
        raise Rejected("plan_missing", "this provider sells nothing without a plan: link the product to one")
    return subscription.plan.remote_id


def plan_held(subscription: Subscription) -> str | None:
    """Return the plan that the user was last given for a subscription, else the one it should have."""
    if subscription.applied is not None and subscription.applied.plan is not None:
        return subscription.applied.plan
    return subscription.plan.remote_id if subscription.plan else None


def plans_of(subscription: Subscription) -> frozenset[str]:
    """Return the plans that the user may have for a subscription: given last, sent since, and what should be."""
    sent = subscription.sent.plan if subscription.sent else None
    wanted = subscription.plan.remote_id if subscription.plan else None
    return frozenset(plan for plan in (plan_held(subscription), sent, wanted) if plan is not None)


def plans_in_use(subscription: Subscription) -> frozenset[str | None]:
    """Return the plans that the person's other subscriptions hold."""
    return frozenset(plan_held(sibling) for sibling in subscription.live_siblings)


def attributed(user: RemoteUser, subscription: Subscription) -> RemoteUser:
    """Return the user with the subscription's plan first, under our reference.

    A plan may come without a reference, and one that two contracts share with that of the other. On a user that is ours
    the plan itself then tells; what was cancelled belongs only to whom its reference names.
    """
    held = _own(user, subscription)
    account = subscription.account
    if held is None or not (user.reference == account.key or user.remote_id == account.remote_id):
        return user
    others = tuple(entry for entry in user.subscriptions if entry is not held)
    return replace(user, subscriptions=(replace(held, reference=subscription.key), *others))


def _own(user: RemoteUser, subscription: Subscription) -> RemoteSubscription | None:
    wanted = subscription.plan.remote_id if subscription.plan else None
    live = [entry for entry in user.subscriptions if entry.status is not Observed.CANCELLED]
    ours = [entry for entry in live if entry.reference == subscription.key]
    own = plans_of(subscription) - plans_in_use(subscription)
    by_preference = (
        *(entry for entry in ours if entry.plan == wanted),
        *ours,
        *(entry for entry in live if entry.plan == wanted and wanted in own),
        *(entry for entry in live if entry.plan in own),  # before a shared plan, which says nothing of what was left
        *(entry for entry in live if entry.plan == wanted),
        *(entry for entry in live if entry.plan in plans_of(subscription)),
    )
    return next(iter(by_preference), None)
