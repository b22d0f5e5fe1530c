"""`svahub secrets`: where secrets are kept and how old they are, and encrypting those in the store anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from svahub.cli.output import dry_run_option, json_option, show_object, show_table
from svahub.cli.session import pass_office

if TYPE_CHECKING:
    from svahub.hub import TenantHub

COLUMNS = ("integration", "field", "kind", "reference", "slot", "since", "age_days", "old")


@click.group("secrets")
def command() -> None:
    """List secrets by reference, and encrypt stored ones anew. No command shows a secret itself."""


@command.command("list", epilog="Example: svahub secrets list")
@json_option
@pass_office
def list_secrets(office: TenantHub, as_json: bool) -> None:
    """List each secret: where it is kept, since when, and whether it is old (SVAHUB_SECRET_MAX_AGE_DAYS, 90 days).

    While a rotation is not proven by a call, the former secrets are listed too.
    """
    show_table(office.secrets.list(), COLUMNS, as_json, "No integration has a secret.")
    _warn(office)


@command.command("rekey", epilog="Example: svahub secrets rekey --dry-run")
@dry_run_option
@json_option
@pass_office
def rekey(office: TenantHub, dry_run: bool, as_json: bool) -> None:
    """Encrypt every stored secret, of all tenants, with the first key of SVAHUB_SECRET_KEY.

    To change the key: put the new one before the old one, with a comma, for every process of svahub; run this; then
    take the old one away.
    """
    show_object(office.secrets.rekey(dry_run=dry_run), as_json)
    _warn(office)


def _warn(office: TenantHub) -> None:
    for danger in office.secrets.dangers():
        click.echo(danger, err=True)
