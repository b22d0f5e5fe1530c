"""What providers have told."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from svahub.store.states import InboxState


class InboxRow(NamedTuple):
    """One delivery of a provider, by the id of its event; it waits while `due_at` is set."""

    id: int
    tenant: str
    integration: str
    event_id: str
    kind: str
    subject: str | None
    received_at: datetime
    deliveries: int
    headers: dict[str, str]
    body: bytes | None
    state: InboxState
    due_at: datetime | None
    owner: str | None
    tries: int
    cause: str | None
    details: dict[str, Any]
    ended_at: datetime | None

    def __repr__(self) -> str:
        return f"InboxRow({self.id}, {self.kind}, {self.state.value})"
