"""`svahub plugins`: what is installed, and what of it is broken."""

from __future__ import annotations

import click

from svahub.cli.output import json_option, show_table
from svahub.registry import Registry

COLUMNS = (
    "name", "group", "title", "distribution", "version", "product_types", "capabilities", "contract_version", "broken",
)  # fmt: skip


@click.command("plugins", epilog="Example: svahub plugins")
@json_option
def command(as_json: bool) -> None:
    """List the installed plugins and what they can do; a broken one with its reason."""
    show_table(Registry().listing(), COLUMNS, as_json, empty="No plugin is installed. See: pip install 'svahub[NAME]'.")
