"""What operators ask of a contract: activate, block, unblock, cancel, change; each one transaction on its level.

A verb is refused with a sentence before anything is written, or is written whole; it calls no provider.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from svahub.asked import OfAnotherSource as OfAnotherSource
from svahub.commands import Action as Action
from svahub.commands import Command as Command
from svahub.errors import Refused, UnknownName
from svahub.intentions import Level, locked_levels
from svahub.issuing import Effect as Effect
from svahub.issuing import Issuing, Taken
from svahub.registry import Registry
from svahub.routes import Routes
from svahub.store import Store, contracts, sales

if TYPE_CHECKING:
    from svahub.extension import Transaction

KEPT_DAYS = 30


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
        issuing = Issuing(connection, self._tenant, Routes.of(connection, self._tenant, self._registry), now)
        taken = issuing.take(command, level)
        self._remember(connection, taken, now)
        made = issuing.write()
        return Issued(taken.effects, taken.remarks, operations=tuple(sorted(made.values())))

    def _locked_level(self, connection: Connection, contract: str) -> Level:
        found = locked_levels(connection, self._tenant, [contract]).get(contract)
        if found is None:
            raise unknown_contract(connection, self._tenant, contract)
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

    def _remember(self, connection: Connection, taken: Taken, now: datetime) -> None:
        command = taken.command
        if command.idempotency_key is not None:
            keys = [effect.after.key for effect in taken.effects]
            values = {"tenant": self._tenant, "key": command.idempotency_key, "digest": command.digest}
            if not sales.remember(connection, values | {"answer": keys, "created_at": now}, _since(now)):
                raise _used_for_another(command)


def unknown_contract(connection: Connection, tenant: str, contract: str) -> UnknownName:
    """Return that there is no contract of this id, with those that may be meant."""
    near = [row.id for row in contracts.contracts_near(connection, tenant, contract)]
    return UnknownName("contract", contract, near, "All: svahub contracts list")


def _since(now: datetime) -> datetime:
    return now - timedelta(days=KEPT_DAYS)


def _used_for_another(command: Command) -> UsedForAnother:
    return UsedForAnother(
        f"The idempotency key {command.idempotency_key!r} was used for another command. Choose a new key."
    )
