"""`svahub users`: users straight from a provider, masked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from svahub.cli import completion
from svahub.cli.output import json_option, show_table
from svahub.cli.session import pass_office
from svahub.models import Observed

if TYPE_CHECKING:
    from svahub.hub import TenantHub

COLUMNS = ("remote_id", "status", "reference", "name", "document", "email", "phone", "plans")
STATUSES = [s.value.lower() for s in (Observed.ACTIVE, Observed.BLOCKED, Observed.CANCELLED)]


@click.group("users")
def command() -> None:
    """List users as the provider has them."""


@command.command("list", epilog="Example: svahub users list tele --status blocked")
@click.argument("integration", shell_complete=completion.integrations)
@click.option("--status", type=click.Choice(STATUSES, case_sensitive=False))
@click.option("--after", metavar="REMOTE_ID", help="Go on after this user, where an earlier listing ended.")
@json_option
@pass_office
def list_users(office: TenantHub, integration: str, status: str | None, after: str | None, as_json: bool) -> None:
    """List the users of INTEGRATION as its provider tells of them now; personal data is masked."""
    rows = office.users.list(integration, Observed(status.upper()) if status else None, after=after)
    show_table(rows, COLUMNS, as_json, empty="The provider has no such user.")
