"""Which integration an endpoint belongs to, and whether what comes there is authentic.

An integration is opened once, and anew when its row or its secrets have changed. Nothing here calls a provider.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING

from svahub.areas.integrations import ENDPOINT_BYTES
from svahub.errors import ProviderError, Refused
from svahub.masking import mask_text
from svahub.opening import open_integration, settings_of
from svahub.store import StoreUnavailable, integrations
from svahub.store.states import IntegrationState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from svahub.hub import Hub
    from svahub.models import Notice, Webhook
    from svahub.opening import Opened
    from svahub.store.rows import IntegrationRow

FRESH_SECONDS = 1.0
"""So long a row is taken as it was read: secrets that were taken away open no longer."""
ENDPOINT = re.compile(f"[0-9a-f]{{{2 * ENDPOINT_BYTES}}}")

log = logging.getLogger(__name__)


class Closed(Exception):
    """The integration cannot be opened here now; why is in the log."""


@dataclass(frozen=True, slots=True)
class Door:
    """One integration's way in: with its current secrets, and with those before while they are kept."""

    row: IntegrationRow
    ways: tuple[Opened, ...]
    looked: float

    def notice(self, webhook: Webhook) -> Notice | None:
        """Return what a delivery is if any of the secrets proves it."""
        return next((notice for way in self.ways if (notice := way.relay.authenticate_webhook(webhook))), None)

    def close(self) -> None:
        """Close what was opened."""
        for way in self.ways:
            way.client.close()


class Doors:
    """The doors of all tenants; used by several threads. To be closed."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._doors: dict[str, Door] = {}
        self._lock = Lock()

    def noticed(self, endpoint: str, webhook: Webhook) -> tuple[IntegrationRow, Notice | None] | None:
        """Return whose endpoint it is, and what the delivery is, None if it is not authentic; None: nobody's.

        What is not authentic is looked at once more with the row as it is now. Raises Closed, StoreUnavailable, and
        PluginBug when the plugin fails.
        """
        door = self._at(endpoint) if ENDPOINT.fullmatch(endpoint) else None  # the store is not asked for nonsense
        if door is None:
            return None
        notice = door.notice(webhook)
        if notice is None and (door := self._at(endpoint, anew=True)) is not None:
            notice = door.notice(webhook)
        return (door.row, notice) if door is not None else None

    def fresh(self, endpoint: str) -> Door | None:
        """Return a door that was just looked at; None: the store has to be asked."""
        door = self._doors.get(endpoint)
        is_fresh = door is not None and self._hub.clock.monotonic() - door.looked < FRESH_SECONDS
        return door if is_fresh else None

    def _at(self, endpoint: str, *, anew: bool = False) -> Door | None:
        if not anew and (door := self.fresh(endpoint)) is not None:
            return door
        now = self._hub.clock.monotonic()
        with self._hub.store.read() as connection:
            row = integrations.at_endpoint(connection, endpoint)
        with self._lock:
            return self._looked(endpoint, row, now, anew=anew)

    def _looked(self, endpoint: str, row: IntegrationRow | None, now: float, *, anew: bool) -> Door | None:
        door = self._doors.get(endpoint)
        if row is None or row.state is IntegrationState.REMOVED:
            self._forget(endpoint)
            return None
        if door is None or _differs(door.row, row) or (anew and self._are_others(door)):
            self._forget(endpoint)
            ways = tuple(self._opened(row))
            if not ways:
                return None
            door = Door(row, ways, now)
        self._doors[endpoint] = replace(door, row=row, looked=now)
        return self._doors[endpoint]

    def _are_others(self, door: Door) -> bool:
        """Say whether the same references lead to other secrets by now."""
        way = door.ways[0]
        try:
            return settings_of(way.kind, way.row) != way.settings
        except Refused:
            return False

    def _opened(self, row: IntegrationRow) -> Iterator[Opened]:
        """Yield what the row says, opened; nothing for a provider that sends no webhooks."""
        registry = self._hub.registry
        try:
            if "receive_webhook" not in registry.provider(row.provider).capabilities:
                return
            yield open_integration(replace(row, former_secrets=None), registry, clock=self._hub.clock)
        except StoreUnavailable:
            raise
        except (Refused, ProviderError) as error:
            cause = mask_text(str(error))
            log.warning("webhooks of %s of %s cannot be taken: %s", row.name, row.tenant, cause)
            raise Closed from error
        if row.former_secrets is not None:
            yield from self._former(row)

    def _former(self, row: IntegrationRow) -> Iterator[Opened]:
        former = replace(row, secrets=row.former_secrets or {}, former_secrets=None)
        try:
            yield open_integration(former, self._hub.registry, clock=self._hub.clock)
        except (Refused, ProviderError):  # who rotates may already have thrown the former ones away
            return

    def _forget(self, endpoint: str) -> None:
        if door := self._doors.pop(endpoint, None):
            door.close()

    def close(self) -> None:
        """Close what was opened."""
        with self._lock:
            for endpoint in list(self._doors):
                self._forget(endpoint)


def _differs(before: IntegrationRow, now: IntegrationRow) -> bool:
    return replace(before, paused_until=None, state=now.state, cause=now.cause) != replace(now, paused_until=None)
