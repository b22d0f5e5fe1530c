"""`svahub plans`: the catalogues of providers."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from svahub.areas.bench import REGISTER
from svahub.cli import completion
from svahub.cli.exits import ExitCode, end_with, sentence
from svahub.cli.options import Money
from svahub.cli.output import dry_run_option, json_option, show_object, show_table
from svahub.cli.session import pass_office
from svahub.errors import SvahubError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from svahub.hub import TenantHub

SYNCED = ("integration", "added", "changed", "retired", "unchanged", "error")
SHOWN = 5
COLUMNS = ("integration", "remote_id", "name", "price", "description", "retired_at")


@click.group("plans")
def command() -> None:
    """Sync, list and create a provider's plans."""


@command.command("sync", epilog="Example: svahub plans sync tele")
@click.argument("integrations", nargs=-1, metavar="[INTEGRATION]...", shell_complete=completion.integrations)
@dry_run_option
@json_option
@pass_office
def sync(office: TenantHub, integrations: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Read the catalogue of each INTEGRATION, of all enabled ones when none is named.

    A catalogue that cannot be read whole changes nothing; the others are read all the same.
    """
    rows = [_synced(office, name, dry_run=dry_run) for name in integrations or _enabled(office)]
    told = rows if as_json else list(map(_shortened, rows))
    show_table(
        told,
        SYNCED,
        as_json,
        empty=f"There is no enabled integration. {REGISTER}",
    )
    end_with(ExitCode.ERROR if any(row["error"] for row in rows) else ExitCode.REACHED)


def _enabled(office: TenantHub) -> Sequence[str]:
    views = [view for view in office.integrations.list() if not view.is_source]
    for view in views:
        if view.status != "enabled":
            click.echo(f"Left out: {view.name} is {view.status}.", err=True)
    return [view.name for view in views if view.status == "enabled"]


def _synced(office: TenantHub, name: str, *, dry_run: bool) -> dict[str, Any]:
    try:
        return {**asdict(office.catalogue.sync(name, dry_run=dry_run)), "error": None}
    except SvahubError as error:
        click.echo(f"Error: {name}: {sentence(error)}", err=True)
        return dict.fromkeys(SYNCED) | {"integration": name, "error": sentence(error)}


def _shortened(row: dict[str, Any]) -> dict[str, Any]:
    """Count what is too much for a cell."""
    return {name: len(v) if isinstance(v, tuple) and len(v) > SHOWN else v for name, v in row.items()}


@command.command("list", epilog="Example: svahub plans list tele")
@click.argument("integration", shell_complete=completion.integrations, required=False)
@json_option
@pass_office
def list_plans(office: TenantHub, integration: str | None, as_json: bool) -> None:
    """List the plans that were synced, of INTEGRATION if it is named."""
    empty = "There is no plan. Read the catalogues: svahub plans sync"
    show_table(office.catalogue.plans(integration), COLUMNS, as_json, empty)


@command.command("create", epilog='Example: svahub plans create tele --name "Individual 2027" --price 19.90')
@click.argument("integration", shell_complete=completion.integrations)
@click.option("--name", required=True, metavar="TEXT", help="As customers read it.")
@click.option("--description", default="", metavar="TEXT", help="What it holds.")
@click.option("--price", type=Money(), required=True, help="BRL: 1234.56 or 1.234,56.")
@json_option
@pass_office
def create(office: TenantHub, integration: str, name: str, description: str, price: Decimal, as_json: bool) -> None:
    """Register a plan at the provider of INTEGRATION."""
    show_object(office.catalogue.create_plan(integration, name, description, price), as_json)
