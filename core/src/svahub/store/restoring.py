"""What a store that comes back from a backup no longer knows, and how that is marked.

The provider may have been given anything since the backup was made. So everything that can still move is looked up
first and brought to what is desired then; where nothing can be looked up, levels are sent again and a person decides
about the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, func, select, update

from svahub.lifecycle import GONE
from svahub.models import Desired, Observed
from svahub.store import campaigns, results
from svahub.store.results import OperationEnd
from svahub.store.rows import LOOK_THERE, LOST, SubscriptionRow
from svahub.store.states import Certainty, Outcome, Phase, Priority, RunOutcome
from svahub.store.tables import (
    accounts,
    attempts,
    happenings,
    outbox_lines,
    schedules,
    sources,
    subscriptions,
    task_attempts,
    tasks,
)

PAGE = 2_000


class Sight(NamedTuple):
    """What of a provider decides about a restore: whether a user can be looked up, and whether anything can change."""

    finds: bool
    changes: bool


BLIND = Sight(finds=False, changes=False)
"""What is assumed of a provider whose plugin is not there: nothing that is known is given up."""

Sights = Callable[[str, str], Sight]


@dataclass(slots=True)
class Marked:
    """How many subscriptions are asked again at their providers, wait for a person as before, or have ended.

    `open_attempts` counts the calls that were under way when the backup was made, `tasks` what plugins asked for that
    had not ended.
    """

    asked_again: int = 0
    parked: int = 0
    ended: int = 0
    open_attempts: int = 0
    tasks: int = 0


def unsure(row: SubscriptionRow, at: datetime, sight: Sight) -> SubscriptionRow:
    """Return a subscription as what is known of it after a restore; one that has ended stays as it was."""
    if has_ended(row):
        return row
    parked = row.phase is Phase.PARKED
    accepted = row.handle is not None and row.handle.partition(":")[0] in _ADDING
    level = not sight.finds and row.remote_id is not None  # then its verbs can be sent again
    uncertain_since = None if level and not sight.changes else at
    cause, advice = (row.cause, row.advice) if sight.finds or uncertain_since is None else (LOST, LOOK_THERE)
    return row._replace(
        observed=Observed.UNKNOWN,
        remote_id=row.remote_id if level else None,
        applied=_stale(row.applied),
        uncertain_since=uncertain_since,
        looks=0,
        handle=row.handle if accepted else None,
        phase=row.phase if parked or accepted else Phase.DUE,
        due_at=None if parked else at,
        priority=Priority.BULK,
        tries=0,
        cause=cause if parked else None,
        advice=advice if parked else None,
    )


_ADDING = frozenset({"create_user", "change"})
"""Steps that, once accepted by the provider, are asked after and never asked for again."""


def has_ended(row: SubscriptionRow) -> bool:
    """Say whether nothing can have moved since: CANCELLED is final, and what ended at the provider is for a person."""
    return row.observed is Observed.CANCELLED or (row.desired is Desired.CANCELLED and row.observed in GONE)


def _stale(applied: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what was applied without what no look tells: it is given again."""
    return None if applied is None else applied | {"price": None, "due_day": None, "customer": None}


def mark(connection: Connection, at: datetime, why: str, sights: Sights) -> Marked:
    """Mark a store that came back: no leases, no open attempts, nothing taken for known that may have moved."""
    marked = count(connection)
    _close_attempts(connection, at, why)
    _end_runs(connection, at)
    connection.execute(update(accounts).values(lease_owner=None, lease_until=None))
    for page in _pages(connection):
        after = [unsure(row, at, sights(row.tenant, row.integration)) for row in page if not has_ended(row)]
        _write(connection, after, at)
    _doubt_tasks(connection, at, why)
    _free_lines(connection, at)
    _doubt_happenings(connection, at)
    campaigns.pause_running(connection)
    return marked


def count(connection: Connection) -> Marked:
    """Count what `mark` would mark."""
    marked = Marked(open_attempts=_count_open(connection), tasks=_counted(connection, _UNENDED))
    for page in _pages(connection):
        for row in page:
            if has_ended(row):
                marked.ended += 1
            elif row.phase is Phase.PARKED:
                marked.parked += 1
            else:
                marked.asked_again += 1
    return marked


def _pages(connection: Connection) -> Iterator[list[SubscriptionRow]]:
    last = ""
    while True:
        query = select(subscriptions).where(subscriptions.c.key > last).order_by(subscriptions.c.key).limit(PAGE)
        page = [SubscriptionRow(*row) for row in connection.execute(query)]
        yield page
        if len(page) < PAGE:
            return
        last = page[-1].key


_MARKED = (
    "observed", "remote_id", "applied", "uncertain_since", "looks", "handle", "phase", "due_at", "priority", "tries",
    "cause", "advice",
)  # fmt: skip
_WRITE = (
    update(subscriptions)
    .where(subscriptions.c.key == bindparam("b_key"))
    .values({name: bindparam(f"b_{name}") for name in _MARKED} | {"changed_at": bindparam("b_now")})
)
_WAKE = (
    update(accounts)
    .where(accounts.c.key == bindparam("b_key"))
    .values(due_at=bindparam("b_now"), priority=Priority.BULK)
)


def _write(connection: Connection, rows: list[SubscriptionRow], at: datetime) -> None:
    if rows:
        values = [{f"b_{name}": getattr(row, name) for name in ("key", *_MARKED)} | {"b_now": at} for row in rows]
        connection.execute(_WRITE, values)
    if due := sorted({row.account_key for row in rows if row.due_at is not None}):
        connection.execute(_WAKE, [{"b_key": key, "b_now": at} for key in due])


_OPEN = (
    select(attempts.c.subscription_key, attempts.c.generation, subscriptions.c.generation)
    .join(subscriptions, subscriptions.c.key == attempts.c.subscription_key)
    .where(attempts.c.ended_at.is_(None))
)


def _close_attempts(connection: Connection, at: datetime, why: str) -> None:
    """Close what was under way: its outcome is not known; an operation that a newer one overtook ends with it."""
    begun = connection.execute(_OPEN).all()
    overtaken = [OperationEnd(key, was, Outcome.SUPERSEDED, exactly=True) for key, was, now in begun if was < now]
    closed = {"ended_at": at, "certainty": Certainty.UNKNOWN, "cause": why}
    connection.execute(update(attempts).where(attempts.c.ended_at.is_(None)).values(closed))
    results.end_operations(connection, overtaken, at)


def _count_open(connection: Connection) -> int:
    return sum(
        _counted(connection, select(tried.c.account_key).where(tried.c.ended_at.is_(None)))
        for tried in (attempts, task_attempts)
    )


_UNENDED = select(tasks.c.key).where(tasks.c.phase != Phase.SETTLED)


def _counted(connection: Connection, query: Select[Any]) -> int:
    return int(connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())


def _doubt_tasks(connection: Connection, at: datetime, why: str) -> None:
    """Let each task that had not ended be looked up, as one of which nobody knows whether it was done."""
    closed = {"ended_at": at, "certainty": Certainty.UNKNOWN, "cause": why}
    connection.execute(update(task_attempts).where(task_attempts.c.ended_at.is_(None)).values(closed))
    unended, driven = tasks.c.phase != Phase.SETTLED, tasks.c.phase.not_in((Phase.SETTLED, Phase.PARKED))
    connection.execute(update(tasks).where(unended).values(uncertain_since=at, looks=0, tries=0))
    due = {"phase": Phase.DUE, "due_at": at, "cause": None, "advice": None}
    connection.execute(update(tasks).where(driven).values(due))
    waiting = accounts.c.key.in_(select(tasks.c.account_key).where(driven))
    connection.execute(update(accounts).where(waiting).values(due_at=at, priority=Priority.BULK))


def _free_lines(connection: Connection, at: datetime) -> None:
    """Have messages that were under way sent again: under their own ids, by which a target takes none twice."""
    claimed = outbox_lines.c.owner.is_not(None)
    connection.execute(update(outbox_lines).where(claimed).values(owner=None, due_at=at))


def _end_runs(connection: Connection, at: datetime) -> None:
    """End the scheduled runs that were under way: nobody runs them any more."""
    lost = {"owner": None, "owned_until": None, "ended_at": at, "outcome": RunOutcome.LOST}
    for table in (schedules, sources):
        connection.execute(update(table).where(table.c.outcome == RunOutcome.RUNNING).values(lost))


def _doubt_happenings(connection: Connection, at: datetime) -> None:
    """Have what sources are told looked up before it is done: they may have been told since the store was kept."""
    connection.execute(update(happenings).values(doubted=True, due_at=at))
