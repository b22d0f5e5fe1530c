"""Subscriptions at Asaas: what charges a customer month by month."""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from svahub import Aspect, Observed, RemoteSubscription, RemoteUser, Subscription
from svahub.errors import NotFound, Rejected

from svahub_asaas import wire
from svahub_asaas.charges.wire import CENT
from svahub_asaas.due_dates import next_due, on_day, since
from svahub_asaas.listing import Page, entries

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import date
    from decimal import Decimal

    from svahub.client import ProviderClient

    from svahub_asaas.charges.calls import Charges
    from svahub_asaas.customers import Present
    from svahub_asaas.settings import AsaasSettings, Cycle, Terms

SubscriptionPage = Page[wire.Sold]


def value_of(subscription: Subscription) -> Decimal:
    """Return what a subscription charges: the price that was agreed, else the plan's for each of the quantity."""
    if subscription.price is not None:
        return subscription.price.quantize(CENT)
    if subscription.plan is None or subscription.plan.price is None:
        raise Rejected("price_missing", "nothing says what to charge: give the item or its contract a price, or a plan")
    return (subscription.plan.price * subscription.quantity).quantize(CENT)


class Subscriptions:
    """The subscriptions of one account at Asaas; `today` is the day in Brasília."""

    def __init__(
        self, client: ProviderClient, settings: AsaasSettings, charges: Charges, today: Callable[[], date]
    ) -> None:
        self._client, self._settings, self._charges, self._today = client, settings, charges, today

    def make(self, customer: Present, subscription: Subscription) -> wire.Sold:
        """Make a subscription under our reference; its first charge is made with it, for no month twice."""
        terms = self._terms(subscription)
        value = value_of(subscription)
        new = wire.NewSubscription(
            customer=customer.id,
            billing_type=terms.billing_type,
            value=float(value),
            next_due_date=self._first_due(customer, subscription, terms),
            cycle=terms.cycle,
            description=terms.description or None,
            external_reference=subscription.key,
            **terms.of_lateness(),
        )
        return self._client.post("/subscriptions", new, returns=wire.Sold)

    def keep_day(self, made: wire.Sold, subscription: Subscription) -> None:
        """Have one that began in a month without its due day go on from the day itself."""
        terms = self._terms(subscription)
        if made.next_due_date is None:
            return
        wanted = on_day(made.next_due_date, terms.cycle, terms.due_day)
        if wanted != made.next_due_date:
            self._put(made.id, next_due_date=wanted)

    def stop(self, subscription: Subscription) -> None:
        """Make no new charges; open ones stay to be paid."""
        self._put(self._id(subscription), status="INACTIVE")

    def resume(self, subscription: Subscription) -> None:
        """Make charges again, from the first due date on that has none yet."""
        sold = self.of(subscription)
        if _is_over(sold):
            raise NotFound("the subscription was ended at Asaas")
        if sold.observed is not Observed.ACTIVE:
            self._put(sold.id, status="ACTIVE", next_due_date=self._uncharged(subscription, sold))

    def end(self, subscription: Subscription) -> None:
        """End it; its open charges stay to be paid unless the settings forgive them."""
        sold = self.of(subscription)
        if self._settings.cancel_deletes_charges:
            self._client.delete(f"/subscriptions/{sold.id}")
        elif sold.observed is not Observed.CANCELLED:
            self._put(sold.id, status="INACTIVE", end_date=self._today())

    def change(self, subscription: Subscription, what: frozenset[Aspect]) -> None:
        """Bring value and due day to what they should be; charges that were made stay unless the settings say so."""
        changed: dict[str, Any] = {}
        id = self._id(subscription)
        if what & {Aspect.PRICE, Aspect.PLAN, Aspect.QUANTITY}:
            changed["value"] = float(value_of(subscription))
            changed["update_pending_payments"] = self._settings.price_changes_open_charges or None
        if Aspect.DUE_DAY in what:
            changed["next_due_date"] = self._uncharged(subscription, self._get(id))
        if changed:
            self._put(id, **changed)

    def of(self, subscription: Subscription) -> wire.Sold:
        """Return a subscription as Asaas has it; raises NotFound, also for one that was deleted."""
        return self._get(self._id(subscription))

    def held(self, customer: str, subscription: Subscription) -> tuple[RemoteSubscription, ...]:
        """Return what a customer has; that of `subscription` with the plan and quantity that its value tells of."""
        found = [one for one in self.all(customer=customer) if one.external_reference is not None]
        return tuple(_told(one, subscription) for one in sorted(found, key=_is_over))

    def by_customer(self) -> dict[str, list[RemoteSubscription]]:
        """Return what every customer has, from one listing: to ask for each one's would be a request for each."""
        held: dict[str, list[RemoteSubscription]] = defaultdict(list)
        for one in self.all():
            if one.external_reference is not None and one.customer is not None:
                held[sys.intern(one.customer)].append(one.remote())
        return held

    def all(self, **filters: str) -> Iterator[wire.Sold]:
        """Stream subscriptions; raises Unreachable(INCOMPLETE) when the listing ends early."""
        return entries(self._client, "/subscriptions", SubscriptionPage, **filters)

    def _get(self, id: str) -> wire.Sold:
        sold = self._client.get(f"/subscriptions/{id}", returns=wire.Sold)
        if sold.deleted:
            raise NotFound("the subscription was deleted at Asaas")
        return sold

    def _put(self, id: str, **fields: Any) -> None:
        self._client.put(f"/subscriptions/{id}", wire.ChangedSubscription(**fields), returns=wire.Sold)

    def _terms(self, subscription: Subscription) -> Terms:
        return self._settings.terms(subscription.attributes, subscription.due_day)

    def _first_due(self, customer: Present, subscription: Subscription, terms: Terms) -> date:
        """Return the first due date that nothing was charged for, by an invoice or an earlier sale of the item."""
        earlier = {
            one.key
            for one in subscription.siblings
            if (one.contract_id, one.item_code) == (subscription.contract_id, subscription.item_code)
        }
        charged = [] if customer.is_new else self._charged(customer.id, {subscription.key, *earlier}, terms.cycle)
        if (invoiced := subscription.kept.get("invoiced")) is not None:
            charged.append(invoiced)
        return next_due(terms.due_day, terms.cycle, self._today(), charged)

    def _charged(self, customer: str, references: Collection[str], cycle: Cycle) -> list[date]:
        first = since(self._today(), cycle).isoformat()
        listed = self._charges.list(customer=customer, **{"dueDate[ge]": first})
        return [charge.is_for for charge in listed if charge.external_reference in references and not charge.deleted]

    def _uncharged(self, subscription: Subscription, sold: wire.Sold) -> date:
        """Return the next due date for which no charge was made."""
        terms = self._terms(subscription)
        charged = [charge.is_for for charge in self._charges.list(subscription=sold.id) if not charge.deleted]
        return next_due(terms.due_day, terms.cycle, self._today(), charged, sold.next_due_date)

    def _id(self, subscription: Subscription) -> str:
        """Return Asaas's id of a subscription, looked up by our reference where it is not known yet."""
        if subscription.remote_id is not None and subscription.remote_id != subscription.account.remote_id:
            return subscription.remote_id
        listed = self.all(externalReference=subscription.key)
        found = [one for one in listed if one.external_reference == subscription.key and not one.deleted]
        if not found:
            raise NotFound("Asaas has no subscription with our reference")
        return min(found, key=_is_over).id


def _is_over(sold: wire.Sold) -> bool:
    return sold.observed is Observed.CANCELLED


def _told(sold: wire.Sold, subscription: Subscription | None) -> RemoteSubscription:
    """Return a subscription in the core's words: Asaas knows its value, and that tells plan and quantity.

    With a value that is not the wanted one, it has what it was given before: what is wanted again now, after a change
    that got lost, would otherwise be taken for what is there.
    """
    remote = sold.remote()
    if subscription is None or sold.external_reference != subscription.key:
        return remote
    plan = subscription.plan.remote_id if subscription.plan else None
    want = (plan, subscription.quantity)
    before = [(given.plan, given.quantity) for given in (subscription.applied, subscription.sent) if given]
    as_wanted = sold.value == _wanted_value(subscription)
    told = want if as_wanted else next((given for given in before if given != want), want)
    return RemoteSubscription(told[0], remote.status, remote.reference, remote.remote_id, told[1])


def _wanted_value(subscription: Subscription) -> Decimal | None:
    try:
        return value_of(subscription)
    except Rejected:
        return None


def user_of(customer: wire.RemoteCustomer, subscriptions: Sequence[RemoteSubscription] = ()) -> RemoteUser:
    """Return a customer in the core's words."""
    return RemoteUser(
        remote_id=customer.id,
        status=Observed.CANCELLED if customer.deleted else Observed.ACTIVE,
        reference=customer.external_reference,
        subscriptions=tuple(subscriptions),
        name=customer.name,
        document=customer.cpf_cnpj,
        email=customer.email,
        phone=customer.mobile_phone or customer.phone,
    )
