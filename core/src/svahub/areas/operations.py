"""Operations: what was asked, how it ended, and what a person decides about what is parked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection

from svahub import entries
from svahub.areas.bench import Bench
from svahub.areas.subscriptions import Subscriptions, SubscriptionView
from svahub.errors import Refused, UnknownName
from svahub.masking import mask_actor, mask_text
from svahub.models import Applied, Desired, Observed
from svahub.store import contracts, queue, sales, tables
from svahub.store.rows import AttemptRow, OperationRow, SubscriptionRow, applied_column
from svahub.store.states import AuditKind, Outcome, Phase, Priority
from svahub.waiting import Stop, state_of


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
            found = sales.operation_pages(connection, self.bench.tenant, outcome, self._sold(connection, contract))
            while page := list(islice(found, 500)):
                yield from self._views(connection, page)

    def page(
        self, after: int, limit: int, *, outcome: Outcome | None = None, contract: str | None = None
    ) -> Sequence[OperationView]:
        """Return the oldest operations that follow a number."""
        with self.bench.store.read() as connection:
            keys = self._sold(connection, contract)
            found = sales.operations_after(connection, self.bench.tenant, after, limit, outcome=outcome, keys=keys)
            return self._views(connection, found)

    def of_ids(self, ids: Collection[int]) -> Sequence[OperationView]:
        """Return some operations, the oldest first."""
        with self.bench.store.read() as connection:
            return self._views(connection, sales.operations_by_id(connection, self.bench.tenant, ids))

    def _sold(self, connection: Connection, contract: str | None) -> set[str] | None:
        if contract is None:
            return None
        return {row.key for row in contracts.subscriptions_of(connection, self.bench.tenant, [contract])}

    def _views(self, connection: Connection, page: Sequence[OperationRow]) -> Sequence[OperationView]:
        stopped = Subscriptions(self.bench).stopped(connection)
        rows = {row.key: row for row in sales.by_keys(connection, self.bench.tenant, _keys(page))}
        return [_view(operation, rows[operation.subscription_key], stopped) for operation in page]

    def newest(self, keys: Collection[str]) -> dict[str, int]:
        """Return the newest operation of each subscription."""
        with self.bench.store.read() as connection:
            return sales.last_operation_ids(connection, self.bench.tenant, keys)

    def show(self, id: int) -> OperationHistory:
        """Return one operation with its attempts."""
        with self.bench.store.read() as connection:
            operation, row = self._found(connection, id)
            (view,) = Subscriptions(self.bench).views(connection, [row])
            made = [a for a in sales.attempts_of(connection, row.key) if a.generation == operation.generation]
            stopped = Subscriptions(self.bench).stopped(connection)
            return OperationHistory(_view(operation, row, stopped), view, tuple(made))

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
            note = f"retried by {mask_actor(actor)}" + (f", adopting user {row.candidate}" if adopt else "")
            sales.reopen_operation(connection, operation.id, Outcome.QUEUED, None, note)
            queue.wake(connection, {row.account_key: Priority.ACTIVATION}, self.bench.store.now(connection))
            self._record(connection, "operations retry", row, actor, operation=id, adopted=adopt or None)
        return again

    def _record(
        self, connection: Connection, command: str, row: SubscriptionRow, actor: str, **details: object
    ) -> None:
        subject = entries.of_contract(row.contract_id, row.item_code)
        self.bench.record(connection, AuditKind.COMMAND, command, subject, actor=actor, **details)

    def _again(self, connection: Connection, row: SubscriptionRow) -> SubscriptionRow:
        if row.wants_a_look:  # then a person has looked, and asks for it again
            observed = row.observed if row.remote_id else Observed.ABSENT
            row = row._replace(observed=observed, uncertain_since=None, sent=None)
        return row._replace(
            phase=Phase.DUE, due_at=self.bench.store.now(connection), tries=0, cause=None, advice=None, candidate=None,
            priority=Priority.ACTIVATION,
        )  # fmt: skip

    def confirm(self, id: int, *, actor: str, user: str | None = None) -> SubscriptionRow:
        """Go on from what a person has seen at the provider: what the lost call asked for is there, as user `user`.

        Nothing is added again; whether it is blocked is not asked: that level is sent once more.
        """
        with self.bench.store.write() as connection:
            operation, row = self._open(connection, id)
            if not row.wants_a_look:
                raise Refused(f"Operation {id} has nothing to confirm: `svahub operations show {id}` tells what to do.")
            there = self._there(connection, row, user)
            sales.put(connection, there)
            note = f"confirmed by {mask_actor(actor)}" + (f" as user {mask_text(user)}" if user else "")
            sales.reopen_operation(connection, operation.id, Outcome.QUEUED, None, note)
            queue.wake(connection, {row.account_key: Priority.ACTIVATION}, self.bench.store.now(connection))
            self._record(connection, "operations confirm", row, actor, operation=id, user=user)
        return there

    def _there(self, connection: Connection, row: SubscriptionRow, user: str | None) -> SubscriptionRow:
        account = queue.account(connection, row.account_key)
        remote_id = user or row.remote_id or account.remote_id
        if remote_id is None:
            raise Refused("It is not known which user it is. Name the user there: --user USER")
        if account.remote_id is None:
            queue.set_remote_id(connection, row.account_key, remote_id)
        given = row.what_was_sent() or Applied(row.plan, row.quantity, row.price, row.due_day)
        seen = row._replace(
            remote_id=remote_id, applied=applied_column(replace(given, customer=None)), sent=None, uncertain_since=None,
            looks=0, handle=None,
        )  # fmt: skip
        return self._again(connection, seen)

    def discard(self, id: int, *, actor: str, note: str, dry_run: bool = False) -> SubscriptionRow:
        """Give up a parked or waiting operation: what is observed, and was applied, becomes what is desired."""
        with self.bench.store.write(undo=dry_run) as connection:
            operation, row = self._open(connection, id)
            now = self.bench.store.now(connection)
            given_up = self._as_applied(connection, row)._replace(
                desired=_as_observed(row), generation=row.generation + 1, phase=Phase.DUE, due_at=now,
                uncertain_since=None, sent=None, tries=0, cause=None, advice=None, candidate=None,
            )  # fmt: skip
            sales.put(connection, given_up)
            kept = f"discarded by {mask_actor(actor)}: {mask_text(note)}"
            sales.reopen_operation(connection, operation.id, Outcome.DISCARDED, now, kept)
            queue.wake(connection, {row.account_key: Priority.ORDINARY}, now)
            self._record(connection, "operations discard", row, actor, operation=id)
        return given_up

    def _as_applied(self, connection: Connection, row: SubscriptionRow) -> SubscriptionRow:
        """Want what the provider was last given; the item wants it too, else the next verb would ask again."""
        applied = row.what_was_applied()
        if applied is None or not applied.quantity:
            return row
        account = queue.account(connection, row.account_key)
        customer = contracts.customers_by_id(connection, row.tenant, [account.holder])[account.holder]
        plan = applied.plan or row.plan
        item = {"tenant": row.tenant, "contract_id": row.contract_id, "code": row.item_code}
        wanted = item | {"plan": plan, "quantity": applied.quantity}
        contracts.update_rows(connection, tables.items, tuple(item), [wanted])
        return row._replace(
            plan=plan, quantity=applied.quantity, price=applied.price, due_day=applied.due_day,
            applied=applied_column(replace(applied, plan=plan, customer=customer.digest)),
        )  # fmt: skip

    def _open(self, connection: Connection, id: int) -> tuple[OperationRow, SubscriptionRow]:
        """Return an operation that can still be decided about, its account locked and not being driven."""
        operation, row = self._found(connection, id)
        contract = contracts.contracts_by_id(connection, self.bench.tenant, [row.contract_id])[row.contract_id]
        contracts.lock_customers(connection, self.bench.tenant, [contract.customer_id])
        operation, row = self._found(connection, id)
        _require_open(operation, row, sales.last_operation_ids(connection, self.bench.tenant, [row.key])[row.key])
        if row.key in sales.running(connection, self.bench.tenant, [row.key]):
            raise Refused(f"Operation {id} is under way now: wait for its end.")
        if self._is_driven(connection, row):
            raise Refused(f"Operation {id}: its customer's account is being driven now; try again in a moment.")
        return operation, row

    def _is_driven(self, connection: Connection, row: SubscriptionRow) -> bool:
        """Say whether a living lease is on the account: its holder would write over what is decided here."""
        account = queue.account(connection, row.account_key)
        now = self.bench.store.now(connection)
        return account.lease_owner is not None and account.lease_until is not None and account.lease_until > now


def _require_open(operation: OperationRow, row: SubscriptionRow, newest: int) -> None:
    """Refuse an operation about which nothing is left to decide.

    One that had ended is open while its subscription is not settled again: after a restore, or a sibling's lost call.
    """
    unsettled = row.phase is not Phase.SETTLED and operation.outcome is Outcome.SUCCEEDED
    if operation.id == newest and (row.phase is Phase.PARKED or unsettled):
        return
    if operation.outcome not in {Outcome.PARKED, Outcome.QUEUED}:
        raise Refused(f"Operation {operation.id} has ended ({operation.outcome.value}): there is nothing to decide.")
    if operation.generation != row.generation and operation.id != newest:  # a discard has no operation of its own
        raise Refused(f"Operation {operation.id} was overtaken: decide about the newer one, {newest}.")


def _keys(operations: Iterable[OperationRow]) -> set[str]:
    return {operation.subscription_key for operation in operations}


def _view(operation: OperationRow, row: SubscriptionRow, stopped: Mapping[str, Stop]) -> OperationView:
    stuck = operation.outcome in {Outcome.PARKED, Outcome.QUEUED}
    waits = state_of(row, running=False, stopped=stopped.get(row.integration))
    return OperationView(
        operation.id, row.contract_id, row.item_code, row.integration, operation.verb.value, operation.outcome,
        operation.actor, operation.reason, operation.note, operation.superseded_by,
        waits.cause if stuck else None, (row.advised(operation.id) or waits.remedy) if stuck else None,
        operation.created_at, operation.ended_at,
    )  # fmt: skip


def _as_observed(row: SubscriptionRow) -> Desired:
    applied = row.what_was_applied()
    if applied is not None and not applied.quantity:  # the provider began, and gave none of it: no item wants none
        return Desired.CANCELLED
    match row.observed:
        case Observed.ACTIVE:
            return Desired.ACTIVE
        case Observed.BLOCKED:
            return Desired.BLOCKED
        case Observed.ABSENT | Observed.CANCELLED:
            return Desired.CANCELLED
        case Observed.UNKNOWN:
            raise Refused("It is not known what the provider has: retry, or look there and confirm.")
