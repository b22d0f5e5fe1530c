"""Rows of sources: up to when each was read, and who reads it now; and debts of contracts that are not known yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, delete, insert, literal, null, or_, select, update

from svahub.models import Debt
from svahub.store.inserting import insert_into
from svahub.store.states import IntegrationState, RunOutcome
from svahub.store.tables import contracts, happenings, integrations, rejected_contracts, sources, unplaced_debts

GIVEN_UP = "the process that pulled it ended before it did"


@dataclass(frozen=True, slots=True)
class SourceRow:
    """Where contracts come from: up to when it was read, by its own clock, who reads it now, how that ended last.

    `wants` are the kinds of happenings that it is told of. It is pulled by itself while it has a `due_at`.
    """

    tenant: str
    name: str
    wants: list[str]
    contracts_until: datetime | None = None
    receivables_until: datetime | None = None
    due_at: datetime | None = None
    owner: str | None = None
    owned_until: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: RunOutcome | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """Who pulls a source, since when, and until when unless it is renewed."""

    owner: str
    now: datetime
    until: datetime


def add(connection: Connection, row: SourceRow) -> None:
    """Keep a new source."""
    connection.execute(insert(sources), {column.name: getattr(row, column.name) for column in sources.c})


def one(connection: Connection, tenant: str, name: str, *, lock: bool = False) -> SourceRow | None:
    """Return one source; with `lock`, nobody else changes it before this transaction ends."""
    query = select(sources).where(*_named(tenant, name))
    row = connection.execute(query.with_for_update(key_share=True) if lock else query).first()
    return SourceRow(*row) if row else None


def of_tenant(connection: Connection, tenant: str) -> list[SourceRow]:
    """Return a tenant's sources."""
    query = select(sources).where(sources.c.tenant == tenant).order_by(sources.c.name)
    return [SourceRow(*row) for row in connection.execute(query)]


def change(connection: Connection, row: SourceRow, **values: Any) -> None:
    """Write some columns of a source."""
    connection.execute(update(sources).where(*_named(row.tenant, row.name)).values(values))


def configure(
    connection: Connection, tenant: str, name: str, wants: Sequence[str], now: datetime, *, watched: bool
) -> None:
    """Write what a source's settings say: what it is told of, and whether it is pulled by itself, the first time now.

    What is written already is left alone.
    """
    row = one(connection, tenant, name)
    if row is not None and row.wants != list(wants):
        connection.execute(update(sources).where(*_named(tenant, name)).values(wants=list(wants)))
    if row is not None and watched is (row.due_at is None):
        connection.execute(update(sources).where(*_named(tenant, name)).values(due_at=now if watched else null()))


def remove(connection: Connection, tenant: str, name: str) -> None:
    """Forget that an integration is a source, and what only a source has; the contracts that it told of stay."""
    for table in (happenings, unplaced_debts, rejected_contracts):
        connection.execute(delete(table).where(table.c.tenant == tenant, table.c.source == name))
    connection.execute(delete(sources).where(*_named(tenant, name)))


def has_contracts(connection: Connection, tenant: str, name: str) -> bool:
    """Say whether some contract was last told of by a source."""
    query = select(contracts.c.id).where(contracts.c.tenant == tenant, contracts.c.source == name)
    return connection.execute(query.limit(1)).first() is not None


# -- pulling -----------------------------------------------------------------------------------------------------------


def _due(tenants: Collection[str], now: datetime) -> Select[Any]:
    c, i = sources.c, integrations.c
    same = (i.tenant == c.tenant) & (i.name == c.name)
    free = (i.state == IntegrationState.ENABLED) & or_(i.paused_until.is_(None), i.paused_until <= now)
    query = select(sources).join(integrations, same & free).where(c.due_at <= now, c.owner.is_(None))
    return (query.where(c.tenant.in_(tenants)) if tenants else query).order_by(c.due_at)


def due(connection: Connection, tenants: Collection[str], now: datetime, *, lock: bool = False) -> list[SourceRow]:
    """Return the sources of some tenants (none named: of all) that are due and that nobody pulls, the longest first.

    With `lock`, no other process gets them before this transaction ends.
    """
    query = _due(tenants, now)
    found = connection.execute(query.with_for_update(skip_locked=True, key_share=True, of=sources) if lock else query)
    return [SourceRow(*row) for row in found]


def take(connection: Connection, row: SourceRow, claim: Claim) -> None:
    """Write who pulls a source from now on."""
    values: dict[str, Any] = {"owner": claim.owner, "owned_until": claim.until, "started_at": claim.now}
    change(connection, row, **values, outcome=RunOutcome.RUNNING)


def renew(connection: Connection, row: SourceRow, claim: Claim) -> bool:
    """Lengthen a claim; return whether it is still the owner's."""
    mine = (*_named(row.tenant, row.name), sources.c.owner == claim.owner)
    return connection.execute(update(sources).where(*mine).values(owned_until=claim.until)).rowcount == 1


def is_held(connection: Connection, row: SourceRow, claim: Claim) -> bool:
    """Say whether a claim is still the owner's, and keep others from taking it before this transaction ends."""
    mine = select(sources.c.name).where(*_named(row.tenant, row.name), sources.c.owner == claim.owner)
    # the weaker lock lets others refer to the source meanwhile
    return connection.execute(mine.with_for_update(key_share=True)).first() is not None


def finish(
    connection: Connection, row: SourceRow, claim: Claim, outcome: RunOutcome, message: str, next_at: datetime
) -> bool:
    """End a claim and write what came of it; return whether it was still the owner's: if not, nothing is written.

    It is due at `next_at` if it is pulled by itself.
    """
    mine = (*_named(row.tenant, row.name), sources.c.owner == claim.owner)
    due_at = case((sources.c.due_at.is_not(None), literal(next_at, sources.c.due_at.type)), else_=None)
    ended: dict[str, Any] = {"owner": None, "owned_until": None, "ended_at": claim.now, "due_at": due_at}
    ended |= {"outcome": outcome, "message": message}
    return connection.execute(update(sources).where(*mine).values(ended)).rowcount == 1


def owners(connection: Connection) -> list[str]:
    """Return who pulls sources now."""
    query = select(sources.c.owner).where(sources.c.owner.is_not(None)).distinct()
    return [owner for owner in connection.execute(query).scalars() if owner is not None]


def forsaken(connection: Connection, now: datetime, longest: datetime) -> bool:
    """Say whether some claim was not renewed in time, or lasts longer than any does: the clock was set back."""
    return connection.execute(select(sources.c.name).where(_lost((), now, longest)).limit(1)).first() is not None


def give_up(connection: Connection, dead: Collection[str], now: datetime, longest: datetime) -> None:
    """Free what ended processes pulled, or what nobody renewed: it is pulled again from where it was."""
    values: dict[str, Any] = {"owner": None, "owned_until": None, "ended_at": now}
    lost = values | {"outcome": RunOutcome.LOST, "message": GIVEN_UP}
    connection.execute(update(sources).where(_lost(dead, now, longest)).values(lost))


def are_pulled_by_others(connection: Connection, owner: str, tenants: Collection[str]) -> bool:
    """Say whether another process pulls a source of some tenants (none named: of any), or ended while it did."""
    c = sources.c
    query = select(c.name).where(c.owner.is_not(None), c.owner != owner)
    query = query.where(c.tenant.in_(tenants)) if tenants else query
    return connection.execute(query.limit(1)).first() is not None


def _lost(dead: Collection[str], now: datetime, longest: datetime) -> ColumnElement[bool]:
    c = sources.c
    return c.owner.is_not(None) & or_(c.owner.in_(dead), c.owned_until <= now, c.owned_until > longest)


def _named(tenant: str, name: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return sources.c.tenant == tenant, sources.c.name == name


# -- contracts that are left out --------------------------------------------------------------------------------------


def rejected(connection: Connection, tenant: str, source: str) -> dict[str, str]:
    """Return the contracts of a source that cannot be taken as they are, with the reason."""
    c = rejected_contracts.c
    query = select(c.contract_id, c.reason).where(c.tenant == tenant, c.source == source).order_by(c.contract_id)
    return {row.contract_id: row.reason for row in connection.execute(query)}


def put_rejected(
    connection: Connection, row: SourceRow, new: Mapping[str, str], taken: Collection[str], now: datetime
) -> None:
    """Keep which contracts cannot be taken, with the reason; those `taken` can by now."""
    c = rejected_contracts.c
    gone = [*new, *taken]
    if gone:
        ours = (c.tenant == row.tenant, c.source == row.name, c.contract_id.in_(gone))
        connection.execute(delete(rejected_contracts).where(*ours))
    if new:
        mine = {"tenant": row.tenant, "source": row.name, "at": now}
        connection.execute(insert(rejected_contracts), [mine | {"contract_id": id, "reason": new[id]} for id in new])


# -- debts of contracts that are not known yet -------------------------------------------------------------------------


def _waiting(tenant: str, source: str) -> Select[Any]:
    c = unplaced_debts.c
    query = select(c.contract_id, c.reference, c.since, c.amount)
    return query.where(c.tenant == tenant, c.source == source).order_by(c.reference)


def waiting(connection: Connection, tenant: str, source: str) -> list[Debt]:
    """Return the debts that wait for their contracts."""
    return [Debt(*row) for row in connection.execute(_waiting(tenant, source))]


def unplaced(connection: Connection, tenant: str, source: str) -> list[Debt]:
    """Return the debts that wait whose contracts are known by now."""
    c = unplaced_debts.c
    known = (contracts.c.tenant == c.tenant) & (contracts.c.id == c.contract_id)
    return [Debt(*row) for row in connection.execute(_waiting(tenant, source).join(contracts, known))]


def put_unplaced(connection: Connection, tenant: str, source: str, debts: Iterable[Debt]) -> None:
    """Keep debts until their contracts are known."""
    new = insert_into(connection, unplaced_debts)
    key = [unplaced_debts.c[name] for name in ("tenant", "source", "reference")]
    told = {name: new.excluded[name] for name in ("contract_id", "since", "amount")}
    rows = [
        {"tenant": tenant, "source": source, "reference": one.reference, "contract_id": one.contract}
        | {"since": one.since, "amount": one.amount}
        for one in debts
    ]
    if rows:
        connection.execute(new.on_conflict_do_update(index_elements=key, set_=told), rows)


def unplaced_among(connection: Connection, tenant: str, source: str, references: Collection[str]) -> list[Debt]:
    """Return those of some debts that wait."""
    c = unplaced_debts.c
    ours = (c.tenant == tenant, c.source == source, c.reference.in_(references))
    return [
        Debt(*row) for row in connection.execute(select(c.contract_id, c.reference, c.since, c.amount).where(*ours))
    ]


def forget_unplaced(connection: Connection, tenant: str, source: str, references: Sequence[str]) -> None:
    """Let debts wait no longer: they are placed, or settled."""
    c = unplaced_debts.c
    if references:
        ours = (c.tenant == tenant, c.source == source, c.reference.in_(references))
        connection.execute(delete(unplaced_debts).where(*ours))
