"""Queries on who owes: debts, the ISP's policy about them, and contracts that are exempt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, delete, func, select

from svahub.debt_rule import Policy
from svahub.store.among import one_of
from svahub.store.inserting import Upsert, for_each_database, insert_into
from svahub.store.rows import DebtRow
from svahub.store.tables import debt_exemptions, debt_policies, debts

PAGE = 500


@dataclass(frozen=True, slots=True)
class Exemption:
    """A contract that is not blocked for debt, who says so, and why."""

    contract_id: str
    actor: str
    note: str | None
    created_at: datetime


_BY_REFERENCES = select(debts).where(
    debts.c.tenant == bindparam("tenant"),
    debts.c.integration == bindparam("integration"),
    one_of(debts.c.reference, "names"),
)


def by_references(connection: Connection, tenant: str, integration: str, names: Collection[str]) -> dict[str, DebtRow]:
    """Return debts by their references at an integration."""
    found = connection.execute(_BY_REFERENCES, {"tenant": tenant, "integration": integration, "names": names})
    return {row.reference: DebtRow(*row) for row in found}


_OF_CONTRACTS = (
    select(debts)
    .where(debts.c.tenant == bindparam("tenant"), one_of(debts.c.contract_id, "contracts"))
    .order_by(debts.c.since, debts.c.reference)
)
_OPEN_OF_CONTRACTS = _OF_CONTRACTS.where(debts.c.settled_at.is_(None))


def of_contracts(
    connection: Connection, tenant: str, contracts: Collection[str], *, only_open: bool = True
) -> dict[str, list[DebtRow]]:
    """Return the debts of some contracts, the oldest first."""
    query = _OPEN_OF_CONTRACTS if only_open else _OF_CONTRACTS
    found: dict[str, list[DebtRow]] = defaultdict(list)
    for row in connection.execute(query, {"tenant": tenant, "contracts": contracts}):
        found[row.contract_id].append(DebtRow(*row))
    return found


def listed(
    connection: Connection, tenant: str, *, contract: str | None = None, only_open: bool = True
) -> Iterator[DebtRow]:
    """Stream a tenant's debts by contract."""
    c = debts.c
    query = select(debts).where(c.tenant == tenant).order_by(c.contract_id, c.since, c.reference)
    query = query.where(c.contract_id == contract) if contract is not None else query
    query = query.where(c.settled_at.is_(None)) if only_open else query
    for row in connection.execute(query, execution_options={"yield_per": PAGE}):
        yield DebtRow(*row)


_OWING = (
    select(debts.c.contract_id)
    .distinct()
    .where(
        debts.c.tenant == bindparam("tenant"), debts.c.settled_at.is_(None), debts.c.contract_id > bindparam("after")
    )
    .order_by(debts.c.contract_id)
    .limit(bindparam("limit", type_=Integer))
)


def owing(connection: Connection, tenant: str, after: str, limit: int = PAGE) -> list[str]:
    """Return the contracts with open debts that follow another in the order of their ids."""
    return list(connection.execute(_OWING, {"tenant": tenant, "after": after, "limit": limit}).scalars())


def open_at(connection: Connection, tenant: str, integration: str, after: str, limit: int) -> list[DebtRow]:
    """Return the first open debts of an integration whose references follow another."""
    c = debts.c
    ours = (c.tenant == tenant, c.integration == integration, c.settled_at.is_(None), c.reference > after)
    query = select(debts).where(*ours).order_by(c.reference).limit(limit)
    return [DebtRow(*row) for row in connection.execute(query)]


def count_open(connection: Connection, tenant: str) -> int:
    """Count a tenant's open debts."""
    c = debts.c
    query = select(func.count()).select_from(debts).where(c.tenant == tenant, c.settled_at.is_(None))
    return int(connection.execute(query).scalar_one())


KEY = ("tenant", "integration", "reference")


def _renewed(new: Upsert) -> Upsert:
    changed = {c.name: new.excluded[c.name] for c in debts.c if c.name not in KEY}
    return new.on_conflict_do_update(index_elements=KEY, set_=changed)


_PUT = for_each_database(debts, _renewed)


def put(connection: Connection, rows: Sequence[DebtRow]) -> None:
    """Keep debts as they now are."""
    if rows:
        connection.execute(_PUT[connection.dialect.name], [asdict(row) for row in rows])


_POLICY = select(debt_policies).where(debt_policies.c.tenant == bindparam("tenant"))


def policy(connection: Connection, tenant: str) -> Policy | None:
    """Return the tenant's policy, None where it has decided nothing."""
    row = connection.execute(_POLICY, {"tenant": tenant}).first()
    if row is None:
        return None
    types = None if row.product_types is None else frozenset(row.product_types)
    return Policy(row.grace_days, types, frozenset(row.integrations), row.business_days_only, row.state)


def set_policy(connection: Connection, tenant: str, policy: Policy, now: datetime) -> None:
    """Keep the tenant's policy."""
    values: dict[str, Any] = {
        "grace_days": policy.grace_days,
        "product_types": None if policy.product_types is None else sorted(policy.product_types),
        "integrations": sorted(policy.integrations),
        "business_days_only": policy.business_days_only,
        "state": policy.state,
        "changed_at": now,
    }
    new = insert_into(connection, debt_policies).values(tenant=tenant, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["tenant"], set_=values))


_EXEMPTIONS = (
    select(*(debt_exemptions.c[field.name] for field in fields(Exemption)))
    .where(debt_exemptions.c.tenant == bindparam("tenant"))
    .order_by(debt_exemptions.c.contract_id)
)


def exemptions(connection: Connection, tenant: str) -> dict[str, Exemption]:
    """Return the contracts that are not blocked for debt."""
    return {row.contract_id: Exemption(*row) for row in connection.execute(_EXEMPTIONS, {"tenant": tenant})}


def exempt(connection: Connection, tenant: str, exemption: Exemption) -> None:
    """Keep that a contract is not blocked for debt."""
    unexempt(connection, tenant, exemption.contract_id)
    connection.execute(debt_exemptions.insert().values(tenant=tenant, **asdict(exemption)))


def unexempt(connection: Connection, tenant: str, contract: str) -> bool:
    """Take an exemption away; return whether there was one."""
    where = (debt_exemptions.c.tenant == tenant, debt_exemptions.c.contract_id == contract)
    gone = delete(debt_exemptions).where(*where).returning(debt_exemptions.c.contract_id)
    return connection.execute(gone).first() is not None
