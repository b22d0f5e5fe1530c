"""Plugins with one bug each, as authors write them: copies of TeleClínica's, and of IoT's where it has no quantity.

`BUGS` says which test of the kit is the first to catch each, and words of its message.
"""

from __future__ import annotations

import base64
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import httpx
from svahub import (
    Aspect,
    BasicAuth,
    BlockReason,
    BlockScope,
    Observed,
    Plan,
    RemoteUser,
    Subscription,
    hookimpl,
)
from svahub.errors import (
    AlreadyExists,
    Busy,
    NotFound,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Rejected,
    Unreachable,
)
from svahub.extension.attribution import plan_wanted
from svahub.extension.wire import NumberedPage
from svahub_iot import Iot
from svahub_teleclinica import TeleClinica, meaning, wire
from svahub_teleclinica.settings import TeleClinicaSettings


class RetriesALostCreate(TeleClinica):
    @hookimpl
    def create_user(self, subscription: Subscription) -> RemoteUser:
        try:
            return super().create_user(subscription)
        except OutcomeUnknown:
            return super().create_user(subscription)


class SwallowsAnError(TeleClinica):
    @hookimpl
    def block(self, subscription: Subscription, reasons: frozenset[BlockReason]) -> None:
        with suppress(OutcomeUnknown):
            super().block(subscription, reasons)


class EndsPagingEarly(TeleClinica):
    @hookimpl
    def list_users(self, status: Observed | None) -> Iterator[RemoteUser]:
        asked = {"page": 1, "limit": self.settings.page_size, "status": status.value if status else None}
        page = self.client.get(self.routes.users, params=asked, returns=NumberedPage[wire.User])
        return (user.remote() for user in page.data)


class PutsASecretIntoAnError(TeleClinica):
    @hookimpl
    def create_user(self, subscription: Subscription) -> RemoteUser:
        try:
            return super().create_user(subscription)
        except OutcomeUnknown as error:
            word = self.settings.password.get_secret_value()
            raise OutcomeUnknown(f"no answer to {self.settings.username}:{word}") from error


class NamesThePersonInAnError(TeleClinica):
    @hookimpl
    def block(self, subscription: Subscription, reasons: frozenset[BlockReason]) -> None:
        try:
            super().block(subscription, reasons)
        except OutcomeUnknown as error:
            raise OutcomeUnknown(f"{subscription.account.customer.name} may be blocked") from error


class BlocksTheWholeUser(TeleClinica):
    block_scope = BlockScope.SUBSCRIPTION


class AdoptsByCpf(TeleClinica):
    @hookimpl
    def create_user(self, subscription: Subscription) -> RemoteUser:
        try:
            return super().create_user(subscription)
        except AlreadyExists:
            theirs = next(u for u in self._look_up(cpf=subscription.account.customer.document) if u.live)
            account = replace(subscription.account, remote_id=theirs.id)
            return super().create_user(replace(subscription, account=account))


class RefusesItsOwn(TeleClinica):
    @hookimpl
    def create_user(self, subscription: Subscription) -> RemoteUser:
        account = subscription.account
        if account.remote_id is None and (ours := self._look_up(externalReference=account.key)):
            raise AlreadyExists(ours[0].remote())
        return super().create_user(subscription)


class IgnoresRetryAfter(TeleClinica):
    def __init__(self, settings: TeleClinicaSettings, client: Any) -> None:
        super().__init__(settings, client)
        self.client = client.translating(lambda answer: Busy() if answer.status == 429 else meaning(answer))


class KeepsThePauseToItself(TeleClinica):
    def __init__(self, settings: TeleClinicaSettings, client: Any) -> None:
        super().__init__(settings, client)
        self.client = client.translating(lambda answer: RateLimited() if answer.status == 429 else meaning(answer))


class UnblocksNothing(TeleClinica):
    @hookimpl
    def unblock(self, subscription: Subscription) -> None:
        return None


class CancelsWhileASiblingLives(TeleClinica):
    @hookimpl
    def cancel(self, subscription: Subscription) -> None:
        super().cancel(replace(subscription, siblings=()))


class KeepsTheUser(TeleClinica):
    @hookimpl
    def cancel(self, subscription: Subscription) -> None:
        self._remove(self._user_id(subscription), plan_wanted(subscription))


class AddsWithoutRemoving(TeleClinica):
    @hookimpl
    def change(self, subscription: Subscription, what: frozenset[Aspect]) -> None:
        if Aspect.PLAN in what:
            self._add(self._user_id(subscription), subscription)
        super().change(subscription, what - {Aspect.PLAN})


class TakesAnyAnswer(TeleClinica):
    @hookimpl
    def create_user(self, subscription: Subscription) -> RemoteUser:
        try:
            return super().create_user(subscription)
        except OutcomeUnknown as error:
            if "of no use" not in str(error):
                raise
            return RemoteUser(subscription.account.key, Observed.ACTIVE, subscription.account.key)


class RejectsWhatIsGone(TeleClinica):
    @hookimpl
    def cancel(self, subscription: Subscription) -> None:
        try:
            super().cancel(subscription)
        except NotFound as error:
            raise Rejected("user_not_found", "there is nothing to cancel") from error


class ListsTheCancelledAsActive(TeleClinica):
    @hookimpl
    def list_users(self, status: Observed | None) -> Iterator[RemoteUser]:
        for user in super().list_users(None):
            yield replace(user, status=Observed.ACTIVE) if user.status is Observed.CANCELLED else user


class FindsByCpfAlone(TeleClinica):
    @hookimpl
    def find_user(self, subscription: Subscription) -> RemoteUser | None:
        by_cpf = self._look_up(cpf=subscription.account.customer.document)
        found = next((user for user in by_cpf if user.live), None)
        return found.remote() if found else None


class TakesAFailedLookForAnEmptyOne(TeleClinica):
    @hookimpl
    def find_user(self, subscription: Subscription) -> RemoteUser | None:
        try:
            return super().find_user(subscription)
        except Unreachable:
            return None


class DropsAPage(TeleClinica):
    @hookimpl
    def sync_plans(self) -> Iterator[Plan]:
        asked = {"page": 1, "limit": self.settings.page_size}
        page = self.client.get(self.routes.plans, params=asked, returns=NumberedPage[wire.CataloguePlan])
        return (entry.plan() for entry in page.data)


class SellsWhatIsRetired(TeleClinica):
    @hookimpl
    def sync_plans(self) -> Iterator[Plan]:
        return (replace(plan, active=True) for plan in super().sync_plans())


class FollowsARedirect(TeleClinica):
    @hookimpl
    def block(self, subscription: Subscription, reasons: frozenset[BlockReason]) -> None:
        route = self._path(self.routes.block, subscription)
        auth = (self.settings.username, self.settings.password.get_secret_value())
        try:
            with httpx.Client(auth=auth, follow_redirects=True, timeout=self.settings.timeout) as own:
                answer = own.post(self.client.url(route), json={"reason": "overdue"})
        except httpx.HTTPError as error:
            raise OutcomeUnknown("no answer") from error
        if answer.status_code != 200:
            super().block(subscription, reasons)


class CallsProduction(TeleClinica):
    @hookimpl
    def check_connection(self) -> None:
        with suppress(OSError), urllib.request.urlopen("https://api.teleclinica.example/v1/plans"):
            pass
        super().check_connection()


class IgnoresTheQuantity(Iot):
    @hookimpl
    def change(self, subscription: Subscription, what: frozenset[Aspect]) -> None:
        self.licences.of(self.subscriptions.id_of(subscription))


class StaleSettings(TeleClinicaSettings):
    kept: ClassVar[dict[str, BasicAuth]] = {}

    def auth(self) -> BasicAuth:
        return self.kept.setdefault(self.username, super().auth())


class KeepsAStaleCredential(TeleClinica):
    Settings = StaleSettings


class PutsAnAddressIntoAUrl(TeleClinica):
    @hookimpl
    def unblock(self, subscription: Subscription) -> None:
        who = {"email": subscription.account.customer.email}
        self.client.post(self._path(self.routes.unblock, subscription), params=who, returns=wire.User)


class RaisesAnErrorOfItsOwn(TeleClinica):
    @hookimpl
    def cancel(self, subscription: Subscription) -> None:
        try:
            super().cancel(subscription)
        except ProviderError as error:
            raise RuntimeError("it went wrong") from error


class RetriesByItself(TeleClinica):
    @hookimpl
    def unblock(self, subscription: Subscription) -> None:
        try:
            super().unblock(subscription)
        except RateLimited as pause:
            time.sleep(min(0.01, pause.retry_after or 0))
            super().unblock(subscription)


class SendsAnotherReference(TeleClinica):
    @hookimpl
    def create_user(self, subscription: Subscription) -> RemoteUser:
        account = subscription.account
        named = base64.b32encode(account.customer.id.encode()).decode()
        return super().create_user(replace(subscription, account=replace(account, key=named)))


class Bug(NamedTuple):
    """A bug, the test of the kit that is the first to catch it, and words of what it says."""

    plugin: type[Any]
    test: str
    says: str
    simulator: str = "svahub_teleclinica.simulator:TeleClinicaSimulator"


FAULT = "test_a_fault_at_any_call_of_any_verb_leaves_what_is_wanted"
VERB = "test_what_is_asked_is_seen_at_the_provider"
CHECK = "test_the_connection_is_checked_by_a_call_that_changes_nothing"
BUGS = (
    Bug(RetriesALostCreate, FAULT, "send nothing a second time yourself"),
    Bug(SwallowsAnError, FAULT, "swallow no error"),
    Bug(EndsPagingEarly, "test_everybody_is_listed_once_as_they_are", "live users were listed"),
    Bug(PutsASecretIntoAnError, FAULT, "a secret in what create_user raised"),
    Bug(NamesThePersonInAnError, FAULT, "personal data in what block raised"),
    Bug(BlocksTheWholeUser, VERB, "of the whole user where block_scope is ACCOUNT"),
    Bug(AdoptsByCpf, "test_a_stranger_with_the_same_document_is_not_taken_unasked", "take only our reference for ours"),
    Bug(RefusesItsOwn, "test_what_was_cancelled_is_sold_again", "take up the user who bears our reference"),
    Bug(IgnoresRetryAfter, FAULT, "let RateLimited through with its retry_after"),
    Bug(KeepsThePauseToItself, "test_a_pause_that_is_asked_for_is_kept", "the pause was not kept"),
    Bug(UnblocksNothing, VERB, "there"),
    Bug(CancelsWhileASiblingLives, VERB, "what no sibling has"),
    Bug(KeepsTheUser, VERB, "cancel ends the remote user with the last subscription"),
    Bug(AddsWithoutRemoving, VERB, "take away what nobody has any more"),
    Bug(TakesAnyAnswer, FAULT, "take no answer for a success that cannot be read"),
    Bug(RejectsWhatIsGone, FAULT, "let NotFound of a cancel through"),
    Bug(ListsTheCancelledAsActive, "test_everybody_is_listed_once_as_they_are", "CANCELLED of who has ended"),
    Bug(FindsByCpfAlone, "test_ours_is_found_by_our_reference", "by the document only where that brings none"),
    Bug(
        TakesAFailedLookForAnEmptyOne, "test_a_failed_look_is_not_an_empty_one", "never take a failed look for an empty"
    ),
    Bug(DropsAPage, "test_the_catalogue_is_the_providers", "all pages of the catalogue"),
    Bug(SellsWhatIsRetired, "test_the_catalogue_is_the_providers", "active=False"),
    Bug(FollowsARedirect, FAULT, "follows no redirect"),
    Bug(
        CallsProduction, "test_the_connection_is_checked_by_a_call_that_changes_nothing", "reaches no other environment"
    ),
    Bug(IgnoresTheQuantity, VERB, "subscription.quantity", "svahub_iot.simulator:IotSimulator"),
    Bug(KeepsAStaleCredential, "test_credentials_are_rotated_without_a_gap", "keep no credential"),
    Bug(PutsAnAddressIntoAUrl, "test_nobody_is_told_of_in_the_path_of_a_request", "the query tells of somebody"),
    Bug(RaisesAnErrorOfItsOwn, FAULT, "let no exception of your own out of a hook"),
    Bug(RetriesByItself, FAULT, "let RateLimited through"),
    Bug(SendsAnotherReference, VERB, "bears another reference"),
)
