"""`svahub asaas sync`: reads what webhooks may have missed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from svahub.extension.commands import Day, ExitCode, as_document, bar, json_option, pass_office

from svahub_asaas import invoicing
from svahub_asaas.commands.options import at_option
from svahub_asaas.sweeping import sweep_missed

if TYPE_CHECKING:
    from datetime import date

    from svahub.hub import TenantHub


@click.command("sync", epilog="Example: svahub asaas sync --since 2026-11-01")
@click.option("--since", type=Day(), help="The first day; by default what the last sync read last.")
@at_option
@json_option
@pass_office
def command(office: TenantHub, since: date | None, integration: str | None, as_json: bool) -> None:
    """Read charges that were made or paid since a day, and all of which something may still become."""
    name = invoicing.the_integration(office, integration)
    with bar("Reading") as told:
        swept = sweep_missed(office, name, since, told)
    click.echo(as_document(asdict(swept)) if as_json else f"{swept}.")
    raise SystemExit(ExitCode.WAITING if swept.left else ExitCode.REACHED)
