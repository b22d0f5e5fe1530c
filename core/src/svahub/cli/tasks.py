"""`svahub tasks`: what plugins asked for beside the lifecycle, and what a person decides about what is parked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from svahub.cli import completion
from svahub.cli.exits import ExitCode, end_with, worst
from svahub.cli.options import no_wait_option, timeout_option
from svahub.cli.output import json_option, show_object, show_table
from svahub.cli.session import pass_office
from svahub.store.states import Outcome, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from svahub.areas.tasks import TaskView
    from svahub.hub import TenantHub

COLUMNS = ("id", "integration", "kind", "name", "contract_id", "state", "outcome", "cause", "advice")
NONE = "No tasks: plugins ask for them, a charge for example."


@click.group("tasks")
def command() -> None:
    """Show what plugins asked for (charges, mails, …), and decide about what is parked."""


@command.command("list", epilog="Example: svahub tasks list --integration cobranca")
@click.option("--integration", metavar="NAME", shell_complete=completion.integrations, help="Only of this integration.")
@click.option("--kind", metavar="KIND", help="Only of this kind, charge.create for example.")
@click.option("--contract", metavar="ID", shell_complete=completion.contracts, help="Only of this contract.")
@click.option("--outcome", type=click.Choice([outcome.value for outcome in Outcome]), help="Only with this outcome.")
@json_option
@pass_office
def list_(
    office: TenantHub,
    integration: str | None,
    kind: str | None,
    contract: str | None,
    outcome: str | None,
    as_json: bool,
) -> None:
    """List tasks, the oldest first."""
    chosen = Outcome(outcome) if outcome else None
    found = office.tasks.list(integration=integration, kind=kind, contract=contract, outcome=chosen)
    show_table(found, COLUMNS, as_json, empty=NONE)


@command.command("show", epilog="Example: svahub tasks show 1")
@click.argument("id", type=int)
@json_option
@pass_office
def show(office: TenantHub, id: int, as_json: bool) -> None:
    """Show one task with every try."""
    history = office.tasks.history(id)
    shown = {name: getattr(history.task, name) for name in history.task.__dataclass_fields__ if name != "new"}
    columns = {"attempts": ("lease_number", "step", "started_at", "ended_at", "certainty", "cause")}
    show_object(shown | {"attempts": history.attempts}, as_json, columns)


@command.command("retry", epilog="Example: svahub tasks retry 8")
@click.argument("ids", type=int, nargs=-1, required=True)
@no_wait_option
@timeout_option
@json_option
@pass_office
def retry(office: TenantHub, ids: tuple[int, ...], no_wait: bool, timeout: float, as_json: bool) -> None:
    """Try tasks again that wait or are parked; what may have been done is looked up first."""
    for id in ids:
        office.tasks.retry(id)
    done = office.tasks.settle(ids, timeout=0 if no_wait else timeout)
    show_table(done, COLUMNS, as_json)
    end_with(worst(_codes(done, waits=not no_wait)))


@command.command("discard", epilog='Example: svahub tasks discard 9 --note "charged by hand"')
@click.argument("id", type=int)
@click.option("--note", required=True, help="Why it is let go.")
@json_option
@pass_office
def discard(office: TenantHub, id: int, note: str, as_json: bool) -> None:
    """Let a task go: it is not done any more."""
    show_table([office.tasks.discard(id, note)], COLUMNS, as_json)


@command.command("confirm", epilog="Example: svahub tasks confirm 10 --remote-id pay_080225913252")
@click.argument("id", type=int)
@click.option("--remote-id", required=True, metavar="X", help="What the provider calls what was done.")
@json_option
@pass_office
def confirm(office: TenantHub, id: int, remote_id: str, as_json: bool) -> None:
    """Say that a task of which nobody knew was done: you have looked at the provider."""
    show_table([office.tasks.confirm(id, remote_id)], COLUMNS, as_json)


def _codes(tasks: Iterable[TaskView], *, waits: bool) -> Iterable[ExitCode]:
    for task in tasks:
        if task.state in {State.PARKED, State.QUARANTINED, State.MISSING_PLUGIN}:
            yield ExitCode.NEEDS_PERSON
        elif task.outcome is Outcome.QUEUED and waits:
            yield ExitCode.WAITING
