"""`svahub keys`: who may use the API of the server, and what they may do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from svahub.cli.output import as_mapping, confirm, json_option, show_object, show_table, yes_option
from svahub.cli.session import pass_office
from svahub.store.states import Permission

if TYPE_CHECKING:
    from svahub.hub import TenantHub

COLUMNS = ("name", "permission", "actor", "created_at", "last_used_at", "revoked_at")
ONCE = "Keep the key now: it is not shown again."
NONE = "There is no key. Make one: svahub keys create NAME --permission P"
NAME = click.argument("name")


@click.group("keys")
def command() -> None:
    """Say who may use the API under /v1 of `svahub serve`, and what they may do there.

    Commands ask for no key: whoever can read the store is admin. So guard the store, and give keys to all others. A
    key is for one tenant; what its bearer does is in the books under key:NAME.
    """


@command.command("create")
@NAME
@click.option(
    "--permission",
    type=click.Choice([permission.value for permission in Permission]),
    required=True,
    help="admin: all, even taking fraud and legal away that others set. operator: every verb. "
    "billing: read, block and unblock for overdue. read-only: read.",
)
@json_option
@pass_office
def create(office: TenantHub, name: str, permission: str, as_json: bool) -> None:
    """Make the key NAME and show it, this once; the store keeps its hash only."""
    made = office.keys.create(name, Permission(permission))
    show_object({"name": name, "permission": permission, "key": made.secret}, as_json)
    click.echo(ONCE, err=True)


@command.command("list")
@json_option
@pass_office
def list_keys(office: TenantHub, as_json: bool) -> None:
    """List the keys: what each may do, who made it, when it was used last (to the minute), whether it is revoked."""
    show_table(office.keys.list(), COLUMNS, as_json, NONE)


@command.command("revoke")
@NAME
@yes_option
@json_option
@pass_office
def revoke(office: TenantHub, name: str, yes: bool, as_json: bool) -> None:
    """Let the key NAME open nothing more, from the next request on."""
    confirm(f"Revoke the key {name}?", yes)
    show_object(as_mapping(office.keys.revoke(name)), as_json)
