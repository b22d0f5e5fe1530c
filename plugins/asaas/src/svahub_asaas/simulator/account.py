"""The ISP's account at Asaas: all that it holds, its time, and whom it tells of changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from svahub import Observed, Plan, RemoteSubscription, RemoteUser

from svahub_asaas.simulator.book import Book

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from svahub_asaas.simulator.calendar import MovableClock
    from svahub_asaas.simulator.customer import Customer
    from svahub_asaas.simulator.link import PaymentLink
    from svahub_asaas.simulator.notification import Notification
    from svahub_asaas.simulator.payment import Payment
    from svahub_asaas.simulator.postman import Postman
    from svahub_asaas.simulator.subscription import Subscription


@dataclass
class Account:
    """What the routes share; handlers run one after the other, so nothing here needs a lock."""

    clock: MovableClock
    new_id: Callable[[str], str]
    postman: Postman
    takes_letters_in_cnpj: bool = False
    lists_deleted_customers: bool = True
    charges_ahead_days: int = 40
    customers: Book[Customer] = field(init=False)
    payments: Book[Payment] = field(init=False)
    subscriptions: Book[Subscription] = field(init=False)
    links: Book[PaymentLink] = field(init=False)
    notifications: dict[str, Notification] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.customers = Book(
            self.clock,
            {
                "cpfCnpj": lambda customer: customer.document,
                "externalReference": lambda customer: customer.reference,
                "email": lambda customer: customer.text("email"),
                "groupName": lambda customer: customer.text("groupName"),
            },
        )
        self.payments = Book(
            self.clock,
            {
                "customer": lambda payment: payment.customer,
                "subscription": lambda payment: payment.subscription,
                "externalReference": lambda payment: payment.reference,
                "billingType": lambda payment: payment.billing_type,
                "status": lambda payment: payment.status,
            },
        )
        self.subscriptions = Book(
            self.clock,
            {
                "customer": lambda subscription: subscription.customer,
                "externalReference": lambda subscription: subscription.reference,
                "billingType": lambda subscription: subscription.billing_type,
                "status": lambda subscription: subscription.status,
            },
        )
        self.links = Book(self.clock, {"externalReference": lambda link: link.reference})

    @property
    def today(self) -> date:
        """The date in Brasília."""
        return self.clock.today

    def people(self) -> Iterator[RemoteUser]:
        """Yield every customer with what charges them."""
        held: dict[str, list[RemoteSubscription]] = {}
        for sold in self.subscriptions:
            held.setdefault(sold.customer, []).append(sold.remote())
        for one in self.customers:
            status = Observed.CANCELLED if one.deleted else Observed.ACTIVE
            contact = {"name": one.name, "document": one.document, "email": one.text("email")}
            yield RemoteUser(one.id, status, one.reference, tuple(held.get(one.id, ())), **contact)

    def catalogue(self) -> Iterator[Plan]:
        """Yield the recurring offers that are there."""
        recurring = (link for link in self.links if link.charge_type == "RECURRENT" and not link.deleted)
        return (Plan(one.id, one.name, one.description or "", one.value, one.active) for one in recurring)

    def keep_payment(self, payment: Payment, event: str | None, lag: float = 0.0) -> Payment:
        """Store a charge and tell of it."""
        self.payments.write(payment.id, payment, lag)
        if event is not None:
            self.postman.tell(event, {"payment": payment.json()})
        return payment

    def keep_subscription(self, subscription: Subscription, event: str, lag: float = 0.0) -> Subscription:
        """Store a subscription and tell of it."""
        self.subscriptions.write(subscription.id, subscription, lag)
        self.postman.tell(event, {"subscription": subscription.told()})
        return subscription
