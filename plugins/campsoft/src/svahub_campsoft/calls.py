"""What can be asked of Campsoft, one call each, and what its refusals mean; not which of them a step needs."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from svahub import AccessLink, Account, Observed, Plan, RemoteUser
from svahub.client import about
from svahub.errors import (
    AlreadyExists,
    Conflict,
    NoLicences,
    NotFound,
    ProviderError,
    Rejected,
)
from svahub.extension.wire import NumberedPage, Several, may_be_of, numbered, path

from svahub_campsoft import wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from svahub.client import Answer, ProviderClient

    from svahub_campsoft.settings import CampsoftSettings

PASSWORD_BYTES = 24


class AlreadySubscribed(Conflict):
    """The subscriber has the product."""


def username_of(account: Account) -> str:
    """Return the subscriber's username: the account's key, unless it is one that was adopted."""
    return account.remote_id or account.key


class Calls:
    """The calls of one integration. Each write is a level and can be repeated; a look may lag behind a write."""

    def __init__(self, settings: CampsoftSettings, client: ProviderClient) -> None:
        self.settings, self.routes = settings, settings.routes
        self.client = client.translating(self._meaning)

    # -- writing

    def make(self, account: Account) -> None:
        """Create the subscriber under our username, with a password that nobody keeps.

        Raises AlreadyExists when the username or the document has one.
        """
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        new = wire.NewSubscriber.named(account.key, account.customer, self.settings.statuses.active, password)
        with about(password):
            self.client.post(self.routes.customers, new, returns=wire.Subscriber)

    def enable(self, account: Account) -> None:
        """Give the subscriber access, and the customer's data as they are now."""
        contact = wire.Contact.of(account.customer, self.settings.statuses.active)
        self.client.put(self._customer(account), contact, returns=wire.Subscriber)

    def suspend(self, account: Account) -> None:
        """Stop the subscriber's access to everything."""
        self.client.patch(path(self.routes.inactive, username=username_of(account)))

    def subscribe(self, account: Account, product: str) -> None:
        """Have the subscriber have the product."""
        route = path(self.routes.subscriptions, username=username_of(account))
        with suppress(AlreadySubscribed):
            self.client.post(route, wire.Held(id=product))

    def unsubscribe(self, account: Account, products: Iterable[str]) -> None:
        """Have the subscriber not have the products."""
        for product in sorted(products):
            with suppress(NotFound):
                self.client.delete(path(self.routes.subscription, username=username_of(account), product=product))

    # -- looking

    def held(self, account: Account) -> frozenset[str]:
        """Return the subscriber's products as far as they can be seen, none of a subscriber that cannot."""
        try:
            return frozenset(self._products(username_of(account)))
        except NotFound:
            return frozenset()

    def read(self, account: Account) -> RemoteUser:
        """Return the account's subscriber; raises NotFound."""
        return self.whole(self.client.get(self._customer(account), returns=wire.Subscriber))

    def with_document(self, document: str) -> RemoteUser | None:
        """Return the subscriber that has a document, an active one before others."""
        route, query = self.routes.customers, {"document": document}
        brought = self.client.get(route, params=query, returns=Several[wire.Subscriber]).whole
        found = [one for one in brought if may_be_of(document, one.document.number if one.document else None)]
        active = (one for one in found if one.status == self.settings.statuses.active)
        first = next(active, next(iter(found), None))
        return self.whole(first) if first else None

    def whole(self, subscriber: wire.Subscriber) -> RemoteUser:
        """Return the subscriber with its products; one that is suspended and has none was cancelled."""
        products = self._products(subscriber.id)
        words = self.settings.statuses
        meant = {words.active: Observed.ACTIVE, words.inactive: Observed.BLOCKED if products else Observed.CANCELLED}
        return subscriber.remote(meant.get(subscriber.status, Observed.UNKNOWN), products)

    def link(self, account: Account) -> AccessLink:
        """Make a link that lets the subscriber in."""
        route = path(self.routes.sso, username=username_of(account))
        return self.client.get(route, returns=wire.Link, confidential=True).access()

    def catalogue(self) -> Iterator[Plan]:
        """Stream the products."""
        page, size = NumberedPage[wire.Product], self.settings.page_size
        return (product.plan() for product in numbered(self.client, self.routes.products, page, size=size))

    def listed(self, status: str | None = None) -> Iterator[wire.Subscriber]:
        """Stream the subscribers in Campsoft's order, all or those of one status, without their products."""
        page, size = NumberedPage[wire.Subscriber], self.settings.page_size
        return numbered(self.client, self.routes.customers, page, size=size, status=status)

    def greet(self) -> None:
        """Ask for one product."""
        self.client.get(self.routes.products, params={"limit": 1}, returns=NumberedPage[wire.Product])

    def _products(self, username: str) -> tuple[str, ...]:
        route = path(self.routes.subscriptions, username=username)
        held = self.client.get(route, returns=Several[wire.Held]).whole
        return tuple(dict.fromkeys(one.id for one in held))

    def _customer(self, account: Account) -> str:
        return path(self.routes.customer, username=username_of(account))

    def _meaning(self, answer: Answer) -> ProviderError | None:
        """Say what Campsoft's own error ids mean."""
        told, known = answer.told("error_id"), self.settings.error_ids
        if not told or answer.status >= 500:
            return None
        meanings = {
            known.user_exists: AlreadyExists(),
            known.already_subscribed: AlreadySubscribed("the subscriber has the product"),
            known.subscription_not_found: NotFound("the subscriber does not have the product"),
            known.no_licences: NoLicences("no licence of the product is left"),
            known.invalid_document: Rejected(told, answer.message),
            known.invalid_product: Rejected(told, answer.message),
            known.product_not_allowed: Rejected(told, answer.message),
        }
        return meanings.get(told)
