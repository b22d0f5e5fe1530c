"""TeleClínica for svahub: how each step of a subscription is asked of its API.

One person is one remote user whatever the number of contracts; a plan that two contracts share exists once.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from svahub import (
    Aspect,
    BlockReason,
    BlockScope,
    ChangesSubscriptions,
    ChecksConnection,
    CreatesPlans,
    Deduplication,
    DocumentKind,
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
from svahub.errors import AlreadyExists, Conflict, NotFound, OutcomeUnknown, ProviderError
from svahub.extension.attribution import attributed, plan_held, plan_wanted, plans_in_use, plans_of
from svahub.extension.wire import STATUSES, NumberedPage, Several, numbered, path

from svahub_teleclinica import wire
from svahub_teleclinica.settings import TeleClinicaSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from svahub.client import Answer, ProviderClient

__all__ = ["TeleClinica", "TeleClinicaSettings"]


class TeleClinica(Lifecycle, ChangesSubscriptions, FindsUsers, ListsUsers, ChecksConnection, CreatesPlans):
    """One account at TeleClínica."""

    title = "TeleClínica"
    contract_version = 1
    deduplication = Deduplication.REFERENCE
    block_scope = BlockScope.ACCOUNT
    sensitive = True  # who is served here uses a health service
    settle_seconds = 60
    changes = frozenset({Aspect.PLAN, Aspect.CUSTOMER})
    documents = frozenset({DocumentKind.CPF})
    hosts: ClassVar = {
        Environment.STAGING: ("https://api-no-payment-flow.dev.appteleclinica.com.br/v1",),
        Environment.PRODUCTION: ("https://api-no-payment-flow.prod.appteleclinica.com.br/v1",),
    }
    Settings = TeleClinicaSettings

    def __init__(self, settings: TeleClinicaSettings, client: ProviderClient) -> None:
        self.settings, self.routes = settings, settings.routes
        self.client = client.translating(meaning)

    @hookimpl
    def create_user(self, subscription: Subscription) -> RemoteUser:
        """Create the person's user, or add the plan to the one they have."""
        plan = plan_wanted(subscription)
        if subscription.account.remote_id is not None:
            user = self._add(subscription.account.remote_id, subscription)
        else:
            new = wire.NewUser.first(subscription, plan)
            user = self.client.post(self.routes.users, new, returns=wire.User)
        if not user.holds(plan):
            raise OutcomeUnknown("the answer does not name the plan that was asked for")
        return attributed(user.remote(), subscription)

    @hookimpl
    def block(self, subscription: Subscription, reasons: frozenset[BlockReason]) -> None:
        """Stop the user's access."""
        self.client.post(self._path(self.routes.block, subscription), wire.Block.of(reasons), returns=wire.User)

    @hookimpl
    def unblock(self, subscription: Subscription) -> None:
        """Give the user's access back."""
        self.client.post(self._path(self.routes.unblock, subscription), returns=wire.User)

    @hookimpl
    def cancel(self, subscription: Subscription) -> None:
        """End the user with their last subscription; before that, the plan that no other subscription uses."""
        user = self._user_id(subscription)
        if not subscription.live_siblings:
            self.client.delete(path(self.routes.user, user=user))
            return
        # after a change of unknown outcome the user may have either plan
        for plan in sorted(plans_of(subscription) - plans_in_use(subscription)):
            self._remove(user, plan)

    @hookimpl
    def change(self, subscription: Subscription, what: frozenset[Aspect]) -> None:
        """Bring the customer's data and then the plan to what they should be."""
        user = self._user_id(subscription)
        if Aspect.CUSTOMER in what:
            contact = wire.Contact.of(subscription.account.customer)
            self.client.put(path(self.routes.user, user=user), contact, returns=wire.User)
        if Aspect.PLAN in what:
            self._change_plan(user, subscription)

    @hookimpl
    def sync_plans(self) -> Iterator[Plan]:
        """Stream the catalogue."""
        page = NumberedPage[wire.CataloguePlan]
        catalogue = numbered(self.client, self.routes.plans, page, size=self.settings.page_size)
        return (entry.plan() for entry in catalogue)

    @hookimpl
    def create_plan(self, draft: PlanDraft) -> Plan:
        """Register a plan."""
        return self.client.post(self.routes.plans, wire.NewPlan.of(draft), returns=wire.CataloguePlan).plan()

    @hookimpl
    def find_user(self, subscription: Subscription) -> RemoteUser | None:
        """Look the user up by our reference, then by CPF; one that was cancelled counts only for want of another."""
        ours = self._look_up(externalReference=subscription.account.key)
        live = next((user for user in ours if user.live), None) or next(
            (user for user in self._look_up(cpf=subscription.account.customer.document) if user.live), None
        )
        found = live or next(iter(ours), None)
        return attributed(found.remote(), subscription) if found else None

    @hookimpl
    def list_users(self, status: Observed | None) -> Iterator[RemoteUser]:
        """Stream the users; a status that TeleClínica does not know is picked from all of them."""
        asked = status.value if status and status.value in STATUSES else None
        size = self.settings.page_size
        users = numbered(self.client, self.routes.users, NumberedPage[wire.User], size=size, status=asked)
        return (user.remote() for user in users if asked or status in {None, user.status})

    @hookimpl
    def check_connection(self) -> None:
        """Ask for one plan."""
        self.client.get(self.routes.plans, params={"limit": 1}, returns=NumberedPage[wire.CataloguePlan])

    def _add(self, user: str, subscription: Subscription) -> wire.User:
        plan = wire.AddedPlan(plan_id=plan_wanted(subscription), external_reference=subscription.key)
        return self.client.post(path(self.routes.user_plans, user=user), plan, returns=wire.User)

    def _remove(self, user: str, plan: str) -> None:
        with suppress(NotFound):
            self.client.delete(path(self.routes.user_plan, user=user, plan=plan))

    def _change_plan(self, user: str, subscription: Subscription) -> None:
        old, new, in_use = plan_held(subscription), plan_wanted(subscription), plans_in_use(subscription)
        if old is not None and old not in in_use | {new}:
            if new in in_use:
                self._remove(user, old)
            else:
                self._replace(user, old, subscription)
        elif new not in in_use:
            self._add(user, subscription)

    def _replace(self, user: str, old: str, subscription: Subscription) -> None:
        route = path(self.routes.user_plan, user=user, plan=old)
        try:
            self.client.put(route, wire.OtherPlan(plan_id=plan_wanted(subscription)), returns=wire.User)
        except NotFound:
            self._add(user, subscription)  # done before, or the old plan is gone: adding leaves one in either case
        except Conflict:
            self._add(user, subscription)  # the user has the new plan already, so the old one is what is too much
            self._remove(user, old)

    def _look_up(self, **by: str) -> tuple[wire.User, ...]:
        return self.client.get(self.routes.users, params=by, returns=Several[wire.User]).whole

    def _user_id(self, subscription: Subscription) -> str:
        """Return the user's id, looked up by our reference where it is not known yet."""
        if subscription.account.remote_id is not None:
            return subscription.account.remote_id
        ours = self._look_up(externalReference=subscription.account.key)
        found = next((user.id for user in ours if user.live), None)
        if found is None:
            raise NotFound("the provider has no user with our reference")
        return found

    def _path(self, route: str, subscription: Subscription) -> str:
        return path(route, user=self._user_id(subscription))


def meaning(answer: Answer) -> ProviderError | None:
    """Say what TeleClínica's own error codes mean, as assumed."""
    match answer.status, answer.told("code"):
        case 409, "user_exists":
            user = answer.told("userId")
            return AlreadyExists(RemoteUser(user, Observed.UNKNOWN) if user else None)
        case 409, "user_cancelled":
            return NotFound("the user was cancelled at the provider")
        case _:
            return None
