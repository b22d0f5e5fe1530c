"""`svahub reconcile`: what providers have compared with ours, shown as a plan, and that plan applied."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import click

from svahub.areas.comparing import EndedEarly
from svahub.areas.reconciling import Difference
from svahub.cli import completion, invoice
from svahub.cli.exits import ExitCode, end_with
from svahub.cli.guarding import guard_options
from svahub.cli.options import actor_option
from svahub.cli.output import (
    as_mapping,
    confirm,
    dry_run_option,
    json_option,
    show_object,
    show_table,
    yes_option,
)
from svahub.cli.progress import bar
from svahub.cli.session import pass_office
from svahub.cli.streams import write_csv, write_json
from svahub.errors import ProviderError, Refused
from svahub.plans import Guard
from svahub.store.states import Agreement

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from svahub.areas.reconciling import Plan
    from svahub.hub import TenantHub

TOLD = tuple(one for one in Agreement if one not in {Agreement.IN_SYNC, Agreement.SETTLING})
"""What a plan has rows of; the rest it counts."""
SUMMARY = ("plan", "integration", "state", *(one.value for one in Agreement), "stopping", "started_at", "next")
ROWS = ("number", "agreement", "contract_id", "item_code", "remote_id", "known", "seen", "step")
SHOWN = 50
NONE = "No enabled integration lists its users, so there is nothing to compare. See: svahub plugins"
PLAN = click.argument("plan", shell_complete=completion.reconciliations)


class Reconcile(click.Group):
    """The group that compares integrations which are named in place of a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read what is no command of the group, and is not asking for help, as what `run` is to compare."""
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group("reconcile", cls=Reconcile)
def command() -> None:
    """Compare what providers have with what svahub knows of it, and mend what differs.

    `svahub reconcile` compares every integration, `svahub reconcile tele` that one; the differences are kept as a plan.
    """


@command.command("run", epilog="Example: svahub reconcile run tele")
@click.argument("integrations", nargs=-1, metavar="[INTEGRATION]...", shell_complete=completion.integrations)
@json_option
@pass_office
def run(office: TenantHub, integrations: tuple[str, ...], as_json: bool) -> None:
    """List the users of each INTEGRATION (none named: of all that can) and compare them with ours.

    Changes nothing, neither there nor here. A listing that ends early judges nobody; the next run goes on with it where
    the provider can. What was changed so lately that a listing may not show it is counted as settling.
    """
    names = integrations or tuple(office.reconciling.comparable())
    if not names:
        raise Refused(NONE)
    plans, failed = [], []
    with bar("users") as progress:
        for name in names:
            try:
                plans.append(office.reconciling.run(name, progress=progress))
            except (EndedEarly, ProviderError) as error:
                failed.append(f"{name}: {error}")
    _show_plans(plans, as_json)
    for told in failed:
        click.echo(told, err=True)
    end_with(ExitCode.ERROR if failed else ExitCode.REACHED)


def _show_plans(plans: Sequence[Plan], as_json: bool) -> None:
    show_table(plans if as_json else [_line(plan) for plan in plans], SUMMARY, as_json, empty="No plan was made.")


def _line(plan: Plan) -> dict[str, object]:
    return {**as_mapping(plan), **plan.counts}


@command.command("list", epilog="Example: svahub reconcile list --integration tele")
@click.option("--integration", metavar="NAME", shell_complete=completion.integrations, help="Only this one's.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="So many of the newest.")
@json_option
@pass_office
def list_plans(office: TenantHub, integration: str | None, limit: int, as_json: bool) -> None:
    """List the plans, the newest first."""
    plans = office.reconciling.list(integration, limit)
    rows = plans if as_json else [_line(plan) for plan in plans]
    show_table(rows, SUMMARY, as_json, empty="There is no plan. Make one: svahub reconcile")


@command.command("show", epilog="Example: svahub reconcile show 1 --only missing")
@PLAN
@click.option(
    "--only", "only", multiple=True, metavar="KIND", type=click.Choice([one.value for one in TOLD]), help="These rows."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print every row as CSV.")
@json_option
@pass_office
def show(office: TenantHub, plan: str, only: tuple[str, ...], as_csv: bool, as_json: bool) -> None:
    """Show the PLAN (its number, or the beginning of its hash): the counts, and a row for each difference.

    `known` is what svahub knew, `seen` what the provider has, `step` what `work` does once the plan is applied.
    """
    shown = office.reconciling.show(plan)
    rows = office.reconciling.rows(plan, [Agreement(one) for one in only])
    if as_csv:
        write_csv(Difference, rows)
    elif as_json:
        write_json(shown, rows)
    else:
        _tell(shown, rows)


def _tell(shown: Plan, rows: Iterator[Difference]) -> None:
    show_object({name: value for name, value in as_mapping(shown).items() if value not in (None, {})})
    click.echo()
    first = list(islice(rows, SHOWN))
    show_table(first, ROWS, empty="No row.")
    if next(rows, None) is not None:
        click.echo(f"These are the first {SHOWN}. All: svahub reconcile show {shown.plan} --csv")


@command.command("approve", epilog="Example: svahub reconcile approve 2 --note 'agreed, ticket 4711'")
@PLAN
@click.option("--note", metavar="TEXT", required=True, help="Why that many are right; kept with the plan.")
@actor_option
@json_option
@pass_office
def approve(office: TenantHub, plan: str, note: str, actor: str, as_json: bool) -> None:
    """Let the PLAN be applied though it blocks or cancels more than the guard lets pass."""
    show_object(office.reconciling.approve(plan, note=note, actor=actor), as_json)


@command.command("apply", epilog="Example: svahub reconcile apply 2 --dry-run")
@PLAN
@guard_options
@actor_option
@dry_run_option
@yes_option
@json_option
@pass_office
def apply(
    office: TenantHub,
    plan: str,
    max_changes: int,
    max_percent: float,
    actor: str,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Believe what the PLAN has seen, all of it or nothing; `svahub work` then does what is due.

    Refused where something of ours has changed since, where the plan is the first of its integration, and where more
    would be blocked or cancelled than is allowed, unless it was approved.
    """
    shown = office.reconciling.show(plan)
    if not dry_run:
        confirm(f"Believe what plan {shown.plan} has seen of {shown.integration} ({shown})?", yes)
    guard = Guard(max_changes, max_percent)
    with bar("differences") as progress:
        applied = office.reconciling.apply(plan, actor=actor, guard=guard, dry_run=dry_run, progress=progress)
    show_object(applied, as_json)
    if not (as_json or dry_run):
        click.echo("\nNext: svahub work, which does what is due now", err=True)


command.add_command(invoice.command)
