"""`svahub products`: which of the ISP's product codes a plugin serves, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from svahub.cli import completion
from svahub.cli.output import as_mapping, confirm, dry_run_option, json_option, show_object, show_table, yes_option
from svahub.cli.session import pass_office

if TYPE_CHECKING:
    from svahub.hub import TenantHub

COLUMNS = ("code", "product_type", "integration", "plan")


@click.group("products")
def command() -> None:
    """Link product codes to what is sold."""


@command.command(
    "link",
    epilog="\b\nExample: svahub products link VIDEO --product-type telemedicine \\\n"
    "    --integration tele --plan pln_2807e46a1006",
)
@click.argument("code", shell_complete=completion.products)
@click.option(
    "--product-type",
    metavar="T",
    shell_complete=completion.product_types,
    required=True,
    help="What a plugin serves; see `svahub plugins`.",
)
@click.option(
    "--integration", metavar="NAME", shell_complete=completion.integrations, help="Needed when several serve the type."
)
@click.option(
    "--plan", metavar="REMOTE_ID", shell_complete=completion.plans, help="The plan to sell; see `svahub plans list`."
)
@dry_run_option
@json_option
@pass_office
def link(
    office: TenantHub, code: str, product_type: str, integration: str | None, plan: str | None, dry_run: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Say what serves the product CODE from now on; what is sold already stays where it is."""
    linked = office.catalogue.link(code, product_type, integration, plan, dry_run=dry_run)
    show_object({**as_mapping(linked.link), "unserved_items": linked.unserved_items}, as_json)
    if linked.unserved_items:
        items = f"{linked.unserved_items} items of {code} are not sold yet"
        click.echo(f"{items}: import their contracts again, or activate them.", err=True)


@command.command("list", epilog="Example: svahub products list")
@json_option
@pass_office
def list_products(office: TenantHub, as_json: bool) -> None:
    """List the linked products."""
    empty = "No product is linked. Link one: svahub products link CODE --product-type TYPE"
    show_table(office.catalogue.links(), COLUMNS, as_json, empty)


@command.command("unlink", epilog="Example: svahub products unlink VIDEO")
@click.argument("code", shell_complete=completion.products)
@dry_run_option
@yes_option
@json_option
@pass_office
def unlink(office: TenantHub, code: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Forget what serves the product CODE; refused while subscriptions of it live."""
    office.catalogue.unlink(code, dry_run=True)
    if not dry_run:
        confirm(f"Unlink the product {code}?", yes)
        office.catalogue.unlink(code)
    show_object({"code": code, "unlinked": not dry_run}, as_json)
