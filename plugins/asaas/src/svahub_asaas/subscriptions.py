"""Subscriptions at Asaas: what charges a customer month by month."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from svahub import Applied, Aspect, Observed, RemoteSubscription, RemoteUser, Subscription
from svahub.errors import Cause, NotFound, Rejected, Unreachable

from svahub_asaas import wire
from svahub_asaas.charges.wire import CENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from svahub.client import ProviderClient

    from svahub_asaas.charges.calls import Charges
    from svahub_asaas.settings import AsaasSettings

PAGE = 100


def value_of(subscription: Subscription) -> Decimal:
    """Return what a subscription charges: the price that was agreed, else the plan's for each of the quantity."""
    if subscription.price is not None:
        return subscription.price
    if subscription.plan is None or subscription.plan.price is None:
        raise Rejected("price_missing", "nothing says what to charge: give the item or its contract a price, or a plan")
    return (subscription.plan.price * subscription.quantity).quantize(CENT)


def next_due(day: int, after: date) -> date:
    """Return the first due date that is not before a day; of a month without that day its last."""
    due = date(after.year, after.month, min(day, monthrange(after.year, after.month)[1]))
    if due >= after:
        return due
    year, month = (after.year + 1, 1) if after.month == 12 else (after.year, after.month + 1)
    return date(year, month, min(day, monthrange(year, month)[1]))


class Subscriptions:
    """The subscriptions of one account at Asaas; `today` is the day in Brasília."""

    def __init__(
        self, client: ProviderClient, settings: AsaasSettings, charges: Charges, today: Callable[[], date]
    ) -> None:
        self._client, self._settings, self._charges, self._today = client, settings, charges, today

    def make(self, customer: str, subscription: Subscription) -> RemoteSubscription:
        """Make a subscription under our reference; its first charge is made with it."""
        terms = self._settings.terms(subscription.attributes)
        new = wire.NewSubscription(
            customer=customer,
            billing_type=terms.billing_type,
            value=float(value_of(subscription)),
            next_due_date=next_due(subscription.due_day or terms.due_day, self._today()),
            cycle=terms.cycle,
            description=subscription.attributes.get("description") or self._settings.description or None,
            external_reference=subscription.key,
            **terms.of_lateness(),
        )
        return self._client.post("/subscriptions", new, returns=wire.Sold).remote()

    def stop(self, subscription: Subscription) -> None:
        """Make no new charges; open ones stay to be paid."""
        self._change(subscription, status="INACTIVE")

    def resume(self, subscription: Subscription) -> None:
        """Make charges again, from the first due date on that has none yet."""
        sold = self.of(subscription)
        if sold.observed is not Observed.ACTIVE:
            self._change(subscription, status="ACTIVE", next_due_date=self._uncharged(subscription, sold.id))

    def end(self, subscription: Subscription) -> None:
        """End it; its open charges stay to be paid unless the settings forgive them."""
        sold = self.of(subscription)
        if self._settings.cancel_deletes_charges:
            self._client.delete(f"/subscriptions/{sold.id}")
        elif sold.observed is not Observed.CANCELLED:
            self._change(subscription, status="INACTIVE", end_date=self._today())

    def change(self, subscription: Subscription, what: frozenset[Aspect]) -> None:
        """Bring value and due day to what they should be; charges that were made stay as they are."""
        changed: dict[str, Any] = {}
        if what & {Aspect.PRICE, Aspect.PLAN, Aspect.QUANTITY}:
            changed["value"] = float(value_of(subscription))
        if Aspect.DUE_DAY in what:
            changed["next_due_date"] = self._uncharged(subscription, self._id(subscription))
        if changed:
            self._change(subscription, **changed)

    def of(self, subscription: Subscription) -> wire.Sold:
        """Return a subscription as Asaas has it; raises NotFound, also for one that was deleted."""
        sold = self._client.get(f"/subscriptions/{self._id(subscription)}", returns=wire.Sold)
        if sold.deleted:
            raise NotFound("the subscription was deleted at Asaas")
        return sold

    def held(self, customer: str, subscription: Subscription | None = None) -> tuple[RemoteSubscription, ...]:
        """Return what a customer has; that of `subscription` with the plan and quantity that its value tells of."""
        found = [one for one in self.all(customer=customer) if one.external_reference is not None]
        return tuple(_told(one, subscription) for one in sorted(found, key=lambda one: one.deleted))

    def all(self, **filters: str) -> Iterator[wire.Sold]:
        """Stream subscriptions; raises Unreachable(INCOMPLETE) when the listing ends early."""
        seen: set[str] = set()
        offset = total = 0
        while True:
            params: dict[str, Any] = {**filters, "limit": PAGE, "offset": offset}
            page = self._client.get("/subscriptions", params=params, returns=wire.Subscriptions)
            total = max(total, page.total_count)
            fresh = [one for one in page.data if one.id not in seen]
            seen.update(one.id for one in fresh)
            yield from fresh
            offset += len(page.data)
            if not page.data or not page.has_more:
                break
        if len(seen) < total:
            raise Unreachable(Cause.INCOMPLETE, f"the listing brought {len(seen)} of {total} subscriptions")

    def _change(self, subscription: Subscription, **fields: Any) -> None:
        changed = wire.ChangedSubscription(**fields)
        self._client.put(f"/subscriptions/{self._id(subscription)}", changed, returns=wire.Sold)

    def _uncharged(self, subscription: Subscription, id: str) -> date:
        """Return the next due date for which no charge was made."""
        terms = self._settings.terms(subscription.attributes)
        day = subscription.due_day or terms.due_day
        charged = {charge.due_date for charge in self._charges.list(subscription=id) if not charge.deleted}
        months = {(due.year, due.month) for due in charged}
        due = next_due(day, self._today())
        while (due.year, due.month) in months:
            due = _month_after(due, day)
        return due

    def _id(self, subscription: Subscription) -> str:
        """Return Asaas's id of a subscription, looked up by our reference where it is not known yet."""
        if subscription.remote_id is not None and subscription.remote_id != subscription.account.remote_id:
            return subscription.remote_id
        found = next((one for one in self.all(externalReference=subscription.key) if not one.deleted), None)
        if found is None:
            raise NotFound("Asaas has no subscription with our reference")
        return found.id


def _month_after(due: date, day: int) -> date:
    year, month = (due.year + 1, 1) if due.month == 12 else (due.year, due.month + 1)
    return date(year, month, min(day, monthrange(year, month)[1]))


def _told(sold: wire.Sold, subscription: Subscription | None) -> RemoteSubscription:
    """Return a subscription in the core's words: Asaas knows its value, and that tells plan and quantity."""
    remote = sold.remote()
    if subscription is None or sold.external_reference != subscription.key:
        return remote
    plan = subscription.plan.remote_id if subscription.plan else None
    if sold.value == _wanted_value(subscription):
        return RemoteSubscription(plan, remote.status, remote.reference, remote.remote_id, subscription.quantity)
    before = subscription.applied or subscription.sent or Applied(plan, subscription.quantity)
    return RemoteSubscription(before.plan, remote.status, remote.reference, remote.remote_id, before.quantity)


def _wanted_value(subscription: Subscription) -> Decimal | None:
    try:
        return value_of(subscription)
    except Rejected:
        return None


def user_of(customer: wire.RemoteCustomer, subscriptions: tuple[RemoteSubscription, ...] = ()) -> RemoteUser:
    """Return a customer in the core's words."""
    return RemoteUser(
        remote_id=customer.id,
        status=Observed.CANCELLED if customer.deleted else Observed.ACTIVE,
        reference=customer.external_reference,
        subscriptions=subscriptions,
        name=customer.name,
        document=customer.cpf_cnpj,
        email=customer.email,
        phone=customer.mobile_phone or customer.phone,
    )
