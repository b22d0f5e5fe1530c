"""What other systems are told of customers and subscriptions, and of what not."""

from __future__ import annotations

from typing import Any

from svahub.verbs import Action


def test_a_subscription_is_told_of_at_every_turn_of_its_life(telling_on_each: Any) -> None:
    telling = telling_on_each
    telling.listen()
    telling.live()
    telling.dispatch()
    assert telling.ear.kinds == [
        "customer.status",
        "subscription.activated",
        "customer.status",
        "subscription.blocked",
        "customer.status",
        "subscription.unblocked",
        "customer.status",
        "subscription.cancelled",
    ]
