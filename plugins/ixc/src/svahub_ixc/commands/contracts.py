"""`svahub ixc contracts`: contracts as IXC has them, and as they are read here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from svahub import ContractRow
from svahub.extension import reading
from svahub.extension.commands import completion, json_option, pass_office, show_table

from svahub_ixc import Ixc
from svahub_ixc.commands.options import source_option, the_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from svahub import Rejected
    from svahub.hub import TenantHub

COLUMNS = ("contract", "customer", "status", "status_internet", "read_as", "block_reasons", "items", "problem")


@click.command("contracts", epilog="Example: svahub ixc contracts 1 2")
@click.argument("contracts", nargs=-1, metavar="[CONTRACT]…", shell_complete=completion.contracts)
@click.option("--document", metavar="CPF|CNPJ", help="Those of the customer with this document.")
@source_option
@json_option
@pass_office
def command(
    office: TenantHub, contracts: tuple[str, ...], document: str | None, source: str | None, as_json: bool
) -> None:  # fmt: skip
    """Show contracts as IXC has them now, and what they are read as. Nothing is changed here."""
    if not contracts and document is None:
        raise click.UsageError("Name contracts, or a customer with --document.")
    bare = _document(document) if document is not None else None
    with office.provider(the_source(office, source), Ixc) as ixc:
        found = ixc.look(contracts, bare)
    show_table([_shown(row, read) for row, read in found], COLUMNS, as_json, empty="IXC has no such contract.")


def _document(text: str) -> str:
    try:
        return reading.document(text)[1]
    except ValueError as error:
        raise click.UsageError(f"--document: {error}.") from None


def _shown(row: Mapping[str, str], read: ContractRow | Rejected) -> dict[str, Any]:
    names = {"id": "contract", "id_cliente": "customer", "status": "status", "status_internet": "status_internet"}
    told = {name: row.get(column) for column, name in names.items()}
    if isinstance(read, ContractRow):
        items = [f"{item.code} {item.product_code} x{item.quantity}" for item in read.items]
        reasons = list(read.block_reasons or ())
        return told | {"read_as": read.status, "block_reasons": reasons, "items": items, "problem": None}
    problem = "; ".join(f"{error.column}: {error.reason}" if error.column else error.reason for error in read.errors)
    return told | {"read_as": None, "block_reasons": [], "items": [], "problem": problem}
