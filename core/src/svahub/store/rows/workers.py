"""Rows of who works on this store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from svahub.store.states import RunnerName


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker as it last told of itself: at how many shards it looks (None: everywhere), how much is under way."""

    owner: str
    runner: RunnerName
    threads: int
    tenants: list[str]
    started_at: datetime
    seen_at: datetime
    shards: int | None
    under_way: int
