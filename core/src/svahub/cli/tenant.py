"""`svahub tenant`: the ISPs that one installation serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from svahub.cli.options import actor_option
from svahub.cli.output import json_option, show_object, show_table
from svahub.cli.session import pass_hub
from svahub.hub import DEFAULT_ZONE

if TYPE_CHECKING:
    from svahub.hub import Hub


@click.group("tenant")
def command() -> None:
    """Add and list tenants."""


@command.command("add", epilog="Example: svahub tenant add norte --zone America/Manaus")
@click.argument("name")
@click.option("--zone", default=DEFAULT_ZONE, show_default=True, help="Where its days begin, an IANA name.")
@actor_option
@json_option
@pass_hub
def add(hub: Hub, name: str, zone: str, actor: str, as_json: bool) -> None:
    """Add the tenant NAME; other commands then act for it with --tenant NAME."""
    show_object(hub.add_tenant(name, zone, actor), as_json)


@command.command("list", epilog="Example: svahub tenant list")
@json_option
@pass_hub
def list_tenants(hub: Hub, as_json: bool) -> None:
    """List every tenant."""
    show_table(hub.tenants(), ["name", "zone", "created_at"], as_json)
