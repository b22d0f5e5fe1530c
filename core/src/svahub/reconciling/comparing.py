"""How each of an account's subscriptions, and each of a provider's users, stands to the other side. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from svahub.decisions import View
from svahub.endings import status
from svahub.lifecycle import GONE
from svahub.models import Desired, Observed, RemoteSubscription, RemoteUser
from svahub.reconciling.attribution import attributed
from svahub.store.rows import ListedRow, SubscriptionRow
from svahub.store.states import Agreement

TO_MEND = frozenset({Agreement.MISSING, Agreement.UNLINKED, Agreement.WRONG_STATE, Agreement.WRONG_PLAN})
"""What applying a plan corrects; the rest is told to people."""


class Seen(NamedTuple):
    """What a provider has: the level, the plan, how many, the user's id and the subscription's; None: it does not tell.

    `ours` is False of a user who is known by the document alone.
    """

    status: Observed
    plan: str | None = None
    quantity: int | None = None
    user: str | None = None
    remote_id: str | None = None
    ours: bool = True

    def column(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return self._asdict() | {"status": self.status.value}

    @classmethod
    def of(cls, column: dict[str, Any]) -> Seen:
        """Read it as it is kept."""
        return cls(**(column | {"status": Observed(column["status"])}))


class Compared(NamedTuple):
    """How one of ours, or one of theirs, stands to the other side; `row` is None where it is none of ours."""

    agreement: Agreement
    row: SubscriptionRow | None = None
    user: str | None = None
    seen: Seen | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """When a listing began, and for how long before that a write may not show in it."""

    began: datetime
    settle: timedelta

    def shows(self, row: SubscriptionRow) -> bool:
        """Whether what was last done with a subscription must show in the listing, and is known."""
        changed = max(row.created_at, row.changed_at)
        unsure = row.uncertain_since is not None or row.handle is not None or row.observed is Observed.UNKNOWN
        return not unsure and changed < self.began - self.settle


def compared(view: View, users: Sequence[ListedRow], moment: Moment, *, busy: bool = False) -> list[Compared]:
    """Return how an account's subscriptions stand to the users that were listed of it; `busy`: a step is under way.

    Steps of one subscription show in the whole user, so an account is judged when all its subscriptions can be.
    """
    if busy or not all(map(moment.shows, view.rows)):
        return [Compared(Agreement.SETTLING, row) for row in view.rows]
    ours = sorted((u for u in users if u.ours), key=lambda u: _preference(view, u))
    others = [u for u in users if not u.ours and u.status not in GONE]
    if ours and ours[0].status is Observed.UNKNOWN:
        return [Compared(Agreement.SETTLING, row) for row in view.rows]
    again = [u for u in ours[1:] if u.status not in GONE]
    there = bool(ours) and ours[0].status not in GONE
    if others and not there:
        return list(_unlinked(view, others))
    doubles = [Compared(Agreement.DUPLICATE, None, u.remote_id, _of_user(u)) for u in (*again, *others)]
    return [*_against(view, ours[0] if ours else None), *doubles]


def _preference(view: View, user: ListedRow) -> tuple[bool, bool, str]:
    """Return by what the user is chosen that counts: one that is there, then the one that we know."""
    return user.status in GONE, user.remote_id != view.account.remote_id, user.remote_id


def _of_user(user: ListedRow) -> Seen:
    return Seen(user.status, user=user.remote_id, ours=user.ours)


def _unlinked(view: View, others: Sequence[ListedRow]) -> Iterator[Compared]:
    """Compare with a user of the same person that bears no reference of ours: the `adopt` policy decides."""
    wanting = [row for row in view.rows if row.live or row.desired is Desired.ACTIVE]
    yield from (Compared(Agreement.IN_SYNC, row) for row in view.rows if row not in wanting)
    first, *more = others
    yield from (Compared(Agreement.UNLINKED, row, first.remote_id, _of_user(first)) for row in wanting)
    rest = [*more] if wanting else others
    yield from (Compared(Agreement.UNKNOWN, None, u.remote_id, _of_user(u)) for u in rest)


def _against(view: View, listed: ListedRow | None) -> Iterator[Compared]:
    if listed is None:
        yield from (Compared(Agreement.MISSING if row.live else Agreement.IN_SYNC, row) for row in view.rows)
        return
    reference = None if listed.by_id else view.account.key
    user = RemoteUser(listed.remote_id, listed.status, reference, listed.entries)
    theirs = attributed(view, user)
    for row in view.rows:
        yield _judged(view, row, user, theirs.entries.get(row.key))
    for agreement, entries in ((Agreement.DUPLICATE, theirs.doubled), (Agreement.UNKNOWN, theirs.strange)):
        yield from (Compared(agreement, None, user.remote_id, seen_of(user, entry)) for entry in entries)


def seen_of(user: RemoteUser, entry: RemoteSubscription) -> Seen:
    """Return what a provider has of one subscription."""
    return Seen(status(user, entry), entry.plan, entry.quantity, user.remote_id, entry.remote_id)


def _judged(view: View, row: SubscriptionRow, user: RemoteUser, entry: RemoteSubscription | None) -> Compared:
    if entry is None:
        ended = Seen(user.status, user=user.remote_id) if user.status in GONE else None
        agreement = Agreement.MISSING if row.live else Agreement.IN_SYNC
        return Compared(agreement, row, user.remote_id, ended if row.live else None)
    seen = seen_of(user, entry)
    if seen.status is Observed.UNKNOWN:
        return Compared(Agreement.SETTLING, row)
    return Compared(_agreement(view, row, seen), row, user.remote_id, seen)


def _agreement(view: View, row: SubscriptionRow, seen: Seen) -> Agreement:
    if seen.status in GONE:
        return Agreement.WRONG_STATE if row.live else Agreement.IN_SYNC
    if seen.status is not row.observed:
        return Agreement.WRONG_STATE
    given = row.what_was_applied()
    plan, quantity = (given.plan, given.quantity) if given else (None, row.quantity)
    other = (seen.plan is not None and seen.plan != plan) or (seen.quantity is not None and seen.quantity != quantity)
    if other:
        return Agreement.WRONG_PLAN
    return Agreement.IN_SYNC if seen.user == view.account.remote_id else Agreement.UNLINKED
