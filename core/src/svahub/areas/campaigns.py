"""Campaigns: one verb on many contracts, planned and shown, approved, started, paused, gone on with, cancelled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from svahub import entries
from svahub.areas.bench import Bench
from svahub.areas.campaign_plans import PlannedRow, Proposal, planned_row, propose
from svahub.campaigning.choice import Where
from svahub.commands import Command
from svahub.errors import Refused, UnknownName
from svahub.intake.names import Names
from svahub.masking import mask_text
from svahub.models import Desired
from svahub.plans import Digest, Guard
from svahub.store import campaigns
from svahub.store.rows import CampaignLine, CampaignRow
from svahub.store.states import AuditKind, CampaignState, Outcome, RowState, Verb

Progress = Callable[[int], None]
OPEN = (CampaignState.PLANNED, CampaignState.RUNNING, CampaignState.PAUSED)
STOPPED = {Verb.BLOCK: (Desired.ACTIVE,), Verb.CANCEL: (Desired.ACTIVE, Desired.BLOCKED)}
"""What is wanted of that which a verb blocks or cancels."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as people see it; `campaign` is its number, None of a plan that is not kept.

    `counts` says by integration what follows for how many subscriptions, `stopping` how many would be blocked or
    cancelled of those that are `live`; `progress` how it stands with what was asked for; `next` what to do.
    """

    campaign: int | None
    verb: str
    asked: dict[str, Any]
    chosen: dict[str, Any]
    note: str | None
    state: str
    actor: str
    created_at: datetime
    contracts: int | None
    refused: int | None
    repeated: int | None
    counts: dict[str, dict[str, int]]
    stopping: int | None
    live: int | None
    hash: str | None
    approved_by: str | None
    approval: str | None
    started_by: str | None
    started_at: datetime | None
    ended_at: datetime | None
    progress: dict[str, int]
    next: str


@dataclass(frozen=True, slots=True)
class Campaigns:
    """The campaigns of one tenant."""

    bench: Bench

    def plan(self, asked: Command, chosen: Where | Names, *, progress: Progress = lambda _read: None) -> Campaign:
        """Keep a plan of what a command does to each contract that is chosen; nothing is asked of any yet.

        Refused for what no contract could be asked, and for what `chosen` names that there is not.
        """
        proposal = propose(self.bench, asked, chosen)
        with self.bench.store.write() as connection:
            row = campaigns.begin(connection, proposal.columns())
        try:
            self._keep(proposal, row, progress)
        except BaseException:
            with self.bench.store.write() as connection:
                campaigns.remove(connection, row.id)
            raise
        return self.show(str(row.id))

    def _keep(self, proposal: Proposal, row: CampaignRow, progress: Progress) -> None:
        digest = Digest(row.id, row.verb, row.asked)
        for page in proposal.pages():
            with self.bench.store.write() as connection:
                self._taken(connection, str(row.id), "plan", CampaignState.PLANNING)
                campaigns.add(connection, self.bench.tenant, row.id, page)
            digest.add(page)
            progress(len(page))
        with self.bench.store.write() as connection:
            self._taken(connection, str(row.id), "plan", CampaignState.PLANNING)
            totals = proposal.totals(connection)
            campaigns.write(connection, row.id, **totals, digest=_hash(digest, totals), state=CampaignState.PLANNED)
            details = {"contracts": totals["contracts"], "stopping": totals["stopping"], **row.asked}
            self._record(connection, "campaigns plan", row, row.actor, **details, chosen=row.chosen)

    def rehearse(
        self, asked: Command, chosen: Where | Names, *, progress: Progress = lambda _read: None
    ) -> tuple[Campaign, list[PlannedRow]]:
        """Return the plan that `plan` would keep, and its first rows; keep nothing."""
        proposal = propose(self.bench, asked, chosen)
        first: list[CampaignLine] = []
        for page in proposal.pages():
            first += page[: Proposal.SHOWN - len(first)]
            progress(len(page))
        with self.bench.store.read() as connection:
            shown = self._view(connection, proposal.as_row(connection))
        return replace(shown, campaign=None), [row for line in first for row in planned_row(line)]

    # -- showing -------------------------------------------------------------------------------------------------------

    def list(self, limit: int = 50) -> list[Campaign]:
        """Return the newest campaigns."""
        with self.bench.store.read() as connection:
            return [self._view(connection, row) for row in campaigns.of_tenant(connection, self.bench.tenant, limit)]

    def show(self, campaign: str) -> Campaign:
        """Return one campaign by its number."""
        with self.bench.store.read() as connection:
            return self._view(connection, self._row(connection, campaign))

    def rows(self, campaign: str) -> Iterator[PlannedRow]:
        """Stream what a campaign was planned to do to each subscription."""
        with self.bench.store.read() as connection:
            id = self._row(connection, campaign).id
            for page in campaigns.pages(connection, id):
                yield from (row for line in page for row in planned_row(line))

    def _row(self, connection: Connection, campaign: str, *, lock: bool = False) -> CampaignRow:
        number = int(campaign) if campaign.isascii() and campaign.isdigit() and len(campaign) < 10 else None
        row = None if number is None else campaigns.one(connection, self.bench.tenant, number, lock=lock)
        if row is None:
            known = [str(one.id) for one in campaigns.of_tenant(connection, self.bench.tenant, 20)]
            raise UnknownName("campaign", campaign, known, "All: svahub campaigns list")
        return row

    def _view(self, connection: Connection, row: CampaignRow) -> Campaign:
        progress = {} if row.started_at is None else self._progress(connection, row)
        return Campaign(
            row.id, row.verb.value, row.asked, row.chosen, row.note, row.state.value, row.actor, row.created_at,
            row.contracts, row.refused, row.repeated, row.counts or {}, row.stopping, row.live, row.digest,
            row.approved_by, row.approval, row.started_by, row.started_at, row.ended_at, progress, _next(row),
        )  # fmt: skip

    def _progress(self, connection: Connection, row: CampaignRow) -> dict[str, int]:
        """Return how many contracts were not begun or were refused, and how many operations stand how."""
        rows, operations = campaigns.counts(connection, row.id), campaigns.outcomes(connection, row.id)
        ended = row.state is CampaignState.CANCELLED
        told = {
            "cancelled" if ended else "not started": rows.get(RowState.PLANNED, 0),
            "refused": rows.get(RowState.REFUSED, 0),
            "asked": rows.get(RowState.RELEASED, 0),
        }
        return told | {outcome.value: operations[outcome] for outcome in Outcome if outcome in operations}

    # -- deciding ------------------------------------------------------------------------------------------------------

    def approve(self, campaign: str, *, note: str, actor: str) -> Campaign:
        """Let a campaign be started that blocks or cancels more than the guard lets pass."""
        with self.bench.store.write() as connection:
            row = self._taken(connection, campaign, "approve", CampaignState.PLANNED)
            given = {"approved_by": entries.acting(actor), "approval": mask_text(note)}
            campaigns.write(connection, row.id, **given, approved_at=self.bench.store.now(connection))
            self._record(connection, "campaigns approve", row, actor, stopping=row.stopping)
        return self.show(campaign)

    def start(self, campaign: str, *, actor: str, guard: Guard | None = None) -> Campaign:
        """Let `work` ask what was planned, and nothing else; Refused where that is too much and nobody approved it."""
        self._require_whole(campaign)
        with self.bench.store.write() as connection:
            row = self._taken(connection, campaign, "start", CampaignState.PLANNED)
            if row.approved_at is None:
                (guard or Guard()).check(
                    max(row.stopping or 0, campaigns.would_stop(connection, row.id, STOPPED.get(row.verb, ()))),
                    row.live or 0,
                    otherwise=f"Campaign {row.id} is not started",
                    approve=f"svahub campaigns approve {row.id} --note WHY",
                )
            started = {"started_by": entries.acting(actor), "started_at": self.bench.store.now(connection)}
            campaigns.write(connection, row.id, state=CampaignState.RUNNING, **started)
            self._record(connection, "campaigns start", row, actor, approved_by=row.approved_by)
        return self.show(campaign)

    def _require_whole(self, campaign: str) -> None:
        """Refuse a plan whose rows are not those of which its hash was taken; one that has begun has other rows."""
        with self.bench.store.read() as connection:
            row = self._row(connection, campaign)
            if row.state is not CampaignState.PLANNED:
                return
            digest = Digest(row.id, row.verb, row.asked)
            for page in campaigns.pages(connection, row.id):
                digest.add(page)
        if _hash(digest, {name: getattr(row, name) for name in Proposal.TOTALS}) != row.digest:
            raise Refused(f"Campaign {row.id} is not what its hash was taken of: somebody has changed it. Plan anew.")

    def pause(self, campaign: str, *, actor: str, note: str | None = None) -> Campaign:
        """Let nothing more of a campaign begin; what was written down already comes to its end."""
        return self._move(campaign, "pause", CampaignState.PAUSED, actor, note, CampaignState.RUNNING)

    def resume(self, campaign: str, *, actor: str, note: str | None = None) -> Campaign:
        """Go on with a campaign that was paused."""
        return self._move(campaign, "resume", CampaignState.RUNNING, actor, note, CampaignState.PAUSED)

    def cancel(self, campaign: str, *, actor: str, note: str | None = None) -> Campaign:
        """End a campaign for good: what was not begun is not done; what was written down already comes to its end."""
        states = (CampaignState.PLANNING, *OPEN)
        return self._move(campaign, "cancel", CampaignState.CANCELLED, actor, note, *states)

    def _move(
        self, campaign: str, what: str, to: CampaignState, actor: str, note: str | None, *states: CampaignState
    ) -> Campaign:
        with self.bench.store.write() as connection:
            row = self._taken(connection, campaign, what, *states)
            ended = {"ended_at": self.bench.store.now(connection)} if to is CampaignState.CANCELLED else {}
            campaigns.write(connection, row.id, state=to, **ended)
            self._record(connection, f"campaigns {what}", row, actor, note=note)
        return self.show(campaign)

    def _taken(self, connection: Connection, campaign: str, what: str, *states: CampaignState) -> CampaignRow:
        """Return a campaign, locked, that is in one of some states; Refused otherwise."""
        row = self._row(connection, campaign, lock=True)
        if row.state not in states:
            raise Refused(f"Campaign {row.id} is {row.state.value}: there is nothing to {what}. Next: {_next(row)}")
        return row

    def _record(self, connection: Connection, command: str, row: CampaignRow, actor: str, **details: Any) -> None:
        told = {"campaign": row.id, "verb": row.verb.value}
        self.bench.record(
            connection, AuditKind.COMMAND, command, f"campaign {row.id}", actor=actor, ours=told, **details
        )


def _hash(digest: Digest, totals: dict[str, Any]) -> str:
    return digest.text([totals[name] for name in Proposal.TOTALS])


def _next(row: CampaignRow) -> str:
    """Return what to do with a campaign."""
    match row.state:
        case CampaignState.PLANNING:
            return "its planning has not ended; if it was interrupted, plan it again"
        case CampaignState.PLANNED:
            too_much = row.approved_at is None and Guard().objection(row.stopping or 0, row.live or 0)
            return f"svahub campaigns approve {row.id} --note WHY" if too_much else f"svahub campaigns start {row.id}"
        case CampaignState.RUNNING:
            return "svahub work"
        case CampaignState.PAUSED:
            return f"svahub campaigns resume {row.id}"
    return f"svahub campaigns report {row.id}" if row.started_at else "plan it again"
