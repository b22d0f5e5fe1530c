"""`svahub iot licences`: the licences of a contract's devices, and what is wanted of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from svahub.extension.commands import (
    as_document,
    completion,
    confirm,
    end_with,
    ended,
    exit_code,
    followed,
    item_option,
    json_option,
    note_option,
    pass_office,
    settled,
    show_object,
    show_table,
    waiting_options,
    worst,
    yes_option,
)

from svahub_iot import intending
from svahub_iot.intending import Asked, Device
from svahub_iot.units import Status

if TYPE_CHECKING:
    from svahub.hub import TenantHub

    from svahub_iot.store.licences import LicenceRow

COLUMNS = ("contract", "item", "licence", "code", "device", "description", "status", "leaving", "cause", "reference")
SERIAL = click.STRING
description_option = click.option("--description", metavar="TEXT", help="What people call the device.")


@click.group("licences")
def command() -> None:
    """List licences, add, replace and cancel them.

    LICENCE is Olli's id of it, its code, its device's serial, or its reference: `licences list` shows them. The status
    is A (active), I (inactive), B (blocked) or P (pending: wanted, and not there yet).
    """


@command.command("list", epilog="Example: svahub iot licences list C-11 --live")
@click.argument("contract", shell_complete=completion.contracts, required=False)
@click.option("--live", is_flag=True, help="Without those that have ended.")
@json_option
@pass_office
def list_(office: TenantHub, contract: str | None, live: bool, as_json: bool) -> None:
    """List the licences of CONTRACT, or of all."""
    rows = intending.whole(office) if contract is None else intending.listed(office, contract)
    shown = (_shown(row) for row in rows if not live or row.status is not Status.INACTIVE)
    show_table(shown, COLUMNS, as_json, empty="No licences: svahub iot licences add CONTRACT")


@command.command("show", epilog="Example: svahub iot licences show C-11 SN-1001")
@click.argument("contract", shell_complete=completion.contracts)
@click.argument("licence")
@json_option
@pass_office
def show(office: TenantHub, contract: str, licence: str, as_json: bool) -> None:
    """Show one licence of CONTRACT."""
    show_object(_whole(intending.one(office, contract, licence)), as_json)


@command.command("add", epilog='Example: svahub iot licences add C-11 SN-1004 --description "Portão"')
@click.argument("contract", shell_complete=completion.contracts)
@click.argument("serials", nargs=-1, required=True, type=SERIAL, metavar="SERIAL...")
@description_option
@item_option
@note_option
@waiting_options
def add(
    office: TenantHub, contract: str, serials: tuple[str, ...], description: str | None, item: str | None,
    note: str | None, **how: Any,
) -> None:  # fmt: skip
    """Add a licence to CONTRACT for each device, by its SERIAL: the item has so many more."""
    devices = [Device(serial, description) for serial in dict.fromkeys(serials)]
    _follow(office, contract, intending.add(office, contract, devices, item, note), **how)


@command.command("replace", epilog="Example: svahub iot licences replace C-11 SN-1002 SN-2002")
@click.argument("contract", shell_complete=completion.contracts)
@click.argument("licence")
@click.argument("serial", type=SERIAL)
@description_option
@yes_option
@waiting_options
def replace(
    office: TenantHub, contract: str, licence: str, serial: str, description: str | None, yes: bool, **how: Any
) -> None:
    """Cancel LICENCE of CONTRACT, and create one for the device SERIAL in its place."""
    confirm(f"Cancel licence {licence} of contract {contract}, and create one for {serial}?", yes)
    _follow(office, contract, intending.replace(office, contract, licence, Device(serial, description)), **how)


@command.command("cancel", epilog="Example: svahub iot licences cancel C-11 SN-1003")
@click.argument("contract", shell_complete=completion.contracts)
@click.argument("licences", nargs=-1, required=True, metavar="LICENCE...")
@note_option
@yes_option
@waiting_options
def cancel(
    office: TenantHub, contract: str, licences: tuple[str, ...], note: str | None, yes: bool, **how: Any
) -> None:
    """Cancel each LICENCE of CONTRACT: the item has so many less."""
    confirm(f"Cancel {len(licences)} licences of contract {contract} for good?", yes)
    _follow(office, contract, intending.cancel(office, contract, licences, note), **how)


def _follow(office: TenantHub, contract: str, asked: Asked, *, no_wait: bool, timeout: float, as_json: bool) -> None:
    """Wait for what was asked, show how the licences that are meant then stand, and end with the code of the worst."""
    lines = followed(office, asked.effects, wait=not no_wait, timeout=timeout)
    tasks = settled(office, asked.tasks, 0 if no_wait else timeout, "At Olli")
    meant = [row for row in intending.listed(office, contract) if row.reference in asked.references]
    if as_json:
        shown = {"licences": [_shown(row) for row in meant], "operations": lines, "tasks": tasks}
        click.echo(as_document(shown))
    else:
        show_table([_shown(row) for row in meant], COLUMNS)
        _say_what_is_left(lines, tasks)
    end_with(worst([exit_code(lines, wait=not no_wait), ended(tasks, waits=not no_wait)]))


def _say_what_is_left(lines: Any, tasks: Any) -> None:
    for line in lines:
        if line.cause:
            click.echo(f"operation {line.operation}: {line.outcome.value}: {line.cause}; {line.advice or 'it waits'}")
    for task in tasks:
        if task.cause:
            click.echo(f"task {task.id}: {task.state.value}: {task.cause}; {task.advice or 'it waits'}")


def _shown(row: LicenceRow) -> dict[str, Any]:
    return {
        "contract": row.contract_id,
        "item": row.item_code,
        "licence": row.licence,
        "code": row.code,
        "device": row.device,
        "description": row.description,
        "status": row.status,
        "leaving": row.leaving,
        "cause": row.cause,
        "reference": row.reference,
    }


def _whole(row: LicenceRow) -> dict[str, Any]:
    return {
        **_shown(row),
        "integration": row.integration,
        "customer": row.customer,
        "subscription": row.subscription,
        "made_at": row.made_at,
        "changed_at": row.changed_at,
    }
