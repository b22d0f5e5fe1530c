"""Campsoft for svahub: how each step of a subscription is asked of its API.

One customer is one subscriber whatever the number of contracts and products; a product that two contracts share exists
once. A step that was cut off is repeated: what it asks for is there already, or it adds what was missing.
"""

from __future__ import annotations

from itertools import dropwhile
from typing import TYPE_CHECKING, ClassVar

from svahub import (
    AccessLink,
    Account,
    Aspect,
    BlockReason,
    BlockScope,
    ChangesSubscriptions,
    ChecksConnection,
    Deduplication,
    Environment,
    FindsUsers,
    Lifecycle,
    ListsUsers,
    Observed,
    Plan,
    RemoteUser,
    ResendsAccess,
    ResumesListings,
    Subscription,
    hookimpl,
)
from svahub.errors import (
    AlreadyExists,
    Cause,
    NotFound,
    Unreachable,
)
from svahub.extension.attribution import plan_wanted
from svahub.extension.steps import telling_of

from svahub_campsoft import wire
from svahub_campsoft.calls import Calls, username_of
from svahub_campsoft.holdings import surplus, told
from svahub_campsoft.listing import looked_at
from svahub_campsoft.settings import CampsoftSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from svahub.client import ProviderClient

__all__ = ["Campsoft", "CampsoftSettings"]


class Campsoft(
    Lifecycle, ChangesSubscriptions, FindsUsers, ListsUsers, ResumesListings, ChecksConnection, ResendsAccess
):
    """One account at Campsoft."""

    title = "Campsoft"
    contract_version = 1
    deduplication = Deduplication.REFERENCE
    block_scope = BlockScope.ACCOUNT
    settle_seconds = 60
    changes = frozenset({Aspect.PLAN, Aspect.CUSTOMER})
    hosts: ClassVar[dict[Environment, tuple[str, ...]]] = {}  # told to who gets an account
    Settings = CampsoftSettings

    def __init__(self, settings: CampsoftSettings, client: ProviderClient) -> None:
        self.settings, self.calls = settings, Calls(settings, client)

    @hookimpl
    def create_user(self, subscription: Subscription) -> RemoteUser:
        """Create the customer's subscriber, or find the one they had, and add the product."""
        product, account = plan_wanted(subscription), subscription.account
        if account.remote_id is None:
            self._find_or_make(account)
        elif not subscription.live_siblings:
            self.calls.enable(account)  # adopted, or left over from an earlier sale: it may be suspended
        subscriber = wire.Subscriber(id=username_of(account))
        with telling_of(subscriber.remote(Observed.ACTIVE, ()), known=bool(subscription.live_siblings)):
            self.calls.subscribe(account, product)
        return told(subscriber.remote(_status_of(subscription), (product,)), subscription)

    @hookimpl
    def block(self, subscription: Subscription, reasons: frozenset[BlockReason]) -> None:  # noqa: ARG002 -- not told why
        """Suspend the subscriber."""
        self.calls.suspend(subscription.account)

    @hookimpl
    def unblock(self, subscription: Subscription) -> None:
        """Enable the subscriber."""
        self.calls.enable(subscription.account)

    @hookimpl
    def cancel(self, subscription: Subscription) -> None:
        """End the product unless another subscription has it, and suspend the subscriber that has none left."""
        held = self.calls.held(subscription.account)
        removed = surplus(subscription, held, keeping=frozenset())
        self.calls.unsubscribe(subscription.account, removed)
        if not subscription.live_siblings and held <= removed:
            self.calls.suspend(subscription.account)

    @hookimpl
    def change(self, subscription: Subscription, what: frozenset[Aspect]) -> None:
        """Bring the customer's data to what they should be, then add the new product, then end the old."""
        if Aspect.CUSTOMER in what:
            self.calls.enable(subscription.account)
        if Aspect.PLAN in what:
            product = plan_wanted(subscription)
            self.calls.subscribe(subscription.account, product)
            held = self.calls.held(subscription.account)
            self.calls.unsubscribe(subscription.account, surplus(subscription, held, keeping=frozenset({product})))

    @hookimpl
    def sync_plans(self) -> Iterator[Plan]:
        """Stream the catalogue."""
        return self.calls.catalogue()

    @hookimpl
    def find_user(self, subscription: Subscription) -> RemoteUser | None:
        """Look the subscriber up by our username, then by document: whoever has the document keeps others from it."""
        account = subscription.account
        try:
            return told(self.calls.read(account), subscription)
        except NotFound:
            return self.calls.with_document(account.customer.document)

    @hookimpl
    def list_users(self, status: Observed | None) -> Iterator[RemoteUser]:
        """Stream the subscribers in Campsoft's order; each takes a look at its products."""
        return self._whole(self.calls.listed(self._word(status)), status)

    @hookimpl
    def list_users_after(self, status: Observed | None, after: str) -> Iterator[RemoteUser]:
        """Stream the subscribers after one; the products of those before are not looked at."""
        return self._whole(self._listed_after(after, self._word(status)), status)

    @hookimpl
    def check_connection(self) -> None:
        """Ask for one product."""
        self.calls.greet()

    @hookimpl
    def resend_access(self, subscription: Subscription) -> AccessLink:
        """Make a link that lets the subscriber in; Campsoft sends nothing itself."""
        return self.calls.link(subscription.account)

    def _find_or_make(self, account: Account) -> None:
        """Create the subscriber, or enable the one that there is under our username."""
        try:
            self.calls.make(account)
        except AlreadyExists as taken:
            try:
                self.calls.enable(account)
            except NotFound:
                raise taken from None  # by somebody with the same document

    def _listed_after(self, after: str, word: str | None) -> Iterator[wire.Subscriber]:
        """Stream from all pages, as the status of the one before may have changed since."""
        listed = dropwhile(lambda one: one.id != after, self.calls.listed())
        if next(listed, None) is None:
            raise Unreachable(Cause.INCOMPLETE, "the user to go on after is not listed any more: list all of them")
        yield from (one for one in listed if word in {None, one.status})

    def _whole(self, listed: Iterator[wire.Subscriber], status: Observed | None) -> Iterator[RemoteUser]:
        at_once = min(self.settings.at_once, self.settings.connections)
        users = looked_at(listed, self._whole_or_incomplete, at_once=at_once)
        return (user for user in users if status in {None, user.status})

    def _whole_or_incomplete(self, subscriber: wire.Subscriber) -> RemoteUser:
        try:
            return self.calls.whole(subscriber)
        except NotFound:
            raise Unreachable(Cause.INCOMPLETE, "a subscriber that is listed cannot be looked at") from None

    def _word(self, status: Observed | None) -> str | None:
        words = self.settings.statuses
        meant = {Observed.ACTIVE: words.active, Observed.BLOCKED: words.inactive, Observed.CANCELLED: words.inactive}
        return meant.get(status) if status else None


def _status_of(subscription: Subscription) -> Observed:
    """Return what the subscriber is after a sale: what its other subscriptions are, active without any."""
    states = {sibling.observed for sibling in subscription.live_siblings}
    if not states:
        return Observed.ACTIVE
    return states.pop() if len(states) == 1 else Observed.UNKNOWN
