"""`svahub schedule`: what is done by the clock, when, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from svahub.cli import completion
from svahub.cli.exits import ExitCode, end_with
from svahub.cli.output import json_option, show_object, show_table
from svahub.cli.session import pass_office, pass_session
from svahub.store.states import RunOutcome

if TYPE_CHECKING:
    from svahub.areas.schedules import ScheduleView
    from svahub.cli.session import Session
    from svahub.hub import TenantHub

COLUMNS = ("name", "cron", "when", "enabled", "next_due_at", "last_started_at", "result", "purpose")
NAME = click.argument("name", shell_complete=completion.schedules)


@click.group("schedule")
def command() -> None:
    """List, run and set what is done by the clock; `svahub work` does it.

    A cron line has minute, hour, day of month, month and day of week, in the tenant's zone. However many workers there
    are, one of them runs it; what was missed while none ran is run once.
    """


@command.command("list", epilog="Example: svahub schedule list")
@json_option
@pass_office
def list_schedules(office: TenantHub, as_json: bool) -> None:
    """List the schedules, when each is due, and how its last run ended."""
    views = office.schedules.list()
    show_table(views if as_json else [_told(view) for view in views], COLUMNS, as_json)


def _told(view: ScheduleView) -> dict[str, object]:
    ended = f"{view.last_outcome.value}: {view.last_message}" if view.last_outcome and view.last_message else ""
    result = view.problem or ("running" if view.running else ended)
    return {name: getattr(view, name, None) for name in COLUMNS} | {"result": result}


@command.command("run", epilog="Example: svahub schedule run audit-prune")
@NAME
@json_option
@pass_session
def run(session: Session, name: str, as_json: bool) -> None:
    """Run a schedule now, due or not; exit with 1 when it fails."""
    office = session.office
    ran = session.hub.timekeeper(tenants=[office.name]).run_now(office.row, name)
    show_object(ran, as_json)
    end_with(ExitCode.REACHED if ran.outcome is RunOutcome.SUCCEEDED else ExitCode.ERROR)


@command.command("enable", epilog="Example: svahub schedule enable plans-sync")
@NAME
@json_option
@pass_office
def enable(office: TenantHub, name: str, as_json: bool) -> None:
    """Have a schedule run again, from its next time on."""
    show_object(office.schedules.enable(name), as_json)


@command.command("disable", epilog="Example: svahub schedule disable plans-sync")
@NAME
@json_option
@pass_office
def disable(office: TenantHub, name: str, as_json: bool) -> None:
    """Have a schedule not run by the clock; `schedule run` still does."""
    show_object(office.schedules.disable(name), as_json)


@command.command("set", epilog="Example: svahub schedule set plans-sync '15 3 * * *'")
@NAME
@click.argument("cron")
@json_option
@pass_office
def set_cron(office: TenantHub, name: str, cron: str, as_json: bool) -> None:
    """Have a schedule run by another cron line, for example '15 3 * * *'."""
    show_object(office.schedules.set(name, cron), as_json)
