"""What providers told: the deliveries as they came, what each came to, and reading one again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from svahub.areas.bench import Bench
from svahub.errors import Refused, UnknownName
from svahub.exchange import shown_body
from svahub.masking import mask_json
from svahub.receipts import advice
from svahub.store import inbox
from svahub.store.rows import InboxRow
from svahub.store.states import InboxState

PAGE = 500
SUBJECT = "inbox"


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A delivery as people see it; `body` is masked, None where it was not asked for, or is kept no more."""

    id: int
    integration: str
    event_id: str
    kind: str
    subject: str | None
    received_at: datetime
    deliveries: int
    state: InboxState
    due_at: datetime | None
    tries: int
    cause: str | None
    advice: str | None
    details: dict[str, Any]
    ended_at: datetime | None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """Which deliveries are read again, or would be; `left` are those that are not there, or not whole any more."""

    replayed: tuple[int, ...]
    left: tuple[int, ...]
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Inbox:
    """The deliveries to one tenant."""

    bench: Bench

    def list(
        self,
        *,
        integration: str | None = None,
        state: InboxState | None = None,
        since: date | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> Iterator[DeliveryView]:
        """Stream deliveries, the oldest first: those since a day began, those after another one's id."""
        if integration is not None:
            self.bench.integration(integration)
        left = limit
        while left is None or left > 0:
            page = PAGE if left is None else min(PAGE, left)
            rows = self._page(integration, state, since, after, page)
            yield from map(_view, rows)
            if len(rows) < page:
                return
            after = rows[-1].id
            left = None if left is None else left - len(rows)

    def _page(
        self, integration: str | None, state: InboxState | None, since: date | None, after: int, limit: int
    ) -> Sequence[InboxRow]:
        chosen = {"integration": integration, "state": state, "since": self._begin(since)}
        with self.bench.store.read() as connection:
            return inbox.listed(connection, self.bench.tenant, **chosen, after=after, limit=limit)  # type: ignore[arg-type]

    def _begin(self, day: date | None) -> datetime | None:
        return None if day is None else datetime.combine(day, time(), self.bench.zone)

    def show(self, id: int) -> DeliveryView:
        """Return one delivery with its body, masked; UnknownName when there is none of that number."""
        with self.bench.store.read() as connection:
            row = inbox.one(connection, self.bench.tenant, id)
        if row is None:
            raise UnknownName("delivery", str(id), [], "List them: svahub inbox list")
        return _view(row)

    def replay(self, ids: Collection[int], *, dry_run: bool = False) -> Replayed:
        """Have deliveries read once more, as if they had just come; what is not read yet is left as it is."""
        if not ids:
            raise Refused("Name deliveries to read again: svahub inbox list --state failed shows those that failed.")
        wanted = sorted(set(ids))
        with self.bench.writing("inbox replay", SUBJECT, dry_run=dry_run, deliveries=len(wanted)) as connection:
            done = inbox.replay(connection, self.bench.tenant, wanted, self.bench.store.now(connection))
        return Replayed(tuple(done), tuple(sorted({*wanted} - {*done})), dry_run)


def _view(row: InboxRow) -> DeliveryView:
    next_ = advice(row.id) if row.state is InboxState.FAILED else None
    return DeliveryView(
        row.id, row.integration, row.event_id, row.kind, row.subject, row.received_at, row.deliveries, row.state,
        row.due_at, row.tries, row.cause, next_, mask_json(row.details), row.ended_at,
        shown_body(row.body, row.headers.get("content-type", "")) if row.body else None,
    )  # fmt: skip
