"""`svahub keys`: who may use the API of the server, and what they may do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from svahub.cli.key_commands import NAME, listing, revoking, show_made
from svahub.cli.output import json_option
from svahub.cli.session import pass_office
from svahub.store.states import OWN_PERMISSIONS, Permission

if TYPE_CHECKING:
    from svahub.areas.keys import Keys
    from svahub.hub import TenantHub

NONE = "There is no key. Make one: svahub keys create NAME --permission P"


@click.group("keys")
def command() -> None:
    """Say who may use the API under /v1 of `svahub serve`, and what they may do there.

    Commands ask for no key: whoever can read the store is admin. So guard the store, and give keys to all others. A
    key is for one tenant; what its bearer does is in the books under key:NAME. Keys of a plugin's partner are listed
    here under PLUGIN/NAME, and revoked by that name; the plugin's own command makes them.
    """


@command.command("create", epilog="Example: svahub keys create erp --permission billing")
@NAME
@click.option(
    "--permission",
    type=click.Choice([permission.value for permission in OWN_PERMISSIONS]),
    required=True,
    help="admin: all, even taking fraud and legal away that others set. operator: every verb. "
    "billing: read, block and unblock for overdue. read-only: read.",
)
@json_option
@pass_office
def create(office: TenantHub, name: str, permission: str, as_json: bool) -> None:
    """Make the key NAME and show it, this once; the store keeps its hash only."""
    show_made(office.keys.create(name, Permission(permission)), as_json)


def _all(office: TenantHub) -> Keys:
    return office.keys


command.add_command(listing("keys", _all, NONE))
command.add_command(revoking("keys", _all, "erp"))
