"""What every area works with: one tenant's store, registry, clock, and a way to call its integrations.

What calls take, httpx above all, is imported by who calls: most commands only read and write the store.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from svahub import entries
from svahub.errors import Refused, UnknownName
from svahub.store import integrations, journal
from svahub.store.queue import Lane
from svahub.store.states import AuditKind, IntegrationState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from sqlalchemy import Connection

    from svahub.clock import Clock
    from svahub.fleet import ExchangeLog
    from svahub.opening import Opened
    from svahub.registry import Registry
    from svahub.relay import Relay
    from svahub.store import Store
    from svahub.store.rows import IntegrationRow
    from svahub.tokens import TokenCache

REGISTER = "Register one: svahub integration add NAME --provider P --environment staging"
NOBODY = "operator"
"""Who acts where a program does not say."""

GATHERED = 200
"""After so many of a stream, what was exchanged for them is written."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bench:
    """One tenant's tools; `zone` is where its days begin, `actor` who works with them."""

    store: Store
    registry: Registry
    clock: Clock
    tenant: str
    zone: ZoneInfo
    actor: str = NOBODY

    def integration(self, name: str) -> IntegrationRow:
        """Return an integration; UnknownName when there is none of that name."""
        with self.store.read() as connection:
            row = integrations.one(connection, self.tenant, name)
            if row is None or row.state is IntegrationState.REMOVED:
                known = [r.name for r in integrations.of_tenant(connection, self.tenant)]
                raise UnknownName(
                    "integration",
                    name,
                    known,
                    REGISTER,
                )
            return row

    def integrations(self) -> Sequence[IntegrationRow]:
        """Return every integration of the tenant."""
        with self.store.read() as connection:
            return integrations.of_tenant(connection, self.tenant)

    def streaming(self, name: str, read: Callable[[Relay], Iterator[T]]) -> Iterator[T]:
        """Stream what an integration's provider brings; its exchanges are recorded as they gather, however many."""
        from svahub.fleet import ExchangeLog

        log = ExchangeLog()
        with self.calling(name, log) as opened:
            for number, one in enumerate(read(opened.relay), start=1):
                yield one
                if number % GATHERED == 0:
                    self._record_exchanges(log)

    @contextmanager
    def calling(self, name: str, log: ExchangeLog | None = None) -> Iterator[Opened]:
        """Open an integration for calls outside converge; its exchanges are recorded when the block ends."""
        row = self.integration(name)
        if row.state is IntegrationState.DISABLED:
            raise Refused(f"The integration {name!r} is disabled. Enable it: svahub integration enable {name}")
        with self.opened(row, log=log) as opened:
            yield opened

    @contextmanager
    def opened(
        self, row: IntegrationRow, tokens: TokenCache | None = None, log: ExchangeLog | None = None
    ) -> Iterator[Opened]:
        """Open an integration as a row says, be it kept or not; its exchanges are recorded when the block ends.

        Unless `tokens` are given, it has those that are shared.
        """
        from svahub.fleet import ExchangeLog
        from svahub.opening import open_integration
        from svahub.pacing import await_turn
        from svahub.shared_tokens import SharedTokens

        lane, log = Lane(self.tenant, row.name), log or ExchangeLog()
        sensitive = self.registry.provider(row.provider).sensitive
        recorder = log.recorder(lane, sensitive=sensitive)
        shared = tokens or SharedTokens(self.store, lane)
        pace = partial(await_turn, self.store, self.clock, lane)
        opened = open_integration(row, self.registry, clock=self.clock, recorder=recorder, tokens=shared, pace=pace)
        try:
            yield opened
        finally:
            opened.client.close()
            self._record_exchanges(log)

    def _record_exchanges(self, log: ExchangeLog) -> None:
        with log.writing(self.store) as (connection, exchanges):
            journal.write_exchanges(connection, exchanges, self.store.now(connection))

    @contextmanager
    def writing(self, command: str, subject: str, *, dry_run: bool = False, **details: Any) -> Iterator[Connection]:
        """Open a transaction for what somebody asked; unless it is undone, the audit keeps who asked what.

        `details` are masked by their names. What raises leaves nothing.
        """
        with self.store.write(undo=dry_run) as connection:
            yield connection
            self.record(connection, AuditKind.COMMAND, command, subject, **details)

    def record(
        self,
        connection: Connection,
        kind: AuditKind,
        command: str,
        subject: str,
        *,
        actor: str | None = None,
        **details: Any,
    ) -> None:
        """Append to the audit, last in a transaction, that `actor` (the bench's, unless named) did something."""
        entry = entries.entry(kind, actor or self.actor, command, subject, **details)
        journal.append(connection, self.tenant, self.store.now(connection), [entry])

    def now(self) -> datetime:
        """Return the store's instant."""
        with self.store.read() as connection:
            return self.store.now(connection)
