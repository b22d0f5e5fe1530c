"""`svahub ixc products`: which product code each product of IXC has here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from svahub.extension.commands import dry_run_option, json_option, pass_office, show_table

from svahub_ixc import Ixc
from svahub_ixc.commands.options import source_option, the_source
from svahub_ixc.products import code_of, platform_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from svahub.hub import TenantHub

    from svahub_ixc.wire import Product

COLUMNS = ("id", "description", "platform", "mapped", "code", "served_by")


@click.group("products")
def command() -> None:
    """Show and set which product code each product of IXC has here."""


@command.command("map", epilog="Example: svahub ixc products map")
@click.argument("mapped", nargs=-1, metavar="[ID=CODE]…")
@click.option("--forget", multiple=True, metavar="ID", help="Let a code go: that of the product's platform stands.")
@source_option
@dry_run_option
@json_option
@pass_office
def map_(
    office: TenantHub, mapped: tuple[str, ...], forget: tuple[str, ...], source: str | None, dry_run: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """List IXC's products with their codes; ID=CODE sets one.

    A product has the code that was set, else that of its platform, else IXC's own id. `svahub products link CODE` says
    what serves it; contracts take another code by `svahub source pull --full`.
    """
    name, given = the_source(office, source), dict(map(_pair, mapped))
    with office.provider(name, Ixc) as ixc:
        products, before = ixc.products(), ixc.settings.products
    _refuse_unknown([*given, *forget], products)
    after = before | given | dict.fromkeys(forget, "")  # settings are merged: nothing stands for what is forgotten
    if given or forget:
        office.integrations.set(name, settings={"products": after}, dry_run=dry_run)
    links = {link.code: f"{link.product_type} at {link.integration}" for link in office.catalogue.links()}
    rows = [_shown(product, after, links) for product in products]
    show_table(rows, COLUMNS, as_json, empty="IXC sells nothing.")


def _pair(text: str) -> tuple[str, str]:
    id, equals, code = text.partition("=")
    if not (id and equals and code):
        raise click.UsageError(f"{text!r} is no pair: write it as ID=CODE, 45=TELE for example.")
    return id, code


def _refuse_unknown(ids: Iterable[str], products: Sequence[Product]) -> None:
    there = {product.id for product in products}
    if unknown := [id for id in ids if id not in there]:
        raise click.UsageError(f"IXC has no product {unknown[0]!r}: `svahub ixc products map` lists them.")


def _shown(product: Product, mapped: Mapping[str, str], links: Mapping[str, str]) -> dict[str, Any]:
    code = code_of(product.id, product, mapped)
    return {
        "id": product.id,
        "description": product.descricao,
        "platform": platform_code(product),
        "mapped": mapped.get(product.id) or None,
        "code": code,
        "served_by": links.get(code),
    }
