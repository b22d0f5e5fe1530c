"""IoT licences on Olli's partner platform for svahub: one subscription for each item, one licence for each unit.

The order of work is Olli's: token, the customer in FN, the customer if FN has none, the subscription, its licences.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from svahub import (
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
    RemoteSubscription,
    RemoteUser,
    Subscription,
    hookimpl,
)
from svahub.errors import Cause, NotApplied, NotFound, OutcomeUnknown, Partial, ProviderError, Unreachable
from svahub.extension.attribution import plan_wanted
from svahub.extension.steps import telling_of
from svahub.extension.wire import NumberedPage, numbered

from svahub_iot import wire
from svahub_iot.asking import Asks
from svahub_iot.customers import Customers
from svahub_iot.licences import Levelling, Licences, told
from svahub_iot.meaning import meaning
from svahub_iot.settings import IotSettings
from svahub_iot.subscriptions import Subscriptions, known_id
from svahub_iot.units import Roll, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from svahub import Account
    from svahub.client import ProviderClient

    from svahub_iot.units import Unit

__all__ = ["Iot", "IotSettings"]


class Iot(Asks, Lifecycle, ChangesSubscriptions, FindsUsers, ListsUsers, ChecksConnection):
    """One account at Olli."""

    title = "IoT"
    contract_version = 1
    deduplication = Deduplication.REFERENCE
    # A subscription is what Olli's `PATCH /subscriptions/{id}` blocks, and each item has one of its own: blocking it
    # touches no other item of the customer. Its licences follow it, and are made to where they do not.
    block_scope = BlockScope.SUBSCRIPTION
    settle_seconds = 30  # assumed: Olli does not say how long a lookup may lag behind a write
    changes = frozenset({Aspect.QUANTITY})  # nothing changes a subscription's item, nor a customer's data
    hosts: ClassVar[dict[Environment, tuple[str, ...]]] = {}  # not known: the ISP names the address that it was given
    Settings = IotSettings

    def __init__(self, settings: IotSettings, client: ProviderClient) -> None:
        self.settings, self.client = settings, client.translating(meaning)
        self.customers = Customers(self.client, settings.routes)
        self.subscriptions = Subscriptions(self.client, settings.routes, settings.page_size)
        self.licences = Licences(self.client, settings.routes)

    @hookimpl
    def create_user(self, subscription: Subscription) -> RemoteUser:
        """Find or create the customer, subscribe it, and create a licence for each unit."""
        account, item = subscription.account, plan_wanted(subscription)
        customer = self.customers.present(account)
        there = RemoteUser(customer, Observed.ACTIVE, account.key)
        with telling_of(there, known=account.remote_id is not None):
            made = self.subscriptions.make(customer, subscription.key, item)
        fresh = Roll.of(subscription.key, (), _kept(subscription), self.client.now())
        go = Levelling(self.licences, made, fresh, self.client.now())
        go.to_number(subscription.quantity)
        return _reached(there, _entry(subscription, made, go), go.failed)

    @hookimpl
    def block(self, subscription: Subscription, reasons: frozenset[BlockReason]) -> None:  # noqa: ARG002
        """Block the subscription, and every licence that does not follow it."""
        self._set(subscription, Status.BLOCKED)

    @hookimpl
    def unblock(self, subscription: Subscription) -> None:
        """Make the subscription active again, and every licence that does not follow it."""
        self._set(subscription, Status.ACTIVE)

    @hookimpl
    def cancel(self, subscription: Subscription) -> None:
        """End every licence, then the subscription; the customer stays."""
        id = self.subscriptions.id_of(subscription)
        go = self.levelling(subscription.key, id, _kept(subscription))
        go.to_nothing()
        if go.failed is not None:
            raise go.failed
        self.subscriptions.end(id)

    @hookimpl
    def change(self, subscription: Subscription, what: frozenset[Aspect]) -> RemoteUser:  # noqa: ARG002
        """Bring the licences to the quantity."""
        account, id = subscription.account, self.subscriptions.id_of(subscription)
        if account.remote_id is None:
            raise NotFound("Olli's customer of this subscription is not known")
        go = self.levelling(subscription.key, id, _kept(subscription))
        go.to_number(subscription.quantity)
        if go.failed is not None and (isinstance(go.failed, NotFound) or (not go.done and _is_nothing(go.failed))):
            raise go.failed
        there = RemoteUser(account.remote_id, Observed.ACTIVE, account.key)
        return _reached(there, _entry(subscription, id, go), go.failed)

    @hookimpl
    def sync_plans(self) -> Iterator[Plan]:
        """Stream what FN sells."""
        return (item.plan() for item in self.items())

    def items(self) -> Iterator[wire.Item]:
        """Stream what FN sells, as FN tells of it; raises Unreachable(INCOMPLETE) when the listing ends early."""
        return numbered(self.client, self.settings.routes.items, NumberedPage[wire.Item], size=self.settings.page_size)

    @hookimpl
    def find_user(self, subscription: Subscription) -> RemoteUser | None:
        """Look the subscription up, which tells of its customer; where there is none, the customer in FN."""
        account = subscription.account
        known = known_id(subscription)
        if known is not None and account.remote_id is not None:
            entry = self._seen(subscription, known, None)
            return RemoteUser(account.remote_id, Observed.ACTIVE, account.key, (entry,))
        sold = self.subscriptions.find(subscription)
        if sold is not None:
            entry = self._seen(subscription, sold.id, sold.status)
            return RemoteUser(self._whose(sold, account), Observed.ACTIVE, account.key, (entry,))
        customer = self.customers.find(account)
        return customer.remote() if customer else None

    @hookimpl
    def list_users(self, status: Observed | None) -> Iterator[RemoteUser]:
        """Stream the customers that have subscriptions; a customer is what the most active one of them is."""
        return (user for user in self.subscriptions.users() if status in {None, user.status})

    @hookimpl
    def check_connection(self) -> None:
        """Ask for one item."""
        self.client.get(self.settings.routes.items, params={"page": 1, "limit": 1}, returns=NumberedPage[wire.Item])

    def levelling(self, key: str, subscription: str, kept: Iterable[Unit]) -> Levelling:
        """Return what levels the licences of a subscription: those that Olli lists and our own table knows."""
        return Levelling(self.licences, subscription, self._roll(key, subscription, kept), self.client.now())

    def _whose(self, sold: wire.Sold, account: Account) -> str:
        """Return the customer of a subscription: the one that is known, else what the listing or FN tells."""
        known = account.remote_id or sold.customer_id
        if known is not None:
            return known
        customer = self.customers.find(account)
        if customer is None:
            raise Unreachable(Cause.MALFORMED, "Olli does not tell whose the subscription is")
        return customer.id

    def _roll(self, key: str, subscription: str, kept: Iterable[Unit]) -> Roll:
        own = self.settings.settle_seconds
        settled = self.client.now() - timedelta(seconds=self.settle_seconds if own is None else own)
        return Roll.of(key, self.licences.of(subscription), kept, settled)

    def _set(self, subscription: Subscription, status: Status) -> None:
        id = self.subscriptions.id_of(subscription)
        self.subscriptions.set(id, Observed.BLOCKED if status is Status.BLOCKED else Observed.ACTIVE)
        go = self.levelling(subscription.key, id, _kept(subscription))
        go.to_status(status, all_of_them=subscription.observed is Observed.UNKNOWN)
        if go.failed is not None:
            raise go.failed

    def _seen(self, subscription: Subscription, id: str, status: Observed | None) -> RemoteSubscription:
        """Return a subscription with its licences; its status, where none was listed, is what these tell."""
        plan = subscription.plan.remote_id if subscription.plan else None
        try:
            roll = self._roll(subscription.key, id, _kept(subscription))
        except NotFound:
            gone = Roll.of(subscription.key, (), _kept(subscription), self.client.now())
            return told(gone, id, plan, Observed.CANCELLED)
        blocked = roll.live and all(unit.status is Status.BLOCKED for unit in roll.live)
        return told(roll, id, plan, status or (Observed.BLOCKED if blocked else Observed.ACTIVE))


def _kept(subscription: Subscription) -> tuple[Unit, ...]:
    return tuple(subscription.kept.get("licences", ()))


def _entry(subscription: Subscription, id: str, go: Levelling) -> RemoteSubscription:
    plan = subscription.plan.remote_id if subscription.plan else None
    return told(go.roll, id, plan, Observed.ACTIVE)


def _is_nothing(failed: ProviderError) -> bool:
    """Whether the core knows what to do about a call of which nothing was applied, or nobody knows."""
    return isinstance(failed, NotApplied | OutcomeUnknown)


def _reached(there: RemoteUser, entry: RemoteSubscription, failed: ProviderError | None) -> RemoteUser:
    """Return the user with a subscription whose licences are all there; else raise Partial with those that are."""
    user = RemoteUser(there.remote_id, there.status, there.reference, (entry,))
    if failed is not None:
        raise Partial(user, failed) from failed
    return user
