"""`svahub audit`: who did what, who looked at whom, what was said to providers, and whether that record still holds."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from svahub.areas.audit import Line, LineKind, Wanted
from svahub.cli import completion
from svahub.cli.exits import ExitCode, end_with
from svahub.cli.options import LARGEST, Day
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
from svahub.store.states import DataClass

if TYPE_CHECKING:
    from datetime import date

    from svahub.chain import Checked
    from svahub.hub import TenantHub

COLUMNS = ("reference", "at", "kind", "who", "what", "about", "details")
EXCHANGES = {"exchanges": ("reference", "at", "integration", "method", "path", "status", "milliseconds")}
RETENTION = ("data_class", "days", "default", "why")
CLASSES = [kind.value for kind in DataClass]


@click.group("audit")
def command() -> None:
    """Show who did what and what was said to providers, check that it still holds, prune what is old."""


@command.command("list", epilog="Example: svahub audit list --contract C-1 --limit 10")
@click.option("--kind", type=click.Choice([kind.value for kind in LineKind]), help="Only these.")
@click.option("--actor", metavar="NAME", help="Only what this one did.")
@click.option(
    "--contract",
    metavar="ID",
    shell_complete=completion.contracts,
    help="Only what is about this contract, its accounts' exchanges included.",
)
@click.option("--customer", metavar="ID", help="Only what is about this customer, their contracts and accounts.")
@click.option(
    "--integration",
    metavar="NAME",
    shell_complete=completion.integrations,
    help="Only what is about this integration, and its exchanges.",
)
@click.option("--since", type=Day(), metavar="DATE", help="From this day on.")
@click.option("--until", type=Day(), metavar="DATE", help="Up to the end of this day.")
@click.option("--limit", type=click.IntRange(1, LARGEST), default=100, show_default=True, help="At most so many lines.")
@json_option
@pass_office
def list_lines(
    office: TenantHub, /, kind: str | None, since: date | None, until: date | None, limit: int, as_json: bool,
    **about: Any,
) -> None:  # fmt: skip
    """List the audit, the newest first: commands, looks at personal data, exchanges with providers.

    `svahub audit show REFERENCE` shows a line whole.
    """
    wanted = Wanted(LineKind(kind) if kind else None, since=since, until=until, **about)
    lines = office.audit.list(wanted)
    first = islice(lines, limit)
    show_table(first if as_json else map(_shown, first), COLUMNS, as_json, empty="There is no such entry.")
    if next(lines, None) is not None:
        click.echo(f"There is more: these are the newest {limit} (--limit).", err=True)


def _shown(line: Line) -> dict[str, Any]:
    if line.kind is not LineKind.EXCHANGE:
        said = {"who": line.actor, "what": line.command, "about": line.subject, "details": line.details}
    else:
        answer = line.error if line.status is None else line.status
        what = f"{line.method} {line.path}"
        said = {"what": what, "about": line.integration, "details": f"{answer}, {line.milliseconds} ms"}
    return {"reference": line.reference, "at": line.at, "kind": line.kind, **said}


@command.command("show", epilog="Example: svahub audit show 13/5")
@click.argument("reference")
@json_option
@pass_office
def show(office: TenantHub, reference: str, as_json: bool) -> None:
    """Show an entry (REFERENCE: its number) or an exchange (ENTRY/EXCHANGE) whole, masked as it was kept."""
    show_object(as_mapping(office.audit.show(reference)), as_json, EXCHANGES)


@command.command("verify", epilog="Example: svahub audit verify")
@click.option("--anchor", metavar="NUMBER:HASH", help="A head that you noted earlier, outside of the store.")
@json_option
@pass_office
def verify(office: TenantHub, anchor: str | None, as_json: bool) -> None:
    """Check that no entry and no exchange was changed, taken out or put in; the exit code is 1 if one was.

    Note the head that it shows elsewhere: whoever can write the store could write a whole new chain, but none with
    the hash that you noted. Give it later as --anchor.
    """
    with bar("entries", office.audit.length()) as progress:
        checked = office.audit.verify(anchor, progress)
    told = {"holds": checked.broken is None, **as_mapping(checked), "head": str(checked.head), "anchor": anchor}
    if as_json:
        show_object(told, as_json=True)
    else:
        _tell(checked, anchor)
    end_with(ExitCode.ERROR if checked.broken else ExitCode.REACHED)


def _tell(checked: Checked, anchor: str | None) -> None:
    if checked.broken:
        click.echo(f"The audit does not hold at {checked.broken}.", err=True)
    else:
        click.echo("The audit holds." + (" The anchor is in it." if anchor else ""))
    counts = {"entries checked": checked.entries, "exchanges checked": checked.exchanges}
    counts |= {"entries pruned": checked.pruned, "exchanges redacted": checked.redacted}
    emptied = {f"pruned before ({kind})": instant for kind, instant in checked.emptied_before.items()}
    show_object({**counts, **emptied, "head": str(checked.head)})


@command.command("retention", epilog="Example: svahub audit retention exchanges 90")
@click.argument("data_class", metavar="[CLASS]", required=False, type=click.Choice(CLASSES))
@click.argument("days", required=False, type=click.IntRange(1, LARGEST))
@json_option
@pass_office
def retention(office: TenantHub, data_class: str | None, days: int | None, as_json: bool) -> None:
    """Show how many days each class of data is kept, or have CLASS kept for DAYS from now on."""
    if data_class is not None and days is not None:
        show_object(office.audit.retain(DataClass(data_class), days), as_json)
        return
    kept = [row for row in office.audit.retention() if data_class in {None, row.data_class.value}]
    show_table(kept, RETENTION, as_json)


@command.command("prune", epilog="Example: svahub audit prune --dry-run")
@dry_run_option
@yes_option
@json_option
@pass_office
def prune(office: TenantHub, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Delete what is older than it is kept (`svahub audit retention`); a schedule does so every night.

    Entries are emptied, and dropped once all before them are: what is left still verifies. Exchanges stay while a
    subscription or a task of their account is not settled. Deliveries and tasks that have ended lose what they tell.
    """
    due = office.audit.prune(dry_run=True)
    if not dry_run and not due.nothing:
        confirm(f"This {due}. Go on?", yes)
        with bar("pruned") as progress:
            due = office.audit.prune(progress=progress)
    if as_json:
        show_object({**as_mapping(due), "dry_run": dry_run}, as_json=True)
    else:
        click.echo(f"{str(due)[0].upper()}{str(due)[1:]}.")
