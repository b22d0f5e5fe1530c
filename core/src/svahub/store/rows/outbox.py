"""Whom else is told, and of what."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from svahub.store.states import MessageState, NewsKind


@dataclass(frozen=True, slots=True)
class TargetRow:
    """Another system that is told: where, of what, and signed with which secret, a reference or encrypted.

    `kinds` and `product_types` None: all that are not sensitive. Until `former_until` messages bear the signature of
    the former secret too.
    """

    tenant: str
    name: str
    url: str
    kinds: list[str] | None
    product_types: list[str] | None
    secret: str = field(repr=False)
    former_secret: str | None = field(repr=False)
    former_until: datetime | None
    allow_private: bool
    paused_until: datetime | None
    sent: int
    failed: int
    created_at: datetime


class MessageRow(NamedTuple):
    """One message to one target; it is due while its line is, and has not ended while `ended_at` is None."""

    id: int
    tenant: str
    target: str
    customer_id: str
    message_id: str
    kind: NewsKind
    contract_id: str | None
    item_code: str | None
    body: str | None
    created_at: datetime
    state: MessageState
    tries: int
    tried_since: datetime | None
    status: int | None
    cause: str | None
    ended_at: datetime | None

    def __repr__(self) -> str:
        return f"MessageRow({self.id}, {self.kind}, {self.state.value})"
