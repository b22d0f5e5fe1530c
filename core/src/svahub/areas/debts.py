"""Debts that billing plugins raise, and the ISP's policy about them: who is blocked, after how long, and who never."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection

from svahub.areas.bench import Bench
from svahub.debt_rule import Policy, blocks_on, sold_items, states
from svahub.errors import Refused, UnknownName
from svahub.extension import Transaction
from svahub.intentions import levels
from svahub.judging import judge
from svahub.masking import mask_actor, mask_text
from svahub.models import Debt, DebtSettled
from svahub.store import contracts
from svahub.store import debts as store
from svahub.store.debts import Exemption
from svahub.store.rows import DebtRow

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
        connection, now = transaction.connection, transaction.now
        known = contracts.contracts_by_id(connection, self.bench.tenant, {one.contract for one in told})
        contracts.lock_customers(connection, self.bench.tenant, {row.customer_id for row in known.values()})
        before = store.by_references(connection, self.bench.tenant, integration, {one.reference for one in told})
        touched: set[str] = set()
        settled: set[str] = set()
        for one in told:
            kept = before.get(one.reference)
            if one.contract in known and self._keep(transaction, integration, one, kept):
                touched.add(one.contract)
                settled |= {one.contract} if isinstance(one, DebtSettled) else set()
        paid = settled - store.of_contracts(connection, self.bench.tenant, settled).keys() if settled else set()
        judge(connection, self.bench.tenant, touched, now, paid=paid)
        return sorted({one.contract for one in told} - known.keys())

    def _keep(self, transaction: Transaction, integration: str, told: Debt | DebtSettled, kept: DebtRow | None) -> bool:
        """Write one debt; return whether that changes anything."""
        if isinstance(told, DebtSettled):
            if kept is None or kept.settled_at is not None:
                return False
            store.settle(transaction.connection, kept, transaction.now)
            return True
        was_open = kept is not None and kept.settled_at is None
        opened_at = kept.opened_at if kept is not None and was_open else transaction.now
        row = DebtRow(
            self.bench.tenant, integration, told.reference, told.contract, told.since, told.amount, opened_at, None
        )
        if row == kept:
            return False
        store.put(transaction.connection, row)
        return True

    def list(self, contract: str | None = None, *, only_open: bool = True) -> Iterator[DebtRow]:
        """Stream debts by contract."""
        with self.bench.store.read() as connection:
            yield from store.listed(connection, self.bench.tenant, contract=contract, only_open=only_open)

    def policy(self) -> Policy | None:
        """Return the policy, None where nothing was decided: then nobody is blocked for debt."""
        with self.bench.store.read() as connection:
            return store.policy(connection, self.bench.tenant)

    def set_policy(self, policy: Policy) -> Judgement:
        """Decide on a policy, and carry it out on all who owe; Refused when it names what there is not."""
        self._check(policy)
        told = {
            "grace_days": policy.grace_days,
            "product_types": sorted(policy.product_types) if policy.product_types is not None else "all",
            "integrations": sorted(policy.integrations),
            "business_days_only": policy.business_days_only,
            "state": policy.state,
        }
        with self.bench.writing("policy set", "policy", policy=told) as connection:
            store.set_policy(connection, self.bench.tenant, policy, self.bench.store.now(connection))
        return self.judge_all()

    def _check(self, policy: Policy) -> None:
        if policy.state is not None and policy.state not in states():
            raise UnknownName("state of Brazil", policy.state, states())
        for name in sorted(policy.integrations):
            self.bench.integration(name)

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
        day = on or self.bench.now().astimezone(self.bench.zone).date()
        with self.bench.store.read() as connection:
            exempt = store.exemptions(connection, self.bench.tenant)
            for debt in store.listed(connection, self.bench.tenant):
                yield self._simulated(connection, debt, policy, day, exempt=debt.contract_id in exempt)

    def _simulated(
        self, connection: Connection, debt: DebtRow, policy: Policy, day: date, *, exempt: bool
    ) -> Simulated:
        level = levels(connection, self.bench.tenant, [debt.contract_id])[debt.contract_id]
        covered = [(item, sold) for item, sold in sold_items(level) if policy.covers(sold, debt.integration)]
        begins = blocks_on(debt.since, policy, policy.free)
        blocks = not exempt and bool(covered) and begins <= day
        blocked = bool(covered) and all(level.reasons_for(item.code) for item, _ in covered)
        would = ("stays blocked" if blocked else "block") if blocks else ("unblock" if blocked else "nothing")
        codes = tuple(item.code for item, _ in covered)
        return Simulated(
            debt.contract_id, debt.reference, debt.integration, debt.since, debt.amount, begins, codes, exempt, would
        )

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
