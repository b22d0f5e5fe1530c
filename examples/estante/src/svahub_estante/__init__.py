"""Estante for svahub: how each step of a subscription is asked of its API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from svahub import (
    Aspect,
    BlockReason,
    BlockScope,
    ChangesSubscriptions,
    ChecksConnection,
    Deduplication,
    DocumentKind,
    Environment,
    FindsUsers,
    Lifecycle,
    ListsUsers,
    Observed,
    Plan,
    RemoteUser,
    Subscription,
    hookimpl,
)
from svahub.client import Answer, ProviderClient
from svahub.errors import AlreadyExists, NotFound, OutcomeUnknown, ProviderError
from svahub.extension.attribution import plan_wanted
from svahub.extension.wire import NumberedPage, Several, numbered, path

from svahub_estante import wire
from svahub_estante.settings import EstanteSettings

SOLD, SUSPENSION = "/subscriptions/{reference}", "/subscriptions/{reference}/suspension"


class Estante(Lifecycle, ChangesSubscriptions, FindsUsers, ListsUsers, ChecksConnection):
    """One account at Estante."""

    title = "Estante"
    contract_version = 1
    deduplication = Deduplication.REFERENCE
    block_scope = BlockScope.SUBSCRIPTION
    settle_seconds = 30
    changes = frozenset({Aspect.PLAN, Aspect.CUSTOMER})
    documents = frozenset({DocumentKind.CPF, DocumentKind.CNPJ})
    hosts: ClassVar = {
        Environment.STAGING: ("https://sandbox.estante.example/v2",),
        Environment.PRODUCTION: ("https://api.estante.example/v2",),
    }
    Settings = EstanteSettings

    def __init__(self, settings: EstanteSettings, client: ProviderClient) -> None:
        self.settings = settings
        self.client = client.translating(meaning)

    @hookimpl
    def create_user(self, subscription: Subscription) -> RemoteUser:
        """Sell the plan to a new reader, or to the one who is there."""
        plan = plan_wanted(subscription)
        reader = self.client.post("/subscriptions", wire.Sale.of(subscription, plan), returns=wire.Reader)
        if not reader.has(subscription.key, plan):
            raise OutcomeUnknown("the answer does not name what was sold")
        return reader.remote()

    @hookimpl
    def block(self, subscription: Subscription, reasons: frozenset[BlockReason]) -> None:
        """Suspend the subscription."""
        self.client.put(path(SUSPENSION, reference=subscription.key), returns=wire.Reader)

    @hookimpl
    def unblock(self, subscription: Subscription) -> None:
        """Let the reader in again."""
        self.client.delete(path(SUSPENSION, reference=subscription.key), returns=wire.Reader)

    @hookimpl
    def cancel(self, subscription: Subscription) -> None:
        """End the subscription; Estante keeps the reader."""
        self.client.delete(path(SOLD, reference=subscription.key), returns=wire.Reader)

    @hookimpl
    def change(self, subscription: Subscription, what: frozenset[Aspect]) -> None:
        """Bring the customer's data, then the plan, to what they should be."""
        if Aspect.CUSTOMER in what:
            contact = wire.Contact.of(subscription.account.customer)
            self.client.patch(path("/readers/{id}", id=self._reader(subscription)), contact, returns=wire.Reader)
        if Aspect.PLAN in what:
            other = wire.OtherPlan(plan=plan_wanted(subscription))
            self.client.patch(path(SOLD, reference=subscription.key), other, returns=wire.Reader)

    @hookimpl
    def sync_plans(self) -> Iterator[Plan]:
        """Stream the catalogue."""
        page = NumberedPage[wire.CataloguePlan]
        return (entry.plan() for entry in numbered(self.client, "/plans", page, size=self.settings.page_size))

    @hookimpl
    def find_user(self, subscription: Subscription) -> RemoteUser | None:
        """Look the reader up by our reference, then by document."""
        ours = self._look_up(reference=subscription.account.key)
        found = ours or self._look_up(document=subscription.account.customer.document)
        return found[0].remote() if found else None

    @hookimpl
    def list_users(self, status: Observed | None) -> Iterator[RemoteUser]:
        """Stream the readers."""
        page = NumberedPage[wire.Reader]
        readers = numbered(self.client, "/readers", page, size=self.settings.page_size)
        return (reader.remote() for reader in readers if status in {None, reader.state})

    @hookimpl
    def check_connection(self) -> None:
        """Ask whose key this is."""
        self.client.get("/account", returns=wire.Partner)

    def _look_up(self, **by: str) -> tuple[wire.Reader, ...]:
        return self.client.get("/readers", params=by, returns=Several[wire.Reader]).whole

    def _reader(self, subscription: Subscription) -> str:
        """Return the reader's id, looked up by our reference where it is not known yet."""
        if subscription.account.remote_id is not None:
            return subscription.account.remote_id
        ours = self._look_up(reference=subscription.account.key)
        if not ours:
            raise NotFound("Estante has no reader with our reference")
        return ours[0].id


def meaning(answer: Answer) -> ProviderError | None:
    """Say what Estante's own error codes mean; None leaves it to the status of the answer."""
    match answer.status, answer.told("code"):
        case 409, "reader_exists":
            reader = answer.told("reader")
            return AlreadyExists(RemoteUser(reader, Observed.UNKNOWN) if reader else None)
        case _:
            return None
