"""Which deliveries tell of a person: those about a charge or a user of theirs, and those whose body names them.

Nobody says whose a delivery is, and each provider writes it in its own way. So it is told by ids that are one person's
alone: our references, the provider's ids, the document, the e-mail address. What bears none of them is not found; its
body goes when its retention ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update
from stdnum.br import cnpj, cpf

from svahub.models import DocumentKind
from svahub.store.rows import CustomerRow, InboxRow
from svahub.store.states import InboxState
from svahub.store.tables import inbox

if TYPE_CHECKING:
    from svahub.store.privacy import Person

BATCH = 500
SHORTEST = 6
"""Ids with fewer characters stand in many a body without meaning the person."""
UNREAD = "erased before it was read"


def deliveries_about(person: Person, customer: CustomerRow | None) -> Iterator[InboxRow]:
    """Stream the deliveries that tell of a person and still have their bodies, the oldest first."""
    ids = set(_ids(person))
    named = _pattern([*ids, *_names(customer)])
    c = inbox.c
    query = select(inbox).where(c.tenant == person.tenant, c.body.is_not(None)).order_by(c.id)
    for row in person.connection.execute(query, execution_options={"yield_per": BATCH}):
        delivery = InboxRow(*row)
        if delivery.subject in ids or (named is not None and named.search(delivery.body or b"")):
            yield delivery


def _ids(person: Person) -> Iterator[str]:
    """Yield our references and the providers' ids of what is theirs."""
    for table, columns in _IDS.items():
        for record in person.records(table):
            yield from (record[name] for name in columns if record[name])


_IDS = {
    "accounts": ("key", "remote_id"),
    "subscriptions": ("key", "remote_id"),
    "tasks": ("key", "remote_id"),
    "debts": ("reference",),
}


def _names(customer: CustomerRow | None) -> Iterator[str]:
    if customer is None or customer.erased_at is not None:
        return
    yield customer.document
    yield (cpf if customer.document_kind is DocumentKind.CPF else cnpj).format(customer.document)
    if customer.email:
        yield customer.email


def _pattern(words: Iterable[str]) -> re.Pattern[bytes] | None:
    """Return what finds a word that stands alone; None where there is none to look for."""
    long = sorted({word for word in words if len(word) >= SHORTEST})
    if not long:
        return None
    either = b"|".join(re.escape(word.encode()) for word in long)
    return re.compile(rb"(?<![0-9A-Za-z])(?:" + either + rb")(?![0-9A-Za-z])", re.IGNORECASE)


def forget_deliveries(person: Person, ids: Sequence[int], now: datetime) -> int:
    """Take bodies away for good; what was not read yet is not read any more. Return of how many."""
    c = inbox.c
    bare: dict[str, Any] = {"body": None, "headers": {}, "details": {}, "cause": None}
    unread = {"state": InboxState.DONE, "due_at": None, "owner": None, "cause": UNREAD, "ended_at": now}
    for start in range(0, len(ids), BATCH):
        some = c.id.in_(ids[start : start + BATCH])
        person.connection.execute(update(inbox).where(some, c.due_at.is_(None)).values(bare))
        person.connection.execute(update(inbox).where(some, c.due_at.is_not(None)).values(bare | unread))
    return len(ids)
