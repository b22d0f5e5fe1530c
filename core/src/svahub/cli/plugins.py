"""`svahub plugins`: what is installed, and what of it is broken; check a plugin, begin a new one."""

from __future__ import annotations

import click

from svahub.cli.output import json_option, show_table
from svahub.cli.plugin_check import check
from svahub.cli.plugin_new import new
from svahub.registry import Registry

COLUMNS = (
    "name", "group", "title", "distribution", "version", "product_types", "capabilities", "contract_version", "broken",
)  # fmt: skip


@click.group("plugins", invoke_without_command=True, epilog="Example: svahub plugins --json")
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the installed plugins and what they can do, a broken one with its reason; check one, or begin a new one."""
    if context.invoked_subcommand is None:
        nothing = "No plugin is installed. See: pip install 'svahub[NAME]'."
        show_table(Registry().listing(), COLUMNS, as_json, empty=nothing)
    elif as_json:
        raise click.UsageError(f"--json goes behind {context.invoked_subcommand!r}.", context)


for _one in (check, new):
    command.add_command(_one)
