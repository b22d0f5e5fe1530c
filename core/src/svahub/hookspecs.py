"""The contract with a provider: every hook, once, with what it means and what it may raise.

A hook is a plain function: it calls the provider and returns. It keeps no state, retries nothing, touches no database
but through the transaction that `recall` and `recorded` are given, and these two call nobody;
the core records every attempt before the call and its result after it. Any hook may raise the `ProviderError`s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import pluggy

from svahub.happenings import Happened, NewTask
from svahub.models import (
    AccessLink,
    Aspect,
    BlockReason,
    Debt,
    DebtSettled,
    Notice,
    Observed,
    Plan,
    PlanDraft,
    Received,
    RemoteUser,
    Subscription,
    Task,
    TaskResult,
    Webhook,
)

if TYPE_CHECKING:
    from svahub.extension import Transaction
    from svahub.intake import ContractRow, Rejected

PROJECT = "svahub"
CONTRACT_VERSION = 1

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@runtime_checkable
class Lifecycle(Protocol):
    """The five hooks that every provider has.

    A class that declares `sensitive = True` serves what tells of a person's health or the like: no line of a log and no
    label of a metric names it together with a subscription.
    """

    @hookspec(firstresult=True)
    def create_user(self, subscription: Subscription) -> RemoteUser:
        """Create the remote user, or add the plan to it when `subscription.account.remote_id` is known.

        Send `subscription.account.key` as the user's reference and `subscription.key` as the plan's.
        Return the user with what was sold under that key. Raise AlreadyExists when the provider has this person
        already, unless they bear our reference and have nothing: sell to them.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def block(self, subscription: Subscription, reasons: frozenset[BlockReason]) -> None:
        """Stop the access; succeed when it is stopped already. With block scope ACCOUNT, stop the whole user."""

    @hookspec(firstresult=True)
    def unblock(self, subscription: Subscription) -> None:
        """Give the access back; succeed when it is there already."""

    @hookspec(firstresult=True)
    def cancel(self, subscription: Subscription) -> None:
        """End this subscription for good, and the remote user with its last one (`subscription.live_siblings`)."""

    @hookspec(firstresult=True)
    def sync_plans(self) -> Iterable[Plan]:
        """Stream the whole catalogue; raise Unreachable(INCOMPLETE) when the listing ends early."""
        raise NotImplementedError


@runtime_checkable
class ChangesSubscriptions(Protocol):
    """The provider can change what was sold; the class declares what in `changes`."""

    changes: frozenset[Aspect]

    @hookspec(firstresult=True)
    def change(self, subscription: Subscription, what: frozenset[Aspect]) -> RemoteUser | None:
        """Bring `what` from `subscription.applied` to what the subscription has now.

        Return the user where `recorded` needs to know what the change came to. Raise Partial with the quantity that is
        there where only some of it was reached: the rest is what differs, and is done next.
        """


@runtime_checkable
class FindsUsers(Protocol):
    """The provider can look one user up."""

    @hookspec(firstresult=True)
    def find_user(self, subscription: Subscription) -> RemoteUser | None:
        """Return the user with our reference, else one with the same document, else None.

        None means: the provider answered and has no such user. A failed look raises.
        """
        raise NotImplementedError


@runtime_checkable
class ListsUsers(Protocol):
    """The provider can list its users."""

    @hookspec(firstresult=True)
    def list_users(self, status: Observed | None) -> Iterator[RemoteUser]:
        """Stream all users, or those of one status; raise Unreachable(INCOMPLETE) when the listing ends early."""
        raise NotImplementedError


@runtime_checkable
class ResumesListings(Protocol):
    """A listing that takes long can go on where an earlier one ended."""

    @hookspec(firstresult=True)
    def list_users_after(self, status: Observed | None, after: str) -> Iterator[RemoteUser]:
        """Stream what `list_users` streams after the user with the remote id `after`; it keeps to the same order.

        Raise Unreachable(INCOMPLETE) when that user is not listed any more, as well as when the listing ends early.
        """
        raise NotImplementedError


@runtime_checkable
class ChecksConnection(Protocol):
    """The provider has a call that changes nothing and shows that host and credentials are right."""

    @hookspec(firstresult=True)
    def check_connection(self) -> None:
        """Return when an authenticated call succeeds."""


@runtime_checkable
class CreatesPlans(Protocol):
    """Plans can be registered at the provider."""

    @hookspec(firstresult=True)
    def create_plan(self, draft: PlanDraft) -> Plan:
        """Register the plan and return it as the provider has it."""
        raise NotImplementedError


@runtime_checkable
class ResendsAccess(Protocol):
    """The provider can let the customer in again: it sends them their login, or makes a link for them."""

    @hookspec(firstresult=True)
    def resend_access(self, subscription: Subscription) -> AccessLink | None:
        """Have the provider send the access to the customer; return the link where handing it on is left to us.

        Ask for a link with `confidential=True`: its exchange is then recorded without it.
        """


@runtime_checkable
class Polls(Protocol):
    """The provider accepts now and answers later."""

    @hookspec(firstresult=True)
    def poll(self, subscription: Subscription, handle: str) -> RemoteUser | None:
        """Return the user when the accepted step is done, None when it left none; raise Pending while it is not."""
        raise NotImplementedError


@runtime_checkable
class PerformsTasks(Protocol):
    """The provider can be asked for more than the lifecycle: charges, licences, mails."""

    @hookspec(firstresult=True)
    def perform(self, task: Task) -> TaskResult:
        """Do it, once; send `task.key` as the reference of what it adds.

        A task that was never tried is not looked up first: one call to the provider is enough.
        """
        raise NotImplementedError


@runtime_checkable
class FindsTasks(Protocol):
    """The provider can be asked whether a task was done."""

    @hookspec(firstresult=True)
    def find_task(self, task: Task) -> TaskResult | None:
        """Return what the task came to, None when the provider answered and has nothing of it; a failed look raises.

        Unsupported for a kind that nothing can be looked up by: a person is asked then.
        """
        raise NotImplementedError


@runtime_checkable
class ReceivesWebhooks(Protocol):
    """The provider tells of what happens there. A delivery is a hint: it is stored, answered, and read later."""

    @hookspec(firstresult=True)
    def authenticate_webhook(self, webhook: Webhook) -> Notice | None:
        """Return what an authentic delivery is, None when it is not authentic; compare in constant time, call nobody.

        A body that cannot be read is authentic all the same if its headers say so: name it by its digest.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def receive_webhook(self, webhook: Webhook) -> Received:
        """Say what a delivery came to; where it is older than what is known, or contradicts it, ask the provider.

        It may be called again with the same delivery, and with deliveries out of order.
        """
        raise NotImplementedError


@runtime_checkable
class KeepsRecords(Protocol):
    """A provider whose plugin has tables of its own (`svahub.migrations`). Both hooks touch the transaction alone."""

    @hookspec(firstresult=True)
    def recall(self, transaction: Transaction, subject: Subscription | Task | Webhook) -> Mapping[str, Any] | None:
        """Return what the plugin's tables hold that the next call needs: it gets it as `subject.kept`.

        Of a subscription it is asked before every step: look at `subject.observed` before you look for much.
        """

    @hookspec(firstresult=True)
    def recorded(
        self,
        transaction: Transaction,
        subject: Subscription | Task | Webhook,
        result: RemoteUser | TaskResult | Received | None,
    ) -> None:
        """Write to the plugin's tables what a call that succeeded came to, in the transaction that keeps its result.

        After a Partial, `result` is the user that it bears, of a task too.
        """


@runtime_checkable
class Source(Protocol):
    """Where a tenant's contracts come from: the one hook of every source (`svahub.sources`). A source sells nothing.

    Its class declares `title`, `contract_version`, `hosts` and `Settings`, which inherit SourceSettings; beside this
    hook it may have `receivables`, `report`, `check_connection`, `perform`, `find_task`, `recall` and `recorded`.
    """

    @hookspec(firstresult=True)
    def contracts(self, since: datetime | None) -> Iterable[ContractRow | Rejected]:
        """Stream contracts, each whole: those changed at or after `since`, an instant of the source's clock; None: all.

        A contract has changed when anything has of what its row says, its customer and its products too. One that
        cannot be read is yielded as Rejected, with its reasons (`contract_of` makes either), and hurts no other. One
        that changes while it is listed may come twice: the last counts. Raise Unreachable(INCOMPLETE) when the listing
        ends early.
        """
        raise NotImplementedError


@runtime_checkable
class TellsReceivables(Protocol):
    """The source knows what customers owe."""

    @hookspec(firstresult=True)
    def receivables(self, since: datetime | None) -> Iterable[Debt | DebtSettled]:
        """Stream what is owed and past due, and what is owed no more: what became so at or after `since`; None: all.

        What was due on a day since then has become owed, though nothing of it was changed. With None, what was settled
        long ago may be left out. Raise Unreachable(INCOMPLETE) when the listing ends early.
        """
        raise NotImplementedError


@runtime_checkable
class TakesReports(Protocol):
    """The source wants to have written what became of its contracts; its settings say what (`SourceSettings.wants`)."""

    @hookspec(firstresult=True)
    def report(self, happened: Happened) -> Sequence[NewTask]:
        """Return what is to be written at the source, as tasks of its own, which `perform` and `find_task` carry out.

        Call nobody: the tasks are kept in one transaction with what has happened being done with. Told again, the
        same happening brings the same tasks. A source that takes reports performs tasks.
        """
        raise NotImplementedError


@runtime_checkable
class KeepsCustomers(Protocol):
    """A plugin with tables of its own about customers; an entry in `svahub.hooks` names it, never a provider's class.

    It has both hooks. They touch nothing but the transaction, which may be undone or made once more.
    """

    @hookspec
    def export_customer(self, transaction: Transaction, customer_id: str) -> Mapping[str, Any] | None:
        """Return all that the plugin's tables hold about a customer, in values that JSON has; None: nothing."""

    @hookspec
    def erase_customer(self, transaction: Transaction, customer_id: str) -> None:
        """Erase the customer's personal data from the plugin's tables; the core's own are still there to be read."""


LIFECYCLE = ("create_user", "block", "unblock", "cancel", "sync_plans")
SOURCE = ("contracts",)
CAPABILITIES: dict[str, type] = {
    "change": ChangesSubscriptions,
    "find_user": FindsUsers,
    "list_users": ListsUsers,
    "list_users_after": ResumesListings,
    "check_connection": ChecksConnection,
    "create_plan": CreatesPlans,
    "resend_access": ResendsAccess,
    "poll": Polls,
    "perform": PerformsTasks,
    "find_task": FindsTasks,
    "authenticate_webhook": ReceivesWebhooks,
    "receive_webhook": ReceivesWebhooks,
    "recall": KeepsRecords,
    "recorded": KeepsRecords,
    "receivables": TellsReceivables,
    "report": TakesReports,
}
OF_SOURCES = frozenset({"receivables", "report"})
"""Capabilities that only sources have."""
OF_BOTH = frozenset({"check_connection", "perform", "find_task", "recall", "recorded"})
"""Capabilities that providers and sources have."""
OBSERVERS = ("export_customer", "erase_customer")
SPECIFICATIONS = (Lifecycle, Source, *dict.fromkeys(CAPABILITIES.values()), KeepsCustomers)
