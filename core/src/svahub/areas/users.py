"""Users straight from a provider, and access data: personal, so every look is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from svahub import entries
from svahub.areas.bench import Bench
from svahub.decisions import Facts, View
from svahub.errors import ProviderError, Refused, UnknownName
from svahub.masking import mask_access, mask_document, mask_email, mask_name, mask_phone
from svahub.models import Desired, Observed, RemoteUser, Subscription
from svahub.opening import Opened
from svahub.relay import Relay
from svahub.steps import subscription_of
from svahub.store import catalogue, contracts, queue
from svahub.store.rows import SubscriptionRow
from svahub.store.states import AuditKind


@dataclass(frozen=True, slots=True)
class UserView:
    """A provider's user, masked; `plans` are remote ids."""

    remote_id: str
    status: Observed
    reference: str | None
    name: str | None
    document: str | None
    email: str | None
    phone: str | None
    plans: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccessView:
    """How a customer gets in: masked unless it was asked to be revealed."""

    contract_id: str
    item_code: str
    integration: str
    remote_id: str
    login: str | None = field(repr=False)
    access_url: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ResentView:
    """Whether a provider has sent an access again; otherwise the link to hand on, masked unless it was revealed."""

    contract_id: str
    item_code: str
    integration: str
    resent: bool
    access_url: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Users:
    """What a tenant's providers tell of their users."""

    bench: Bench

    def list(self, integration: str, status: Observed | None = None, *, after: str | None = None) -> Iterator[UserView]:
        """Stream a provider's users as it lists them, all or those after a remote id; the look is recorded."""
        self.bench.integration(integration)
        self._record(AuditKind.LOOK, "users list", entries.of_integration(integration), status=status)
        for user in self.bench.streaming(integration, partial(_listed, integration, status, after)):
            yield _masked(user)

    def linked(self, integration: str) -> dict[str, str]:
        """Return the provider's id of each customer's user, by customer; without those it has no user of."""
        self.bench.integration(integration)
        with self.bench.store.read() as connection:
            return contracts.linked_customers(connection, self.bench.tenant, integration)

    def access(self, contract: str, item: str | None, *, reveal: bool, actor: str) -> Sequence[AccessView]:
        """Return logins and access addresses of a contract's live subscriptions, read from the provider now."""
        rows = self._live(contract, item)
        self._record(AuditKind.LOOK, "access show", entries.of_contract(contract, item), actor, revealed=reveal)
        return [self._access(row, reveal=reveal) for row in rows]

    def resend(self, contract: str, item: str | None, *, reveal: bool = False, actor: str) -> Sequence[ResentView]:
        """Have providers send the access again to the customer of a contract's live subscriptions, or make a link."""
        rows = self._live(contract, item)
        subject = entries.of_contract(contract, item)
        self._record(AuditKind.COMMAND, "access resend", subject, actor, revealed=reveal or None)
        return [self._resent(row, reveal=reveal) for row in rows]

    def _resent(self, row: SubscriptionRow, *, reveal: bool) -> ResentView:
        with self.bench.calling(row.integration) as opened:
            link = opened.relay.resend_access(self.subscription(row, opened))
        where = (row.contract_id, row.item_code, row.integration)
        if link is None:
            return ResentView(*where, resent=True)
        return ResentView(*where, False, link.url if reveal else mask_access(link.url), link.expires_at)

    def _live(self, contract: str, item: str | None) -> Sequence[SubscriptionRow]:
        with self.bench.store.read() as connection:
            if not contracts.contracts_by_id(connection, self.bench.tenant, [contract]):
                raise UnknownName("contract", contract, [], "All: svahub contracts list")
            rows = contracts.subscriptions_of(connection, self.bench.tenant, [contract])
        live = [r for r in rows if r.live and r.desired is not Desired.CANCELLED and item in {None, r.item_code}]
        if not live:
            raise Refused(f"Contract {contract} has nothing active at a provider.")
        return live

    def _record(self, kind: AuditKind, command: str, subject: str, actor: str | None = None, **details: object) -> None:
        with self.bench.store.write() as connection:
            self.bench.record(connection, kind, command, subject, actor=actor, **details)

    def _access(self, row: SubscriptionRow, *, reveal: bool) -> AccessView:
        with self.bench.calling(row.integration) as opened:
            user = opened.relay.find_user(self.subscription(row, opened))
        if user is None:
            raise Refused(f"{opened.kind.title} does not know the user of {row.contract_id}/{row.item_code} any more.")
        shown = (user.login, user.access_url) if reveal else (mask_access(user.login), mask_access(user.access_url))
        return AccessView(row.contract_id, row.item_code, row.integration, user.remote_id, *shown)

    def subscription(self, row: SubscriptionRow, opened: Opened) -> Subscription:
        """Return a subscription as a plugin's hook is handed it, without what the plugin keeps of it."""
        with self.bench.store.read() as connection:
            account = queue.account(connection, row.account_key)
            customers = contracts.customers_by_id(connection, self.bench.tenant, [account.holder])
            rows = tuple(queue.subscriptions_of(connection, [row.account_key]))
            plans = {p.remote_id: p.plan() for p in catalogue.all_plans(connection, self.bench.tenant, row.integration)}
        facts: Facts = opened.facts
        return subscription_of(View(account, customers[account.holder], rows, facts), row, plans)


def _listed(integration: str, status: Observed | None, after: str | None, relay: Relay) -> Iterator[RemoteUser]:
    """Stream users; where a listing that can go on ends early, say how."""
    last = after
    try:
        for user in relay.list_users(status) if after is None else relay.list_users_after(status, after):
            yield user
            last = user.remote_id
    except ProviderError as error:
        if last is None or not relay.can("list_users_after"):
            raise
        again = f"`svahub users list {integration} --after {last}`"
        told = f"The listing ended early: {error}. What has come until there stands; go on: {again}"
        raise Refused(told) from error


def _masked(user: RemoteUser) -> UserView:
    return UserView(
        user.remote_id, user.status, user.reference,
        mask_name(user.name) if user.name else None,
        mask_document(user.document) if user.document else None,
        mask_email(user.email) if user.email else None,
        mask_phone(user.phone) if user.phone else None,
        tuple(s.plan for s in user.subscriptions if s.plan),
    )  # fmt: skip
