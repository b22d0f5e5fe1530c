"""A verb asked of many contracts: planned as a campaign, shown, started if that is wanted, and followed to its end."""

from __future__ import annotations

import sys
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from svahub.areas.campaign_reports import CampaignReports, Fate
from svahub.campaigning.choice import Where
from svahub.campaigning.following import Following
from svahub.cli.exits import ExitCode, end_with, worst
from svahub.cli.guarding import guard_options
from svahub.cli.options import combined
from svahub.cli.output import as_mapping, as_text, confirm, show_object, show_table
from svahub.cli.progress import bar
from svahub.cli.streams import write_json
from svahub.cli.working import stopped_by_signals
from svahub.intake.names import Names
from svahub.plans import Guard
from svahub.store.states import CampaignState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from svahub.areas.campaign_plans import PlannedRow
    from svahub.areas.campaigns import Campaign
    from svahub.commands import Command
    from svahub.hub import TenantHub

SHOWN = 50
ROWS = ("contract_id", "item_code", "integration", "verb", "before", "after", "cause")
CODES = {
    Fate.WAITING: ExitCode.WAITING,
    Fate.NOT_STARTED: ExitCode.WAITING,
    Fate.PARKED: ExitCode.NEEDS_PERSON,
    Fate.QUARANTINED: ExitCode.NEEDS_PERSON,
    Fate.MISSING_PLUGIN: ExitCode.NEEDS_PERSON,
    Fate.SUPERSEDED: ExitCode.SUPERSEDED,
    Fate.DISCARDED: ExitCode.SUPERSEDED,
    Fate.REFUSED: ExitCode.ERROR,
}
options = combined(
    click.option("--from", "file", metavar="FILE", help="Of all contracts that this file names; - is standard input."),
    click.option(
        "--where", multiple=True, metavar="KEY=VALUE",
        help="Of all for which this holds: integration, product_type, plan, days_overdue. Repeated: all of it.",
    ),
    guard_options,
)  # fmt: skip


def chosen(contracts: tuple[str, ...], file: str | None, where: tuple[str, ...]) -> Where | Names | None:
    """Return of whom a verb is asked as a campaign; None: of those that are named on the command line."""
    given = [bool(contracts), file is not None, bool(where)]
    if given.count(True) != 1:
        raise click.UsageError("Name CONTRACTs, or --from FILE, or --where KEY=VALUE: one of the three.")
    if contracts:
        return None
    return Where.of(where) if where else Names(file or "-")


def carry_out(
    office: TenantHub, asked: Command, whom: Where | Names, *, dry_run: bool, no_wait: bool, timeout: float, yes: bool,
    as_json: bool, max_changes: int, max_percent: float,
) -> None:  # fmt: skip
    """Plan a campaign and show it; unless it is a dry run, or nobody said yes to it, start and follow it."""
    if dry_run:
        with bar("contracts") as progress:
            shown, rows = office.campaigns.rehearse(asked, whom, progress=progress)
        write_json(shown, rows) if as_json else tell(shown, rows)
        return
    with bar("contracts") as progress:
        planned = office.campaigns.plan(asked, whom, progress=progress)
    if not (yes or sys.stdin.isatty()):  # nobody can be asked
        write_json(planned, first_rows(office, planned)) if as_json else tell(planned, first_rows(office, planned))
        return
    if not as_json:
        tell(planned, first_rows(office, planned))
        click.echo()
    confirm(f"Start campaign {planned.campaign} ({in_short(planned)})?", yes)
    guard = Guard(max_changes, max_percent)
    started = office.campaigns.start(str(planned.campaign), actor=asked.actor, guard=guard)
    follow(office, started, no_wait=no_wait, timeout=timeout, as_json=as_json)


def first_rows(office: TenantHub, planned: Campaign) -> list[PlannedRow]:
    """Return the first rows of a plan that is kept."""
    return list(islice(office.campaigns.rows(str(planned.campaign)), SHOWN))


def follow(office: TenantHub, started: Campaign, *, no_wait: bool, timeout: float, as_json: bool) -> None:
    """Bring a campaign that was started to its end, unless nobody waits for it; say how it stands, and exit so."""
    id = started.campaign
    assert id is not None  # it is kept
    if no_wait:
        tell_briefly(started, as_json)
        return
    with bar("contracts", started.contracts) as progress:
        following = Following(office, id, progress)
        with stopped_by_signals(following.stop):
            following.run(timeout=timeout)
    shown = office.campaigns.show(str(id))
    tell_briefly(shown, as_json)
    if shown.state == CampaignState.RUNNING:
        click.echo(f"It goes on with `svahub work`; to stop it for now: svahub campaigns pause {id}", err=True)
    fates = CampaignReports(office.bench).fates(str(id))
    if fates - {Fate.REACHED}:
        click.echo(f"What became of each: svahub campaigns report {id}", err=True)
    end_with(worst(CODES.get(fate, ExitCode.REACHED) for fate in fates))


# -- telling -----------------------------------------------------------------------------------------------------------


def in_short(shown: Campaign) -> str:
    """Return what a campaign asks of how many."""
    stops = f", which stops {shown.stopping} of {shown.live} subscriptions" if shown.stopping else ""
    return f"{shown.verb} {shown.contracts} contracts{stops}"


def tell_briefly(shown: Campaign, as_json: bool) -> None:
    """Print how a campaign stands."""
    show_object(shown if as_json else dict(_lines(shown)), as_json)


def tell(shown: Campaign, rows: Iterable[PlannedRow]) -> None:
    """Print how a campaign stands, and the first of its rows."""
    show_object(dict(_lines(shown)))
    click.echo()
    stream = iter(rows)
    show_table(list(islice(stream, SHOWN)), ROWS, empty="No row.")
    if (shown.contracts or 0) > SHOWN:
        all_rows = f" All: svahub campaigns show {shown.campaign} --csv" if shown.campaign else ""
        click.echo(f"These are the first {SHOWN}.{all_rows}")


def _lines(shown: Campaign) -> Iterator[tuple[str, Any]]:
    """Yield what there is to tell, a line each."""
    named = as_mapping(shown)
    for name in ("campaign", "state"):
        yield from [(name, named[name])] if named[name] is not None else []
    yield "asked", ", ".join([shown.verb, *(f"{name} {_told(name, value)}" for name, value in shown.asked.items())])
    yield "of", shown.chosen.get("where") or shown.chosen.get("file")
    for name in ("note", "actor", "created_at", "contracts", "refused", "repeated"):
        yield from [(name.replace("_", " "), named[name])] if named[name] else []
    for integration, counts in shown.counts.items():
        yield f"at {integration}", ", ".join(f"{count} {what}" for what, count in counts.items())
    yield "stopping", f"{shown.stopping} of {shown.live} live subscriptions"
    for name in ("approved_by", "approval", "started_by", "started_at", "ended_at"):
        yield from [(name.replace("_", " "), named[name])] if named[name] else []
    if shown.progress:
        yield "progress", ", ".join(f"{count} {what}" for what, count in shown.progress.items() if count)
    yield from [("hash", shown.hash)] if shown.hash else []
    yield from [("next", shown.next)] if shown.campaign is not None else []


def _told(name: str, value: Any) -> str:
    return as_text(datetime.fromisoformat(value) if name == "until" else value)
