"""`svahub plugins new`: write the package of a new plugin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from svahub.cli import completion
from svahub.cli.output import json_option, show_object
from svahub.scaffold import AuthKind, register_command, write
from svahub.scaffold.naming import Naming, check_free, misshapen


class Word(click.ParamType[str]):
    """A name of a plugin, or of a product type."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name, or fail as a usage error."""
        if reason := misshapen(str(value)):
            self.fail(f"{reason}.", param, ctx)
        return str(value)


@click.command("new", epilog="Example: svahub plugins new acme-tv --product-type tv --auth oauth2")
@click.argument("name", type=Word())
@click.option(
    "--product-type",
    metavar="T",
    type=Word(),
    shell_complete=completion.product_types,
    help="What the plugin serves; default: its own name.",
)
@click.option(
    "--auth",
    type=click.Choice(AuthKind, case_sensitive=False),
    default=AuthKind.BEARER,
    show_default=AuthKind.BEARER.value,
    help="How the provider's API authenticates.",
)
@click.option(
    "--folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where the package goes; default: svahub-NAME, here.",
)
@json_option
def new(name: str, product_type: str | None, auth: AuthKind, folder: Path | None, as_json: bool) -> None:
    """Write a new plugin's package, for the provider NAME.

    It has settings, wire models, the provider, a simulator, a test, an act of the demo, a README and a CI file. It
    works as it stands, for an API that is invented, and reaches gold in `svahub plugins check`. Its README says how it
    becomes the plugin of a real one.
    """
    naming = Naming(name, product_type or name)
    check_free(naming)
    there = folder or Path(naming.distribution)
    written = write(there, naming, auth)
    steps = _next(there, naming, auth)
    if as_json:
        about = {"name": name, "product_type": naming.product_type, "auth": auth, "distribution": naming.distribution}
        show_object({**about, "folder": str(there), "files": written, "next": steps}, as_json=True)
        return
    click.echo("\n".join([f"{naming.distribution} is in {there}:", *(f"  {path}" for path in written)]))
    click.echo("\n".join(["\nNext:", *(f"  {step}" for step in steps)]))


def _next(folder: Path, naming: Naming, auth: AuthKind) -> list[str]:
    registered = register_command(naming, auth).replace("\\\n    ", "")
    return [
        f"pip install -e '{folder}[testing]'",
        f"svahub plugins check {naming.distribution}",
        f"svahub demo {naming.name}",
        f"svahub simulate {naming.name}",
        registered,
    ]
