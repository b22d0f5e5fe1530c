"""`svahub campaigns`: what is asked of many contracts at once; begun with `svahub block --where` and its like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from svahub.areas.campaign_plans import PlannedRow
from svahub.areas.campaign_reports import CampaignReports, Fate, ReportLine
from svahub.cli import completion, many
from svahub.cli.guarding import guard_options
from svahub.cli.options import actor_option, combined, no_wait_option, timeout_option
from svahub.cli.output import confirm, json_option, show_table, yes_option
from svahub.cli.session import pass_office
from svahub.cli.streams import write_csv, write_json
from svahub.plans import Guard

if TYPE_CHECKING:
    from svahub.hub import TenantHub

LISTED = ("campaign", "verb", "state", "actor", "created_at", "contracts", "refused", "stopping", "next")
REPORTED = ("contract_id", "item_code", "integration", "verb", "outcome", "until", "cause", "advice", "operation")
OUTCOMES = [one.value for one in Fate]
BEGIN = "Begin one: svahub block --where days_overdue=30 --dry-run"
CAMPAIGN = click.argument("campaign", shell_complete=completion.campaigns)
csv_option = click.option("--csv", "as_csv", is_flag=True, help="Print every row as CSV.")
moved = combined(
    CAMPAIGN,
    click.option("--note", metavar="TEXT", help="Why; kept in the audit."),
    actor_option,
    json_option,
    pass_office,
)


@click.group("campaigns")
def command() -> None:
    """Show, start, pause and cancel what is asked of many contracts at once.

    `svahub block`, `unblock`, `cancel` and `change` plan a campaign with --from FILE or --where KEY=VALUE.
    """


@command.command("list", epilog="Example: svahub campaigns list")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="So many of the newest.")
@json_option
@pass_office
def list_campaigns(office: TenantHub, limit: int, as_json: bool) -> None:
    """List the campaigns, the newest first."""
    show_table(office.campaigns.list(limit), LISTED, as_json, empty=f"There is no campaign. {BEGIN}")


@command.command("show", epilog="Example: svahub campaigns show 1")
@CAMPAIGN
@csv_option
@json_option
@pass_office
def show(office: TenantHub, campaign: str, as_csv: bool, as_json: bool) -> None:
    """Show a CAMPAIGN: what is asked, how far it is, and what was planned for each subscription."""
    shown = office.campaigns.show(campaign)
    rows = office.campaigns.rows(campaign)
    if as_csv:
        write_csv(PlannedRow, rows)
    elif as_json:
        write_json(shown, rows)
    else:
        many.tell(shown, rows)


@command.command("report", epilog="Example: svahub campaigns report 1 --only parked --only waiting")
@CAMPAIGN
@click.option("--only", multiple=True, metavar="OUTCOME", type=click.Choice(OUTCOMES), help="These; repeat for more.")
@csv_option
@json_option
@pass_office
def report(office: TenantHub, campaign: str, only: tuple[str, ...], as_csv: bool, as_json: bool) -> None:
    """Tell what became of a CAMPAIGN, for each subscription: reached, waiting, parked, refused, not started."""
    lines = CampaignReports(office.bench).of(campaign, {Fate(one) for one in only})
    if as_csv:
        write_csv(ReportLine, lines)
    else:
        show_table(lines, REPORTED, as_json)


@command.command("approve", epilog="Example: svahub campaigns approve 1 --note 'agreed, ticket 4711'")
@CAMPAIGN
@click.option("--note", metavar="TEXT", required=True, help="Why that many are right; kept with the campaign.")
@actor_option
@json_option
@pass_office
def approve(office: TenantHub, campaign: str, note: str, actor: str, as_json: bool) -> None:
    """Let a CAMPAIGN be started though it blocks or cancels more than the guard lets pass."""
    many.tell_briefly(office.campaigns.approve(campaign, note=note, actor=actor), as_json)


@command.command("start", epilog="Example: svahub campaigns start 5")
@CAMPAIGN
@guard_options
@actor_option
@no_wait_option
@timeout_option
@yes_option
@json_option
@pass_office
def start(
    office: TenantHub, campaign: str, max_changes: int, max_percent: float, actor: str, no_wait: bool, timeout: float,
    yes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Start a CAMPAIGN as it was planned, and follow it.

    Refused where it would block or cancel more than is allowed, unless it was approved.
    """
    shown = office.campaigns.show(campaign)
    confirm(f"Start campaign {shown.campaign} ({many.in_short(shown)})?", yes)
    started = office.campaigns.start(campaign, actor=actor, guard=Guard(max_changes, max_percent))
    many.follow(office, started, no_wait=no_wait, timeout=timeout, as_json=as_json)


@command.command("pause", epilog="Example: svahub campaigns pause 3 --note 'the provider asks for a break'")
@moved
def pause(office: TenantHub, campaign: str, note: str | None, actor: str, as_json: bool) -> None:
    """Let nothing more of a CAMPAIGN begin; what was begun comes to its end."""
    many.tell_briefly(office.campaigns.pause(campaign, note=note, actor=actor), as_json)


@command.command("resume", epilog="Example: svahub campaigns resume 4")
@moved
def resume(office: TenantHub, campaign: str, note: str | None, actor: str, as_json: bool) -> None:
    """Go on with a CAMPAIGN that was paused; `svahub work` does it."""
    many.tell_briefly(office.campaigns.resume(campaign, note=note, actor=actor), as_json)


@command.command("cancel", epilog="Example: svahub campaigns cancel 2 --note 'the wrong plan' --yes")
@CAMPAIGN
@click.option("--note", metavar="TEXT", help="Why; kept in the audit.")
@actor_option
@yes_option
@json_option
@pass_office
def cancel(office: TenantHub, campaign: str, note: str | None, actor: str, yes: bool, as_json: bool) -> None:
    """End a CAMPAIGN for good: what was not begun is not done; what was done stays."""
    shown = office.campaigns.show(campaign)
    confirm(f"Cancel what campaign {shown.campaign} has not begun ({many.in_short(shown)})?", yes)
    many.tell_briefly(office.campaigns.cancel(campaign, note=note, actor=actor), as_json)
