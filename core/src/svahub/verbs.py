"""What operators ask of a contract: activate, block, unblock, cancel, change; each one transaction on its level.

A verb is refused with a sentence before anything is written, or is written whole; it calls no provider.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from svahub import announcing, entries
from svahub.asked import Asked
from svahub.asked import OfAnotherSource as OfAnotherSource
from svahub.commands import Action as Action
from svahub.commands import Command as Command
from svahub.errors import Refused, UnknownName
from svahub.intentions import Changes, Level, draw_consequences, levels, write
from svahub.judging import judge_sold
from svahub.models import Reason
from svahub.registry import Registry
from svahub.routes import Routes
from svahub.store import Store, contracts, journal, sales
from svahub.store.rows import SubscriptionRow
from svahub.store.states import AuditKind
from svahub.telling import of_debts

if TYPE_CHECKING:
    from svahub.extension import Transaction

KEPT_DAYS = 30


@dataclass(frozen=True, slots=True)
class Effect:
    """What a verb did, or would do, to one subscription; `before` is None for a new sale."""

    before: SubscriptionRow | None
    after: SubscriptionRow


@dataclass(frozen=True, slots=True)
class Issued:
    """A verb's effects, and what it leaves to say."""

    effects: tuple[Effect, ...]
    remarks: tuple[str, ...] = ()
    replayed: bool = False
    operations: tuple[int, ...] = field(default=(), compare=False)
    """What it appended; of a repeated command, what it appended then. Of a dry run they are not there."""


class UsedForAnother(Refused):
    """The idempotency key was another command's."""


class Verbs:
    """Issues commands for one tenant."""

    def __init__(self, store: Store, registry: Registry, tenant: str) -> None:
        self._store, self._registry, self._tenant = store, registry, tenant

    def issue(self, command: Command, *, dry_run: bool = False) -> Issued:
        """Write what a command wants; Refused says what stands against it.

        The same idempotency key with the same command returns what it did then; with another command it is refused.
        """
        return self._store.transact(lambda connection: self.issue_within(connection, command), undo=dry_run)

    def level(self, transaction: Transaction, contract: str) -> Level:
        """Return a contract's level in a plugin's transaction; until that ends, nobody else changes it."""
        return self._locked_level(transaction.connection, contract)

    def ask(self, transaction: Transaction, command: Command) -> Issued:
        """Write what a command wants together with what a plugin writes; raises as `issue` does."""
        return self.issue_within(transaction.connection, command)

    def issue_within(self, connection: Connection, command: Command) -> Issued:
        """Do what `issue` does within a transaction that is under way."""
        command = command.as_kept()
        now = self._store.now(connection)
        level = self._locked_level(connection, command.contract)
        if earlier := self._remembered(connection, command, now):
            return earlier
        asked = Asked(connection, command, level, now, Routes.of(connection, self._tenant, self._registry))
        after, remarks = asked.carried_out()
        changes = Changes(now, asked.stamp)
        draw_consequences(changes, after, asked.routes.links)
        write(connection, changes)
        judge_sold(connection, self._tenant, {row.contract_id for row in changes.sold}, now)
        self._remember(connection, command, changes, level, now)
        announcing.customers(connection, self._tenant, {level.contract.customer_id}, now)
        journal.tell(connection, self._tenant, now, of_debts(level.reasons, after.reasons))
        made = sales.last_operation_ids(connection, self._tenant, changes.verbs) if changes.verbs else {}
        operations = tuple(sorted(made.values()))
        if changes.verbs or level.differs_from(after):
            self._record(connection, command, operations, asked.reason, now)
        return Issued(_effects(level, changes, command.item), remarks, operations=operations)

    def _record(
        self, connection: Connection, command: Command, operations: Sequence[int], reason: Reason | None, now: datetime
    ) -> None:
        """Append to the audit who asked what, and which operations that made.

        Not the note: it may name a person, and the audit cannot forget. The operation keeps it.
        """
        entry = entries.entry(
            AuditKind.COMMAND, command.actor, command.action.value, entries.of_contract(command.contract, command.item),
            reason=reason, until=command.until, plan=command.plan, quantity=command.quantity,
            idempotency_key=command.idempotency_key, admin=command.admin or None,
            ours={"operations": operations},
        )  # fmt: skip
        journal.append(connection, self._tenant, now, [entry])

    def _locked_level(self, connection: Connection, contract: str) -> Level:
        """Return the level, its customer locked: the one whose it is now, as an import may have moved the contract."""
        level = self._level(connection, contract)
        locked: set[str] = set()
        while level.contract.customer_id not in locked:
            locked.add(level.contract.customer_id)
            contracts.lock_customers(connection, self._tenant, locked)
            level = self._level(connection, contract)
        return level

    def _level(self, connection: Connection, contract: str) -> Level:
        found = levels(connection, self._tenant, [contract]).get(contract)
        if found is None:
            near = [c.id for c in contracts.contracts_near(connection, self._tenant, contract)]
            raise UnknownName("contract", contract, near, "All: svahub contracts list")
        return found

    def _remembered(self, connection: Connection, command: Command, now: datetime) -> Issued | None:
        if command.idempotency_key is None:
            return None
        kept = sales.remembered(connection, self._tenant, command.idempotency_key, _since(now))
        if kept is None:
            return None
        digest, keys = kept
        if digest != command.digest:
            raise _used_for_another(command)
        rows = sorted(sales.by_keys(connection, self._tenant, keys), key=lambda row: (row.item_code, row.sale))
        made = sales.asked_with(connection, self._tenant, command.idempotency_key, keys, _since(now))
        effects = tuple(Effect(row, row) for row in rows)
        return Issued(effects, ("repeated: nothing new was asked",), replayed=True, operations=tuple(made))

    def _remember(
        self, connection: Connection, command: Command, changes: Changes, level: Level, now: datetime
    ) -> None:
        if command.idempotency_key is not None:
            keys = [effect.after.key for effect in _effects(level, changes, command.item)]
            values = {"tenant": self._tenant, "key": command.idempotency_key, "digest": command.digest}
            if not sales.remember(connection, values | {"answer": keys, "created_at": now}, _since(now)):
                raise _used_for_another(command)


def _since(now: datetime) -> datetime:
    return now - timedelta(days=KEPT_DAYS)


def _used_for_another(command: Command) -> UsedForAnother:
    return UsedForAnother(
        f"The idempotency key {command.idempotency_key!r} was used for another command. Choose a new key."
    )


def _effects(level: Level, changes: Changes, item: str | None) -> tuple[Effect, ...]:
    """Return one effect for the newest sale of each item that the command is about."""
    written = {row.key: row for row in (*changes.sold, *changes.redesired)}
    codes = [item] if item else [i.code for i in level.items]
    effects = [Effect(None, row) for row in changes.sold if row.item_code in codes]
    sold = {row.item_code for row in changes.sold}
    for code in codes:
        row = level.latest(code)
        if row is not None and code not in sold:
            effects.append(Effect(row, written.get(row.key, row)))
    return tuple(sorted(effects, key=lambda e: (e.after.item_code, e.after.sale)))
