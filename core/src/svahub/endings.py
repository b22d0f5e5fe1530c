"""How an attempt ended for its account, and what a subscription becomes once the provider has told of its user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from svahub import errors
from svahub.decisions import View, live_others, parked, rested, wanted
from svahub.lifecycle import GONE
from svahub.models import Adopt, Desired, Observed, RemoteSubscription, RemoteUser
from svahub.store.rows import SubscriptionRow, applied_column
from svahub.store.states import Certainty

Result = RemoteUser | errors.ProviderError | None


@dataclass(frozen=True, slots=True)
class Rules:
    """How an integration retries and adopts; times in seconds. `random` draws from 0 to 1.

    While its provider answers nobody it is left alone `silent_until` an instant, and no try counts.
    """

    adopt: Adopt
    retry_budget: int
    retry_base: float
    retry_cap: float
    random: Callable[[], float]
    silent_until: datetime | None = None

    def backoff(self, tries: int) -> timedelta:
        """Draw the wait before the next try: exponential with full jitter."""
        ceiling = min(self.retry_cap, self.retry_base * 2.0 ** min(tries, 30))
        return timedelta(seconds=self.random() * ceiling)


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended: the new rows, the user's id at the provider, and what it means for the integration."""

    certainty: Certainty
    rows: tuple[SubscriptionRow, ...]
    remote_id: str | None
    cause: str | None = None
    pause: float | None = None


def linked(view: View, row: SubscriptionRow, user: RemoteUser, entry: RemoteSubscription | None) -> SubscriptionRow:
    """Return the row with what the provider told when it brought the subscription."""
    remote_id = (entry.remote_id if entry else None) or user.remote_id
    given = applied_column(row.what_was_sent() or wanted(view, row))
    return row._replace(observed=status(user, entry), remote_id=remote_id, applied=given, sent=None)


def status(user: RemoteUser, entry: RemoteSubscription | None) -> Observed:
    """Return how a subscription is: what holds for the whole user holds for it, unless it has ended by itself."""
    if entry is None or user.status is Observed.CANCELLED:
        return user.status
    return user.status if user.status is Observed.BLOCKED and entry.status not in GONE else entry.status


def vanished(view: View, row: SubscriptionRow, now: datetime) -> Ending:
    """Return what follows when the provider has no longer what it had: a person decides, or it is made again."""
    remote_id = view.account.remote_id if live_others(view, row) else None
    absent = row._replace(observed=Observed.ABSENT, remote_id=None, applied=None, uncertain_since=None)
    if view.facts.recreate:
        return Ending(Certainty.REJECTED, (rested(view, absent, now),), remote_id, "vanished; created again")
    cause = "the user has vanished at the provider"
    then = " once it is unblocked" if row.desired is Desired.BLOCKED else ""
    again = f"`svahub operations retry ID` creates it again{then}"
    advice = f"{again}; `svahub operations discard ID --note WHY` lets it go"
    return Ending(Certainty.REJECTED, (parked(absent, cause, advice),), remote_id, cause)
