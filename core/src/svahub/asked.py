"""One verb on one contract's level: checked, what is to be written of it, and the level as it then is.

What follows for subscriptions is in `intentions`; `issuing` writes both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from svahub.commands import Action, Command
from svahub.debt_rule import is_of_debt
from svahub.errors import Refused, UnknownName
from svahub.intentions import Level, Stamp
from svahub.masking import mask_text
from svahub.models import PROTECTED, Aspect, BlockScope, Desired, Observed, Reason
from svahub.routes import Routes, declined
from svahub.store import contracts, queue, tables
from svahub.store.rows import ContractRow, ItemRow, ReasonRow
from svahub.store.states import ContractStatus, Phase, Priority, Verb


class OfAnotherSource(Refused):
    """Only its source, or an admin, takes this reason away."""


@dataclass(slots=True)
class LevelRows:
    """The rows of contracts' levels that commands change, each table's to be written in one go."""

    statuses: list[dict[str, Any]] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    reasons_gone: list[ReasonRow] = field(default_factory=list)
    new_reasons: list[ReasonRow] = field(default_factory=list)

    def add(self, other: LevelRows) -> None:
        """Take the rows of another command in."""
        self.statuses += other.statuses
        self.items += other.items
        self.reasons_gone += other.reasons_gone
        self.new_reasons += other.new_reasons

    def write(self, connection: Connection) -> None:
        """Write them."""
        contracts.update_rows(connection, tables.contracts, ("tenant", "id"), self.statuses)
        contracts.update_rows(connection, tables.items, ("tenant", "contract_id", "code"), self.items)
        contracts.delete_reasons(connection, self.reasons_gone)
        contracts.put_reasons(connection, self.new_reasons)


class Asked:
    """One command on one contract's level: checks it, returns the level as it then is; `rows` are to be written."""

    def __init__(self, connection: Connection, command: Command, level: Level, now: datetime, routes: Routes) -> None:
        self.connection, self.command, self.level, self.now, self.routes = connection, command, level, now, routes
        self.contract = level.contract
        self.reason = command.reason
        self.rows = LevelRows()

    @property
    def stamp(self) -> Stamp:
        """Who asks and why; a note is kept without personal data."""
        command = self.command
        note = mask_text(command.note) if command.note else None
        priority = None if command.campaign is None else Priority.BULK
        return Stamp(command.source, self.reason, note, command.idempotency_key, priority, command.campaign)

    def carried_out(self) -> tuple[Level, tuple[str, ...]]:
        """Return the level as it is once `rows` are written, and what there is to say."""
        item = self.command.item
        if item is not None and item not in {i.code for i in self.level.items if not i.removed}:
            raise UnknownName("item", item, [i.code for i in self.level.items if not i.removed])
        steps: dict[Action, Callable[[], tuple[Level, tuple[str, ...]]]] = {
            Action.ACTIVATE: self._activate,
            Action.BLOCK: self._block,
            Action.UNBLOCK: self._unblock,
            Action.CANCEL: self._cancel,
            Action.CHANGE: self._change,
        }
        return steps[self.command.action]()

    @property
    def items(self) -> list[ItemRow]:
        """The items that the command is about."""
        return [i for i in self.level.items if not i.removed and self.command.item in {None, i.code}]

    # -- activate ------------------------------------------------------------------------------------------------------

    def _activate(self) -> tuple[Level, tuple[str, ...]]:
        blocked = [i.code for i in self.items if self._is(i, Desired.BLOCKED)]
        if blocked:
            raise Refused(f"Contract {self.contract.id} is blocked ({self._why(blocked[0])}): use unblock.")
        self._refuse_erased()
        over = [i for i in self.items if self._is(i, Desired.CANCELLED)] if self._nothing_lives() else []
        again = frozenset(i.code for i in self.items if i in over or self._ended_at_the_provider(i))
        level = replace(self.level, contract=self._status(ContractStatus.ACTIVE), sell_again=again)
        if self.command.item is not None:
            level = replace(level, items=[i for i in self.level.items if i.code == self.command.item])
        return level, self._remarks()

    def _nothing_lives(self) -> bool:
        """Whether what was cancelled is meant too: it alone is named, or nothing else of the contract is sold."""
        sold = [i for i in self.items if self.level.latest(i.code) is not None]
        not_active = self.contract.status is not ContractStatus.ACTIVE
        return self.command.item is not None or not_active or all(self._is(i, Desired.CANCELLED) for i in sold)

    def _refuse_erased(self) -> None:
        id = self.contract.customer_id
        customer = contracts.customers_by_id(self.connection, self.contract.tenant, [id])[id]
        if customer.erased_at is not None:
            when = f"{customer.erased_at:%Y-%m-%d}"
            raise Refused(f"Customer {id} was erased on {when}: import a new contract, which brings their data.")

    def _remarks(self) -> tuple[str, ...]:
        served = [i for i in self.items if i.product_code in self.routes.links]
        not_served = [i.code for i in self.items if i not in served]
        unproved = [i.code for i in served if not i.consent]
        told = (("not served (no product link)", not_served), ("no consent on record", unproved))
        remarks = [f"{what}: {', '.join(codes)}" for what, codes in told if codes]
        return (*remarks, *self._sold_blocked(served))

    def _sold_blocked(self, items: Sequence[ItemRow]) -> Iterator[str]:
        """Yield what keeps an item blocked that is sold with a reason from before: nobody gets access by that."""
        held = [i.code for i in items if self.level.reasons_for(i.code)]
        if held:
            lift = f"`svahub unblock {self.contract.id}` takes a reason away"
            yield f"blocked from the start ({self._why(held[0])}; {lift}): {', '.join(held)}"

    def _is(self, item: ItemRow, desired: Desired) -> bool:
        latest = self.level.latest(item.code)
        return latest is not None and latest.desired is desired

    def _ended_at_the_provider(self, item: ItemRow) -> bool:
        return self._is(item, Desired.ACTIVE) and self._observed(item) is Observed.CANCELLED

    def _observed(self, item: ItemRow) -> Observed | None:
        latest = self.level.latest(item.code)
        return latest.observed if latest else None

    def _status(self, status: ContractStatus) -> ContractRow:
        after = replace(self.contract, status=status, changed_at=self.now)
        if status is not self.contract.status:
            row = {"tenant": after.tenant, "id": after.id, "status": status, "changed_at": self.now}
            self.rows.statuses.append(row)
        return after

    def _why(self, code: str) -> str:
        return ", ".join(sorted({f"{r.reason.value} by {r.source}" for r in self.level.reasons_for(code)}))

    # -- block and unblock ---------------------------------------------------------------------------------------------

    def _block(self) -> tuple[Level, tuple[str, ...]]:
        if self.contract.status is ContractStatus.CANCELLED:
            raise Refused(f"Contract {self.contract.id} is cancelled: there is nothing to block.")
        if self.command.item is not None and self._is(self.items[0], Desired.CANCELLED):
            raise Refused(f"Item {self.command.item} of contract {self.contract.id} is cancelled: nothing to block.")
        if self.command.until is not None and self.command.until <= self.now:
            raise Refused("--until is in the past: name a later day, or leave it out.")
        self._refuse_part_of_a_user()
        reason = self.reason = self.command.reason or Reason.STAFF
        row = ReasonRow(
            self.contract.tenant, self.contract.id, self.command.item or "", reason, self.command.source,
            self.command.until, self.now,
        )  # fmt: skip
        self.rows.new_reasons.append(row)
        others = [
            r for r in self.level.reasons if (r.item_code, r.reason, r.source) != (row.item_code, reason, row.source)
        ]
        told = any(r.block_reason() == row.block_reason() and r.item_code == row.item_code for r in self.level.reasons)
        level = replace(self.level, reasons=[*others, row])
        return (level if told else self._leaving_an_operation(level, Verb.BLOCK)), ()

    def _leaving_an_operation(self, level: Level, verb: Verb) -> Level:
        return replace(level, asked=verb, asked_for=frozenset(i.code for i in self.items))

    def _refuse_part_of_a_user(self) -> None:
        """A provider that blocks whole users cannot block one item of several."""
        if self.command.item is None:
            return
        latest = self.level.latest(self.command.item)
        kind = self.routes.kinds.get(latest.integration) if latest else None
        if latest is None or kind is None or kind.block_scope is not BlockScope.ACCOUNT:
            return
        siblings = [s for s in queue.subscriptions_of(self.connection, [latest.account_key]) if s.key != latest.key]
        held = [s for s in siblings if s.desired is Desired.ACTIVE and (s.live or s.phase is not Phase.PARKED)]
        if held:
            names = ", ".join(sorted(f"{s.contract_id}/{s.item_code}" for s in held))
            raise Refused(
                f"{kind.title} blocks whole users, not one item of several: {names} would be blocked too. "
                "Block the whole contract, or cancel the item."
            )

    def _unblock(self) -> tuple[Level, tuple[str, ...]]:
        if self.contract.status is ContractStatus.CANCELLED:
            raise Refused(f"Contract {self.contract.id} is cancelled: `svahub activate` sells it anew.")
        item = self.command.item
        present = [r for r in self.level.reasons if item is None or r.item_code == item]
        if not present and item is not None and self.level.reasons_for(item):
            raise Refused(f"Contract {self.contract.id} is blocked as a whole ({self._why(item)}): leave --item out.")
        if not present:
            return self.level, ("not blocked",)
        taken = self._reasons_to_take(present)
        self.reason = taken[0].reason
        self.rows.reasons_gone += taken
        rest = [r for r in self.level.reasons if r not in taken]
        left = sorted({f"{r.reason.value} by {r.source}" for r in present if r not in taken})
        level = self._leaving_an_operation(replace(self.level, reasons=rest), Verb.UNBLOCK)
        remarks = [f"still blocked: {', '.join(left)}"] if left else []
        if any(map(is_of_debt, taken)):
            exempt = f"`svahub policy exempt {self.contract.id}` lifts that"
            remarks.append(f"there is debt: the policy blocks it again with its next look, within the hour; {exempt}")
        return level, tuple(remarks)

    def _reasons_to_take(self, present: list[ReasonRow]) -> list[ReasonRow]:
        wanted = self.command.reason
        named = [r for r in present if r.reason is wanted] if wanted else present
        if not named:
            there = sorted({r.reason.value for r in present})
            raise UnknownName("block reason on this contract", str(wanted), there)
        if wanted is None and len({r.reason for r in named}) > 1:
            several = ", ".join(sorted({r.reason.value for r in named}))
            raise Refused(
                f"Contract {self.contract.id} is blocked for several reasons ({several}): name one with --reason."
            )
        if not (ours := [r for r in named if self._may_go(r)]):
            raise OfAnotherSource(
                f"{named[0].reason.value} was set by {named[0].source} and goes only by that source, or with --admin."
            )
        return ours

    def _may_go(self, reason: ReasonRow) -> bool:
        return reason.reason not in PROTECTED or reason.source == self.command.source or self.command.admin

    # -- cancel and change ---------------------------------------------------------------------------------------------

    def _cancel(self) -> tuple[Level, tuple[str, ...]]:
        if self.command.item is None:
            return replace(self.level, contract=self._status(ContractStatus.CANCELLED)), ()
        items = [replace(i, removed=True) if i.code == self.command.item else i for i in self.level.items]
        return replace(self.level, items=items), ()

    def _change(self) -> tuple[Level, tuple[str, ...]]:
        if self.command.plan is None and self.command.quantity is None:
            raise Refused("Say what to change: --plan or --quantity.")
        item = self._only_item()
        latest = self.level.latest(item.code)
        if latest is None or latest.desired is Desired.CANCELLED or latest.observed is Observed.CANCELLED:
            raise Refused(f"Item {item.code} of contract {self.contract.id} is not sold: use activate.")
        self._check_plan(latest.integration)
        self._check_quantity(latest.integration)
        changed = replace(item, plan=self.command.plan or item.plan, quantity=self.command.quantity or item.quantity)
        row = {"tenant": item.tenant, "contract_id": item.contract_id, "code": item.code}
        self.rows.items.append(row | {"plan": changed.plan, "quantity": changed.quantity})
        return replace(self.level, items=[changed if i.code == item.code else i for i in self.level.items]), ()

    def _only_item(self) -> ItemRow:
        served = [i for i in self.items if self.level.latest(i.code) is not None] or self.items
        if len(served) != 1:
            raise Refused(f"Contract {self.contract.id} has several items: name one with --item.")
        return served[0]

    def _check_plan(self, integration: str) -> None:
        there = {p.remote_id for (name, _), p in self.routes.plans.items() if name == integration and not p.retired_at}
        if self.command.plan is None:
            return
        kind = self.routes.kinds.get(integration)
        if kind is not None and Aspect.PLAN not in kind.changes:
            raise Refused(f"{kind.title} cannot change the plan of what is sold: cancel, then activate.")
        if self.command.plan not in there:
            raise UnknownName(f"plan of {integration!r}", self.command.plan, there, "Fresh: svahub plans sync")

    def _check_quantity(self, integration: str) -> None:
        kind = self.routes.kinds.get(integration)
        if self.command.quantity is not None and self.command.quantity < 1:
            raise Refused("A quantity is at least 1: to end an item, cancel it.")
        if self.command.quantity is None or kind is None:
            return
        for column, why in declined(kind, self.command.quantity, next(iter(kind.documents))):
            if column == "quantity":
                raise Refused(f"{why[0].upper()}{why[1:]}.")
