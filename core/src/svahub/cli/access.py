"""`svahub access`: how a customer gets in; every look is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from svahub.cli import completion
from svahub.cli.options import actor_option, item_option
from svahub.cli.output import json_option, show_object, show_table
from svahub.cli.session import pass_office

if TYPE_CHECKING:
    from svahub.hub import TenantHub

COLUMNS = ("contract_id", "item_code", "integration", "remote_id", "login", "access_url")


RESENT = ("contract_id", "item_code", "integration", "resent", "access_url", "expires_at")


@click.group("access")
def command() -> None:
    """Show or resend a customer's login."""


@command.command("show", epilog="Example: svahub access show C-1")
@click.argument("contract", shell_complete=completion.contracts)
@item_option
@click.option("--reveal", is_flag=True, help="Show logins and addresses whole; the books tell that you did.")
@actor_option
@json_option
@pass_office
def show(office: TenantHub, contract: str, item: str | None, reveal: bool, actor: str, as_json: bool) -> None:
    """Show the logins and access addresses of CONTRACT, read from the provider now; masked unless revealed."""
    found = office.users.access(contract, item, reveal=reveal, actor=actor)
    if as_json:
        show_object({"contract_id": contract, "access": found}, as_json=True)
    else:
        show_table(found, COLUMNS)


@command.command("resend", epilog="Example: svahub access resend C-3")
@click.argument("contract", shell_complete=completion.contracts)
@item_option
@click.option("--reveal", is_flag=True, help="Show a link that is yours to hand on whole; the books tell that you did.")
@actor_option
@json_option
@pass_office
def resend(office: TenantHub, contract: str, item: str | None, reveal: bool, actor: str, as_json: bool) -> None:
    """Have the provider send the customer of CONTRACT their access again, or make a link to hand on."""
    show_table(office.users.resend(contract, item, reveal=reveal, actor=actor), RESENT, as_json)
