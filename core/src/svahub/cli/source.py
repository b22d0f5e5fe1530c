"""`svahub source`: where a tenant's contracts come from; pulled by `svahub work` too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from svahub.cli import completion
from svahub.cli.contracts import report_lines, tell_errors
from svahub.cli.exits import ExitCode, end_with
from svahub.cli.output import as_line, confirm, dry_run_option, json_option, show_object, show_table, yes_option
from svahub.cli.progress import bar
from svahub.cli.registering import account_options, register
from svahub.cli.session import pass_office
from svahub.cli.working import stopped_by_signals

if TYPE_CHECKING:
    from svahub.areas.pulling import Pulled, Receivables
    from svahub.hub import TenantHub
    from svahub.watching import Ended

ADD = "Add one: svahub source add NAME --type TYPE"
COLUMNS = ("name", "type", "environment", "status", "contracts_until", "outcome", "message", "attention")
PATIENCE = 60.0
NAME = click.argument("name", shell_complete=completion.sources)


@click.group("source")
def command() -> None:
    """Register, test and pull where contracts come from.

    A source is an account as an integration is: its settings and secrets are changed with `svahub integration`.
    """


@command.command(
    "add",
    epilog="\b\nExample: svahub source add branch --type acme-erp --environment staging \\\n"
    "    --base-url https://erp.example.br/webservice/v1 --secret token=env:ERP_TOKEN",
)
@click.option(
    "--type",
    "provider",
    metavar="TYPE",
    shell_complete=completion.source_types,
    required=True,
    help="The plugin's name; see `svahub plugins`.",
)
@account_options("source")
@pass_office
def add(office: TenantHub, /, **asked: Any) -> None:
    """Register the source NAME: an account at what holds the contracts."""
    register(office.sources, **asked)


@command.command("list", epilog="Example: svahub source list")
@json_option
@pass_office
def list_sources(office: TenantHub, as_json: bool) -> None:
    """List the sources: up to when each was read, by its own clock, and how the last pull ended."""
    show_table(office.sources.list(), COLUMNS, as_json, f"There is no source. {ADD}")


@command.command("test", epilog="Example: svahub source test erp")
@NAME
@json_option
@pass_office
def test(office: TenantHub, name: str, as_json: bool) -> None:
    """Make one call that changes nothing; exit with 1, and say what is at fault, when it fails.

    Success frees the source if it was quarantined.
    """
    tested = office.sources.test(name)
    show_object(tested, as_json)
    end_with(ExitCode.REACHED if tested.ok else ExitCode.ERROR)


@command.command("pull", epilog="Example: svahub source pull erp --dry-run")
@NAME
@click.option("--full", is_flag=True, help="Read all of it, not only what has changed since the last pull.")
@dry_run_option
@json_option
@pass_office
def pull(office: TenantHub, name: str, full: bool, dry_run: bool, as_json: bool) -> None:
    """Take in what has changed at the source NAME since it was read last.

    A contract that cannot be read is left out and told with its reason; the exit code is then 1. A pull that is
    interrupted is repeated: nothing is lost, and nothing is done twice. `svahub work` then follows at the providers.
    """
    with bar("read") as progress:
        pulled = office.sources.pull(name, full=full, dry_run=dry_run, progress=progress, patience=PATIENCE)
    if as_json:
        show_object(pulled, as_json=True)
    else:
        tell_errors(pulled.contracts)
        show_object(_lines(pulled))
    end_with(ExitCode.ERROR if pulled.contracts.rejected else ExitCode.REACHED)


def _lines(pulled: Pulled) -> dict[str, Any]:
    since = {"changed since": pulled.since} if pulled.since else {}
    return since | report_lines(pulled.contracts) | _owed(pulled.receivables)


def _owed(told: Receivables | None) -> dict[str, Any]:
    if told is None:
        return {}
    counts = {"owed": told.owed, "settled": told.settled, "no longer told of": told.vanished}
    lines: dict[str, Any] = {f"receivables {name}": count for name, count in counts.items() if count}
    waits = "kept until their contracts are taken in"
    return lines | ({"receivables of unknown contracts": f"{told.waiting}; {waits}"} if told.waiting else {})


@command.command("watch", epilog="Example: svahub source watch")
@json_option
@pass_office
def watch(office: TenantHub, as_json: bool) -> None:
    """Pull the tenant's sources as often as their settings say, until SIGTERM or Ctrl-C; `svahub work` does it too.

    One process pulls a source at a time, however many watch. A source whose setting `watch` is false is left out.
    """

    def tell(ended: Ended) -> None:
        told = ended._asdict()
        click.echo(as_line(told) if as_json else f"{ended.source} {ended.outcome.value}: {ended.message}")

    with office.hub.watching(tenants=[office.name], heed=tell) as watching, stopped_by_signals(watching.stop):
        watching.go_on()


@command.command("remove", epilog="Example: svahub source remove branch")
@NAME
@dry_run_option
@yes_option
@json_option
@pass_office
def remove(office: TenantHub, name: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Remove a source and its secrets; the contracts that came from it stay as they are."""
    office.sources.show(name)
    if not dry_run:
        confirm(f"Remove the source {name}?", yes)
    show_object(office.sources.remove(name, dry_run=dry_run), as_json)
