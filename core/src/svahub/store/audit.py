"""Reading the audit: newest first for people, in the order of the chain for whoever checks it. All in pages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Dialect,
    Row,
    Select,
    Table,
    TypeDecorator,
    func,
    select,
    text,
    tuple_,
    type_coerce,
)

from svahub.store.states import AuditKind
from svahub.store.tables import accounts, audit, exchanges, subscriptions

PAGE = 500


class Legible(TypeDecorator[Any]):
    """JSON that somebody may have broken: read as the text that it is then, so that its digest tells of it."""

    impl = JSON
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: Any) -> Callable[[Any], Any]:
        """Return what reads a column's value."""
        read = super().result_processor(dialect, coltype)

        def legible(value: Any) -> Any:
            try:
                return read(value) if read else value
            except ValueError:
                return str(value)

        return legible


def _legible(table: Table) -> Select[Any]:
    columns = (type_coerce(c, Legible).label(c.name) if isinstance(c.type, JSON) else c for c in table.c)
    return select(*columns)


class EntryRow(NamedTuple):
    """One entry; what it told is None where it was pruned."""

    tenant: str
    number: int
    at: datetime
    kind: AuditKind
    actor: str | None
    command: str | None
    subject: str | None
    details: Any
    digest: str
    hash: str
    pruned: bool


@dataclass(frozen=True, slots=True)
class Span:
    """From when on, and until when exclusively; None: without a bound."""

    since: datetime | None = None
    until: datetime | None = None

    def bounds(self, at: Any) -> Iterator[ColumnElement[bool]]:
        """Yield what holds within the span."""
        if self.since is not None:
            yield at >= self.since
        if self.until is not None:
            yield at < self.until


# -- for people --------------------------------------------------------------------------------------------------------


def newest_of_kind(connection: Connection, tenant: str, kind: AuditKind, span: Span) -> Iterator[EntryRow]:
    """Stream the entries of a kind that are not pruned, the newest first."""
    return _newest(connection, span, audit.c.tenant == tenant, audit.c.kind == kind)


def newest_by_actor(connection: Connection, tenant: str, actor: str, span: Span) -> Iterator[EntryRow]:
    """Stream what an actor did, the newest first."""
    return _newest(connection, span, audit.c.tenant == tenant, audit.c.actor == actor)


def newest_about(connection: Connection, tenant: str, subjects: Collection[str], span: Span) -> Iterator[EntryRow]:
    """Stream what was done to some subjects, the newest first."""
    return _newest(connection, span, audit.c.tenant == tenant, audit.c.subject.in_(subjects))


def _newest(connection: Connection, span: Span, *where: ColumnElement[bool]) -> Iterator[EntryRow]:
    c = audit.c
    query = (
        _legible(audit).where(*where, c.pruned.is_(False), *span.bounds(c.at)).order_by(c.at.desc(), c.number.desc())
    )
    return (EntryRow._make(row) for row in _pages(connection, query, (c.at, c.number)))


_LINE = [exchanges.c[name] for name in (
    "at", "id", "audit_number", "integration", "method", "path", "status", "milliseconds", "error"
)]  # fmt: skip


def newest_exchanges(connection: Connection, tenant: str, integration: str, span: Span) -> Iterator[Row[Any]]:
    """Stream an integration's exchanges without what was said in them, the newest first."""
    c = exchanges.c
    where = (c.tenant == tenant, c.integration == integration, *span.bounds(c.at))
    return _pages(connection, select(*_LINE).where(*where).order_by(c.at.desc(), c.id.desc()), (c.at, c.id))


def exchanges_of_accounts(connection: Connection, keys: Collection[str], span: Span) -> Sequence[Row[Any]]:
    """Return the exchanges of a few accounts without what was said in them, the newest first."""
    c = exchanges.c
    query = select(*_LINE).where(c.account_key.in_(keys), *span.bounds(c.at))
    return connection.execute(query.order_by(c.at.desc(), c.id.desc())).all()


def _pages(connection: Connection, query: Select[Any], key: tuple[Any, Any]) -> Iterator[Row[Any]]:
    """Stream a query that is ordered by a falling key of an instant and a number."""
    page = connection.execute(query.limit(PAGE)).all()
    while page:
        yield from page
        if len(page) < PAGE:
            return
        last = tuple_(*(getattr(page[-1], column.name) for column in key), types=[column.type for column in key])
        page = connection.execute(query.where(tuple_(*key) < last).limit(PAGE)).all()


def integrations_heard(connection: Connection, tenant: str) -> Iterator[str]:
    """Yield the names of the integrations that have exchanges, removed ones too, by one step in the index each."""
    name = connection.execute(_first_after(tenant, "")).scalar()
    while name is not None:
        yield name
        name = connection.execute(_first_after(tenant, name)).scalar()


def _first_after(tenant: str, name: str) -> Select[Any]:
    c = exchanges.c
    return select(func.min(c.integration)).where(c.tenant == tenant, c.integration > name)


def accounts_of_contract(connection: Connection, tenant: str, contract: str) -> set[str]:
    """Return the keys of the accounts that carry a contract's subscriptions."""
    c = subscriptions.c
    return set(connection.execute(select(c.account_key).where(c.tenant == tenant, c.contract_id == contract)).scalars())


def accounts_of_customer(connection: Connection, tenant: str, customer: str) -> set[str]:
    """Return the keys of a customer's accounts."""
    c = accounts.c
    return set(connection.execute(select(c.key).where(c.tenant == tenant, c.customer_id == customer)).scalars())


def one(connection: Connection, tenant: str, number: int) -> EntryRow | None:
    """Return one entry."""
    row = connection.execute(_legible(audit).where(audit.c.tenant == tenant, audit.c.number == number)).first()
    return EntryRow(*row) if row else None


def exchanges_of(connection: Connection, tenant: str, number: int) -> Sequence[Row[Any]]:
    """Return the exchanges of an entry without what was said in them, in their order."""
    c = exchanges.c
    query = select(*_LINE).where(c.tenant == tenant, c.audit_number == number).order_by(c.id)
    return connection.execute(query).all()


def exchange(connection: Connection, tenant: str, number: int, id: int) -> dict[str, Any] | None:
    """Return one exchange of an entry, whole."""
    c = exchanges.c
    query = _legible(exchanges).where(c.tenant == tenant, c.audit_number == number, c.id == id)
    row = connection.execute(query).first()
    return dict(row._mapping) if row else None


# -- for whoever checks ------------------------------------------------------------------------------------------------


def freeze(connection: Connection) -> None:
    """Let a transaction that has only begun see the store as it is now until it ends; SQLite's always do."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


def chain(connection: Connection, tenant: str) -> Iterator[EntryRow]:
    """Stream every entry in the order of the chain."""
    c = audit.c
    query = _legible(audit).where(c.tenant == tenant).order_by(c.number).limit(PAGE)
    page = [EntryRow(*row) for row in connection.execute(query)]
    while page:
        yield from page
        page = [EntryRow(*row) for row in connection.execute(query.where(c.number > page[-1].number))]


def chained_exchanges(connection: Connection, tenant: str) -> Iterator[dict[str, Any]]:
    """Stream every exchange that names an entry, in the order of the entries."""
    c = exchanges.c
    key = tuple_(c.audit_number, c.id)
    ours = (c.tenant == tenant, c.audit_number.is_not(None))
    query = _legible(exchanges).where(*ours).order_by(c.audit_number, c.id).limit(PAGE)
    page = connection.execute(query).all()
    while page:
        yield from (dict(row._mapping) for row in page)
        page = connection.execute(query.where(key > (page[-1].audit_number, page[-1].id))).all()


def unchained_exchange(connection: Connection, tenant: str) -> int | None:
    """Return an exchange that names no entry; there is none but what somebody put there."""
    c = exchanges.c
    return connection.execute(select(c.id).where(c.tenant == tenant, c.audit_number.is_(None)).limit(1)).scalar()
