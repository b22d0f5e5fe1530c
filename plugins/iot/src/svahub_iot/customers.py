"""Customers at Olli: looked up in FN by document before one is created, as Olli has one for each person or company."""

from __future__ import annotations

from typing import TYPE_CHECKING

from svahub import Account
from svahub.errors import AlreadyExists, Conflict
from svahub.extension.wire import Several, may_be_of

from svahub_iot import wire

if TYPE_CHECKING:
    from svahub.client import ProviderClient

    from svahub_iot.settings import Routes


class Customers:
    """The customers of one account at Olli."""

    def __init__(self, client: ProviderClient, routes: Routes) -> None:
        self._client, self._routes = client, routes

    def present(self, account: Account) -> str:
        """Return the id of an account's customer: the one that is known, the one in FN that is ours, or a new one.

        Raises AlreadyExists when FN has somebody else's customer with the same document.
        """
        if account.remote_id is not None:
            return account.remote_id
        there = self.find(account)
        if there is None:
            return self._made(account)
        if there.external_reference != account.key:
            raise AlreadyExists(there.remote())
        return there.id

    def find(self, account: Account) -> wire.KnownCustomer | None:
        """Return the customer that FN has with the account's document: the one that is ours before any other."""
        route, document = self._routes.known_customers, account.customer.document
        brought = self._client.get(route, params={"document": document}, returns=Several[wire.KnownCustomer]).whole
        found = [one for one in brought if may_be_of(document, one.document)]
        ours = (one for one in found if account.key == one.external_reference or account.remote_id == one.id)
        return next(ours, next(iter(found), None))

    def _made(self, account: Account) -> str:
        try:
            return self._client.post(self._routes.customers, wire.NewCustomer.of(account), returns=wire.Made).id
        except Conflict as there:
            raise AlreadyExists from there  # FN may not see it yet
