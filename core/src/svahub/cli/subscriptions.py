"""`svahub subscriptions`: what was sold, what the provider has, and every attempt in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from svahub.cli import completion
from svahub.cli.output import as_mapping, json_option, show_object, show_table
from svahub.cli.session import pass_office
from svahub.store.states import State

if TYPE_CHECKING:
    from svahub.hub import TenantHub

COLUMNS = (
    "contract_id", "item", "product_type", "integration", "plan", "desired", "observed", "state", "remote_id", "cause",
)  # fmt: skip
TABLES = {
    "attempts": ("started_at", "ended_at", "step", "generation", "certainty", "cause"),
    "exchanges": ("at", "method", "path", "status", "milliseconds"),
}


@click.group("subscriptions")
def command() -> None:
    """List and show subscriptions."""


@command.command("list", epilog="Example: svahub subscriptions list --integration tele --state parked")
@click.option("--integration", metavar="NAME", shell_complete=completion.integrations, help="Only those there.")
@click.option("--state", type=click.Choice([s.value for s in State]))
@click.option("--contract", metavar="ID", shell_complete=completion.contracts, help="Only this contract's.")
@json_option
@pass_office
def list_subscriptions(
    office: TenantHub, integration: str | None, state: str | None, contract: str | None, as_json: bool
) -> None:
    """List subscriptions by contract and item."""
    rows = office.subscriptions.list(integration, State(state) if state else None, contract)
    show_table(rows, COLUMNS, as_json, empty="There is no such subscription.")


@command.command("show", epilog="Example: svahub subscriptions show C-1/1")
@click.argument("subscription", metavar="KEY|CONTRACT/ITEM")
@json_option
@pass_office
def show(office: TenantHub, subscription: str, as_json: bool) -> None:
    """Show a subscription, by its key or as CONTRACT/ITEM, with every attempt and what was said, masked."""
    history = office.subscriptions.show(subscription)
    attempts = [as_mapping(attempt) for attempt in history.attempts]
    shown = {**as_mapping(history.subscription), "attempts": attempts, "exchanges": history.exchanges}
    show_object(shown, as_json, TABLES)
