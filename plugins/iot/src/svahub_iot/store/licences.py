"""Queries on licences.

One that was asked for with a device waits for the quantity to leave room for it: a reader is told that it is no longer
wanted once the quantity was taken back, whether or not anything was asked of Olli meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, column, func, literal, select, table, update
from svahub.extension.queries import contracts_of, insert_into

from svahub_iot.store.tables import licences
from svahub_iot.units import NO_LONGER_WANTED, Status, Unit


@dataclass(frozen=True, slots=True)
class LicenceRow:
    """A licence as our own table has it; `customer`, `subscription`, `licence` are Olli's ids."""

    tenant: str
    integration: str
    reference: str
    subscription_key: str
    contract_id: str
    item_code: str
    customer: str | None
    subscription: str | None
    licence: str | None
    code: str | None
    device: str | None
    description: str | None = field(repr=False)
    status: Status
    leaving: bool
    cause: str | None
    made_at: datetime | None
    changed_at: datetime

    def unit(self) -> Unit:
        """Return it as a unit of its subscription."""
        return Unit(
            self.reference, self.status, self.licence, self.code, self.device, self.description, self.leaving,
            self.cause, self.made_at, self.changed_at,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the core wants of a subscription now: read from its own table, which a plugin never writes."""

    desired: str
    observed: str
    quantity: int
    remote_id: str | None


PAGE = 500
KEY = ("tenant", "integration", "reference")
LAST_KNOWN = frozenset({"customer", "subscription", "licence", "code", "device", "description"})
"""Columns of which an answer that lacks them takes nothing away."""


def put(connection: Connection, rows: Iterable[LicenceRow]) -> None:
    """Write how licences stand; that one is to leave, and since when it is there, stays as it was."""
    values = [asdict(row) for row in rows]
    if not values:
        return
    new = insert_into(connection, licences)
    changed: dict[str, Any] = {name: new.excluded[name] for name in ("status", "cause", "changed_at")}
    changed |= {name: func.coalesce(new.excluded[name], licences.c[name]) for name in LAST_KNOWN}
    changed["made_at"] = func.coalesce(licences.c.made_at, new.excluded.made_at)
    connection.execute(new.on_conflict_do_update(index_elements=list(KEY), set_=changed), values)


def follow(connection: Connection, tenant: str, key: str, status: Status, now: datetime) -> None:
    """Note that a subscription's licences follow it: blocked, active again, or ended with it."""
    c = licences.c
    there = c.status.in_([Status.ACTIVE, Status.BLOCKED]) if status is not Status.INACTIVE else c.status != status
    where = (c.tenant == tenant, c.subscription_key == key, there)
    connection.execute(update(licences).where(*where).values(status=status, cause=None, changed_at=now))


def mark_leaving(connection: Connection, tenant: str, references: Iterable[str], now: datetime) -> None:
    """Note that somebody wants licences gone; those that were never there are no longer wanted at once."""
    c = licences.c
    where = (c.tenant == tenant, c.reference.in_(list(references)))
    status = case((c.licence.is_(None), Status.INACTIVE.value), else_=c.status)
    connection.execute(update(licences).where(*where).values(leaving=True, status=status, changed_at=now))


def of_subscription(connection: Connection, tenant: str, key: str) -> list[LicenceRow]:
    """Return the licences of a subscription, ended ones too."""
    return _rows(connection, tenant, licences.c.subscription_key == key)


def of_contract(connection: Connection, tenant: str, contract: str) -> list[LicenceRow]:
    """Return the licences of a contract, ended ones too."""
    return _rows(connection, tenant, licences.c.contract_id == contract)


def whole(connection: Connection, tenant: str) -> Iterator[LicenceRow]:
    """Stream all licences, ended ones too, by contract."""
    query = _standing(licences.c.tenant == tenant)
    query = query.order_by(licences.c.contract_id, licences.c.item_code, licences.c.reference)
    for row in connection.execute(query, execution_options={"yield_per": PAGE}):
        yield LicenceRow(*row)


def hold_devices(connection: Connection, tenant: str, devices: Iterable[str]) -> None:
    """Let nobody else give some devices a licence until this transaction ends."""
    if connection.dialect.name == "postgresql":  # SQLite lets only one write
        for device in sorted(set(devices)):
            key = func.hashtextextended(f"iot device {tenant} {device}", 0)
            connection.execute(select(func.pg_advisory_xact_lock(key)))


def of_device(connection: Connection, tenant: str, device: str) -> list[LicenceRow]:
    """Return the licences of a device, whatever its contract."""
    c = licences.c
    keys = select(c.subscription_key).where(c.tenant == tenant, c.device == device)
    found = _rows(connection, tenant, c.subscription_key.in_(keys))
    return [row for row in found if row.device == device]


_WANTED = ("tenant", "key", "desired", "observed", "quantity", "remote_id")
_subscriptions = table("subscriptions", *map(column, _WANTED))  # the core's, to be read


def of_customer(connection: Connection, tenant: str, customer_id: str) -> list[LicenceRow]:
    """Return the licences of a customer's contracts."""
    return _rows(connection, tenant, _theirs(tenant, customer_id))


def forget_customer(connection: Connection, tenant: str, customer_id: str, now: datetime) -> None:
    """Forget what was written or said about a customer's devices; ids, codes and statuses stay: they name nobody."""
    where = (licences.c.tenant == tenant, _theirs(tenant, customer_id))
    forgotten = dict.fromkeys(("device", "description", "cause"))
    connection.execute(update(licences).where(*where).values(**forgotten, changed_at=now))


def _theirs(tenant: str, customer_id: str) -> Any:
    return licences.c.contract_id.in_(contracts_of(tenant, customer_id))


def wanted(connection: Connection, tenant: str, key: str) -> Wanted | None:
    """Return what is wanted of a subscription."""
    c = _subscriptions.c
    found = connection.execute(
        select(c.desired, c.observed, c.quantity, c.remote_id).where(c.tenant == tenant, c.key == key)
    )
    row = found.first()
    return Wanted(*row) if row else None


def _rows(connection: Connection, tenant: str, condition: Any) -> list[LicenceRow]:
    query = _standing(licences.c.tenant == tenant, condition)
    found = [LicenceRow(*row) for row in connection.execute(query)]
    return sorted(found, key=lambda row: (row.contract_id, row.item_code, len(row.reference), row.reference))


def _standing(*conditions: Any) -> Select[Any]:
    """Return a query for whole subscriptions' licences, each as it stands by what is wanted now."""
    c, sale = licences.c, _subscriptions.c
    there = and_(c.status != Status.INACTIVE, c.licence.is_not(None), c.leaving.is_(False))
    awaited = and_(c.status == Status.PENDING, c.licence.is_(None), c.leaving.is_(False))
    sold = (c.tenant, c.subscription_key)
    before = func.sum(_one(awaited)).over(partition_by=sold, order_by=(func.length(c.reference), c.reference))
    staying = func.sum(_one(there)).over(partition_by=sold)
    too_many = and_(awaited, staying + before > sale.quantity)
    now = {
        "status": case((too_many, literal(Status.INACTIVE, c.status.type)), else_=c.status),
        "cause": case((too_many, NO_LONGER_WANTED), else_=c.cause),
    }
    columns = (now[column.name].label(column.name) if column.name in now else column for column in c)
    sales = and_(sale.tenant == c.tenant, sale.key == c.subscription_key)
    return select(*columns).select_from(licences.outerjoin(_subscriptions, sales)).where(*conditions)


def _one(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)
