"""Customers at Asaas: looked up by our reference and by document before one is made, as Asaas keeps no two apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from svahub import Account, Adopt, Observed, RemoteUser
from svahub.errors import AlreadyExists, NeedsPerson, NotFound

from svahub_asaas import wire
from svahub_asaas.listing import Page, entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from svahub.client import ProviderClient

    from svahub_asaas.settings import AsaasSettings

CustomerPage = Page[wire.RemoteCustomer]


class Present(NamedTuple):
    """A customer that is there, and whether it was made just now: nobody can have charged it then."""

    id: str
    is_new: bool = False


class Customers:
    """The customers of one account at Asaas."""

    def __init__(self, client: ProviderClient, settings: AsaasSettings) -> None:
        self._client, self._settings = client, settings

    def get(self, id: str) -> wire.RemoteCustomer:
        """Return one customer, deleted or not; raises NotFound."""
        return self._client.get(f"/customers/{id}", returns=wire.RemoteCustomer)

    def ours(self, account: Account) -> wire.RemoteCustomer | None:
        """Return the customer that bears our reference: one that is there before one that was deleted."""
        listed = self._listed(externalReference=account.key)
        found = [one for one in listed if one.external_reference == account.key]
        return next((one for one in found if not one.deleted), next(iter(found), None))

    def alike(self, account: Account) -> wire.RemoteCustomer | None:
        """Return the newest customer with the same document, whoever made it; a deleted one counts for nothing."""
        document = account.customer.document
        listed = self._listed(cpfCnpj=document)
        return next((one for one in listed if one.document == document and not one.deleted), None)

    def make(self, account: Account) -> Present:
        """Return the customer that is ours, brought back if it was deleted, or a new one.

        Raises AlreadyExists when there is another one with the same document.
        """
        there = self.ours(account)
        if there is not None:
            return self._restored(there)
        alike = self.alike(account)
        if alike is not None:
            raise AlreadyExists(RemoteUser(alike.id, Observed.ACTIVE, alike.external_reference))
        new = wire.NewCustomer.under(account.key, account.customer)
        return Present(self._client.post("/customers", new, returns=wire.RemoteCustomer).id, is_new=True)

    def present(self, account: Account) -> Present:
        """Return the customer that an account is known to be, brought back if it was deleted, else `make` one.

        One that was adopted gets our reference, unless it bears somebody else's. Raises NotFound, and as `make` does.
        """
        if account.remote_id is None:
            return self.make(account)
        there = self.get(account.remote_id)
        present = self._restored(there)
        if not there.external_reference:
            self._mark(there.id, account)
        return present

    def ensure(self, account: Account) -> str:
        """Return the id of an account's customer for a charge: the one that is known, ours, a new or an adopted one.

        Raises NeedsPerson when somebody else made a customer with the same document, and the settings do not link it.
        """
        try:
            return self._present_or_made(account).id
        except AlreadyExists as there:
            return self._adopted(there.remote_user, account)

    def _present_or_made(self, account: Account) -> Present:
        try:
            return self.present(account)
        except NotFound:
            return self.make(account)

    def change(self, id: str, account: Account) -> None:
        """Bring a customer's data to what they should be."""
        self._client.put(f"/customers/{id}", wire.Contact.of(account.customer), returns=wire.RemoteCustomer)

    def all(self) -> Iterator[wire.RemoteCustomer]:
        """Stream every customer; raises Unreachable(INCOMPLETE) when the listing ends early."""
        return self._listed()

    def _adopted(self, there: RemoteUser | None, account: Account) -> str:
        """Return the id of a customer that somebody else made, if the settings link it."""
        assert there is not None  # `make` names whom it met
        if self._settings.adopt is not Adopt.LINK:
            raise NeedsPerson(_WHOSE[self._settings.adopt].format(id=there.remote_id))
        if not there.reference:
            self._mark(there.remote_id, account)
        return there.remote_id

    def _mark(self, id: str, account: Account) -> None:
        """Put our reference on a customer that bears none."""
        reference = wire.Reference(external_reference=account.key)
        self._client.put(f"/customers/{id}", reference, returns=wire.RemoteCustomer)

    def _restored(self, there: wire.RemoteCustomer) -> Present:
        if there.deleted:
            self._client.post(f"/customers/{there.id}/restore", returns=wire.RemoteCustomer)
        return Present(there.id)

    def _listed(self, **by: str) -> Iterator[wire.RemoteCustomer]:
        return entries(self._client, "/customers", CustomerPage, **by)


_WHOSE = {
    Adopt.ASK: (
        "Asaas has the customer {id} with this document, whom svahub did not make. If it is the same person, let "
        "svahub link such customers: `svahub integration set NAME --set adopt=link`"
    ),
    Adopt.REFUSE: (
        "Asaas has the customer {id} with this document, whom svahub did not make, and the integration's adopt policy "
        "refuses to link it"
    ),
}
