"""`svahub plugins`: what is installed, and what of it is broken; show one, check one, begin a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from svahub.cli.output import as_text, json_option, show_table
from svahub.cli.plugin_check import check
from svahub.cli.plugin_new import new
from svahub.cli.plugin_show import show
from svahub.registry import Registry

if TYPE_CHECKING:
    from svahub.registry import Listing

NOTHING = (
    "No plugin is installed. Install one, for example: pip install 'svahub[telemedicine]'\n"
    "To write one: svahub plugins new acme-tv"
)


@click.group("plugins", invoke_without_command=True, epilog="Example: svahub plugins --json")
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the installed plugins, and what is broken of them with its reason; show one, check one, begin a new one."""
    if context.invoked_subcommand is None:
        _list(Registry().listing(), as_json)
    elif as_json:
        raise click.UsageError(f"--json goes behind {context.invoked_subcommand!r}.", context)


def _list(listing: list[Listing], as_json: bool) -> None:
    if as_json:
        show_table(listing, (), as_json=True)
        return
    if not listing:
        click.echo(NOTHING)
        return
    lines = [_line(one) for one in listing]
    show_table(lines, list(lines[0]))
    broken = [f"{one.name} ({one.distribution}) is broken: {as_text(one.broken)}" for one in listing if one.broken]
    click.echo("\n".join(["", *broken, "What a plugin can do: svahub plugins show NAME"]))


def _line(one: Listing) -> dict[str, object]:
    """Return what the table shows of a plugin: what is long stands below it, or is shown of one alone."""
    kind, package = one.group.removeprefix("svahub."), f"{one.distribution or ''} {one.version or ''}"
    named = {"name": one.name, "group": kind, "title": one.title, "package": package}
    return {**named, "product_types": one.product_types, "broken": one.broken is not None}


for _one in (check, new, show):
    command.add_command(_one)
