"""`svahub iot items`: what FN sells, asked now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from svahub.extension.commands import integration_option, json_option, pass_office, show_table
from svahub.extension.words import as_compared

from svahub_iot import Iot
from svahub_iot.intending import PROVIDER

if TYPE_CHECKING:
    from svahub.hub import TenantHub

    from svahub_iot.wire import Item

COLUMNS = ("id", "code", "name", "kind", "price", "products")


@click.group("items")
def command() -> None:
    """Search what FN sells. `svahub plans sync` brings it in; `svahub products link` has a product sell it."""


@command.command("search", epilog='Example: svahub iot items search "câmera"')
@click.argument("text")
@integration_option("IoT")
@json_option
@pass_office
def search(office: TenantHub, text: str, integration: str | None, as_json: bool) -> None:
    """Search names, codes and kinds for TEXT, whatever its accents and capitals."""
    name = office.integrations.the_one(PROVIDER, integration)
    wanted = as_compared(text)
    with office.provider(name, Iot) as iot:
        found = [
            item for item in iot.items() if wanted in as_compared(f"{item.name}\n{item.code}\n{item.kind}\n{item.id}")
        ]
    sells = _products(office, name)
    shown = [_shown(item, sells.get(item.id, [])) for item in found]
    show_table(shown, COLUMNS, as_json, empty=f"FN sells nothing that has {text!r} in its name, code or kind.")


def _products(office: TenantHub, integration: str) -> dict[str, list[str]]:
    sells: dict[str, list[str]] = {}
    for link in office.catalogue.links():
        if link.integration == integration and link.plan is not None:
            sells.setdefault(link.plan, []).append(link.code)
    return sells


def _shown(item: Item, products: list[str]) -> dict[str, Any]:
    told = {"id": item.id, "code": item.code, "name": item.name, "kind": item.kind, "price": item.price}
    return told | {"products": products}
