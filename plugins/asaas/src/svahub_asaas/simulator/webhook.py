"""A registered webhook: what it wants to hear, what waits to be sent to it, and when it may be. No socket here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from svahub_asaas.simulator.mishaps import Mishap

MINUTE, HOUR = 60, 3600
WAITS = (30, MINUTE, 3.5 * MINUTE, 5 * MINUTE, 15 * MINUTE, 25 * MINUTE, *([HOUR] * 5), 2 * HOUR, 2 * HOUR, 3 * HOUR)
"""Seconds after each failure, as Asaas documents them under "Penalização de filas"; there is none after the last."""

FAILURES = len(WAITS) + 1
KEPT = timedelta(days=14)
AT_ONCE = 8
CONFIGURED = ("name", "url", "email", "enabled", "interrupted", "token", "send_type", "events")


@dataclass(slots=True, eq=False)
class Parcel:
    """An event on its way; `due` is in seconds of the postman's time, `held` says that another shall overtake it."""

    id: str
    event: str
    entity: str
    body: bytes
    at: datetime
    due: float = 0.0
    failures: int = 0
    under_way: bool = False
    arrived: bool = False
    held: bool = False
    follows: Parcel | None = None

    @property
    def waits(self) -> bool:
        """Whether it is here to be sent: not under way, and not behind one that has not arrived."""
        return not self.under_way and (self.follows is None or self.follows.arrived)


@dataclass(slots=True)
class Webhook:
    """Where events go; SEQUENTIALLY lets nothing overtake an event that fails."""

    id: str
    name: str = ""
    url: str = ""
    email: str | None = None
    enabled: bool = True
    interrupted: bool = False
    token: str | None = field(default=None, repr=False)
    send_type: str = "SEQUENTIALLY"
    events: tuple[str, ...] = ()
    parcels: list[Parcel] = field(default_factory=list, repr=False)
    under_way: int = 0

    def json(self) -> dict[str, Any]:
        """Return it as the API tells of it, without its token."""
        return {
            "id": self.id,
            "name": self.name,
            "url": self.url,
            "email": self.email,
            "enabled": self.enabled,
            "interrupted": self.interrupted,
            "apiVersion": 3,
            "hasAuthToken": self.token is not None,
            "sendType": self.send_type,
            "penalizedRequestsCount": sum(parcel.failures > 0 for parcel in self.parcels),
            "events": list(self.events),
        }

    @property
    def sends(self) -> bool:
        """Whether anything is to be sent now or later."""
        return bool(self.parcels) and self.enabled and not self.interrupted

    def take_in(self, parcel: Parcel, mishap: Mishap | None, held_until: float) -> None:
        """Put an event into the queue, or what a mishap makes of it."""
        if mishap is Mishap.LOST:
            return
        overtaken = self.parcels[-1] if self.parcels and self.parcels[-1].held else None
        if overtaken is not None:
            overtaken.held, overtaken.due, overtaken.follows = False, 0.0, parcel
            self.parcels.insert(-1, parcel)
        else:
            self.parcels.append(parcel)
        if mishap is Mishap.REORDERED and overtaken is None:
            parcel.held, parcel.due = True, held_until
        if mishap is Mishap.DOUBLED:
            again = Parcel(parcel.id, parcel.event, parcel.entity, parcel.body, parcel.at)
            self.parcels.insert(self.parcels.index(parcel) + 1, again)

    def ready(self, now: float) -> list[Parcel]:
        """Return what may be sent now."""
        if not self.sends or self._room <= 0:
            return []
        due = (parcel for parcel in self._eligible if parcel.waits and parcel.due <= now)
        return list(islice(due, self._room))

    def next_due(self) -> float | None:
        """Return when the next event may be sent; None while there is none, or no room for it."""
        if not self.sends or self._room <= 0:
            return None
        return min((parcel.due for parcel in self._eligible if parcel.waits), default=None)

    def send_off(self, parcel: Parcel) -> None:
        """Note that an event is under way."""
        parcel.under_way, parcel.held = True, False
        self.under_way += 1

    def come_back(self, parcel: Parcel) -> None:
        """Note that it is not any more, however that ended."""
        parcel.under_way = False
        self.under_way -= 1

    def failed(self, parcel: Parcel, now: float, scale: float) -> None:
        """Put a failed event off; interrupt the queue after its last try."""
        parcel.failures += 1
        if parcel.failures >= FAILURES:
            self.interrupted = True
        else:
            parcel.due = now + WAITS[parcel.failures - 1] * scale

    def delivered(self, parcel: Parcel) -> None:
        """Take an event out of the queue, unless the webhook was deleted meanwhile."""
        parcel.arrived = True
        if parcel in self.parcels:
            self.parcels.remove(parcel)

    def configure(self, wanted: Webhook) -> None:
        """Take over how another one is configured; queue and what is under way stay."""
        if self.interrupted and not wanted.interrupted:
            self.begin_anew()
        for name in CONFIGURED:
            setattr(self, name, getattr(wanted, name))

    def begin_anew(self) -> None:
        """Forget all penalties: what waits may be sent now."""
        for parcel in self.parcels:
            parcel.failures, parcel.due, parcel.held = 0, 0.0, False

    def drop_old(self, now: datetime) -> None:
        """Forget events of more than 14 days ago, which a queue that stands still keeps no longer."""
        self.parcels = [parcel for parcel in self.parcels if parcel.under_way or now - parcel.at <= KEPT]

    @property
    def _eligible(self) -> list[Parcel]:
        return self.parcels[:1] if self.send_type == "SEQUENTIALLY" else self.parcels

    @property
    def _room(self) -> int:
        return (1 if self.send_type == "SEQUENTIALLY" else AT_ONCE) - self.under_way
