"""Sources: registering, testing, pulling and removing the accounts that a tenant's contracts come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from svahub import claims, entries
from svahub.areas.bench import Bench
from svahub.areas.integrations import Integrations, IntegrationView, Setting, usable
from svahub.areas.pulling import Pull, Pulled
from svahub.areas.trials import Tested
from svahub.errors import AuthenticationFailed, ProviderError, RateLimited, Refused, SvahubError, UnknownName
from svahub.masking import clean, mask_text
from svahub.models import Environment
from svahub.opening import Opened
from svahub.owners import Owner
from svahub.registry import ProviderKind
from svahub.settings import IntegrationSettings, SourceSettings
from svahub.source_clock import HeedingLog
from svahub.store import happenings, integrations, journal, sources
from svahub.store.rows import IntegrationRow
from svahub.store.sources import Claim, SourceRow
from svahub.store.states import RunOutcome
from svahub.telling import cause_of_quarantine, of_quarantined

ADD = "Add one: svahub source add NAME --type TYPE"
OF_SALES = frozenset({"adopt", "recreate"})
OWNED = timedelta(minutes=5)
AGAIN = timedelta(minutes=1)
"""A source that cannot even be opened is tried again after so long."""
LONGEST = 2_000
"""So many characters of what a pull tells are kept."""
WAIT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source as people see it: up to when it was read, by its own clock, and how the last pull ended.

    `unreported` counts what it is still to be told, `waiting_debts` the debts of contracts that are not known here;
    `rejected` are the contracts that cannot be taken as they are, each with the reason.
    """

    name: str
    type: str
    title: str | None
    environment: Environment
    base_url: str
    status: str
    contracts_until: datetime | None
    receivables_until: datetime | None
    next_pull_at: datetime | None
    pulled_at: datetime | None
    outcome: RunOutcome | None
    message: str | None
    reports: list[str]
    unreported: int
    waiting_debts: int
    rejected: dict[str, str]

    @property
    def attention(self) -> str:
        """What a person may want to act on; `svahub doctor` says how."""
        counts = {
            "contracts left out": len(self.rejected),
            "debts of unknown contracts": self.waiting_debts,
            "happenings untold": self.unreported,
        }
        return "; ".join(f"{count} {what}" for what, count in counts.items() if count)


@dataclass(frozen=True, slots=True)
class Removed:
    """A source that is gone, or would be; `contracts` says whether some that came from it stay."""

    name: str
    contracts: bool
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of one tenant."""

    bench: Bench

    def add(
        self,
        name: str,
        provider: str,
        environment: Environment,
        *,
        address: str | None = None,
        settings: Mapping[str, object] | None = None,
        secret: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> IntegrationView:
        """Register a source; raises Refused like `Integrations.add`. `work` pulls it from then on."""
        return Integrations(self.bench).register(
            name,
            self._kind(provider),
            environment,
            address=address,
            settings=settings or {},
            secret=secret or {},
            dry_run=dry_run,
            command="source add",
            beside=lambda connection, checked: self._add_row(connection, name, checked),
        )

    def _kind(self, provider: str) -> ProviderKind:
        kind = self.bench.registry.provider(provider)
        if not kind.is_source:
            add = f"svahub integration add NAME --provider {provider}"
            raise Refused(f"{kind.title} is no source of contracts: it sells. Register it: {add}")
        return kind

    def _add_row(self, connection: Connection, name: str, settings: IntegrationSettings) -> None:
        assert isinstance(settings, SourceSettings)  # a source's settings are, or it would be broken
        now = self.bench.store.now(connection)
        due_at = now if settings.watch else None
        sources.add(connection, SourceRow(self.bench.tenant, name, sorted(settings.wants()), due_at=due_at))

    def settings_of(self, provider: str) -> Sequence[Setting]:
        """Describe what can be set at a source; not what all settings have for what is sold."""
        every = Integrations(self.bench).settings_of(self._kind(provider).name)
        return [setting for setting in every if setting.name not in OF_SALES]

    def list(self) -> Sequence[SourceView]:
        """Return every source of the tenant."""
        with self.bench.store.read() as connection:
            rows = sources.of_tenant(connection, self.bench.tenant)
            return [self._view(connection, row) for row in rows]

    def show(self, name: str) -> SourceView:
        """Return one source."""
        with self.bench.store.read() as connection:
            return self._view(connection, self._row(connection, name))

    def _row(self, connection: Connection, name: str, *, lock: bool = False) -> SourceRow:
        row = sources.one(connection, self.bench.tenant, name, lock=lock)
        if row is None:
            known = [one.name for one in sources.of_tenant(connection, self.bench.tenant)]
            raise UnknownName("source", name, known, ADD)
        return row

    def _view(self, connection: Connection, row: SourceRow) -> SourceView:
        account = integrations.one(connection, row.tenant, row.name)
        assert account is not None  # a source refers to it
        kind, problem = usable(self.bench, account)
        return SourceView(
            row.name, account.provider, kind.title if kind else None, account.environment, account.base_url,
            problem or account.state.value, row.contracts_until, row.receivables_until, row.due_at, row.ended_at,
            row.outcome, row.message, row.wants, happenings.count(connection, row.tenant, row.name),
            len(sources.waiting(connection, row.tenant, row.name)),
            sources.rejected(connection, row.tenant, row.name),
        )  # fmt: skip

    def test(self, name: str) -> Tested:
        """Make one call that changes nothing; success frees a quarantined source, like `Integrations.test`."""
        self.show(name)
        return Integrations(self.bench).test(name)

    def remove(self, name: str, *, dry_run: bool = False) -> Removed:
        """Forget a source, its secrets and what it was still to be told; its contracts stay as they are.

        Refused while it has told of debts that are open, or has tasks that have not ended.
        """
        subject = entries.of_integration(name)
        with self.bench.writing("source remove", subject, dry_run=dry_run) as connection:
            self._refuse_pulled(connection, self._row(connection, name, lock=True))
            stays = sources.has_contracts(connection, self.bench.tenant, name)
            sources.remove(connection, self.bench.tenant, name)
            Integrations(self.bench).take_away(connection, name)
        return Removed(name, stays, dry_run)

    # -- pulling -------------------------------------------------------------------------------------------------------

    def pull(
        self,
        name: str,
        *,
        full: bool = False,
        dry_run: bool = False,
        progress: Callable[[int], None] = lambda _read: None,
        patience: float = 0.0,
    ) -> Pulled:
        """Read what has changed at a source since it was read last, or with `full` all of it, and take it in.

        Another pull of it is waited for so many seconds. Refused after that; raises a ProviderError where the source
        fails: what was taken in until then stays.
        """
        if dry_run:
            with self.bench.store.read() as connection:
                row = self._row(connection, name)
            return self._pulled(row, None, full=full, progress=progress)
        return self.pull_claimed(*self._claim(name, patience), full=full, progress=progress)

    def _claim(self, name: str, patience: float) -> tuple[SourceRow, Claim]:
        deadline = self.bench.clock.monotonic() + patience
        while True:
            try:
                return self._claim_once(name)
            except BeingPulled:
                if self.bench.clock.monotonic() >= deadline:
                    raise
                self.bench.clock.sleep(WAIT_SECONDS)

    def _claim_once(self, name: str) -> tuple[SourceRow, Claim]:
        with self.bench.store.write() as connection:
            row = self._row(connection, name, lock=True)
            self._refuse_pulled(connection, row)
            claim = self._claim_now(connection, str(Owner.this_process()))
            sources.take(connection, row, claim)
        return row, claim

    def _claim_now(self, connection: Connection, owner: str) -> Claim:
        now = self.bench.store.now(connection)
        return Claim(owner, now, now + OWNED)

    def _refuse_pulled(self, connection: Connection, row: SourceRow) -> None:
        owner, now = Owner.parse(row.owner or ""), self.bench.store.now(connection)
        if owner is not None and not owner.dead and row.owned_until is not None and row.owned_until > now:
            raise BeingPulled(f"{row.name!r} is being pulled by {owner.process}. Wait, and see: svahub source list")

    def pull_claimed(
        self,
        row: SourceRow,
        claim: Claim,
        *,
        full: bool = False,
        progress: Callable[[int], None] = lambda _read: None,
    ) -> Pulled:
        """Pull a source that this process has claimed, and end the claim, however it goes."""
        outcome, told = RunOutcome.FAILED, "it was interrupted"
        try:
            with claims.kept(lambda: self._renew(row, claim), OWNED.total_seconds() / 5, f"source {row.name}"):
                pulled = self._pulled(row, claim, full=full, progress=progress)
            outcome, told = RunOutcome.SUCCEEDED, str(pulled)
        except SvahubError as error:
            told = str(error)
            raise
        except Exception as error:
            told = f"it raised {type(error).__name__}"
            raise
        else:
            return pulled
        finally:
            self._finish(row, claim, outcome, clean(mask_text(told))[:LONGEST])

    def _renew(self, row: SourceRow, claim: Claim) -> None:
        with self.bench.store.write() as connection:
            sources.renew(connection, row, self._claim_now(connection, claim.owner))

    def _finish(self, row: SourceRow, claim: Claim, outcome: RunOutcome, message: str) -> None:
        with self.bench.store.write() as connection:
            ended = self._claim_now(connection, claim.owner)
            sources.finish(connection, row, ended, outcome, message, ended.now + self._pause(row))

    def _pause(self, row: SourceRow) -> timedelta:
        """Return how long to wait until the next pull; where the settings cannot be read, a moment."""
        try:
            account = self.bench.integration(row.name)
            given = self.bench.registry.provider(account.provider).settings.model_construct(**account.settings)
            return timedelta(seconds=float(getattr(given, "poll", AGAIN.total_seconds())))
        except (Refused, ValueError, TypeError):
            return AGAIN

    def _pulled(self, row: SourceRow, claim: Claim | None, *, full: bool, progress: Callable[[int], None]) -> Pulled:
        with self._opened(row) as (opened, log):
            assert isinstance(opened.settings, SourceSettings)
            if claim is not None:
                self._follow_settings(row, opened.settings)
            overlap = timedelta(seconds=opened.settings.overlap)
            return Pull(self.bench, row, claim, opened, log, full, overlap, progress).run()

    @contextmanager
    def _opened(self, row: SourceRow) -> Iterator[tuple[Opened, HeedingLog]]:
        """Open a source; one that does not take our credentials is quarantined, one that asks for a pause gets it."""
        log = HeedingLog()
        try:
            with self.bench.calling(row.name, log) as opened:
                yield opened, log
        except (AuthenticationFailed, RateLimited) as error:
            self._stopped(self.bench.integration(row.name), error)
            raise

    def _follow_settings(self, row: SourceRow, settings: SourceSettings) -> None:
        """Have it be told of what its settings say, which another version of its plugin may read otherwise."""
        if row.wants != (wants := sorted(settings.wants())):
            with self.bench.store.write() as connection:
                sources.change(connection, row, wants=wants)

    def _stopped(self, account: IntegrationRow, error: ProviderError) -> None:
        with self.bench.store.write() as connection:
            now = self.bench.store.now(connection)
            if isinstance(error, RateLimited):
                until = now + timedelta(seconds=error.retry_after or AGAIN.total_seconds())
                integrations.pause(connection, account.tenant, account.name, until)
            if isinstance(error, AuthenticationFailed):
                cause = cause_of_quarantine(account, error, Owner.this_process().process)
                if integrations.quarantine(connection, account, cause):
                    journal.tell(connection, account.tenant, now, [of_quarantined(account.name, cause)])


class BeingPulled(Refused):
    """Another process, or another thread of this one, pulls the source just now."""
