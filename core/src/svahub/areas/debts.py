"""Debts that billing plugins raise, and the ISP's policy about them: who is blocked, after how long, and who never."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection

from svahub import reporting
from svahub.areas.bench import Bench
from svahub.debt_rule import Policy, blocks_on, merged, sold_items, source, states, wanted
from svahub.errors import Refused, UnknownName
from svahub.extension import Transaction
from svahub.intentions import Level, levels
from svahub.judging import judge
from svahub.masking import mask_actor, mask_text
from svahub.models import Debt, DebtSettled
from svahub.store import catalogue, contracts, journal
from svahub.store import debts as store
from svahub.store.debts import Exemption
from svahub.store.rows import DebtRow
from svahub.telling import of_debts_kept

PAGE = 500


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a policy does about one debt: from which day on it blocks, what it blocks, and whether it does now."""

    contract_id: str
    reference: str
    integration: str
    since: date
    amount: Decimal
    blocks_on: date
    items: tuple[str, ...]
    exempt: bool
    would: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """How many contracts owe, and how many block reasons came and went."""

    contracts: int = 0
    blocked: int = 0
    unblocked: int = 0


class _Coming:
    """What a policy would do about the debts of one contract on a day."""

    def __init__(
        self, level: Level, owed: Sequence[DebtRow], policy: Policy, day: date, now: datetime, *, exempt: bool
    ) -> None:
        self._level, self._policy, self._day, self._exempt = level, policy, day, exempt
        due = set() if exempt else wanted(level, owed, policy, day, now)
        self._gone, self._added = merged(level, due, forget_import=False)

    def of(self, debt: DebtRow) -> Simulated:
        """Return what it would do about one debt."""
        covered = [item.code for item, sold in sold_items(self._level) if self._policy.covers(sold, debt.integration)]
        begins = blocks_on(debt.since, self._policy, self._policy.free)
        due = bool(covered) and not self._exempt and begins <= self._day
        return Simulated(
            debt.contract_id, debt.reference, debt.integration, debt.since, debt.amount, begins, tuple(covered),
            self._exempt, self._would_block(debt) if due else self._would_unblock(debt),
        )  # fmt: skip

    def _would_block(self, debt: DebtRow) -> str:
        if not any(reason.source == source(debt) for reason in self._added):
            return "stays blocked"
        return "nothing" if self._policy.free(self._day) else "block"

    def _would_unblock(self, debt: DebtRow) -> str:
        gone = [reason for reason in self._gone if reason.source == source(debt)]
        left = {reason.item_code for reason in self._level.reasons if reason not in self._gone}
        return "unblock" if any({"", reason.item_code}.isdisjoint(left) for reason in gone) else "nothing"


@dataclass(frozen=True, slots=True)
class Debts:
    """Who owes one tenant."""

    bench: Bench

    def report(self, transaction: Transaction, integration: str, told: Iterable[Debt | DebtSettled]) -> Sequence[str]:
        """Keep what a billing plugin tells of debts, and have the policy carried out, in the plugin's transaction.

        Told again, it changes nothing. Returns the contracts that there are not: their debts are not kept.
        """
        told = list(told)
        if not told:
            return []
        connection, tenant, now = transaction.connection, self.bench.tenant, transaction.now
        known = contracts.contracts_by_id(connection, tenant, {one.contract for one in told})
        contracts.lock_customers(connection, tenant, {row.customer_id for row in known.values()})
        before = store.by_references(connection, tenant, integration, {one.reference for one in told})
        after = dict(before)
        unknown = {one.contract for one in told if one.contract not in known and one.reference not in before}
        for one in told:
            if isinstance(one, DebtSettled) or one.contract in known:
                after |= self._told(transaction, integration, one, after.get(one.reference))
        changed = [row for row in after.values() if row != before.get(row.reference)]
        store.put(connection, changed)
        owed = {row.contract_id for row in after.values() if row.settled_at is None}  # their blocks may have waited
        reporting.paid(connection, tenant, integration, told, now)
        self._follow(connection, [(before.get(row.reference), row) for row in changed], now, owed)
        return sorted(unknown)

    def _told(
        self, transaction: Transaction, integration: str, told: Debt | DebtSettled, before: DebtRow | None
    ) -> dict[str, DebtRow]:
        """Return a debt by its reference as it is by what is told; nothing where that changes nothing.

        One that was forgiven stays so, however often it is told, until it is settled: after that it is a new debt.
        """
        was_open = before is not None and before.settled_at is None
        if isinstance(told, DebtSettled):
            if before is None:
                return {}
            at = transaction.now if was_open else before.settled_at
            return {told.reference: replace(before, settled_at=at, forgiven=False)}
        if before is not None and before.forgiven:
            return {}
        opened_at = before.opened_at if before and was_open else transaction.now
        row = DebtRow(
            self.bench.tenant, integration, told.reference, told.contract, told.since, told.amount, opened_at, None
        )
        return {told.reference: row}

    def _follow(
        self,
        connection: Connection,
        changed: Sequence[tuple[DebtRow | None, DebtRow]],
        now: datetime,
        owed: Collection[str] = (),
    ) -> None:
        """Have the policy carried out for debts as they were and are, and tell of those that opened or ended.

        It is carried out for the contracts that are `owed` for, too.
        """
        settled = {row.contract_id for _, row in changed if row.settled_at is not None}
        paid = settled - store.of_contracts(connection, self.bench.tenant, settled).keys() if settled else set()
        touched = {row.contract_id for pair in changed for row in pair if row is not None}
        judge(connection, self.bench.tenant, touched.union(owed), now, paid=paid)
        journal.tell(connection, self.bench.tenant, now, of_debts_kept(changed))

    def forgive(self, contract: str, reference: str, note: str | None = None) -> DebtRow:
        """Let an open debt go; Refused when there is none. What its provider asks for stays as it is there."""
        why = mask_text(note) if note else None
        with self.bench.writing("debts forgive", f"contract {contract}", reference=reference, note=why) as connection:
            now = self.bench.store.now(connection)
            before = self._held(connection, contract, reference, is_open=True)
            return self._put(connection, before, replace(before, settled_at=now, forgiven=True), now)

    def unforgive(self, contract: str, reference: str) -> DebtRow:
        """Have a debt that was forgiven be owed again; Refused when there is none."""
        with self.bench.writing("debts unforgive", f"contract {contract}", reference=reference) as connection:
            now = self.bench.store.now(connection)
            before = self._held(connection, contract, reference, is_open=False)
            return self._put(connection, before, replace(before, settled_at=None, forgiven=False), now)

    def _held(self, connection: Connection, contract: str, reference: str, *, is_open: bool) -> DebtRow:
        tenant = self.bench.tenant
        contracts.lock_customers(connection, tenant, contracts.holders(connection, tenant, [contract]))
        kept = store.of_contracts(connection, tenant, [contract], only_open=is_open).get(contract, [])
        found = [row for row in kept if row.reference == reference and (is_open or row.forgiven)]
        if not found:
            state = "open" if is_open else "forgiven"
            raise Refused(f"Contract {contract} has no {state} debt {reference}. All: svahub debts list --all")
        return found[0]

    def _put(self, connection: Connection, before: DebtRow, after: DebtRow, now: datetime) -> DebtRow:
        store.put(connection, [after])
        self._follow(connection, [(before, after)], now)
        return after

    def list(self, contract: str | None = None, *, only_open: bool = True) -> Iterator[DebtRow]:
        """Stream debts by contract."""
        with self.bench.store.read() as connection:
            yield from store.listed(connection, self.bench.tenant, contract=contract, only_open=only_open)

    def count(self) -> int:
        """Count the open debts."""
        with self.bench.store.read() as connection:
            return store.count_open(connection, self.bench.tenant)

    def policy(self) -> Policy | None:
        """Return the policy, None where nothing was decided: then nobody is blocked for debt."""
        with self.bench.store.read() as connection:
            return store.policy(connection, self.bench.tenant)

    def set_policy(self, policy: Policy) -> Judgement:
        """Decide on a policy, and carry it out on all who owe; Refused when it names what there is not."""
        self._check(policy)
        with self.bench.writing("policy set", "policy", policy=policy.described()) as connection:
            store.set_policy(connection, self.bench.tenant, policy, self.bench.store.now(connection))
        return self.judge_all()

    def _check(self, policy: Policy) -> None:
        if policy.state is not None and policy.state not in states():
            raise UnknownName("state of Brazil", policy.state, states())
        for name in sorted(policy.integrations):
            self.bench.integration(name)
        with self.bench.store.read() as connection:
            linked = {link.product_type for link in catalogue.links(connection, self.bench.tenant)}
        for name in sorted((policy.product_types or frozenset()) - linked):
            self.bench.registry.providers_of(name)

    def judge_all(self) -> Judgement:
        """Bring the block reasons of all who owe to what the policy says today, some contracts in a transaction."""
        done = Judgement()
        after = ""
        while ids := self._owing(after):
            judged = self.bench.store.transact(lambda connection, ids=ids: self._judged(connection, ids))  # type: ignore[misc]
            done = Judgement(
                done.contracts + len(ids), done.blocked + judged.blocked, done.unblocked + judged.unblocked
            )
            after = ids[-1]
        return done

    def _owing(self, after: str) -> Sequence[str]:
        with self.bench.store.read() as connection:
            return store.owing(connection, self.bench.tenant, after, PAGE)

    def _judged(self, connection: Connection, ids: Sequence[str]) -> Judgement:
        judged = judge(connection, self.bench.tenant, ids, self.bench.store.now(connection))
        return Judgement(0, len({r.contract_id for r in judged.added}), len({r.contract_id for r in judged.gone}))

    def simulate(self, policy: Policy, on: date | None = None) -> Iterator[Simulated]:
        """Stream what a policy would do about each open debt on a day; nothing is changed."""
        self._check(policy)
        now = self.bench.now()
        day = on or now.astimezone(self.bench.zone).date()
        with self.bench.store.read() as connection:
            exempt = store.exemptions(connection, self.bench.tenant)
            after = ""
            while ids := store.owing(connection, self.bench.tenant, after, PAGE):
                owed = store.of_contracts(connection, self.bench.tenant, ids)
                for id, level in sorted(levels(connection, self.bench.tenant, ids).items()):
                    coming = _Coming(level, owed[id], policy, day, now, exempt=id in exempt)
                    yield from map(coming.of, owed[id])
                after = ids[-1]

    def exemptions(self) -> Sequence[Exemption]:
        """Return the contracts that are never blocked for debt."""
        with self.bench.store.read() as connection:
            return [*store.exemptions(connection, self.bench.tenant).values()]

    def exempt(self, contract: str, note: str | None = None) -> None:
        """Block a contract for debt no more."""
        with self.bench.writing("policy exempt", f"contract {contract}") as connection:
            self._known(connection, contract)
            now = self.bench.store.now(connection)
            kept = Exemption(contract, mask_actor(self.bench.actor), mask_text(note) if note else None, now)
            store.exempt(connection, self.bench.tenant, kept)
            judge(connection, self.bench.tenant, [contract], now)

    def unexempt(self, contract: str) -> None:
        """Block a contract for debt again, as the policy says; Refused when it was not exempt."""
        with self.bench.writing("policy unexempt", f"contract {contract}") as connection:
            if not store.unexempt(connection, self.bench.tenant, contract):
                raise Refused(f"Contract {contract} is not exempt. All: svahub policy show")
            now = self.bench.store.now(connection)
            judge(connection, self.bench.tenant, [contract], now)

    def _known(self, connection: Connection, contract: str) -> None:
        if not contracts.contracts_by_id(connection, self.bench.tenant, [contract]):
            near = [c.id for c in contracts.contracts_near(connection, self.bench.tenant, contract)]
            raise UnknownName("contract", contract, near, "All: svahub contracts list")
