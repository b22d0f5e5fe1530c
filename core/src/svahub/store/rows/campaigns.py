"""Campaigns, and what each is to do to which contract."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from svahub.store.states import CampaignState, RowState, Verb


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """One verb on many contracts: what was asked, of whom it was chosen, and how far it is.

    `live` are the subscriptions that providers had when it was planned, `stopping` those that it would block or cancel.
    """

    id: int
    tenant: str
    verb: Verb
    asked: dict[str, Any]
    chosen: dict[str, Any]
    note: str | None
    state: CampaignState
    actor: str
    created_at: datetime
    counts: dict[str, dict[str, int]] | None
    contracts: int | None
    refused: int | None
    repeated: int | None
    stopping: int | None
    live: int | None
    digest: str | None
    approved_by: str | None
    approval: str | None
    approved_at: datetime | None
    started_by: str | None
    started_at: datetime | None
    ended_at: datetime | None


class CampaignLine(NamedTuple):
    """What a campaign asks of one contract, or of one item of it; `effects` is what follows, as it was planned."""

    number: int
    contract_id: str | None
    item_code: str | None
    integration: str | None
    state: RowState
    cause: str | None
    effects: list[list[Any]]
