"""The routes of payment links, and the few offers that a new account of the simulator has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from svahub.testing import Answer, Request, route

from svahub_asaas.simulator.calendar import CYCLES
from svahub_asaas.simulator.link import CHARGE_TYPES, PaymentLink
from svahub_asaas.simulator.payment import BILLING_TYPES
from svahub_asaas.simulator.reading import Reading, queried_flag
from svahub_asaas.simulator.refusals import not_found
from svahub_asaas.simulator.writing import page

if TYPE_CHECKING:
    from svahub_asaas.simulator.account import Account

OFFERS = (
    ("Internet 300 Mega", "89.90", "RECURRENT", "MONTHLY", True),
    ("Internet 600 Mega", "119.90", "RECURRENT", "MONTHLY", True),
    ("Internet 300 Mega anual", "959.00", "RECURRENT", "YEARLY", True),
    ("Instalação", "150.00", "DETACHED", None, True),
    ("Internet 50 Mega", "59.90", "RECURRENT", "MONTHLY", False),
)


class PaymentLinks:
    """Keeps the offers."""

    def __init__(self, account: Account) -> None:
        self._account = account
        for name, value, charge_type, cycle, active in OFFERS:
            id = account.new_id("lnk")
            link = PaymentLink(id, name, Decimal(value), "UNDEFINED", charge_type, cycle, active=active)
            account.links.write(id, link)

    @route("POST", "/paymentLinks")
    def create(self, request: Request) -> Answer:
        """Make an offer; one that recurs has a cycle."""
        reading = Reading.of(request)
        reading.need("name", "billingType", "chargeType")
        blank = PaymentLink(self._account.new_id("lnk"), "", None, "", "")
        link = self._read(reading, blank)
        return Answer(200, self._account.links.write(link.id, link, request.lag).json())

    @route("GET", "/paymentLinks")
    def list_links(self, request: Request) -> Answer:
        """List the offers, newest first; deleted ones only where the query says `includeDeleted`."""
        return page(request, self._found(request))

    @route("GET", "/paymentLinks/{id}")
    def get(self, _request: Request, id: str) -> Answer:
        """Tell of one."""
        return Answer(200, self._there(id).json())

    @route("PUT", "/paymentLinks/{id}")
    def change(self, request: Request, id: str) -> Answer:
        """Change what is named."""
        link = self._read(Reading.of(request), self._there(id))
        return Answer(200, self._account.links.write(id, link, request.lag).json())

    @route("DELETE", "/paymentLinks/{id}")
    def delete(self, request: Request, id: str) -> Answer:
        """Take an offer away."""
        link = replace(self._there(id), deleted=True, active=False)
        self._account.links.write(id, link, request.lag)
        return Answer(200, {"deleted": True, "id": id})

    def _found(self, request: Request) -> Iterator[PaymentLink]:
        active, too = queried_flag(request, "active"), queried_flag(request, "includeDeleted")
        name = request.query.get("name", "").lower()
        for link in self._account.links.asked_for(request):
            shown = (too or not link.deleted) and active in {None, link.active}
            if shown and name in link.name.lower():
                yield link

    def _there(self, id: str) -> PaymentLink:
        link = self._account.links.true(id)
        if link is None or link.deleted:
            raise not_found()
        return link

    def _read(self, reading: Reading, before: PaymentLink) -> PaymentLink:
        link = replace(
            before,
            name=reading.text("name", before.name) or before.name,
            value=reading.amount("value") if reading.given("value") else before.value,
            billing_type=reading.one_of("billingType", BILLING_TYPES, before.billing_type),
            charge_type=reading.one_of("chargeType", CHARGE_TYPES, before.charge_type),
            cycle=reading.one_of("subscriptionCycle", CYCLES, before.cycle or "") or None,
            description=reading.text("description", before.description),
            reference=reading.text("externalReference", before.reference),
            end=reading.day("endDate", before.end),
            due_days=reading.number("dueDateLimitDays", before.due_days),
            notifies=reading.flag("notificationEnabled", before.notifies),
            active=reading.flag("active", before.active),
        )
        if link.charge_type == "RECURRENT" and link.cycle is None:
            reading.wrong("subscriptionCycle", "O campo subscriptionCycle deve ser informado")
        reading.finish()
        return link
