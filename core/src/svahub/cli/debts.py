"""`svahub debts`: who owes, as billing plugins tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from svahub.cli import completion
from svahub.cli.output import json_option, show_object, show_table
from svahub.cli.session import pass_office

if TYPE_CHECKING:
    from svahub.hub import TenantHub

COLUMNS = ("contract_id", "integration", "reference", "since", "amount", "opened_at", "settled_at", "forgiven")


@click.group("debts")
def command() -> None:
    """Show who owes, as billing plugins tell it; let a debt go."""


@command.command("list", epilog="Example: svahub debts list --contract C-6")
@click.option("--contract", metavar="ID", shell_complete=completion.contracts, help="Only of this contract.")
@click.option("--all", "everything", is_flag=True, help="Also those that were settled.")
@json_option
@pass_office
def list_(office: TenantHub, contract: str | None, everything: bool, as_json: bool) -> None:
    """List debts by contract."""
    found = office.debts.list(contract, only_open=not everything)
    columns = COLUMNS if everything else COLUMNS[:-2]
    show_table(found, columns, as_json, empty="Nobody owes, as far as billing plugins have told.")


@command.command("forgive", epilog='Example: svahub debts forgive C-6 pay_080225913252 --note "agreed"')
@click.argument("contract", shell_complete=completion.contracts)
@click.argument("reference")
@click.option("--note", help="Why; without personal data.")
@json_option
@pass_office
def forgive(office: TenantHub, contract: str, reference: str, note: str | None, as_json: bool) -> None:
    """Let a debt go: it blocks nothing any more, however often it is told.

    What its provider asks for stays as it is there. Once it is settled and told again, it is a new debt.
    """
    show_object(office.debts.forgive(contract, reference, note), as_json)


@command.command("unforgive", epilog="Example: svahub debts unforgive C-6 pay_080225913252")
@click.argument("contract", shell_complete=completion.contracts)
@click.argument("reference")
@json_option
@pass_office
def unforgive(office: TenantHub, contract: str, reference: str, as_json: bool) -> None:
    """Have a debt that was forgiven be owed again."""
    show_object(office.debts.unforgive(contract, reference), as_json)
