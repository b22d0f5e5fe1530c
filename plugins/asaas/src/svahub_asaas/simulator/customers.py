"""The routes of customers: found by reference or document, never deduplicated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from svahub.testing import Answer, Request, checks, route

from svahub_asaas.simulator.customer import TEXTS, Customer
from svahub_asaas.simulator.documents import bare, is_phone
from svahub_asaas.simulator.reading import Reading
from svahub_asaas.simulator.refusals import not_found
from svahub_asaas.simulator.writing import page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from svahub_asaas.simulator.account import Account
    from svahub_asaas.simulator.subscriptions import Subscriptions


class Customers:
    """Registers the ISP's customers."""

    def __init__(self, account: Account, subscriptions: Subscriptions) -> None:
        self._account, self._subscriptions = account, subscriptions

    @route("POST", "/customers")
    def create(self, request: Request) -> Answer:
        """Register a customer, also one that is there already."""
        reading = Reading.of(request)
        reading.need("name", "cpfCnpj")
        account = self._account
        blank = Customer(account.new_id("cus"), account.today, name="", document="")
        return self._written(self._read(reading, blank), request)

    @route("GET", "/customers")
    def list_customers(self, request: Request) -> Answer:
        """List customers, newest first."""
        return page(request, self._listed(request))

    @route("GET", "/customers/{id}")
    def get(self, _request: Request, id: str) -> Answer:
        """Tell of a customer, deleted or not."""
        customer = self._account.customers.seen(id)
        if customer is None:
            raise not_found()
        return Answer(200, customer.json())

    @route("PUT", "/customers/{id}")
    def change(self, request: Request, id: str) -> Answer:
        """Change what is named; the rest stays."""
        return self._written(self._read(Reading.of(request), self._there(id)), request)

    @route("DELETE", "/customers/{id}")
    def delete(self, request: Request, id: str) -> Answer:
        """Remove a customer with their subscriptions and open charges."""
        customer = self._there(id)
        self._subscriptions.delete_all_of(id)
        self._account.customers.write(id, replace(customer, deleted=True), request.lag)
        return Answer(200, {"deleted": True, "id": id})

    @route("POST", "/customers/{id}/restore")
    def restore(self, request: Request, id: str) -> Answer:
        """Bring a customer back, without what was deleted with them."""
        customer = self._account.customers.true(id)
        if customer is None:
            raise not_found()
        return self._written(replace(customer, deleted=False), request)

    def _listed(self, request: Request) -> Iterator[Customer]:
        name = request.query.get("name", "").lower()
        for customer in self._account.customers.asked_for(request):
            shown = self._account.lists_deleted_customers or not customer.deleted
            if shown and name in customer.name.lower():
                yield customer

    def _there(self, id: str) -> Customer:
        customer = self._account.customers.true(id)
        if customer is None or customer.deleted:
            raise not_found()
        return customer

    def _written(self, customer: Customer, request: Request) -> Answer:
        return Answer(200, self._account.customers.write(customer.id, customer, request.lag).json())

    def _read(self, reading: Reading, before: Customer) -> Customer:
        after = replace(
            before,
            name=reading.text("name", before.name) or before.name,
            document=self._document(reading, before),
            reference=reading.text("externalReference", before.reference),
            silent=reading.flag("notificationDisabled", before.silent),
            texts={name: reading.text(name, before.text(name)) for name in TEXTS},
        )
        _check_contact(reading, after)
        reading.finish()
        return after

    def _document(self, reading: Reading, before: Customer) -> str:
        if not reading.given("cpfCnpj"):
            return before.document
        document = bare(reading.body["cpfCnpj"], letters=self._account.takes_letters_in_cnpj)
        if document is None:
            reading.wrong("object", "O CPF/CNPJ informado é inválido.")
        return document or before.document


def _check_contact(reading: Reading, customer: Customer) -> None:
    for name, sentence in (("phone", "O telefone informado é inválido."), ("mobilePhone", "O celular é inválido.")):
        value = customer.text(name)
        if reading.given(name) and value is not None and not is_phone(value):
            reading.wrong(name, sentence)
    if reading.given("email") and customer.text("email") and not checks.email(customer.text("email")):
        reading.wrong("email", "O email informado é inválido.")
