"""Comparisons with a provider: each, whom it has listed, and the differences that it found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from svahub.lifecycle import Step
from svahub.models import Observed, RemoteSubscription
from svahub.store.states import Agreement, ReconcileState


@dataclass(frozen=True, slots=True)
class ReconciliationRow:
    """One comparison of a provider's users with ours, and what became of it.

    `live` counts our subscriptions that the provider had then, `stopping` those that applying would block or cancel.
    """

    id: int
    tenant: str
    integration: str
    state: ReconcileState
    actor: str
    started_at: datetime
    listed: int
    last_remote_id: str | None
    whole: bool
    cause: str | None
    owner: str | None
    owned_until: datetime | None
    finished_at: datetime | None
    observing: bool
    counts: dict[str, int] | None
    live: int | None
    stopping: int | None
    digest: str | None
    approved_by: str | None
    approval: str | None
    approved_at: datetime | None
    applied_by: str | None
    applied_at: datetime | None


class ListedRow(NamedTuple):
    """A user as a provider listed it, without personal data: whose it is, and whether it is ours.

    Ours is who bears our reference, or is known to us by the provider's id (`by_id`: by that alone).
    """

    remote_id: str
    account_key: str | None
    ours: bool
    status: Observed
    entries: tuple[RemoteSubscription, ...]
    by_id: bool = False


class DifferenceRow(NamedTuple):
    """One difference: what we knew (`saw`), what the provider has (`seen`), and the step that follows from it."""

    number: int
    agreement: Agreement
    account_key: str | None
    subscription_key: str | None
    remote_id: str | None
    saw: dict[str, Any] | None
    seen: dict[str, Any] | None
    step: Step


def entries_column(entries: tuple[RemoteSubscription, ...]) -> list[list[Any]]:
    """Write a user's subscriptions to their column."""
    return [[e.plan, e.status.value, e.reference, e.remote_id, e.quantity] for e in entries]


def entries_from(column: list[list[Any]]) -> tuple[RemoteSubscription, ...]:
    """Read a user's subscriptions from their column."""
    return tuple(RemoteSubscription(plan, Observed(status), *more) for plan, status, *more in column)
