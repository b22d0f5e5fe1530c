"""One opened integration: the only place that calls hooks, typed once, with every foreign exception translated.

Each integration has a plugin manager of its own, so a call reaches that provider and no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from svahub.conformance import specified_manager
from svahub.errors import PluginBug, ProviderError, Unsupported
from svahub.happenings import Happened, NewTask
from svahub.hookspecs import (
    ChangesSubscriptions,
    ChecksConnection,
    CreatesPlans,
    FindsTasks,
    FindsUsers,
    KeepsRecords,
    Lifecycle,
    ListsUsers,
    PerformsTasks,
    Polls,
    ReceivesWebhooks,
    ResendsAccess,
    ResumesListings,
    Source,
    TakesReports,
    TellsReceivables,
)
from svahub.intake import ContractRow
from svahub.intake import Rejected as RejectedRow
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
from svahub.registry import ProviderKind
from svahub.vetting import (
    vet_error,
    vetted,
    vetted_contract,
    vetted_debt,
    vetted_link,
    vetted_notice,
    vetted_or_none,
    vetted_received,
    vetted_report,
    vetted_task,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from svahub.client import ProviderClient
    from svahub.extension import Transaction
    from svahub.settings import IntegrationSettings

T = TypeVar("T")
V = TypeVar("V", Plan, RemoteUser)


class Relay:
    """Calls one provider instance through pluggy.

    Every method raises a `ProviderError`; whatever else a plugin raises becomes a `PluginBug`.
    """

    def __init__(self, kind: ProviderKind, provider: Any, wrappers: Iterable[Any] = ()) -> None:
        self.kind, self.provider = kind, provider
        manager = specified_manager()
        manager.register(provider, kind.name)
        for number, wrapper in enumerate(wrappers):
            manager.register(wrapper, f"wrapper {number}")  # by its own name it could collide with the provider's
        manager.check_pending()
        self._hooks = manager.hook
        self._capabilities = frozenset(kind.capabilities)  # a class is asked once: each step asks this twice

    @classmethod
    def open(
        cls, kind: ProviderKind, settings: IntegrationSettings, client: ProviderClient, wrappers: Iterable[Any] = ()
    ) -> Relay:
        """Make the provider for one integration."""
        with foreign_errors(kind.name):
            provider = kind.cls(settings, client)
        return cls(kind, provider, wrappers)

    def create_user(self, subscription: Subscription) -> RemoteUser:
        """Create the user or add the plan to it."""
        with foreign_errors("create_user"):
            return vetted(
                RemoteUser, cast(Lifecycle, self._hooks).create_user(subscription=subscription), "create_user"
            )

    def block(self, subscription: Subscription, reasons: frozenset[BlockReason]) -> None:
        """Stop the access."""
        with foreign_errors("block"):
            cast(Lifecycle, self._hooks).block(subscription=subscription, reasons=reasons)

    def unblock(self, subscription: Subscription) -> None:
        """Give the access back."""
        with foreign_errors("unblock"):
            cast(Lifecycle, self._hooks).unblock(subscription=subscription)

    def cancel(self, subscription: Subscription) -> None:
        """End the subscription."""
        with foreign_errors("cancel"):
            cast(Lifecycle, self._hooks).cancel(subscription=subscription)

    def sync_plans(self) -> Iterator[Plan]:
        """Stream the catalogue."""
        if self.kind.is_source:
            raise Unsupported(f"{self.kind.title} is a source of contracts, and offers no plans")
        yield from _of_kind(Plan, lambda: cast(Lifecycle, self._hooks).sync_plans(), "sync_plans")

    def change(self, subscription: Subscription, what: frozenset[Aspect]) -> RemoteUser | None:
        """Bring aspects to what they should be; the user, where the plugin has to note what came of it."""
        changer = cast(ChangesSubscriptions, self._offering("change"))
        with foreign_errors("change"):
            return vetted_or_none(RemoteUser, changer.change(subscription=subscription, what=what), "change")

    def find_user(self, subscription: Subscription) -> RemoteUser | None:
        """Look the user up."""
        finder = cast(FindsUsers, self._offering("find_user"))
        with foreign_errors("find_user"):
            return vetted_or_none(RemoteUser, finder.find_user(subscription=subscription), "find_user")

    def list_users(self, status: Observed | None = None) -> Iterator[RemoteUser]:
        """Stream the users."""
        lister = cast(ListsUsers, self._offering("list_users"))
        yield from _of_kind(RemoteUser, lambda: lister.list_users(status=status), "list_users")

    def list_users_after(self, status: Observed | None, after: str) -> Iterator[RemoteUser]:
        """Stream the users that come after one."""
        lister = cast(ResumesListings, self._offering("list_users_after"))
        call = partial(lister.list_users_after, status=status, after=after)
        yield from _of_kind(RemoteUser, call, "list_users_after")

    def check_connection(self) -> None:
        """Make one authenticated call that changes nothing."""
        with foreign_errors("check_connection"):
            cast(ChecksConnection, self._offering("check_connection")).check_connection()

    def create_plan(self, draft: PlanDraft) -> Plan:
        """Register a plan."""
        creator = cast(CreatesPlans, self._offering("create_plan"))
        with foreign_errors("create_plan"):
            return vetted(Plan, creator.create_plan(draft=draft), "create_plan")

    def resend_access(self, subscription: Subscription) -> AccessLink | None:
        """Have the login sent again, or return a link to hand on."""
        resender = cast(ResendsAccess, self._offering("resend_access"))
        with foreign_errors("resend_access"):
            return vetted_link(resender.resend_access(subscription=subscription), "resend_access")

    def poll(self, subscription: Subscription, handle: str) -> RemoteUser | None:
        """Ask for the result of an accepted step."""
        poller = cast(Polls, self._offering("poll"))
        with foreign_errors("poll"):
            return vetted_or_none(RemoteUser, poller.poll(subscription=subscription, handle=handle), "poll")

    def perform(self, task: Task) -> TaskResult:
        """Do a task."""
        performer = cast(PerformsTasks, self._offering("perform"))
        with foreign_errors("perform"):
            return vetted_task(performer.perform(task=task), "perform")

    def find_task(self, task: Task) -> TaskResult | None:
        """Look up what a task came to."""
        finder = cast(FindsTasks, self._offering("find_task"))
        with foreign_errors("find_task"):
            found = finder.find_task(task=task)
            return None if found is None else vetted_task(found, "find_task")

    def authenticate_webhook(self, webhook: Webhook) -> Notice | None:
        """Say what a delivery is, None when it is not authentic."""
        receiver = cast(ReceivesWebhooks, self._offering("authenticate_webhook"))
        with foreign_errors("authenticate_webhook"):
            notice = receiver.authenticate_webhook(webhook=webhook)
            return None if notice is None else vetted_notice(notice, "authenticate_webhook")

    def receive_webhook(self, webhook: Webhook) -> Received:
        """Say what a delivery came to."""
        receiver = cast(ReceivesWebhooks, self._offering("receive_webhook"))
        with foreign_errors("receive_webhook"):
            return vetted_received(receiver.receive_webhook(webhook=webhook), "receive_webhook")

    def recall(self, transaction: Transaction, subject: Subscription | Task | Webhook) -> Mapping[str, Any]:
        """Return what the plugin's own tables hold that the next call needs; nothing where it has none."""
        if not self.can("recall"):
            return {}
        with foreign_errors("recall"):
            return cast(KeepsRecords, self._hooks).recall(transaction=transaction, subject=subject) or {}

    def recorded(
        self,
        transaction: Transaction,
        subject: Subscription | Task | Webhook,
        result: RemoteUser | TaskResult | Received | None,
    ) -> None:
        """Have the plugin write what a call came to; PluginBug when it fails, whatever it raised."""
        if self.can("recorded"):
            with foreign_errors("recorded"):
                cast(KeepsRecords, self._hooks).recorded(transaction=transaction, subject=subject, result=result)

    def contracts(self, since: datetime | None) -> Iterator[ContractRow | RejectedRow]:
        """Stream the contracts of a source that have changed since an instant of its clock; None: all."""
        if not self.kind.is_source:
            raise Unsupported(f"{self.kind.title} sells, and is no source of contracts")
        source = cast(Source, self._hooks)
        yield from _streamed(lambda: source.contracts(since=since), "contracts", vetted_contract)

    def receivables(self, since: datetime | None) -> Iterator[Debt | DebtSettled]:
        """Stream what has become owed, or owed no more, since an instant of the source's clock; None: all."""
        source = cast(TellsReceivables, self._offering("receivables"))
        yield from _streamed(lambda: source.receivables(since=since), "receivables", vetted_debt)

    def report(self, happened: Happened) -> Sequence[NewTask]:
        """Return what a source wants to have written of something that happened."""
        source = cast(TakesReports, self._offering("report"))
        with foreign_errors("report"):
            return vetted_report(source.report(happened=happened), "report")

    def can(self, capability: str) -> bool:
        """Say whether the provider implements a hook beyond the lifecycle."""
        return capability in self._capabilities

    def _offering(self, hook: str) -> Any:
        if not self.can(hook):
            raise Unsupported(f"{self.kind.title} offers no {hook.replace('_', ' ')}")
        return self._hooks


@contextmanager
def foreign_errors(hook: str, passing: type[Exception] = ProviderError) -> Iterator[None]:
    """Turn what a plugin raises, other than `passing`, into a PluginBug without its text: that may be personal.

    A ProviderError that passes is vetted, as its sentence and its payload are written to the store.
    """
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except passing as error:
        if isinstance(error, ProviderError):
            vet_error(error, hook)
        raise
    except BaseException as error:  # SystemExit and CancelledError too would end the thread that made the call
        raise PluginBug(f"{hook} raised {type(error).__name__}") from error


def _of_kind(kind: type[V], call: Callable[[], Iterable[V] | None], hook: str) -> Iterator[V]:
    yield from _streamed(call, hook, lambda value, hook: vetted(kind, value, hook))


def _streamed(call: Callable[[], Iterable[Any] | None], hook: str, vet: Callable[[Any, str], T]) -> Iterator[T]:
    with foreign_errors(hook):
        values = call()
        if values is None:  # to read it as nothing would retire a whole catalogue
            raise PluginBug(f"{hook} returned NoneType, not a stream")
        for value in values:
            yield vet(value, hook)
