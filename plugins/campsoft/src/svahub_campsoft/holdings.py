"""Which products a subscriber has too many, and which of them is whose. Pure.

Campsoft keeps no reference with a product, and a change of plan adds before it takes away: for a moment, and after a
crash until somebody looks, a subscriber has both.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from svahub.extension.attribution import attributed, plan_held, plans_of

if TYPE_CHECKING:
    from svahub import RemoteSubscription, RemoteUser, Subscription


def surplus(subscription: Subscription, held: frozenset[str], *, keeping: frozenset[str]) -> frozenset[str]:
    """Return what is to be taken away, so that the subscription has nothing but `keeping`.

    A subscriber under our own name has nothing but what its subscriptions have. Of one that was adopted, only what was
    ours is touched.
    """
    account = subscription.account
    whole = held if account.remote_id in {None, account.key} else frozenset()
    return (whole | plans_of(subscription)) - _in_use(subscription) - keeping


def _in_use(subscription: Subscription) -> frozenset[str | None]:
    """Return what the siblings have, or may have since a call of unknown outcome."""
    siblings = subscription.live_siblings
    return frozenset((*map(plan_held, siblings), *(s.sent.plan for s in siblings if s.sent is not None)))


def told(user: RemoteUser, subscription: Subscription) -> RemoteUser:
    """Return the user with the subscription's product under our reference.

    As long as there is one too many, it is not told which is the subscription's: whichever of them is wanted then, the
    core changes it to that.
    """
    held = {entry.plan: entry for entry in user.subscriptions if entry.plan is not None}
    wanted = frozenset({subscription.plan.remote_id} if subscription.plan else ())
    theirs = replace(subscription, account=replace(subscription.account, remote_id=user.remote_id))
    too_many = surplus(theirs, frozenset(held), keeping=wanted) & held.keys()
    known = user.remote_id in {subscription.account.key, subscription.account.remote_id}
    if too_many and known:
        unclear = len(too_many | wanted & held.keys()) > 1
        entry = held[min(too_many)]
        return _under_reference(user, entry, replace(entry, plan=None) if unclear else entry, subscription)
    return attributed(user, subscription)


def _under_reference(
    user: RemoteUser, entry: RemoteSubscription, told: RemoteSubscription, subscription: Subscription
) -> RemoteUser:
    others = tuple(other for other in user.subscriptions if other is not entry)
    return replace(user, subscriptions=(replace(told, reference=subscription.key), *others))
