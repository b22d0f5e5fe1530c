"""Which of a remote user's subscriptions is which of an account's: by our reference, else by the plan. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from svahub.decisions import View
from svahub.lifecycle import GONE
from svahub.models import BlockScope, Desired, RemoteSubscription, RemoteUser
from svahub.store.rows import SubscriptionRow

Entries = dict[str, RemoteSubscription]


@dataclass(frozen=True, slots=True)
class Attributed:
    """What a user has of each of our subscriptions, by key; and what it has of them twice, or beyond them."""

    entries: Mapping[str, RemoteSubscription]
    doubled: tuple[RemoteSubscription, ...] = ()
    strange: tuple[RemoteSubscription, ...] = ()


def attributed(view: View, user: RemoteUser) -> Attributed:
    """Return whose each of a user's subscriptions is.

    A reference tells; where a provider keeps none the plan does, first to what is there as far as we know, then to what
    should be. What has ended comes last: where whole users are blocked a plan is there once for all who have it, and it
    may bear the reference of one that has ended since.
    """
    if len(view.rows) == len(user.subscriptions) == 1 and user.subscriptions[0].reference == view.rows[0].key:
        return Attributed({view.rows[0].key: user.subscriptions[0]})  # most are so: a million need no more
    likely, ended = _by_likelihood(view.rows), _ended(view.rows)
    found, doubled = _by_reference(likely, user.subscriptions)
    free = [e for e in user.subscriptions if _is_live(e) and not _among(e, [*found.values(), *doubled])]
    whole = view.facts.block_scope is BlockScope.ACCOUNT
    _by_plan(likely, found, free, {row.key for row in ended} if whole else set())
    if whole:
        _share(likely, found)
    made_by_us = user.reference == view.account.key  # what a user has that was only linked may be nobody's of ours
    if made_by_us:
        _take_changed(likely, found, free)
    more, again = _by_reference(ended, user.subscriptions if not whole else free)
    _remove(free, more.values())
    _remove(free, again)
    if made_by_us:
        _by_plan(ended, more, free, set())
    return Attributed(found | more, (*doubled, *again), tuple(free))


def _is_live(entry: RemoteSubscription) -> bool:
    return entry.status not in GONE


def _among(entry: RemoteSubscription, entries: Iterable[RemoteSubscription]) -> bool:
    return any(entry is one for one in entries)


def _remove(free: list[RemoteSubscription], taken: Iterable[RemoteSubscription]) -> None:
    taken = list(taken)
    free[:] = [entry for entry in free if not _among(entry, taken)]


def _by_likelihood(rows: Iterable[SubscriptionRow]) -> list[SubscriptionRow]:
    likely = [row for row in rows if row.live or row.desired is not Desired.CANCELLED]
    return sorted(likely, key=lambda row: (not row.live, row.created_at, row.key))


def _ended(rows: Iterable[SubscriptionRow]) -> list[SubscriptionRow]:
    ended = [row for row in rows if not row.live and row.desired is Desired.CANCELLED]
    return sorted(ended, key=lambda row: (row.sale, row.created_at, row.key), reverse=True)


def _by_reference(
    rows: Iterable[SubscriptionRow], entries: Sequence[RemoteSubscription]
) -> tuple[Entries, list[RemoteSubscription]]:
    """Return what bears each key, the live one of several; and what else is live under a key."""
    found: Entries = {}
    doubled = []
    for row in rows:
        named = sorted((e for e in entries if e.reference == row.key), key=lambda e: not _is_live(e))
        if named:
            found[row.key] = named[0]
            doubled += [entry for entry in named[1:] if _is_live(entry)]
    return found, doubled


def _plans(row: SubscriptionRow) -> list[str]:
    """Return the plans that a user may have for a subscription, the most likely first."""
    given, sent = row.what_was_applied(), row.what_was_sent()
    told = (given.plan if given else None, sent.plan if sent else None, row.plan)
    return [plan for plan in told if plan is not None]


def _by_plan(
    rows: Iterable[SubscriptionRow], found: Entries, free: list[RemoteSubscription], names: Collection[str]
) -> None:
    """Give each that has nothing yet what has its plan and bears no reference, or one of those `names`."""
    for row in rows:
        if row.key in found:
            continue
        plans = _plans(row)
        fitting = [e for e in free if e.plan in plans and (e.reference is None or e.reference in names)]
        if fitting:
            found[row.key] = min(fitting, key=lambda entry: plans.index(entry.plan or ""))
            _remove(free, [found[row.key]])


def _share(rows: Iterable[SubscriptionRow], found: Entries) -> None:
    """Give each that was there, and has nothing yet, the same as another that has its plan."""
    for row in rows:
        if row.live and row.key not in found:
            alike = [entry for entry in found.values() if entry.plan in _plans(row) and _is_live(entry)]
            found |= {row.key: alike[0]} if alike else {}


def _take_changed(rows: Iterable[SubscriptionRow], found: Entries, free: list[RemoteSubscription]) -> None:
    """Give each that was there and is not found what nobody else has: it has another plan than it was given."""
    for row in rows:
        if row.live and row.key not in found:
            changed = next((e for e in free if e.reference is None and e.plan is not None), None)
            if changed is not None:
                found[row.key] = changed
                _remove(free, [changed])
