"""`svahub terms`: the texts that customers agree to when they buy by a link."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import click

from svahub.cli import completion
from svahub.cli.output import as_text, json_option, show_object, show_table
from svahub.cli.session import pass_office
from svahub.errors import Refused

if TYPE_CHECKING:
    from svahub.hub import TenantHub

COLUMNS = ("product_type", "version", "current", "actor", "created_at")
NONE = "There are no terms. Set some: svahub terms set PRODUCT_TYPE --version V --file F"
PRODUCT_TYPE = click.argument("product_type", shell_complete=completion.product_types)


@click.group("terms")
def command() -> None:
    """Keep the texts that customers agree to, by product type and version.

    A version is never changed nor deleted: the consents of customers name it.
    """


@command.command("set", epilog="Example: svahub terms set telemedicine --version 2026-12 --file terms.md")
@PRODUCT_TYPE
@click.option("--version", required=True, metavar="V", help="What consents call it, such as 2026-11.")
@click.option("--file", required=True, type=click.File("rb"), help="Plain text in UTF-8; - is standard input.")
@json_option
@pass_office
def set_terms(office: TenantHub, product_type: str, version: str, file: BinaryIO, as_json: bool) -> None:
    """Keep the terms for PRODUCT_TYPE; links that are made from now on bear them."""
    try:
        text = file.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused("The file is no text in UTF-8: convert it, and set the terms again.") from error
    view = office.terms.set(product_type, version, text)
    show_object({name: getattr(view, name) for name in COLUMNS}, as_json)
    if product_type not in {link.product_type for link in office.catalogue.links()}:
        click.echo(f"No product of the type {product_type} is linked yet: svahub products list", err=True)


@command.command("list", epilog="Example: svahub terms list")
@json_option
@pass_office
def list_terms(office: TenantHub, as_json: bool) -> None:
    """List every version, the newest of each product type first."""
    rows = [{name: getattr(view, name) for name in COLUMNS} for view in office.terms.list()]
    show_table(rows, COLUMNS, as_json, NONE)


@command.command("show", epilog="Example: svahub terms show telemedicine")
@PRODUCT_TYPE
@click.option("--version", metavar="V", help="Default: the current one.")
@json_option
@pass_office
def show(office: TenantHub, product_type: str, version: str | None, as_json: bool) -> None:
    """Show the terms for PRODUCT_TYPE as customers read them."""
    view = office.terms.show(product_type, version)
    if as_json:
        show_object(view, as_json=True)
        return
    for line in view.text.splitlines():
        click.echo(as_text(line))
