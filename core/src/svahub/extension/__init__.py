"""What plugins get for what they add beside a provider: tables, schedules, routes.

What their commands are made with is in `svahub.extension.commands`, acts of `svahub demo` in `svahub.extension.stage`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, MetaData
    from starlette.routing import BaseRoute

    from svahub.hub import Hub, TenantHub


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction on the store, of one tenant; `now` is its instant.

    What a plugin does through `connection` (SQLAlchemy's) becomes durable, or is undone, with the rest of it.
    `integration` is the one whose provider is asked to recall or record, None outside of these hooks.
    """

    connection: Connection
    tenant: str
    now: datetime
    integration: str | None = None

    @property
    def the_integration(self) -> str:
        """The integration, for what is only done where there is one: in a hook that recalls or records."""
        if self.integration is None:
            raise RuntimeError("nothing is recalled or recorded here, so that no integration is meant")
        return self.integration


@dataclass(frozen=True, slots=True)
class Tables:
    """A plugin's own tables; an entry point in `svahub.migrations` names it, under the plugin's name.

    `metadata` has the tables as they are now, each bearing the plugin's name before its own (`acme_charges`) and a
    `tenant`; `scripts` ("package:folder") has a folder `versions` with the migrations, `known` are their revisions, the
    oldest first. They stand beside the core's in one store, with a version table of their own.
    """

    metadata: MetaData
    scripts: str
    known: tuple[str, ...]

    @property
    def head(self) -> str:
        """The newest revision."""
        return self.known[-1]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Something that is done by the clock, once for each tenant; an entry point in `svahub.schedules` names it.

    `cron` is the line it starts with, in the tenant's zone; operators may set another. `run` gets the tenant's part of
    the installation and returns a sentence on what it did; to fail it raises Refused or a ProviderError. A run whose
    process ended is repeated, so it does no harm twice.
    """

    cron: str
    purpose: str
    run: Callable[[TenantHub], str]


@dataclass(frozen=True, slots=True)
class Routes:
    """What `svahub serve` answers for a plugin below `prefix`; an entry point in `svahub.routes` names it.

    `build` gets the installation and returns Starlette's routes, whose paths are below the prefix; it imports Starlette
    itself, as that is there only with `svahub[server]`. A handler finds out whose tenant a request is about, and works
    with that one's part: `hub.tenant(name, actor)` has `transaction(…)` and `reading()`, which block, so a handler that
    uses them is a plain function. Nobody has looked at who asks before a handler does.
    """

    prefix: str
    build: Callable[[Hub], Sequence[BaseRoute]]
