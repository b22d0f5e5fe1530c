"""Telling sources what happened: kept in the transaction in which it becomes certain, turned into tasks by `work`.

A source is told of what concerns the contracts that it told of last, and of the kinds that its settings want.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4, uuid5

from svahub.errors import ProviderError, Refused
from svahub.extension import Transaction
from svahub.fleet import Fleet
from svahub.happened import happened_of
from svahub.happenings import HappenedKind
from svahub.intentions import NAMESPACE
from svahub.masking import mask_text
from svahub.models import DebtSettled
from svahub.news import of_subscription
from svahub.store import happenings
from svahub.store.queue import Lane
from svahub.store.states import NewsKind

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from svahub.announcing import Change
    from svahub.happenings import Happened, NewTask
    from svahub.hub import Hub, TenantHub
    from svahub.store.happenings import HappeningRow
    from svahub.store.rows import SubscriptionRow

AGAIN = timedelta(hours=1)
"""What a source's plugin fails to read is told to it again after so long: another version may be there then."""
KINDS = {
    NewsKind.ACTIVATED: HappenedKind.ACTIVATED,
    NewsKind.BLOCKED: HappenedKind.BLOCKED,
    NewsKind.UNBLOCKED: HappenedKind.UNBLOCKED,
    NewsKind.CHANGED: HappenedKind.CHANGED,
    NewsKind.CANCELLED: HappenedKind.CANCELLED,
}

log = logging.getLogger(__name__)


# -- keeping what is to be told ----------------------------------------------------------------------------------------


def changed(connection: Connection, changes: Iterable[Change], now: datetime) -> None:
    """Keep what sources want to be told of subscriptions as they were and as they are written."""
    found = [(KINDS[kind], after) for before, after, _ in changes if (kind := of_subscription(before, after))]
    _keep(connection, [(kind, row, {}) for kind, row in found], now)


def failed(connection: Connection, parked: Iterable[SubscriptionRow], now: datetime) -> None:
    """Keep what sources want to be told of subscriptions that wait for a person."""
    told = [(HappenedKind.FAILED, row, {"cause": mask_text(row.cause or "")}) for row in parked]
    _keep(connection, told, now)


def _keep(
    connection: Connection, told: Collection[tuple[HappenedKind, SubscriptionRow, dict[str, Any]]], now: datetime
) -> None:
    listening = happenings.listening(connection, {row.tenant for _, row, _ in told}) if told else {}
    if not listening:
        return
    origins = happenings.origins(connection, {(row.tenant, row.contract_id) for _, row, _ in told})
    rows = []
    for kind, row, more in told:
        source, customer = origins.get((row.tenant, row.contract_id), ("", ""))
        if kind.value in listening.get((row.tenant, source), ()):
            rows.append(_row(row.tenant, source, uuid4().hex, customer, _body(kind, row) | more, row.key, now))
    happenings.add(connection, rows)


def _body(kind: HappenedKind, row: SubscriptionRow) -> dict[str, Any]:
    seen = row.told or row.observed
    given = row.what_was_applied()
    return {
        "kind": kind.value,
        "contract_id": row.contract_id,
        "integration": row.integration,
        "observed": seen.value,
        "plan": given.plan if given else row.plan,
        "quantity": given.quantity if given else row.quantity,
        "remote_id": row.remote_id,
    }


def _row(
    tenant: str, source: str, key: str, customer: str, body: dict[str, Any], subscription: str | None, now: datetime
) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "source": source,
        "key": key,
        "customer_id": customer,
        "subscription_key": subscription,
        "body": body,
        "at": now,
        "due_at": now,
        "doubted": False,
    }


def paid(connection: Connection, tenant: str, integration: str, told: Iterable[object], now: datetime) -> None:
    """Keep what sources want to be told of charges of an integration that were paid."""
    settled = [one for one in told if isinstance(one, DebtSettled) and one.payment is not None]
    listening = happenings.listening(connection, {tenant}) if settled else {}
    if not listening:
        return
    origins = happenings.origins(connection, {(tenant, one.contract) for one in settled})
    rows = []
    for one in settled:
        source, customer = origins.get((tenant, one.contract), ("", ""))
        if source != integration and HappenedKind.PAID.value in listening.get((tenant, source), ()):
            key = uuid5(NAMESPACE, "\x1f".join(("paid", tenant, integration, one.reference))).hex
            rows.append(_row(tenant, source, key, customer, _paid(integration, one), None, now))
    happenings.add(connection, rows)


def _paid(integration: str, one: DebtSettled) -> dict[str, Any]:
    assert one.payment is not None  # only those are kept
    return {
        "kind": HappenedKind.PAID.value,
        "contract_id": one.contract,
        "integration": integration,
        "reference": one.reference,
        "amount": str(one.payment.amount),
        "paid_on": one.payment.paid_on.isoformat(),
        "due_on": one.payment.due_on.isoformat(),
    }


# -- telling it --------------------------------------------------------------------------------------------------------


class Reporter:
    """Turns what sources are to be told into tasks of theirs, each once: the tasks are kept as the rows go."""

    def __init__(self, hub: Hub, tenants: Collection[str] = ()) -> None:
        self._hub, self._store, self._tenants = hub, hub.store, tenants
        self._fleet = Fleet(hub.registry, hub.clock, tenants, hub.store)

    def tell(self) -> int:
        """Tell each source that can be called some of it; return of how much was told."""
        with self._store.read() as connection:
            lanes = self._lanes(connection, self._store.now(connection))
        return sum(self._tell(lane) for lane in lanes)

    def nothing_left(self, connection: Connection, now: datetime) -> bool:
        """Say whether nothing is to be told now."""
        return not self._lanes(connection, now)

    def close(self) -> None:
        """Close what was opened to ask its plugin."""
        self._fleet.close()

    def _lanes(self, connection: Connection, now: datetime) -> list[Lane]:
        due = {Lane(*lane) for lane in happenings.lanes_due(connection, self._tenants, now)}
        if not due:
            return []
        self._fleet.refresh(connection, now)
        self._fleet.close_retired(())
        return self._fleet.lanes(now, among=due)

    def _tell(self, lane: Lane) -> int:
        asked, silent = self._asked(lane)
        office = self._hub.tenant(lane.tenant, f"source:{lane.integration}")
        with self._store.write() as connection:
            now = self._store.now(connection)
            mine = {row.id for row in happenings.due(connection, *_of(lane), now, lock=True)}
            transaction = Transaction(connection, lane.tenant, now, lane.integration)
            for row, tasks in asked:
                if row.id in mine:
                    for task in tasks:
                        _submit(office, transaction, row, task)
            happenings.done(connection, [row.id for row, _ in asked if row.id in mine])
            for cause, ids in silent.items():
                happenings.put_off(connection, ids & mine, now + AGAIN, cause)
        return len(asked)

    def _asked(self, lane: Lane) -> tuple[list[tuple[HappeningRow, Sequence[NewTask]]], dict[str, set[int]]]:
        """Ask a source's plugin what is to be written; return that, and why it could not say, with of which rows."""
        asked: list[tuple[HappeningRow, Sequence[NewTask]]] = []
        silent: dict[str, set[int]] = defaultdict(set)
        for row, happened in self._due(lane):
            try:
                relay = self._fleet.opened(lane).relay
                asked.append((row, relay.report(happened) if relay.can("report") else ()))
            except (ProviderError, Refused) as error:
                log.warning("source %s of %s could not be told: %s", lane.integration, lane.tenant, error)
                silent[mask_text(str(error))].add(row.id)
        return asked, silent

    def _due(self, lane: Lane) -> list[tuple[HappeningRow, Happened]]:
        with self._store.read() as connection:
            now = self._store.now(connection)
            rows = happenings.due(connection, *_of(lane), now)
            return [(row, happened_of(connection, row, self._fleet, now)) for row in rows]


def _of(lane: Lane) -> tuple[str, str]:
    return lane.tenant, lane.integration


def _submit(office: TenantHub, transaction: Transaction, row: HappeningRow, task: NewTask) -> None:
    assert transaction.integration is not None  # the source's
    office.tasks.submit(
        transaction,
        transaction.integration,
        task.kind,
        task.name,
        task.payload,
        customer_id=row.customer_id,
        contract_id=row.body["contract_id"],
        adds=task.adds,
        look_first=task.look_first or row.doubted,
    )
