"""`svahub plugins show`: all that one plugin brings, and what each part of it can do."""

from __future__ import annotations

import click

from svahub.cli import completion
from svahub.cli.output import as_mapping, json_option, show_object, show_table
from svahub.errors import UnknownName
from svahub.registry import Listing, Registry


@click.command("show", epilog="Example: svahub plugins show acme")
@click.argument("name", shell_complete=completion.providers)
@json_option
def show(name: str, as_json: bool) -> None:
    """Show what the plugin NAME brings, also by the name of its package: what it can do, or why it is broken."""
    listing = Registry().listing()
    found = [one for one in listing if name in {one.name, one.distribution}]
    if not found:
        raise UnknownName("installed plugin", name, {one.name for one in listing})
    if as_json:
        show_table(found, (), as_json=True)
        return
    for number, one in enumerate(found):
        click.echo(nl=number > 0)
        show_object(_said(one))


def _said(one: Listing) -> dict[str, object]:
    """Return what there is to be said of it."""
    return {name: value for name, value in as_mapping(one).items() if value not in {None, ()}}
