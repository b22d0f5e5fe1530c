"""Operations: what was asked, how it ended, and what a person decides about what is parked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from svahub.areas.bench import Bench
from svahub.areas.subscriptions import Subscriptions, SubscriptionView
from svahub.errors import Refused, UnknownName
from svahub.models import Desired, Observed
from svahub.store import contracts, queue, sales
from svahub.store.rows import AttemptRow, OperationRow, SubscriptionRow
from svahub.store.states import Outcome, Phase, Priority


@dataclass(frozen=True, slots=True)
class OperationView:
    """One intention and its subscription."""

    id: int
    contract_id: str
    item_code: str
    integration: str
    verb: str
    outcome: Outcome
    actor: str
    reason: str | None
    note: str | None
    superseded_by: int | None
    cause: str | None
    advice: str | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class OperationHistory:
    """One operation, its subscription as it is now, and the attempts made for it."""

    operation: OperationView
    subscription: SubscriptionView
    attempts: tuple[AttemptRow, ...]


@dataclass(frozen=True, slots=True)
class Operations:
    """The operations of one tenant."""

    bench: Bench

    def list(self, outcome: Outcome | None = None, contract: str | None = None) -> Iterator[OperationView]:
        """Stream operations, the oldest first."""
        with self.bench.store.read() as connection:
            keys = None
            if contract is not None:
                keys = {s.key for s in contracts.subscriptions_of(connection, self.bench.tenant, [contract])}
            for operation in sales.operation_pages(connection, self.bench.tenant, outcome, keys):
                yield self._view(connection, operation)

    def _view(self, connection: Connection, operation: OperationRow) -> OperationView:
        (row,) = sales.by_keys(connection, self.bench.tenant, [operation.subscription_key])
        stuck = operation.outcome in {Outcome.PARKED, Outcome.QUEUED}
        return OperationView(
            operation.id, row.contract_id, row.item_code, row.integration, operation.verb.value, operation.outcome,
            operation.actor, operation.reason, operation.note, operation.superseded_by,
            row.cause if stuck else None, _advice(row, operation.id) if stuck else None,
            operation.created_at, operation.ended_at,
        )  # fmt: skip

    def show(self, id: int) -> OperationHistory:
        """Return one operation with its attempts."""
        with self.bench.store.read() as connection:
            operation, row = self._found(connection, id)
            (view,) = Subscriptions(self.bench).views(connection, [row])
            made = [a for a in sales.attempts_of(connection, row.key) if a.generation == operation.generation]
            return OperationHistory(self._view(connection, operation), view, tuple(made))

    def _found(self, connection: Connection, id: int) -> tuple[OperationRow, SubscriptionRow]:
        operation = sales.operation(connection, self.bench.tenant, id)
        if operation is None:
            raise UnknownName("operation", str(id), [], "All: svahub operations list")
        (row,) = sales.by_keys(connection, self.bench.tenant, [operation.subscription_key])
        return operation, row

    def retry(self, id: int, *, actor: str, adopt: bool = False) -> SubscriptionRow:
        """Give a parked or waiting operation a fresh budget, now; with `adopt`, link the user that was found."""
        with self.bench.store.write() as connection:
            operation, row = self._open(connection, id)
            if adopt and row.candidate is None:
                raise Refused(f"Operation {id} has found no user to adopt.")
            if adopt:
                queue.set_remote_id(connection, row.account_key, row.candidate)
            again = self._again(connection, row)
            sales.put(connection, again)
            note = f"retried by {actor}" + (f", adopting user {row.candidate}" if adopt else "")
            sales.reopen_operation(connection, operation.id, Outcome.QUEUED, None, note)
            queue.wake(connection, {row.account_key: Priority.ACTIVATION}, self.bench.store.now(connection))
        return again

    def _again(self, connection: Connection, row: SubscriptionRow) -> SubscriptionRow:
        now = self.bench.store.now(connection)
        sure = row.phase is Phase.PARKED and row.uncertain_since is not None
        looked = row._replace(observed=Observed.ABSENT, uncertain_since=None) if sure and not row.remote_id else row
        return looked._replace(
            phase=Phase.DUE, due_at=now, tries=0, cause=None, advice=None, candidate=None,
            priority=Priority.ACTIVATION,
        )  # fmt: skip

    def discard(self, id: int, *, actor: str, note: str) -> SubscriptionRow:
        """Give up a parked or waiting operation: what is observed becomes what is desired."""
        with self.bench.store.write() as connection:
            operation, row = self._open(connection, id)
            now = self.bench.store.now(connection)
            given_up = row._replace(
                desired=_as_observed(row), generation=row.generation + 1, phase=Phase.DUE, due_at=now,
                uncertain_since=None, tries=0, cause=None, advice=None, candidate=None,
            )  # fmt: skip
            sales.put(connection, given_up)
            sales.reopen_operation(connection, operation.id, Outcome.DISCARDED, now, f"discarded by {actor}: {note}")
            queue.wake(connection, {row.account_key: Priority.ORDINARY}, now)
        return given_up

    def _open(self, connection: Connection, id: int) -> tuple[OperationRow, SubscriptionRow]:
        """Return an operation that can still be decided about, its account locked and not being driven."""
        operation, row = self._found(connection, id)
        contract = contracts.contracts_by_id(connection, self.bench.tenant, [row.contract_id])[row.contract_id]
        contracts.lock_customers(connection, self.bench.tenant, [contract.customer_id])
        operation, row = self._found(connection, id)
        if operation.outcome not in {Outcome.PARKED, Outcome.QUEUED}:
            raise Refused(f"Operation {id} has ended ({operation.outcome.value}): there is nothing to decide.")
        if operation.generation != row.generation:
            newer = sales.last_operation_ids(connection, [row.key])[row.key]
            raise Refused(f"Operation {id} was overtaken: decide about the newer one, {newer}.")
        if row.key in sales.running(connection, self.bench.tenant, [row.key]):
            raise Refused(f"Operation {id} is under way now: wait for its end.")
        return operation, row


def _as_observed(row: SubscriptionRow) -> Desired:
    match row.observed:
        case Observed.ACTIVE:
            return Desired.ACTIVE
        case Observed.BLOCKED:
            return Desired.BLOCKED
        case Observed.ABSENT | Observed.CANCELLED:
            return Desired.CANCELLED
        case Observed.UNKNOWN:
            raise Refused("It is not known what the provider has: retry, or look there first.")


def _advice(row: SubscriptionRow, id: int) -> str | None:
    return row.advice.replace("ID", str(id)).replace("CONTRACT", row.contract_id) if row.advice else None
