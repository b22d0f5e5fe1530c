"""The routes of subscriptions, and the charges that they make when a day begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from svahub.testing import Answer, Request, route

from svahub_asaas.simulator.calendar import CYCLES, following
from svahub_asaas.simulator.payment import BILLING_TYPES
from svahub_asaas.simulator.payments import require_customer
from svahub_asaas.simulator.reading import Reading, queried_flag
from svahub_asaas.simulator.refusals import not_found
from svahub_asaas.simulator.subscription import Subscription
from svahub_asaas.simulator.terms import Terms
from svahub_asaas.simulator.writing import page

if TYPE_CHECKING:
    from svahub_asaas.simulator.account import Account
    from svahub_asaas.simulator.payments import Payments


class Subscriptions:
    """Keeps the subscriptions and makes their charges."""

    def __init__(self, account: Account, payments: Payments) -> None:
        self._account, self._payments = account, payments

    @route("POST", "/subscriptions")
    def create(self, request: Request) -> Answer:
        """Make a subscription and its first charge, due on the date that was sent."""
        reading = Reading.of(request)
        customer = require_customer(self._account, reading)
        reading.need("billingType", "value", "nextDueDate", "cycle")
        due = reading.day("nextDueDate", self._account.today, least=self._account.today) or self._account.today
        subscription = Subscription(
            id=self._account.new_id("sub"),
            created=self._account.today,
            customer=customer,
            value=reading.amount("value"),
            next_due=due,
            day_of_month=due.day,
            cycle=reading.one_of("cycle", CYCLES),
            billing_type=reading.one_of("billingType", BILLING_TYPES),
            description=reading.text("description"),
            reference=reading.text("externalReference"),
            terms=Terms().changed(reading),
            end=reading.day("endDate"),
            most=reading.number("maxPayments"),
        )
        reading.finish()
        moved = _one_further(subscription)
        self._account.keep_subscription(moved, "SUBSCRIPTION_CREATED", request.lag)
        self._payments.make_for(subscription, due, request.lag)
        return Answer(200, moved.json())

    @route("GET", "/subscriptions")
    def list_subscriptions(self, request: Request) -> Answer:
        """List subscriptions, newest first unless the query says `order=asc`."""
        found = self._found(request)
        return page(request, reversed(list(found)) if request.query.get("order") == "asc" else found)

    @route("GET", "/subscriptions/{id}")
    def get(self, _request: Request, id: str) -> Answer:
        """Tell of a subscription, deleted or not."""
        subscription = self._account.subscriptions.seen(id)
        if subscription is None:
            raise not_found()
        return Answer(200, subscription.json())

    @route("PUT", "/subscriptions/{id}")
    def change(self, request: Request, id: str) -> Answer:
        """Change what is named; INACTIVE stops new charges, and ACTIVE again needs the next due date."""
        before, reading = self._there(id), Reading.of(request)
        after = self._read(reading, before)
        stops = after.status == "INACTIVE" and before.status != "INACTIVE"
        event = "SUBSCRIPTION_INACTIVATED" if stops else "SUBSCRIPTION_UPDATED"
        self._account.keep_subscription(after, event, request.lag)
        if reading.flag("updatePendingPayments"):
            self._update_pending(after)
        return Answer(200, after.json())

    @route("DELETE", "/subscriptions/{id}")
    def delete(self, request: Request, id: str) -> Answer:
        """Delete a subscription with its pending and overdue charges."""
        self._delete(self._there(id), request.lag)
        return Answer(200, {"deleted": True, "id": id})

    def delete_all_of(self, customer: str) -> None:
        """Delete what a customer has: subscriptions, and charges that are open."""
        for subscription in self._account.subscriptions.true_ones("customer", customer):
            if not subscription.deleted:
                self._delete(subscription)
        for payment in self._payments.open_of("customer", customer):
            self._account.keep_payment(replace(payment, deleted=True), "PAYMENT_DELETED")

    def turn_day(self) -> None:
        """Make the charges that are due soon (assumed: 40 days ahead), and end what has come to its end."""
        latest = self._account.today + timedelta(days=self._account.charges_ahead_days)
        for subscription in self._account.subscriptions:
            if subscription.status == "ACTIVE" and not subscription.deleted:
                self._charge(subscription, latest)

    def _charge(self, subscription: Subscription, latest: date) -> None:
        current = subscription
        while not current.is_over and current.next_due <= latest:
            self._payments.make_for(current, current.next_due)
            current = _one_further(current)
        if current.is_over:
            self._account.keep_subscription(replace(current, status="EXPIRED"), "SUBSCRIPTION_UPDATED")
        elif current is not subscription:
            self._account.subscriptions.write(current.id, current)

    def _delete(self, subscription: Subscription, lag: float = 0.0) -> None:
        for payment in self._payments.open_of("subscription", subscription.id):
            self._account.keep_payment(replace(payment, deleted=True), "PAYMENT_DELETED", lag)
        gone = replace(subscription, deleted=True, status="INACTIVE")
        self._account.keep_subscription(gone, "SUBSCRIPTION_DELETED", lag)

    def _found(self, request: Request) -> Iterator[Subscription]:
        only, too = queried_flag(request, "deletedOnly"), queried_flag(request, "includeDeleted")
        for subscription in self._account.subscriptions.asked_for(request):
            if subscription.deleted if only else too or not subscription.deleted:
                yield subscription

    def _there(self, id: str) -> Subscription:
        subscription = self._account.subscriptions.true(id)
        if subscription is None or subscription.deleted:
            raise not_found()
        return subscription

    def _read(self, reading: Reading, before: Subscription) -> Subscription:
        due = reading.day("nextDueDate", before.next_due, least=self._account.today) or before.next_due
        after = replace(
            before,
            value=reading.amount("value", before.value),
            billing_type=reading.one_of("billingType", BILLING_TYPES, before.billing_type),
            status=reading.one_of("status", ("ACTIVE", "INACTIVE"), before.status),
            next_due=due,
            day_of_month=due.day if reading.given("nextDueDate") else before.day_of_month,
            cycle=reading.one_of("cycle", CYCLES, before.cycle),
            description=reading.text("description", before.description),
            reference=reading.text("externalReference", before.reference),
            terms=before.terms.changed(reading),
            end=reading.day("endDate", before.end),
        )
        reading.flag("updatePendingPayments")
        if after.status == "ACTIVE" != before.status and not reading.given("nextDueDate"):
            reading.wrong("nextDueDate", "O campo nextDueDate deve ser informado")
        reading.finish()
        return after

    def _update_pending(self, subscription: Subscription) -> None:
        pending = (one for one in self._payments.open_of("subscription", subscription.id) if one.status == "PENDING")
        for payment in pending:
            changed = replace(
                payment,
                value=subscription.value,
                billing_type=subscription.billing_type,
                description=subscription.description,
                reference=subscription.reference,
                terms=subscription.terms,
            )
            self._account.keep_payment(changed, "PAYMENT_UPDATED")


def _one_further(subscription: Subscription) -> Subscription:
    due = following(subscription.next_due, subscription.cycle, subscription.day_of_month)
    return replace(subscription, next_due=due, made=subscription.made + 1)
