"""A plugin that has every hook, none of which does anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from svahub import (
    Aspect,
    BlockScope,
    ChangesSubscriptions,
    ChecksConnection,
    CreatesPlans,
    Deduplication,
    Environment,
    FindsUsers,
    Lifecycle,
    ListsUsers,
    Observed,
    Plan,
    PlanDraft,
    RemoteUser,
    ResumesListings,
    Subscription,
    hookimpl,
)
from svahub_teleclinica import TeleClinicaSettings


class Nothing(Lifecycle, ChangesSubscriptions, FindsUsers, ListsUsers, ResumesListings, ChecksConnection, CreatesPlans):
    title = "Nothing"
    contract_version = 1
    deduplication = Deduplication.REFERENCE
    block_scope = BlockScope.SUBSCRIPTION
    settle_seconds = 0
    changes = frozenset(Aspect)
    hosts: ClassVar[dict[Environment, tuple[str, ...]]] = {}
    Settings = TeleClinicaSettings

    def __init__(self, settings: Any, client: Any) -> None:
        pass

    @hookimpl
    def create_user(self, subscription: Subscription) -> RemoteUser:
        return RemoteUser(subscription.account.key, Observed.ACTIVE, subscription.account.key)

    @hookimpl
    def block(self, subscription: Subscription, reasons: Any) -> None:
        return None

    @hookimpl
    def unblock(self, subscription: Subscription) -> None:
        return None

    @hookimpl
    def cancel(self, subscription: Subscription) -> None:
        return None

    @hookimpl
    def change(self, subscription: Subscription, what: frozenset[Aspect]) -> None:
        return None

    @hookimpl
    def sync_plans(self) -> Iterator[Plan]:
        return iter(())

    @hookimpl
    def create_plan(self, draft: PlanDraft) -> Plan:
        return Plan(draft.reference, draft.name, draft.description, draft.price)

    @hookimpl
    def find_user(self, subscription: Subscription) -> RemoteUser | None:
        return None

    @hookimpl
    def list_users(self, status: Observed | None) -> Iterator[RemoteUser]:
        return iter(())

    @hookimpl
    def list_users_after(self, status: Observed | None, after: str) -> Iterator[RemoteUser]:
        return iter(())

    @hookimpl
    def check_connection(self) -> None:
        return None
