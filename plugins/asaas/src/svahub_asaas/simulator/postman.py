"""Delivers events to the registered webhooks, beside the requests that are answered: at least once, with retries."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from contextlib import suppress
from threading import Condition
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from svahub_asaas.simulator.sending import post
from svahub_asaas.simulator.webhook import Parcel, Webhook
from svahub_asaas.simulator.writing import instant

if TYPE_CHECKING:
    from random import Random

    from svahub_asaas.simulator.calendar import MovableClock
    from svahub_asaas.simulator.mishaps import Mishaps
    from svahub_asaas.simulator.timings import AsaasTimings

DELIVERIES_KEPT = 20_000
OK = 200


class Delivery(NamedTuple):
    """One try to deliver an event; `entity` is the id of what it speaks of, `status` 0 if there was no answer."""

    webhook: str
    id: str
    event: str
    entity: str
    tries: int
    status: int


class Postman:
    """Tells webhooks of events. Its time passes as the machine's, and faster when the simulator's days are moved on."""

    def __init__(self, clock: MovableClock, timings: AsaasTimings, random: Random, mishaps: Mishaps) -> None:
        self.webhooks: dict[str, Webhook] = {}
        self.log: deque[Delivery] = deque(maxlen=DELIVERIES_KEPT)
        self._clock, self._timings, self._random, self._mishaps = clock, timings, random, mishaps
        self._account = {"id": str(UUID(int=random.getrandbits(128))), "ownerId": None}
        self._told = 0
        self._skipped = 0.0
        self._changed: asyncio.Event | None = None
        self.progress = Condition()

    def tell(self, event: str, entity: dict[str, Any], *, everywhere: bool = False) -> None:
        """Queue an event for every webhook that asked for it; `entity` is the key of its family and what it says."""
        self._told += 1
        id = f"evt_{self._random.getrandbits(128):032x}&{self._told}"
        now = self._clock.now()
        payload = {"id": id, "event": event, "dateCreated": instant(now), "account": self._account, **entity}
        body = json.dumps(payload, ensure_ascii=False).encode()
        spoken_of = next((str(value.get("id", "")) for value in entity.values() if isinstance(value, dict)), "")
        for webhook in self.webhooks.values():
            if webhook.enabled and (everywhere or event in webhook.events):
                held_until = self._now() + self._timings.webhook_reorder_seconds
                webhook.take_in(Parcel(id, event, spoken_of, body, now), self._mishaps.draw(), held_until)
        self.look_again()

    def look_again(self) -> None:
        """See what may be sent now, after a queue has changed."""
        if self._changed is not None:
            self._changed.set()
        with self.progress:
            self.progress.notify_all()

    def skip(self, seconds: float) -> None:
        """Let time pass for what waits to be tried again."""
        self._skipped += seconds
        for webhook in self.webhooks.values():
            if not webhook.sends:
                webhook.drop_old(self._clock.now())
        self.look_again()

    def is_idle(self) -> bool:
        """Tell whether nothing is left to be sent; what is interrupted or disabled does not count."""
        return not any(webhook.sends for webhook in list(self.webhooks.values()))

    def wait_idle(self, timeout: float) -> None:
        """Wait for that, in another thread than the simulator's; raise TimeoutError when it takes too long."""
        with self.progress:
            if not self.progress.wait_for(self.is_idle, timeout):
                raise TimeoutError(f"after {timeout:g} s there are webhooks left to deliver")

    async def work(self) -> None:
        """Deliver until cancelled; what is not delivered then stays."""
        self._changed = asyncio.Event()
        sending: set[asyncio.Task[None]] = set()
        try:
            while True:
                self._changed.clear()
                sending |= {self._send_off(webhook, parcel) for webhook, parcel in self._ready()}
                await self._until_changed(self._changed)
                sending = {task for task in sending if not task.done()}
        finally:
            self._changed = None
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)

    def _ready(self) -> list[tuple[Webhook, Parcel]]:
        now = self._now()
        return [(webhook, parcel) for webhook in self.webhooks.values() for parcel in webhook.ready(now)]

    def _send_off(self, webhook: Webhook, parcel: Parcel) -> asyncio.Task[None]:
        webhook.send_off(parcel)
        return asyncio.create_task(self._deliver(webhook, parcel))

    async def _deliver(self, webhook: Webhook, parcel: Parcel) -> None:
        try:
            status = await post(webhook.url, _headers(webhook), parcel.body, self._timings.webhook_timeout_seconds)
            self._note(webhook, parcel, status)
        finally:
            webhook.come_back(parcel)
            self.look_again()

    def _note(self, webhook: Webhook, parcel: Parcel, status: int) -> None:
        tries = parcel.failures + 1
        self.log.append(Delivery(webhook.id, parcel.id, parcel.event, parcel.entity, tries, status))
        if status == OK:
            webhook.delivered(parcel)
        else:
            webhook.failed(parcel, self._now(), self._timings.webhook_scale)

    async def _until_changed(self, changed: asyncio.Event) -> None:
        dues = [due for webhook in self.webhooks.values() if (due := webhook.next_due()) is not None]
        wait = max(0.0, min(dues) - self._now()) if dues else None
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await changed.wait()

    def _now(self) -> float:
        return time.monotonic() + self._skipped


def _headers(webhook: Webhook) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": "Asaas_Hub/simulator"}
    return headers if webhook.token is None else {**headers, "asaas-access-token": webhook.token}
