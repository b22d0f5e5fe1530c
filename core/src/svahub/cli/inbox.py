"""`svahub inbox`: the deliveries of providers as they came, what became of each, and reading one again."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import click

from svahub.cli import completion
from svahub.cli.exits import ExitCode, end_with
from svahub.cli.options import LARGEST, Day
from svahub.cli.output import dry_run_option, json_option, show_object, show_table
from svahub.cli.session import pass_office
from svahub.store.states import InboxState

if TYPE_CHECKING:
    from svahub.hub import TenantHub

COLUMNS = ("id", "received_at", "integration", "kind", "subject", "deliveries", "state", "tries", "cause")
NONE = "No deliveries: `svahub serve` takes them in, at the endpoint that `svahub integration show NAME` tells."
STATES = [state.value for state in InboxState]
NUMBER = click.IntRange(1, LARGEST)

integration_option = click.option(
    "--integration", metavar="NAME", shell_complete=completion.integrations, help="Only those to this integration."
)
since_option = click.option("--since", type=Day(), metavar="DATE", help="Only those that came from this day on.")


@click.group("inbox")
def command() -> None:
    """Show what providers told, and have it read again."""


@command.command("list", epilog="Example: svahub inbox list --integration cobranca")
@integration_option
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@since_option
@click.option("--limit", type=click.IntRange(0, LARGEST), help="At most so many.")
@json_option
@pass_office
def list_(
    office: TenantHub,
    integration: str | None,
    state: str | None,
    since: date | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """List deliveries, the oldest first, without what is in them.

    Waiting: not read yet. Done: read. Unknown: kept, and the plugin knows nothing to do about it. Failed: a person is
    needed.
    """
    chosen = InboxState(state) if state else None
    found = office.inbox.list(integration=integration, state=chosen, since=since, limit=limit)
    show_table(found, COLUMNS, as_json, NONE)


@command.command("show", epilog="Example: svahub inbox show 1")
@click.argument("id", type=NUMBER)
@json_option
@pass_office
def show(office: TenantHub, id: int, as_json: bool) -> None:
    """Show a delivery with its body, in which personal data are masked."""
    show_object(office.inbox.show(id), as_json)


@command.command("replay", epilog="Example: svahub inbox replay 1")
@click.argument("ids", type=NUMBER, nargs=-1, metavar="[ID]...")
@click.option("--all", "every", is_flag=True, help="All those in one state, instead of naming them.")
@click.option(
    "--state",
    type=click.Choice(STATES),
    default=InboxState.FAILED.value,
    show_default=True,
    help="With --all: in which state.",
)
@integration_option
@since_option
@dry_run_option
@json_option
@pass_office
def replay(
    office: TenantHub,
    ids: tuple[int, ...],
    every: bool,
    state: str,
    integration: str | None,
    since: date | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Have deliveries read once more, as if they had just come: `svahub work` does it. What is read twice does no harm.

    Exits with 1 when some of those named are left: they are not there, are being read, or have no body any more.
    """
    if every is bool(ids):
        raise click.UsageError("Name deliveries, or give --all.")
    if every:
        found = office.inbox.list(integration=integration, state=InboxState(state), since=since)
        ids = tuple(one.id for one in found)
        if not ids:
            show_object({"replayed": [], "left": [], "dry_run": dry_run}, as_json)
            return
    done = office.inbox.replay(ids, dry_run=dry_run)
    show_object(done, as_json)
    end_with(ExitCode.ERROR if done.left and not every else ExitCode.REACHED)
