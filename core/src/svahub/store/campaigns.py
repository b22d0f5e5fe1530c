"""Rows of campaigns: of whom each is, what it asks of whom, and how far it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, exists, func, insert, join, or_, select, update

from svahub.lifecycle import GONE
from svahub.models import Desired
from svahub.store.among import chunks, one_of
from svahub.store.rows import CampaignLine, CampaignRow, OperationRow
from svahub.store.states import CampaignState, Outcome, RowState
from svahub.store.tables import campaign_rows, campaigns, debts, operations, subscriptions

PAGE = 500
_LINE = [campaign_rows.c[name] for name in CampaignLine._fields]


def begin(connection: Connection, values: dict[str, Any]) -> CampaignRow:
    """Keep a new campaign."""
    return CampaignRow(*connection.execute(insert(campaigns).values(values).returning(campaigns)).one())


def one(connection: Connection, tenant: str, id: int, *, lock: bool = False) -> CampaignRow | None:
    """Return one campaign; with `lock`, nobody else changes it before this transaction ends."""
    query = select(campaigns).where(campaigns.c.tenant == tenant, campaigns.c.id == id)
    row = connection.execute(query.with_for_update(key_share=True) if lock else query).first()
    return CampaignRow(*row) if row else None


def free(connection: Connection, id: int) -> CampaignRow | None:
    """Return one campaign that runs, locked; None where another process has it in hand just now."""
    running = select(campaigns).where(campaigns.c.id == id, campaigns.c.state == CampaignState.RUNNING)
    row = connection.execute(running.with_for_update(key_share=True, skip_locked=True)).first()
    return CampaignRow(*row) if row else None


def of_tenant(connection: Connection, tenant: str, limit: int) -> list[CampaignRow]:
    """Return the newest campaigns."""
    query = select(campaigns).where(campaigns.c.tenant == tenant).order_by(campaigns.c.id.desc()).limit(limit)
    return [CampaignRow(*row) for row in connection.execute(query)]


def in_state(connection: Connection, state: CampaignState, tenants: Collection[str] = ()) -> list[CampaignRow]:
    """Return the campaigns of some tenants (none named: of all) that are in a state, the oldest first."""
    query = select(campaigns).where(campaigns.c.state == state).order_by(campaigns.c.id)
    query = query.where(campaigns.c.tenant.in_(tenants)) if tenants else query
    return [CampaignRow(*row) for row in connection.execute(query)]


def write(connection: Connection, id: int, **values: Any) -> None:
    """Write some columns of a campaign."""
    connection.execute(update(campaigns).where(campaigns.c.id == id).values(values))


def remove(connection: Connection, id: int) -> None:
    """Delete a campaign with its rows; what it asked for stays."""
    connection.execute(delete(campaign_rows).where(campaign_rows.c.campaign_id == id))
    connection.execute(delete(campaigns).where(campaigns.c.id == id))


# -- whom to choose ----------------------------------------------------------------------------------------------------


class Fit(NamedTuple):
    """What of a subscription, and of its contract's debts, has to hold; None: anything does."""

    desired: Collection[Desired]
    integration: str | None = None
    product_type: str | None = None
    plan: str | None = None
    item: str | None = None
    owed_since: date | None = None


def fitting(connection: Connection, tenant: str, fit: Fit, after: str, limit: int = PAGE) -> list[str]:
    """Return the first contracts after another, by their ids, of which something that was sold fits."""
    c = subscriptions.c
    query = (
        select(c.contract_id).distinct().where(c.tenant == tenant, c.contract_id > after, c.desired.in_(fit.desired))
    )
    named = ((c.integration, fit.integration), (c.product_type, fit.product_type), (c.plan, fit.plan))
    for column, value in (*named, (c.item_code, fit.item)):
        query = query.where(column == value) if value is not None else query
    query = query.where(_owes(fit.owed_since)) if fit.owed_since else query
    return list(connection.execute(query.order_by(c.contract_id).limit(limit)).scalars())


def _owes(since: date) -> ColumnElement[bool]:
    c = debts.c
    same = (c.tenant == subscriptions.c.tenant, c.contract_id == subscriptions.c.contract_id)
    return exists().where(*same, c.settled_at.is_(None), c.since <= since)


def sold_types(connection: Connection, tenant: str) -> set[str]:
    """Return the product types of all that was ever sold."""
    c = subscriptions.c
    return set(connection.execute(select(c.product_type).distinct().where(c.tenant == tenant)).scalars())


def live(connection: Connection, tenant: str) -> int:
    """Count the subscriptions that providers have, as far as we know."""
    c = subscriptions.c
    query = select(func.count()).select_from(subscriptions).where(c.tenant == tenant, c.observed.not_in(GONE))
    return int(connection.execute(query).scalar_one())


# -- rows --------------------------------------------------------------------------------------------------------------


def add(connection: Connection, tenant: str, id: int, lines: Sequence[CampaignLine]) -> None:
    """Keep what a campaign asks of more contracts."""
    if lines:
        whose = {"campaign_id": id, "tenant": tenant}
        connection.execute(insert(campaign_rows), [line._asdict() | whose for line in lines])


def pages(connection: Connection, id: int, states: Collection[RowState] = ()) -> Iterator[list[CampaignLine]]:
    """Stream the rows of a campaign by their number, a page at a time."""
    after = 0
    while page := lines_after(connection, id, after, states):
        yield page
        after = page[-1].number


def lines_after(
    connection: Connection, id: int, after: int, states: Collection[RowState] = (), limit: int = PAGE
) -> list[CampaignLine]:
    """Return the first rows of a campaign after a number."""
    c = campaign_rows.c
    query = select(*_LINE).where(c.campaign_id == id, c.number > after).order_by(c.number).limit(limit)
    query = query.where(c.state.in_(states)) if states else query
    return [CampaignLine(*row) for row in connection.execute(query)]


def not_begun(connection: Connection, id: int, integration: str | None, limit: int) -> list[CampaignLine]:
    """Return the first rows of a campaign, of those for one integration, of which nothing was begun."""
    c = campaign_rows.c
    lane = c.integration.is_(None) if integration is None else c.integration == integration
    query = select(*_LINE).where(c.campaign_id == id, c.state == RowState.PLANNED, lane)
    return [CampaignLine(*row) for row in connection.execute(query.order_by(c.number).limit(limit))]


def would_stop(connection: Connection, id: int, wanted: Collection[Desired]) -> int:
    """Count the subscriptions of a campaign's rows that are wanted now as `wanted` says: those that it would end."""
    c, s = campaign_rows.c, subscriptions.c
    of_row = and_(
        s.tenant == c.tenant, s.contract_id == c.contract_id, or_(c.item_code.is_(None), s.item_code == c.item_code)
    )
    query = select(func.count(s.key.distinct())).select_from(join(campaign_rows, subscriptions, of_row))
    mine = query.where(c.campaign_id == id, c.state == RowState.PLANNED, s.desired.in_(wanted))
    return int(connection.execute(mine).scalar_one())


def release(connection: Connection, id: int, numbers: Collection[int]) -> None:
    """Note that what some rows ask is written down."""
    c = campaign_rows.c
    for chunk in chunks(list(numbers)):
        mine = update(campaign_rows).where(c.campaign_id == id, c.number.in_(chunk))
        connection.execute(mine.values(state=RowState.RELEASED))


def refuse(connection: Connection, id: int, causes: dict[int, str]) -> None:
    """Note why what some rows ask is not done."""
    c = campaign_rows.c
    for number, cause in causes.items():
        mine = update(campaign_rows).where(c.campaign_id == id, c.number == number)
        connection.execute(mine.values(state=RowState.REFUSED, cause=cause))


def counts(connection: Connection, id: int) -> dict[RowState, int]:
    """Count the rows of a campaign by their state."""
    c = campaign_rows.c
    query = select(c.state, func.count()).where(c.campaign_id == id).group_by(c.state)
    return {row[0]: row[1] for row in connection.execute(query)}


def has_not_begun(connection: Connection, id: int) -> bool:
    """Say whether a campaign has rows of which nothing was begun."""
    c = campaign_rows.c
    query = select(c.number).where(c.campaign_id == id, c.state == RowState.PLANNED).limit(1)
    return connection.execute(query).first() is not None


# -- what it has asked for ---------------------------------------------------------------------------------------------


def outcomes(connection: Connection, id: int) -> dict[Outcome, int]:
    """Count the operations of a campaign by how they stand."""
    c = operations.c
    query = select(c.outcome, func.count()).where(c.campaign_id == id).group_by(c.outcome)
    return {row[0]: row[1] for row in connection.execute(query)}


def queued(connection: Connection, id: int) -> dict[str, int]:
    """Count the operations of a campaign that have not ended, by integration."""
    query = _queued(id, subscriptions.c.integration, func.count()).group_by(subscriptions.c.integration)
    return {row[0]: row[1] for row in connection.execute(query)}


def waiting_accounts(connection: Connection, id: int, limit: int) -> list[str]:
    """Return some accounts at which operations of a campaign have not ended."""
    return list(connection.execute(_queued(id, subscriptions.c.account_key).distinct().limit(limit)).scalars())


def _queued(id: int, *columns: Any) -> Select[Any]:
    c = operations.c
    query = select(*columns).select_from(operations).join(subscriptions, subscriptions.c.key == c.subscription_key)
    return query.where(c.campaign_id == id, c.outcome == Outcome.QUEUED)


_ASKED = select(operations).where(one_of(operations.c.subscription_key, "keys")).order_by(operations.c.id)


def operations_of(connection: Connection, id: int, keys: Collection[str]) -> dict[str, OperationRow]:
    """Return the newest operation that a campaign asked for on each of some subscriptions."""
    rows = (OperationRow(*row) for row in connection.execute(_ASKED, {"keys": keys}))
    return {row.subscription_key: row for row in rows if row.campaign_id == id}  # by its index, all would be read


# -- what is no longer needed ------------------------------------------------------------------------------------------


def ended_before(tenant: str, before: datetime) -> list[ColumnElement[bool]]:
    """Return what holds of a tenant's campaigns that ended, or were never started, before an instant."""
    c = campaigns.c
    over = func.coalesce(c.ended_at, c.created_at) < before
    return [c.tenant == tenant, c.state.not_in([CampaignState.RUNNING, CampaignState.PAUSED]), over]


def pause_running(connection: Connection) -> None:
    """Pause every campaign that runs: the store came back, and what it had asked for since is not known."""
    running = update(campaigns).where(campaigns.c.state == CampaignState.RUNNING)
    connection.execute(running.values(state=CampaignState.PAUSED))
