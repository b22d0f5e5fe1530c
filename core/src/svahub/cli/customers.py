"""`svahub customers`: what the attendant sees of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from svahub.cli.contracts import SUBSCRIPTIONS, shown
from svahub.cli.options import actor_option
from svahub.cli.output import as_mapping, json_option, show_object, show_table
from svahub.cli.session import pass_office

if TYPE_CHECKING:
    from svahub.areas.contracts import CustomerView
    from svahub.hub import TenantHub

CONTRACTS = ("contract_id", "status", "due_day", "price", "block_reasons")


@click.group("customers")
def command() -> None:
    """Show a customer, for the attendant."""


@command.command("show")
@click.argument("customer")
@actor_option
@json_option
@pass_office
def show(office: TenantHub, customer: str, actor: str, as_json: bool) -> None:
    """Show a customer, masked, with their contracts and what is blocked and why; the look is recorded."""
    view = office.contracts.customer(customer, actor=actor)
    if as_json:
        show_object({**as_mapping(view), "contracts": [shown(contract) for contract in view.contracts]}, as_json=True)
        return
    _show(view)


def _show(view: CustomerView) -> None:
    show_object({name: value for name, value in as_mapping(view).items() if name != "contracts"})
    click.echo("\ncontracts:")
    show_table(view.contracts, CONTRACTS)
    click.echo("\nsubscriptions:")
    held = [subscription for contract in view.contracts for subscription in contract.subscriptions]
    show_table(held, ["contract_id", *SUBSCRIPTIONS, "advice"])
