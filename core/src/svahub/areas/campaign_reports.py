"""What became of a campaign: for each subscription a line, and for whoever follows it how far it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from svahub.areas.bench import Bench
from svahub.areas.campaigns import Campaigns
from svahub.areas.subscriptions import Subscriptions, SubscriptionView
from svahub.store import campaigns, contracts, sales
from svahub.store.rows import CampaignLine, OperationRow, SubscriptionRow
from svahub.store.states import CampaignState, Outcome, RowState, State


class Fate(StrEnum):
    """What became of what a campaign asked of one subscription."""

    REACHED = "reached"
    WAITING = "waiting"
    PARKED = "parked"
    QUARANTINED = "quarantined"
    MISSING_PLUGIN = "missing_plugin"
    SUPERSEDED = "superseded"
    DISCARDED = "discarded"
    REFUSED = "refused"
    NOT_STARTED = "not_started"
    CANCELLED = "cancelled"


ENDED = {
    Outcome.SUCCEEDED: Fate.REACHED,
    Outcome.SUPERSEDED: Fate.SUPERSEDED,
    Outcome.PARKED: Fate.PARKED,
    Outcome.DISCARDED: Fate.DISCARDED,
}
STUCK = {State.QUARANTINED: Fate.QUARANTINED, State.MISSING_PLUGIN: Fate.MISSING_PLUGIN}
NOTHING_SOLD = "nothing of it is sold"
NOTHING_TO_DO = "it was so already"


@dataclass(frozen=True, slots=True)
class ReportLine:
    """How it stands with one subscription; of a contract that was not begun, or refused, there is one line.

    `until` is when its next step is due, `advice` what a person can do.
    """

    contract_id: str | None
    item_code: str | None
    integration: str | None
    outcome: Fate
    verb: str | None = None
    until: datetime | None = None
    cause: str | None = None
    advice: str | None = None
    operation: int | None = None
    subscription_key: str | None = None


@dataclass(frozen=True, slots=True)
class CampaignReports:
    """What became of the campaigns of one tenant."""

    bench: Bench

    def of(self, campaign: str, only: Collection[Fate] = ()) -> Iterator[ReportLine]:
        """Stream what became of each subscription, of those with some fates if named, in the order of the plan."""
        shown = Campaigns(self.bench).show(campaign)
        assert shown.campaign is not None  # it is kept
        over = shown.state == CampaignState.CANCELLED.value
        with self.bench.store.read() as connection:
            for page in campaigns.pages(connection, shown.campaign):
                lines = _Page(connection, self.bench, shown.campaign, page).lines(over=over)
                yield from (line for line in lines if not only or line.outcome in only)

    def fates(self, campaign: str) -> set[Fate]:
        """Return which fates there are among what has been asked and what was refused."""
        shown = Campaigns(self.bench).show(campaign)
        assert shown.campaign is not None
        with self.bench.store.read() as connection:
            found = {ENDED.get(outcome, Fate.WAITING) for outcome in campaigns.outcomes(connection, shown.campaign)}
            lanes = campaigns.queued(connection, shown.campaign)
            stopped = Subscriptions(self.bench).stopped(connection)
        found |= {STUCK[stopped[name].state] for name in lanes if name in stopped and stopped[name].state in STUCK}
        found |= {Fate.REFUSED} if shown.progress.get("refused") else set()
        return found | ({Fate.NOT_STARTED} if shown.progress.get("not started") else set())

    def done(self, campaign: int) -> int:
        """Return of how many contracts all has ended, or was refused."""
        with self.bench.store.read() as connection:
            rows, queued = campaigns.counts(connection, campaign), campaigns.queued(connection, campaign)
        begun = sum(count for state, count in rows.items() if state is not RowState.PLANNED)
        return max(0, begun - sum(queued.values()))


class _Page:
    """Some rows of a campaign, and all that was asked for by them."""

    def __init__(self, connection: Connection, bench: Bench, id: int, page: Sequence[CampaignLine]) -> None:
        self._page = page
        asked = {line.contract_id for line in page if line.contract_id is not None and line.state is RowState.RELEASED}
        sold = contracts.subscriptions_of(connection, bench.tenant, asked)
        self._operations = campaigns.operations_of(connection, id, [row.key for row in sold])
        self._sold: dict[str, list[SubscriptionRow]] = defaultdict(list)
        for row in sold:
            self._sold[row.contract_id].append(row)
        open_ones = {key for key, one in self._operations.items() if one.outcome in {Outcome.QUEUED, Outcome.PARKED}}
        views = Subscriptions(bench).views(connection, sales.by_keys(connection, bench.tenant, open_ones))
        self._views: Mapping[str, SubscriptionView] = {view.key: view for view in views}

    def lines(self, *, over: bool) -> Iterator[ReportLine]:
        for line in self._page:
            if line.state is RowState.RELEASED:
                yield from self._of_asked(line)
            elif line.state is RowState.REFUSED:
                yield ReportLine(line.contract_id, line.item_code, line.integration, Fate.REFUSED, cause=line.cause)
            else:
                fate = Fate.CANCELLED if over else Fate.NOT_STARTED
                yield ReportLine(line.contract_id, line.item_code, line.integration, fate)

    def _of_asked(self, line: CampaignLine) -> Iterator[ReportLine]:
        sold = [row for row in self._sold[line.contract_id or ""] if line.item_code in {None, row.item_code}]
        asked = [row for row in sold if row.key in self._operations]
        yield from (self._line(row, self._operations[row.key]) for row in asked)
        if not asked:
            cause = NOTHING_TO_DO if sold else NOTHING_SOLD
            yield ReportLine(line.contract_id, line.item_code, line.integration, Fate.REACHED, cause=cause)

    def _line(self, row: SubscriptionRow, operation: OperationRow) -> ReportLine:
        view = self._views.get(row.key)
        fate = ENDED.get(operation.outcome, STUCK.get(view.state, Fate.WAITING) if view else Fate.WAITING)
        cause = f"by operation {operation.superseded_by}" if operation.superseded_by else None
        return ReportLine(
            row.contract_id, row.item_code, row.integration, fate, operation.verb.value,
            view.due_at if view else None, view.cause if view else cause, view.advice if view else None,
            operation.id, row.key,
        )  # fmt: skip
