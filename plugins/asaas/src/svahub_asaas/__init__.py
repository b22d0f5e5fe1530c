"""Asaas for svahub: billing. A customer's subscription or charges there, and what becomes of them.

Blocking here makes no new charges; what a customer pays decides, by the ISP's rule, about everything else they have.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, ClassVar

from svahub import (
    Aspect,
    BlockReason,
    BlockScope,
    ChangesSubscriptions,
    ChecksConnection,
    CreatesPlans,
    Deduplication,
    Environment,
    FindsUsers,
    Lifecycle,
    ListsUsers,
    Observed,
    Plan,
    PlanDraft,
    RemoteUser,
    Subscription,
    hookimpl,
)
from svahub.errors import NotFound
from svahub.extension.steps import telling_of

from svahub_asaas import wire
from svahub_asaas.asking import Asks
from svahub_asaas.charges.calls import Charges
from svahub_asaas.charges.wire import BRASILIA
from svahub_asaas.customers import Customers
from svahub_asaas.hooks import Webhooks
from svahub_asaas.listing import Page, entries
from svahub_asaas.meaning import meaning
from svahub_asaas.notifications import Notices
from svahub_asaas.settings import AsaasSettings
from svahub_asaas.subscriptions import Subscriptions, user_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from svahub.client import ProviderClient

__all__ = ["Asaas", "AsaasSettings"]


class Asaas(Asks, Lifecycle, ChangesSubscriptions, FindsUsers, ListsUsers, ChecksConnection, CreatesPlans):
    """One account at Asaas."""

    title = "Asaas"
    contract_version = 1
    deduplication = Deduplication.REFERENCE
    block_scope = BlockScope.SUBSCRIPTION
    settle_seconds = 30  # assumed: Asaas does not say how long a lookup may lag behind a write
    changes = frozenset({Aspect.PLAN, Aspect.QUANTITY, Aspect.PRICE, Aspect.DUE_DAY, Aspect.CUSTOMER})
    hosts: ClassVar = {
        Environment.STAGING: ("https://api-sandbox.asaas.com/v3",),
        Environment.PRODUCTION: ("https://api.asaas.com/v3",),
    }
    Settings = AsaasSettings

    def __init__(self, settings: AsaasSettings, client: ProviderClient) -> None:
        self.settings = settings
        self.client = client.translating(meaning, {"User-Agent": f"svahub-asaas/{version('svahub-asaas')}"})
        self.customers = Customers(self.client, settings)
        self.charges = Charges(self.client, self.customers, self.today, settings.of_lateness())
        self.subscriptions = Subscriptions(self.client, settings, self.charges, self.today)
        self.notices, self.webhooks = Notices(self.client), Webhooks(self.client)

    def today(self) -> date:
        """Return the day that it is for Asaas."""
        return self.client.now().astimezone(BRASILIA).date()

    @hookimpl
    def create_user(self, subscription: Subscription) -> RemoteUser:
        """Find or make the customer, and make the subscription that charges them."""
        account = subscription.account
        customer = self.customers.present(account)
        there = RemoteUser(customer.id, Observed.ACTIVE, account.key)
        with telling_of(there, known=account.remote_id is not None):
            made = self.subscriptions.make(customer, subscription)
        there = replace(there, subscriptions=(made.remote(),))
        with telling_of(there):
            self.subscriptions.keep_day(made, subscription)
        return there

    @hookimpl
    def block(self, subscription: Subscription, reasons: frozenset[BlockReason]) -> None:  # noqa: ARG002
        """Make no new charges; open ones stay to be paid."""
        self.subscriptions.stop(subscription)

    @hookimpl
    def unblock(self, subscription: Subscription) -> None:
        """Make charges again."""
        self.subscriptions.resume(subscription)

    @hookimpl
    def cancel(self, subscription: Subscription) -> None:
        """End the subscription; the customer stays, as what they were charged does."""
        self.subscriptions.end(subscription)

    @hookimpl
    def change(self, subscription: Subscription, what: frozenset[Aspect]) -> None:
        """Bring the customer's data, the value and the due day to what they should be."""
        if Aspect.CUSTOMER in what and subscription.account.remote_id is not None:
            self.customers.change(subscription.account.remote_id, subscription.account)
        self.subscriptions.change(subscription, what)

    @hookimpl
    def sync_plans(self) -> Iterator[Plan]:
        """Stream the recurring payment links."""
        for offer in entries(self.client, "/paymentLinks", Page[wire.Offer]):
            if offer.charge_type == "RECURRENT" and not offer.deleted:
                yield offer.plan()

    @hookimpl
    def create_plan(self, draft: PlanDraft) -> Plan:
        """Make a recurring payment link."""
        new = wire.NewOffer.of(draft, self.settings.billing_type, self.settings.cycle)
        return self.client.post("/paymentLinks", new, returns=wire.Offer).plan()

    @hookimpl
    def find_user(self, subscription: Subscription) -> RemoteUser | None:
        """Look the customer up by what we know of them: id, reference, then document."""
        account = subscription.account
        customer = self._known(subscription) or self.customers.ours(account) or self.customers.alike(account)
        return user_of(customer, self.subscriptions.held(customer.id, subscription)) if customer else None

    def _known(self, subscription: Subscription) -> wire.RemoteCustomer | None:
        id = subscription.account.remote_id
        if id is None:
            return None
        try:
            return self.customers.get(id)
        except NotFound:
            return None

    @hookimpl
    def list_users(self, status: Observed | None) -> Iterator[RemoteUser]:
        """Stream customers with their subscriptions; Asaas blocks none of them as a whole."""
        held = self.subscriptions.by_customer()
        for customer in self.customers.all():
            user = user_of(customer, held.pop(customer.id, ()))
            if status in {None, user.status}:
                yield user

    @hookimpl
    def check_connection(self) -> None:
        """Ask for the balance."""
        self.client.get("/finance/balance", returns=wire.Balance)
