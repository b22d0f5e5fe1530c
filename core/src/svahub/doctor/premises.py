"""What the checks look at: the store as it is, what is installed, the tenants, once they can be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from svahub.areas.health import Status
from svahub.areas.integrations import IntegrationView
from svahub.errors import Refused
from svahub.hub import Hub, TenantHub
from svahub.registry import Registry
from svahub.store import Store


@dataclass
class Premises:
    """One installation, checked for some tenants (none named: for all).

    `unopened` says why there is no store to look at. `progress` hears of each integration that was tried.
    """

    store: Store | None
    registry: Registry = field(default_factory=Registry)
    tenants: tuple[str, ...] = ()
    actor: str = "operator"
    offline: bool = False
    unopened: str = ""
    progress: Callable[[int], None] = lambda _done: None

    @property
    def opened(self) -> Store:
        """The store; Refused says why there is none."""
        if self.store is None:
            raise Refused(self.unopened or "There is no store.")
        return self.store

    @property
    def file(self) -> Path | None:
        """The store's file, None where a server keeps it."""
        store = self.opened
        return Path(store.url.database or "").absolute() if store.dialect == "sqlite" else None

    @cached_property
    def hub(self) -> Hub:
        """The hub on the store, which need not be one that `Hub.open` takes."""
        return Hub(self.opened, self.registry)

    @cached_property
    def offices(self) -> list[TenantHub]:
        """The tenants to check; UnknownName when one is not there."""
        names = self.tenants or tuple(row.name for row in self.hub.tenants())
        return [self.hub.tenant(name, self.actor) for name in names]

    @cached_property
    def statuses(self) -> list[tuple[TenantHub, Status]]:
        """How it stands with each tenant."""
        return [(office, office.health.status()) for office in self.offices]

    @cached_property
    def integrations(self) -> list[tuple[TenantHub, IntegrationView]]:
        """Every integration of each tenant."""
        return [(office, view) for office in self.offices for view in office.integrations.list()]
