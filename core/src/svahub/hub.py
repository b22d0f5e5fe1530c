"""The façade that the command line, the API and programs use: one installation. One tenant's part of it is in `office`.

What only some commands need is imported when it is asked for: areas, workers, and with them the HTTP client.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from svahub import entries, logbook
from svahub.areas.bench import NOBODY
from svahub.errors import Refused, UnknownName
from svahub.office import Counts as Counts
from svahub.office import TenantHub as TenantHub
from svahub.registry import Registry
from svahub.store import Store, integrations, journal, versions
from svahub.store.rows import TenantRow
from svahub.store.states import AuditKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from svahub.areas.keys import Bearer
    from svahub.areas.offering import Offering
    from svahub.campaigning.rounds import Campaigning
    from svahub.clock import Clock
    from svahub.converge import Converge, Progress
    from svahub.dispatching import Dispatching
    from svahub.receiving import Receiving
    from svahub.shards import Shards
    from svahub.timekeeper import Timekeeper
    from svahub.watching import Ended, Watching

DEFAULT_TENANT = "default"
DEFAULT_ZONE = "America/Sao_Paulo"


class Hub:
    """One installation: a store, what is installed beside it, a clock. To be closed."""

    def __init__(
        self, store: Store, registry: Registry | None = None, *, draw: Callable[[], float] = random.random
    ) -> None:
        self.store, self.registry, self.clock, self._draw = store, registry or Registry(), store.clock, draw

    @classmethod
    def open(
        cls,
        url: str,
        registry: Registry | None = None,
        *,
        clock: Clock | None = None,
        draw: Callable[[], float] = random.random,
    ) -> Hub:
        """Open a store, making it when it is empty; without a `registry`, with what is installed.

        Raises StoreUnavailable, StoreTooOld, StoreTooNew or StoreClosed when it cannot be used as it is.
        """
        hub = cls(Store(url, clock), registry, draw=draw)
        try:
            for standing in versions.ready(hub.store):
                logbook.tables_not_made(standing.plugin, standing.package, standing.problem or "")
            hub._make_default_tenant()
        except BaseException:
            hub.close()
            raise
        return hub

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give every connection back."""
        self.store.close()

    def _make_default_tenant(self) -> None:
        with self.store.read() as connection:
            if integrations.tenant(connection, DEFAULT_TENANT):
                return
        with self.store.write() as connection:
            integrations.add_tenant(connection, TenantRow(DEFAULT_TENANT, DEFAULT_ZONE, self.store.now(connection)))

    def tenants(self) -> list[TenantRow]:
        """Return every tenant."""
        with self.store.read() as connection:
            return integrations.all_tenants(connection)

    def add_tenant(self, name: str, zone: str = DEFAULT_ZONE, actor: str = NOBODY) -> TenantRow:
        """Add an ISP; `zone` is the IANA name of where its days begin. Refused when it is there already."""
        from svahub.areas.integrations import checked_name

        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise Refused(f"{zone!r} is no time zone: write one such as {DEFAULT_ZONE}.") from error
        with self.store.write() as connection:
            row = TenantRow(checked_name("tenant", name), zone, self.store.now(connection))
            if not integrations.add_tenant(connection, row):
                raise Refused(f"There is a tenant {name!r} already.")
            told = entries.entry(AuditKind.COMMAND, actor, "tenant add", f"tenant {row.name}", zone=zone)
            journal.append(connection, row.name, row.created_at, [told])
        return row

    def tenant(self, name: str, actor: str = NOBODY) -> TenantHub:
        """Return one tenant's part, for `actor` to work with; UnknownName when there is none of that name."""
        with self.store.read() as connection:
            row = integrations.tenant(connection, name)
        if row is None:
            raise UnknownName("tenant", name, [t.name for t in self.tenants()], "Add one: svahub tenant add")
        return TenantHub(self, row, actor)

    def bearer(self, secret: str) -> Bearer | None:
        """Return whose an API key is, of whatever tenant; None when it is none, or a revoked one."""
        from svahub.areas.keys import bearer_of

        return bearer_of(self.store, secret)

    def offering(self, id: str) -> Offering | None:
        """Return the offers of the tenant whose activation link bears this id; None when it is not kept here."""
        from svahub.areas.offering import tenant_of_link

        tenant = tenant_of_link(self.store, id)
        return self.tenant(tenant).offering if tenant is not None else None

    def work(
        self,
        *,
        threads: int = 32,
        tenants: Collection[str] = (),
        progress: Progress = lambda _ended: None,
        shards: Shards | None = None,
    ) -> Converge:
        """Return a worker for some tenants (none named: for all), everywhere or in `shards` only; to be closed."""
        from svahub.converge import Converge
        from svahub.fleet import Fleet

        fleet = Fleet(self.registry, self.clock, tenants, self.store)
        return Converge(
            self.store, fleet, self.clock, threads=threads, draw=self._draw, progress=progress, shards=shards
        )

    def receiving(self, *, tenants: Collection[str] = (), threads: int = 8) -> Receiving:
        """Return what reads the deliveries of some tenants (none named: of all); to be closed."""
        from svahub.receiving import Receiving

        return Receiving(self, tenants, threads=threads, draw=self._draw)

    def dispatching(self, *, tenants: Collection[str] = (), threads: int = 16) -> Dispatching:
        """Return what sends the messages of some tenants (none named: of all) to other systems; to be closed."""
        from svahub.dispatching import Dispatching

        return Dispatching(self, tenants, threads=threads, draw=self._draw)

    def watching(
        self,
        *,
        tenants: Collection[str] = (),
        once: bool = False,
        heed: Callable[[Ended], None] = lambda _ended: None,
    ) -> Watching:
        """Return what pulls the sources of some tenants (none named: of all) and tells them; to be closed.

        With `once`, it pulls each at most once. `heed` hears of each pull that has ended.
        """
        from svahub.watching import Watching

        return Watching(self, tenants, once=once, heed=heed)

    def campaigning(self, *, tenants: Collection[str] = (), only: int | None = None) -> Campaigning:
        """Return what feeds the campaigns of some tenants (none named: of all), or only one of them; to be closed."""
        from svahub.campaigning.rounds import Campaigning

        return Campaigning(self, tenants, only=only)

    def timekeeper(self, *, tenants: Collection[str] = ()) -> Timekeeper:
        """Return what runs the schedules of some tenants (none named: of all)."""
        from svahub.timekeeper import Timekeeper

        return Timekeeper(self, tenants)
