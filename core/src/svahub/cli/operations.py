"""`svahub operations`: what was asked, how it ended, and what a person decides about what is parked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from svahub.cli import completion, endings
from svahub.cli.exits import end_with
from svahub.cli.options import LARGEST, actor_option, no_wait_option, timeout_option
from svahub.cli.output import (
    as_mapping,
    confirm,
    dry_run_option,
    json_option,
    show_object,
    show_table,
    yes_option,
)
from svahub.cli.session import pass_office
from svahub.store.states import Outcome
from svahub.verbs import Effect

if TYPE_CHECKING:
    from svahub.hub import TenantHub
    from svahub.store.rows import SubscriptionRow

COLUMNS = (
    "id", "contract_id", "item_code", "integration", "verb", "outcome", "actor", "reason", "created_at", "cause",
)  # fmt: skip
ATTEMPTS = {"attempts": ("started_at", "ended_at", "step", "certainty", "cause")}
ID = click.argument("id", type=click.IntRange(0, LARGEST))


@click.group("operations")
def command() -> None:
    """List, show, retry, confirm and discard operations."""


@command.command("list", epilog="Example: svahub operations list --outcome parked")
@click.option("--outcome", type=click.Choice([o.value for o in Outcome]))
@click.option("--contract", metavar="ID", shell_complete=completion.contracts, help="Only this contract's.")
@json_option
@pass_office
def list_operations(office: TenantHub, outcome: str | None, contract: str | None, as_json: bool) -> None:
    """List operations, the oldest first."""
    rows = office.operations.list(Outcome(outcome) if outcome else None, contract)
    show_table(rows, COLUMNS, as_json, empty="There is no such operation.")


@command.command("show", epilog="Example: svahub operations show 1")
@ID
@json_option
@pass_office
def show(office: TenantHub, id: int, as_json: bool) -> None:
    """Show an operation with the attempts made for it."""
    history = office.operations.show(id)
    attempts = [as_mapping(attempt) for attempt in history.attempts]
    shown = {**as_mapping(history.operation), "attempts": attempts}
    if as_json:
        shown["subscription"] = history.subscription
    show_object(shown, as_json, ATTEMPTS)


@command.command("retry", epilog="Example: svahub operations retry 18")
@ID
@click.option("--adopt", is_flag=True, help="Link the remote user that was found.")
@actor_option
@no_wait_option
@timeout_option
@json_option
@pass_office
def retry(office: TenantHub, id: int, adopt: bool, actor: str, no_wait: bool, timeout: float, as_json: bool) -> None:
    """Try a parked or waiting operation again now, with a fresh budget."""
    _follow(office, office.operations.retry(id, actor=actor, adopt=adopt), no_wait, timeout, as_json)


def _follow(office: TenantHub, row: SubscriptionRow, no_wait: bool, timeout: float, as_json: bool) -> None:
    lines = endings.followed(office, [Effect(row, row)], wait=not no_wait, timeout=timeout)
    endings.show_lines(lines, as_json)
    end_with(endings.exit_code(lines, wait=not no_wait))


@command.command("confirm", epilog="Example: svahub operations confirm 19 --user 4711")
@ID
@click.option("--user", metavar="USER", help="The user's id at the provider, where svahub does not know it.")
@actor_option
@no_wait_option
@timeout_option
@json_option
@pass_office
def confirm_there(
    office: TenantHub, id: int, user: str | None, actor: str, no_wait: bool, timeout: float, as_json: bool
) -> None:
    """Say that what a lost call asked for is there: it is not made again.

    For an operation of which only a look at the provider tells what became of it: `operations show` asks for it then.
    What is not there is made by `operations retry`.
    """
    _follow(office, office.operations.confirm(id, actor=actor, user=user), no_wait, timeout, as_json)


@command.command("discard", epilog='Example: svahub operations discard 20 --note "sold out"')
@ID
@click.option("--note", metavar="TEXT", required=True, help="Why; kept with the operation.")
@actor_option
@dry_run_option
@yes_option
@json_option
@pass_office
def discard(office: TenantHub, id: int, note: str, actor: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Give a parked or waiting operation up: what the provider has becomes what is wanted."""
    if not dry_run:
        confirm(f"Discard operation {id}?", yes)
    before = office.operations.show(id).subscription
    row = office.operations.discard(id, actor=actor, note=note, dry_run=dry_run)
    subscription = f"{row.contract_id}/{row.item_code}"
    desired = {"desired_before": before.desired, "desired": row.desired, "observed": row.observed}
    show_object({"operation": id, "subscription": subscription, **desired, "discarded": not dry_run}, as_json)
