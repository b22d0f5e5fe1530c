"""`svahub debts`: who owes, as billing plugins tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from svahub.cli.output import json_option, show_table
from svahub.cli.session import pass_office

if TYPE_CHECKING:
    from svahub.hub import TenantHub

COLUMNS = ("contract_id", "integration", "reference", "since", "amount", "opened_at", "settled_at")


@click.group("debts")
def command() -> None:
    """Show who owes; billing plugins tell it."""


@command.command("list")
@click.option("--contract", metavar="ID", help="Only of this contract.")
@click.option("--all", "everything", is_flag=True, help="Also those that were settled.")
@json_option
@pass_office
def list_(office: TenantHub, contract: str | None, everything: bool, as_json: bool) -> None:
    """List debts by contract."""
    found = office.debts.list(contract, only_open=not everything)
    columns = COLUMNS if everything else COLUMNS[:-1]
    show_table(found, columns, as_json, empty="Nobody owes, as far as billing plugins have told.")
