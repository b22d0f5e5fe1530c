"""Commands within one transaction: each judged on its contract's level, all that are taken written together.

One that is refused keeps no other. No provider is called: what follows for subscriptions is `intentions`' part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from svahub import announcing, entries
from svahub.asked import Asked, LevelRows
from svahub.commands import Command
from svahub.intentions import Changes, Level, Stamp, draw_consequences, write
from svahub.judging import judge_sold
from svahub.routes import Routes
from svahub.store import journal, sales
from svahub.store.journal import Entry
from svahub.store.rows import SubscriptionRow
from svahub.store.states import AuditKind
from svahub.telling import of_debts


@dataclass(frozen=True, slots=True)
class Effect:
    """What a verb did, or would do, to one subscription; `before` is None for a new sale."""

    before: SubscriptionRow | None
    after: SubscriptionRow


@dataclass(frozen=True, slots=True)
class Taken:
    """A command that nothing stands against, and what it changes of its contract's level and of subscriptions."""

    asked: Asked
    before: Level
    after: Level
    remarks: tuple[str, ...]
    changes: Changes

    @property
    def command(self) -> Command:
        """What was asked."""
        return self.asked.command

    @property
    def effects(self) -> tuple[Effect, ...]:
        """One effect for the newest sale of each item that the command is about."""
        return _effects(self.before, self.changes, self.command.item)

    @property
    def changes_something(self) -> bool:
        """Whether it leaves anything behind."""
        return bool(self.changes.verbs) or self.before.differs_from(self.after)


class Issuing:
    """What is asked of one tenant's contracts in one transaction; each contract at most once."""

    def __init__(self, connection: Connection, tenant: str, routes: Routes, now: datetime) -> None:
        self._connection, self._tenant, self._routes, self._now = connection, tenant, routes, now
        self._taken: list[Taken] = []

    def take(self, command: Command, level: Level) -> Taken:
        """Take a command on its contract's level to be written; Refused says what stands against it."""
        asked = Asked(self._connection, command, level, self._now, self._routes)
        after, remarks = asked.carried_out()
        changes = Changes(self._now, asked.stamp)
        draw_consequences(changes, after, self._routes.links)
        taken = Taken(asked, level, after, remarks, changes)
        self._taken.append(taken)
        return taken

    def write(self) -> dict[str, int]:
        """Write all that was taken; return the operations that this appends, by the keys of subscriptions."""
        self._write_levels()
        every = self._write_changes()
        judge_sold(self._connection, self._tenant, {row.contract_id for one in every for row in one.sold}, self._now)
        whose = {taken.before.contract.customer_id for taken in self._taken}
        announcing.customers(self._connection, self._tenant, whose, self._now)
        debts = [told for taken in self._taken for told in of_debts(taken.before.reasons, taken.after.reasons)]
        journal.tell(self._connection, self._tenant, self._now, debts)
        verbs = [key for one in every for key in one.verbs]
        made = sales.last_operation_ids(self._connection, self._tenant, verbs)
        told = [_entry(taken, made) for taken in self._taken if taken.changes_something]
        if told:
            journal.append(self._connection, self._tenant, self._now, told)
        return made

    def _write_levels(self) -> None:
        rows = LevelRows()
        for taken in self._taken:
            rows.add(taken.asked.rows)
        rows.write(self._connection)

    def _write_changes(self) -> Sequence[Changes]:
        """Write what follows for subscriptions, together what bears the same stamp."""
        by_stamp: dict[Stamp, Changes] = {}
        for taken in self._taken:
            stamp = taken.changes.stamp
            by_stamp.setdefault(stamp, Changes(self._now, stamp)).add(taken.changes)
        for changes in by_stamp.values():
            write(self._connection, changes)
        return list(by_stamp.values())


def _entry(taken: Taken, made: Mapping[str, int]) -> Entry:
    """Return what the audit is told: who asked what, and which operations that made.

    Not the note: it may name a person, and the audit cannot forget. The operation keeps it.
    """
    command = taken.command
    operations = tuple(sorted(made[key] for key in taken.changes.verbs))
    return entries.entry(
        AuditKind.COMMAND, command.actor, command.action.value, entries.of_contract(command.contract, command.item),
        reason=taken.asked.reason, until=command.until, plan=command.plan, quantity=command.quantity,
        idempotency_key=command.idempotency_key, admin=command.admin or None,
        ours={"operations": operations} | ({"campaign": command.campaign} if command.campaign else {}),
    )  # fmt: skip


def _effects(level: Level, changes: Changes, item: str | None) -> tuple[Effect, ...]:
    written = {row.key: row for row in (*changes.sold, *changes.redesired)}
    codes = [item] if item else [i.code for i in level.items]
    effects = [Effect(None, row) for row in changes.sold if row.item_code in codes]
    sold = {row.item_code for row in changes.sold}
    for code in codes:
        row = level.latest(code)
        if row is not None and code not in sold:
            effects.append(Effect(row, written.get(row.key, row)))
    return tuple(sorted(effects, key=lambda e: (e.after.item_code, e.after.sale)))
