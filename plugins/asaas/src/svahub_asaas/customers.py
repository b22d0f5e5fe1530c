"""Customers at Asaas: looked up by our reference and by document before one is made, as Asaas keeps no two apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from svahub import Account, Observed, RemoteUser
from svahub.errors import AlreadyExists, Cause, NeedsPerson, Unreachable
from svahub.models import Adopt

from svahub_asaas import wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from svahub.client import ProviderClient

    from svahub_asaas.settings import AsaasSettings

PAGE = 100


class Customers:
    """The customers of one account at Asaas."""

    def __init__(self, client: ProviderClient, settings: AsaasSettings) -> None:
        self._client, self._settings = client, settings

    def get(self, id: str) -> wire.RemoteCustomer:
        """Return one customer; raises NotFound."""
        return self._client.get(f"/customers/{id}", returns=wire.RemoteCustomer)

    def ours(self, account: Account) -> wire.RemoteCustomer | None:
        """Return the customer that bears our reference: one that is there before one that was deleted."""
        return _best(self._found(externalReference=account.key))

    def alike(self, account: Account) -> wire.RemoteCustomer | None:
        """Return a customer with the same document, whoever made it; a deleted one counts for nothing."""
        return next((one for one in self._found(cpfCnpj=account.customer.document) if not one.deleted), None)

    def make(self, account: Account) -> str:
        """Make the customer, or bring back the one that is ours and was deleted; return its id.

        Raises AlreadyExists when there is another one with the same document.
        """
        there = self.ours(account)
        if there is not None:
            return self._restored(there)
        alike = self.alike(account)
        if alike is not None:
            raise AlreadyExists(RemoteUser(alike.id, Observed.ACTIVE, alike.external_reference))
        new = wire.NewCustomer.under(account.key, account.customer)
        return self._client.post("/customers", new, returns=wire.RemoteCustomer).id

    def ensure(self, account: Account) -> str:
        """Return the id of an account's customer for a charge: ours, made, or adopted as the settings say.

        Raises NeedsPerson when somebody else made a customer with the same document, and the settings ask.
        """
        try:
            return self.make(account)
        except AlreadyExists as there:
            if self._settings.adopt is not Adopt.LINK or there.remote_user is None:
                raise NeedsPerson(_WHOSE) from there
            return self.adopt(there.remote_user.remote_id, account)

    def adopt(self, id: str, account: Account) -> str:
        """Put our reference on a customer that somebody else made."""
        reference = wire.Reference(external_reference=account.key)
        return self._client.put(f"/customers/{id}", reference, returns=wire.RemoteCustomer).id

    def change(self, id: str, account: Account) -> None:
        """Bring a customer's data to what they should be."""
        self._client.put(f"/customers/{id}", wire.Contact.of(account.customer), returns=wire.RemoteCustomer)

    def all(self) -> Iterator[wire.RemoteCustomer]:
        """Stream every customer; raises Unreachable(INCOMPLETE) when the listing ends early."""
        seen: set[str] = set()
        offset = total = 0
        while True:
            params = {"limit": PAGE, "offset": offset}
            page = self._client.get("/customers", params=params, returns=wire.Customers)
            total = max(total, page.total_count)
            fresh = [one for one in page.data if one.id not in seen]
            seen.update(one.id for one in fresh)
            yield from fresh
            offset += len(page.data)
            if not page.data or not page.has_more:
                break
        if len(seen) < total:
            raise Unreachable(Cause.INCOMPLETE, f"the listing brought {len(seen)} of {total} customers")

    def _restored(self, there: wire.RemoteCustomer) -> str:
        if there.deleted:
            self._client.post(f"/customers/{there.id}/restore", returns=wire.RemoteCustomer)
        return there.id

    def _found(self, **by: str) -> tuple[wire.RemoteCustomer, ...]:
        found = self._client.get("/customers", params={**by, "limit": PAGE}, returns=wire.Customers)
        if len(found.data) < found.total_count and not found.has_more:
            raise Unreachable(Cause.INCOMPLETE, f"the lookup brought {len(found.data)} of {found.total_count}")
        return found.data


_WHOSE = (
    "Asaas has a customer with this document that svahub did not make. If it is the same person: "
    "`svahub integration set NAME --set adopt=link`, then `svahub tasks retry ID`"
)


def _best(found: tuple[wire.RemoteCustomer, ...]) -> wire.RemoteCustomer | None:
    return next((one for one in found if not one.deleted), next(iter(found), None))
