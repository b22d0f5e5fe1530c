"""Bringing block reasons to what debts and the ISP's policy say, in the transaction of whatever has changed either.

Whoever judges holds the locks of the contracts' customers; what follows for subscriptions is `intentions`' part. No
block begins for a debt about which a delivery is still to be read: it may tell that the debt was paid.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from svahub import announcing
from svahub.debt_rule import SOURCE, Policy, blocking, merged, source, wanted
from svahub.intentions import Changes, Stamp, levels, redraw
from svahub.models import Reason
from svahub.store import contracts, debts, inbox, integrations, journal
from svahub.store.rows import DebtRow, ReasonRow
from svahub.telling import of_debts


@dataclass(frozen=True, slots=True)
class Judged:
    """What judging has changed: the block reasons that came and went, and the verbs that followed."""

    added: tuple[ReasonRow, ...] = ()
    gone: tuple[ReasonRow, ...] = ()
    changes: Changes | None = None


def judge(
    connection: Connection,
    tenant: str,
    ids: Collection[str],
    now: datetime,
    *,
    paid: Collection[str] = (),
) -> Judged:
    """Judge some contracts anew; of those `paid`, whose last debt was settled, what a file said of debt goes too."""
    if not ids:
        return Judged()
    contracts.lock_customers(connection, tenant, contracts.holders(connection, tenant, ids))
    policy = debts.policy(connection, tenant)
    exempt = debts.exemptions(connection, tenant).keys() if policy else set()
    owed = debts.of_contracts(connection, tenant, ids)
    today = now.astimezone(_zone(connection, tenant)).date()
    begins = policy is None or not policy.free(today)
    gone: list[ReasonRow] = []
    added: list[ReasonRow] = []
    for id, level in levels(connection, tenant, ids).items():
        due = set() if id in exempt else wanted(level, owed.get(id, ()), policy, today, now)
        less, more = merged(level, due, forget_import=id in paid)
        gone += less
        added += more if begins else []
    return _written(connection, tenant, gone, _certain(connection, tenant, added, owed, policy, today), now)


def _certain(
    connection: Connection,
    tenant: str,
    added: Sequence[ReasonRow],
    owed: Mapping[str, Sequence[DebtRow]],
    policy: Policy | None,
    today: date,
) -> list[ReasonRow]:
    """Return those block reasons that a debt gives of which nothing is still to be read."""
    if policy is None or not added:
        return []
    found = [debt for id in {reason.contract_id for reason in added} for debt in blocking(owed[id], policy, today)]
    unread = inbox.unread_about(connection, tenant, {debt.reference for debt in found})
    sure = {(debt.contract_id, source(debt)) for debt in found if (debt.integration, debt.reference) not in unread}
    return [reason for reason in added if (reason.contract_id, reason.source) in sure]


def _written(
    connection: Connection, tenant: str, gone: list[ReasonRow], added: list[ReasonRow], now: datetime
) -> Judged:
    touched = {reason.contract_id for reason in (*gone, *added)}
    if not touched:
        return Judged()
    contracts.delete_reasons(connection, gone)
    contracts.put_reasons(connection, added)
    changes = redraw(connection, tenant, touched, Changes(now, _stamp(gone, added)))
    announcing.customers(connection, tenant, contracts.holders(connection, tenant, touched), now)
    journal.tell(connection, tenant, now, of_debts(gone, added))
    return Judged(tuple(added), tuple(gone), changes)


def _stamp(gone: Collection[ReasonRow], added: Collection[ReasonRow]) -> Stamp:
    """Return who wants it: the integration that raised the debts, if it is one."""
    by = {reason.source for reason in (*gone, *added) if reason.source.startswith(SOURCE)}
    return Stamp(next(iter(by)) if len(by) == 1 else "debt rule", Reason.OVERDUE.value)


def _zone(connection: Connection, tenant: str) -> ZoneInfo:
    row = integrations.tenant(connection, tenant)
    assert row is not None  # its contracts are judged
    return ZoneInfo(row.zone)


def judge_sold(connection: Connection, tenant: str, ids: Collection[str], now: datetime) -> Judged:
    """Judge those of some contracts that owe: what was just sold to them is as the rest."""
    owing = debts.of_contracts(connection, tenant, ids) if ids else {}
    return judge(connection, tenant, list(owing), now)
