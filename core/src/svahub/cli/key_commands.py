"""What the commands about keys are made of: `svahub keys`, and those of plugins that serve a partner."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from svahub.cli.output import as_mapping, confirm, json_option, show_object, show_table, yes_option
from svahub.cli.session import pass_office
from svahub.store.states import Permission

if TYPE_CHECKING:
    from svahub.areas.keys import Keys, NewKey
    from svahub.hub import TenantHub

KeysOf = Callable[["TenantHub"], "Keys"]

COLUMNS = ("name", "permission", "actor", "created_at", "last_used_at", "revoked_at")
ONCE = "Keep the key now: it is not shown again."
NAME = click.argument("name")


def partner_keys(partner: str, title: str) -> click.Group:
    """Return `partner-keys` for the commands of a plugin: keys to what it serves to its partner, of this `title`."""
    none = f"There is no key for {title}. Make one: svahub {partner} partner-keys create NAME"
    group = click.Group("partner-keys", help=f"Say who reads for {title} what `svahub serve` tells of this tenant.")
    made = f"{partner} partner-keys"
    for command in (_creating(partner), listing(made, _of(partner), none), revoking(made, _of(partner), "app")):
        group.add_command(command)
    return group


def _of(partner: str) -> KeysOf:
    return lambda office: office.partner_keys(partner)


def _creating(partner: str) -> click.Command:
    @click.command("create", epilog=f"Example: svahub {partner} partner-keys create app")
    @NAME
    @json_option
    @pass_office
    def create(office: TenantHub, name: str, as_json: bool) -> None:
        """Make the key NAME and show it, this once; the store keeps its hash only.

        It is for this tenant and for nothing else under `svahub serve`; reads are in the books under key:PLUGIN/NAME.
        """
        show_made(office.partner_keys(partner).create(name, Permission.PARTNER), as_json)

    return create


def show_made(made: NewKey, as_json: bool) -> None:
    """Show a key that was just made, with its secret."""
    view = made.view
    show_object({"name": view.name, "permission": view.permission.value, "key": made.secret}, as_json)
    click.echo(ONCE, err=True)


def listing(group: str, keys_of: KeysOf, none: str) -> click.Command:
    """Return the command of a group that lists keys, or says that there is none."""

    @click.command("list", epilog=f"Example: svahub {group} list")
    @json_option
    @pass_office
    def list_keys(office: TenantHub, as_json: bool) -> None:
        """List the keys: what each may do, who made it, when it was used last (to the minute), if it is revoked."""
        show_table(keys_of(office).list(), COLUMNS, as_json, none)

    return list_keys


def revoking(group: str, keys_of: KeysOf, example: str) -> click.Command:
    """Return the command of a group that revokes a key; `example` is the name of one."""

    @click.command("revoke", epilog=f"Example: svahub {group} revoke {example}")
    @NAME
    @yes_option
    @json_option
    @pass_office
    def revoke(office: TenantHub, name: str, yes: bool, as_json: bool) -> None:
        """Let the key NAME open nothing more, from the next request on."""
        confirm(f"Revoke the key {name}?", yes)
        show_object(as_mapping(keys_of(office).revoke(name)), as_json)

    return revoke
