"""Telling other systems, in the transaction of whatever has happened: which targets hear of it, and what they hear.

Whoever announces holds no lock that a sender of messages waits for, and does it last but for the audit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection

from svahub.news import News, about, body, heard, of_subscription, standing, wants
from svahub.store import journal, outbox, queue, standings, targets
from svahub.store.outbox import Draft, Line
from svahub.store.queue import Lane
from svahub.store.rows import AccountRow, ReasonRow, SubscriptionRow
from svahub.store.states import NewsKind

Change = tuple[SubscriptionRow, SubscriptionRow, str]
"""A subscription as it was and as it is written, and whose it is."""


def changes_of(
    before: Iterable[SubscriptionRow], after: Iterable[SubscriptionRow], account: AccountRow
) -> Iterator[Change]:
    """Yield each subscription of an account that is written, as it was and as it is heard to be."""
    was = {row.key: row for row in before}
    yield from ((was[row.key], heard(row), account.holder) for row in after)


def of_subscriptions(
    connection: Connection, changes: Iterable[Change], sensitive: Callable[[Lane], bool]
) -> list[tuple[str, News]]:
    """Return what is to be told of subscriptions, each with its tenant; nothing of tenants that tell nobody."""
    found = [(kind, after, customer) for before, after, customer in changes if (kind := of_subscription(before, after))]
    if not found:
        return []
    telling = targets.with_any(connection, {row.tenant for _, row, _ in found})
    found = [one for one in found if one[1].tenant in telling]
    why = _reasons(connection, [row for _, row, _ in found])
    return [
        (row.tenant, about(kind, row, customer, why(row), sensitive=sensitive(Lane(row.tenant, row.integration))))
        for kind, row, customer in found
    ]


def _reasons(
    connection: Connection, rows: Sequence[SubscriptionRow]
) -> Callable[[SubscriptionRow], Sequence[ReasonRow]]:
    found: dict[tuple[str, str], list[ReasonRow]] = defaultdict(list)
    if rows:
        for reason in queue.reasons_of(connection, {(row.tenant, row.contract_id) for row in rows}):
            found[reason.tenant, reason.contract_id].append(reason)

    def of(row: SubscriptionRow) -> Sequence[ReasonRow]:
        return [r for r in found[row.tenant, row.contract_id] if r.item_code in {"", row.item_code}]

    return of


def announce(connection: Connection, told: Iterable[tuple[str, News]], now: datetime) -> None:
    """Put news into the lines of all who want them."""
    by_tenant: dict[str, list[News]] = defaultdict(list)
    for tenant, news in told:
        by_tenant[tenant].append(news)
    for tenant in sorted(by_tenant):
        _announce(connection, tenant, by_tenant[tenant], now)


def _announce(connection: Connection, tenant: str, told: Sequence[News], now: datetime) -> None:
    journal.locked_head(connection, tenant)
    listening = targets.listening(connection, tenant)
    drafts = []
    for news in told:
        text = body(news, tenant, now)
        for target in listening:
            if wants(target, news):
                line = Line(tenant, target.name, news.customer_id)
                drafts.append(Draft(line, news.kind, news.contract_id, news.item_code, text))
    outbox.keep(connection, tenant, drafts, now)


def customers(connection: Connection, tenant: str, ids: Collection[str], now: datetime) -> None:
    """Tell of those of some customers who stand otherwise than was last told; their level was just written."""
    if not ids or not _tells_of_customers(connection, tenant):
        return
    before, held = standings.told(connection, tenant, ids), standings.held_by(connection, tenant, ids)
    after = {id: standing(held.get(id, ())) for id in ids if id in held or id in before}
    changed = {id: now_ for id, now_ in after.items() if now_ != before.get(id)}
    if not changed:
        return
    bought = standings.product_types(connection, tenant, changed)
    told = [_standing(id, changed[id], bought.get(id, set())) for id in sorted(changed)]
    announce(connection, [(tenant, news) for news in told], now)
    standings.put(connection, tenant, changed.items())


def _standing(id: str, now: standings.Standing, bought: Collection[str]) -> News:
    kind = NewsKind.CUSTOMER_STATUS
    return News(kind, id, now.status, now.reasons, product_types=frozenset(bought))


def _tells_of_customers(connection: Connection, tenant: str) -> bool:
    rows = targets.of_tenant(connection, tenant)
    return any(row.kinds is None or NewsKind.CUSTOMER_STATUS.value in row.kinds for row in rows)
