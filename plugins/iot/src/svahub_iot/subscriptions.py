"""Subscriptions at Olli: one for each item that is sold, under our reference; its licences are in `licences`."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from svahub import Observed, RemoteSubscription, RemoteUser, Subscription
from svahub.errors import NotFound
from svahub.extension.wire import NumberedPage, numbered, path

from svahub_iot import wire

if TYPE_CHECKING:
    from svahub.client import ProviderClient

    from svahub_iot.settings import Routes


class Subscriptions:
    """The subscriptions of one account at Olli."""

    def __init__(self, client: ProviderClient, routes: Routes, page_size: int) -> None:
        self._client, self._routes, self._size = client, routes, page_size

    def make(self, customer: str, key: str, item: str) -> str:
        """Subscribe a customer to an item under our reference, and return the subscription's id."""
        new = wire.NewSubscription(external_reference=key, item_id=item)
        route = path(self._routes.customer_subscriptions, customer=customer)
        return self._client.post(route, new, returns=wire.Made).id

    def set(self, id: str, status: Observed) -> None:
        """Block a subscription, or make it active again."""
        self._client.patch(path(self._routes.subscription, subscription=id), wire.ChangedStatus(status=status))

    def end(self, id: str) -> None:
        """End a subscription for good; raises NotFound when it is not there any more."""
        self._client.delete(path(self._routes.subscription, subscription=id))

    def id_of(self, subscription: Subscription) -> str:
        """Return Olli's id of a subscription, looked up by our reference where it is not known; raises NotFound."""
        known = known_id(subscription)
        if known is not None:
            return known
        found = self.find(subscription)
        if found is None or found.status is Observed.CANCELLED:
            raise NotFound("Olli has no subscription with our reference")
        return found.id

    def find(self, subscription: Subscription) -> wire.Sold | None:
        """Return the subscription that bears our reference, one that is there before one that was ended.

        Olli looks no subscription up by reference, so that all are read: only what an unclear answer leaves open is.
        """
        over = None
        for sold in self.all():
            if sold.external_reference == subscription.key:
                if sold.status is not Observed.CANCELLED:
                    return sold
                over = sold
        return over

    def users(self) -> Iterator[RemoteUser]:
        """Stream customers with their subscriptions, from one listing: Olli lists no customers."""
        held: dict[str, list[RemoteSubscription]] = defaultdict(list)
        for sold in self.all():
            if sold.customer_id is not None:
                entry = RemoteSubscription(sold.item_id, sold.status, sold.external_reference, sold.id)
                held[sys.intern(sold.customer_id)].append(entry)
        return (RemoteUser(id, _overall(entries), subscriptions=tuple(entries)) for id, entries in held.items())

    def all(self) -> Iterator[wire.Sold]:
        """Stream subscriptions; raises Unreachable(INCOMPLETE) when the listing ends early."""
        return numbered(self._client, self._routes.subscriptions, NumberedPage[wire.Sold], size=self._size)


def known_id(subscription: Subscription) -> str | None:
    """Return Olli's id of a subscription where the core or our own table has it."""
    if subscription.remote_id is not None and subscription.remote_id != subscription.account.remote_id:
        return subscription.remote_id
    return subscription.kept.get("subscription")


def _overall(entries: list[RemoteSubscription]) -> Observed:
    """Return what a customer is: active by one subscription, cancelled only when all are."""
    statuses = {entry.status for entry in entries}
    order = (Observed.ACTIVE, Observed.UNKNOWN, Observed.BLOCKED, Observed.CANCELLED)
    return next(status for status in order if status in statuses)
