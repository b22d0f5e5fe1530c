"""Writing what converge does: attempts before the calls, results after them, each batch in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, insert, select, update

from svahub.lifecycle import Step
from svahub.store.among import Among, alike, one_of
from svahub.store.rows import CUT_OFF, AttemptRow, SubscriptionRow
from svahub.store.states import Certainty, Outcome, Phase
from svahub.store.tables import accounts, attempts, operations, subscriptions

_BEGIN = insert(attempts).returning(attempts.c.lease_number)  # returning: one statement for all rows


def begin_attempts(connection: Connection, rows: Sequence[AttemptRow]) -> None:
    """Record what is about to be tried."""
    if rows:
        connection.execute(_BEGIN, [_columns(row) for row in rows]).all()


def _columns(row: AttemptRow) -> dict[str, Any]:
    return {
        "account_key": row.account_key,
        "lease_number": row.lease_number,
        "tenant": row.tenant,
        "subscription_key": row.subscription_key,
        "step": row.step,
        "generation": row.generation,
        "sent": row.sent,
        "started_at": row.started_at,
    }


@dataclass(frozen=True, slots=True)
class Closed:
    """How an attempt ended."""

    account_key: str
    lease_number: int
    certainty: Certainty
    cause: str | None


_named = Among(attempts.c.account_key, attempts.c.lease_number)
_CLOSE = (
    update(attempts)
    .where(_named.condition)
    .values(ended_at=bindparam("b_now"), certainty=bindparam("b_certainty"), cause=bindparam("b_cause"))
)


def close_attempts(connection: Connection, closed: Sequence[Closed], now: datetime) -> None:
    """Record how attempts ended."""
    for (certainty, cause), rows in alike(closed, lambda one: (one.certainty, one.cause)):
        named = _named.keys([(one.account_key, one.lease_number) for one in rows])
        connection.execute(_CLOSE, named | {"b_now": now, "b_certainty": certainty, "b_cause": cause})


_OPEN_ATTEMPTS = select(attempts).where(one_of(attempts.c.account_key, "keys"), attempts.c.ended_at.is_(None))
LOOKED_BACK = 256
"""So many leases of an account are looked at; a call does not last as long as that many."""
_newest_cut = (
    select(func.max(attempts.c.lease_number))
    .where(
        attempts.c.account_key == accounts.c.key,
        attempts.c.lease_number > accounts.c.lease_number - LOOKED_BACK,
        attempts.c.ended_at > bindparam("since"),
        attempts.c.cause == CUT_OFF,
        attempts.c.step.not_in(bindparam("but", expanding=True)),
    )
    .scalar_subquery()
)
_CUT_OFF = select(accounts.c.key, _newest_cut).where(one_of(accounts.c.key, "keys"))
"""For each account by itself: joined, PostgreSQL reads all attempts that there ever were, as hardly one is cut off."""
_ATTEMPTS = select(attempts).where(_named.condition)


def open_attempts(connection: Connection, keys: Collection[str]) -> list[AttemptRow]:
    """Return what a former holder of the lease began and never closed."""
    return [AttemptRow(*row) for row in connection.execute(_OPEN_ATTEMPTS, {"keys": keys})]


def cut_off(
    connection: Connection, keys: Collection[str], since: datetime, *, but: Collection[Step]
) -> list[AttemptRow]:
    """Return of each account the newest attempt that was closed since then in the place of a holder that had ended.

    Attempts at the steps `but` are passed over.
    """
    newest = connection.execute(_CUT_OFF, {"keys": keys, "since": since, "but": but})
    named = [(key, number) for key, number in newest if number is not None]
    found = connection.execute(_ATTEMPTS, _named.keys(named)) if named else ()
    return [AttemptRow(*row) for row in found]


_SEEN = ("observed", "remote_id", "applied", "sent", "uncertain_since", "looks", "handle", "candidate", "told")
_NEXT = ("phase", "due_at", "priority", "tries", "cause", "advice")
_WRITE = (
    update(subscriptions)
    .where(subscriptions.c.key == bindparam("b_key"))
    .values(
        {name: bindparam(f"b_{name}") for name in _SEEN}
        | {
            name: case(
                (
                    subscriptions.c.generation == bindparam("b_generation"),
                    bindparam(f"b_{name}", type_=subscriptions.c[name].type),
                ),
                else_=subscriptions.c[name],
            )
            for name in _NEXT
        }
        | {"changed_at": bindparam("b_now")}
    )
)


def write_subscriptions(connection: Connection, rows: Sequence[SubscriptionRow], now: datetime) -> None:
    """Write what was seen; what comes next only where nobody has changed what is desired meanwhile."""
    if rows:
        names = (*_SEEN, *_NEXT, "key", "generation")
        values = [{f"b_{name}": getattr(row, name) for name in names} | {"b_now": now} for row in rows]
        connection.execute(_WRITE, values)


@dataclass(frozen=True, slots=True)
class Fresh:
    """What of a subscription decides when its account is due again, read after a write."""

    account_key: str
    key: str
    generation: int
    phase: Phase
    due_at: datetime | None
    priority: int


_FRESH = select(*(subscriptions.c[field.name] for field in fields(Fresh))).where(
    one_of(subscriptions.c.account_key, "keys")
)


def fresh(connection: Connection, account_keys: Collection[str]) -> list[Fresh]:
    """Return the present state of every subscription of some accounts."""
    return [Fresh(*row) for row in connection.execute(_FRESH, {"keys": account_keys})]


@dataclass(frozen=True, slots=True)
class OperationEnd:
    """How the operations of a subscription up to a generation end; `exactly`: only those of that generation."""

    subscription_key: str
    generation: int
    outcome: Outcome
    exactly: bool = False


def end_operations(connection: Connection, ends: Iterable[OperationEnd], now: datetime) -> None:
    """End operations that are still queued; the newest of what is parked is open again, whatever it came to before."""
    ends = list(ends)
    # those of one generation first: where both end the same operation, they say how
    in_turn = sorted(ends, key=lambda end: not end.exactly)
    for (exactly, generation, outcome), rows in alike(in_turn, lambda end: (end.exactly, end.generation, end.outcome)):
        served = {"b_keys": [end.subscription_key for end in rows], "b_generation": generation}
        connection.execute(_ENDS[exactly], served | {"b_outcome": outcome, "b_now": now})
    if parked := [_reopened(end, now) for end in ends if end.outcome is Outcome.PARKED]:
        connection.execute(_REOPEN, parked)


def _reopened(end: OperationEnd, now: datetime) -> dict[str, Any]:
    return {"b_key": end.subscription_key, "b_generation": end.generation, "b_now": now}


_later = operations.alias("later")
_REOPEN = (
    update(operations)
    .where(
        operations.c.subscription_key == bindparam("b_key"),
        operations.c.id
        == select(func.max(_later.c.id)).where(_later.c.subscription_key == bindparam("b_key")).scalar_subquery(),
        operations.c.generation <= bindparam("b_generation"),
        operations.c.outcome != Outcome.PARKED,  # not by NOT IN, which no statement for many rows takes
        operations.c.outcome != Outcome.QUEUED,
    )
    .values(outcome=Outcome.PARKED, ended_at=bindparam("b_now"), superseded_by=None)
)


def _end(*, exactly: bool) -> Any:
    newer = operations.alias("newer")
    latest = select(func.max(newer.c.id)).where(newer.c.subscription_key == operations.c.subscription_key)
    generation = operations.c.generation
    served = generation == bindparam("b_generation") if exactly else generation <= bindparam("b_generation")
    keys = one_of(operations.c.subscription_key, "b_keys")
    outcome: Any = bindparam("b_outcome", type_=operations.c.outcome.type)
    superseded = case((outcome == Outcome.SUPERSEDED, latest.scalar_subquery()), else_=None)
    return (
        update(operations)
        .where(keys, served, operations.c.outcome == Outcome.QUEUED)
        .values(outcome=outcome, ended_at=bindparam("b_now"), superseded_by=superseded)
    )


_ENDS = {exactly: _end(exactly=exactly) for exactly in (True, False)}
