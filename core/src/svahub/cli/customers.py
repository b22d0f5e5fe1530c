"""`svahub customers`: what the attendant sees of a person, what the person gets to see, and their erasure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from svahub.areas.privacy import ERASING, KEEPING
from svahub.cli.contracts import SUBSCRIPTIONS, shown
from svahub.cli.documents import refuse_place, write_new
from svahub.cli.exits import ExitCode, end_with
from svahub.cli.options import actor_option
from svahub.cli.output import (
    as_document,
    as_mapping,
    confirm,
    dry_run_option,
    json_option,
    show_object,
    show_table,
    yes_option,
)
from svahub.cli.session import pass_office

if TYPE_CHECKING:
    from svahub.areas.contracts import CustomerView
    from svahub.areas.privacy import Erased
    from svahub.hub import TenantHub

CONTRACTS = ("contract_id", "status", "due_day", "price", "block_reasons")
without_missing_option = click.option(
    "--without-missing", is_flag=True, help="Go on without plugins that are missing or broken; it is told which."
)


@click.group("customers")
def command() -> None:
    """Show a customer, export what is held about them, erase it."""


@command.command("show", epilog="Example: svahub customers show P-1")
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


@command.command("export", epilog="Example: svahub customers export P-1 --output ana.json")
@click.argument("customer")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="A new file, for you.")
@without_missing_option
@actor_option
@json_option
@pass_office
def export(
    office: TenantHub, customer: str, output: Path | None, without_missing: bool, actor: str, as_json: bool
) -> None:
    """Export everything held about a customer, unmasked, as one JSON document; the look is recorded."""
    if output is not None:
        refuse_place(output)
    document = as_document(office.privacy.export(customer, actor=actor, without_missing=without_missing))
    if output is None:
        click.echo(document)
        return
    write_new(output, [document, "\n"])
    click.echo(f"Everything held about customer {customer} is in {output}.", err=as_json)


@command.command("erase", epilog="Example: svahub customers erase P-16 --dry-run")
@click.argument("customer")
@without_missing_option
@actor_option
@dry_run_option
@yes_option
@json_option
@pass_office
def erase(
    office: TenantHub, customer: str, without_missing: bool, actor: str, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Erase a customer's personal data for good; what proves what was sold and ended stays, under a pseudonym.

    It is refused while anything of theirs is active. Once more, it erases what came since, and sweeps the files again.
    """
    if not dry_run:
        confirm(f"Erase the personal data of customer {customer} for good?", yes)
    done = office.privacy.erase(customer, actor=actor, dry_run=dry_run, without_missing=without_missing)
    if as_json:
        show_object({**as_mapping(done), "dry_run": dry_run}, as_json=True)
    else:
        _tell(done, dry_run=dry_run)
    end_with(ExitCode.REACHED if done.store is None or done.store.clean else ExitCode.ERROR)


def _tell(done: Erased, *, dry_run: bool) -> None:
    if done.already:
        click.echo(f"Customer {done.customer_id} was erased at {done.erased_at:%Y-%m-%d %H:%M:%S} UTC.")
        if done.erased:
            verb = "would be" if dry_run else "is"
            late = ", ".join(f"{rows} {name}" for name, rows in done.erased.items())
            click.echo(f"What came after that {verb} erased too: {late}.")
    else:
        verb = "would be erased" if dry_run else "is erased"
        which = f"the pseudonym {done.pseudonym}" if done.pseudonym else "a pseudonym"
        click.echo(f"Customer {done.customer_id} {verb}; what stays bears {which}.\n")
        lost = [{"erased": name, "rows": rows, "what": ERASING[name]} for name, rows in done.erased.items()]
        show_table(lost, ["erased", "rows", "what"])
    stays = [{"kept": name, "rows": rows, "why": KEEPING[name]} for name, rows in done.kept.items()]
    click.echo()
    show_table(stays, ["kept", "rows", "why"])
    click.echo()
    for remark in _remarks(done):
        click.echo(remark)


def _remarks(done: Erased) -> list[str]:
    told = [f"Plugins that erased their tables too: {', '.join(done.plugins)}."] if done.plugins else []
    told += [f"Not erased: the tables of {name}, {why}." for name, why in done.left_out.items()]
    for name, ids in done.providers.items():
        which = f" of {', '.join(ids)}" if ids else ""
        told.append(f"What the provider at {name} still keeps{which} is the provider's: ask it to erase that.")
    if done.id_is_document:
        told.append("The customer's id is a CPF or CNPJ. It stays, as it is the ERP's: give its customers other ids.")
    if done.store is not None:
        told.append(f"The store: {done.store.said}. Backups from before still hold the data until they are deleted.")
    return told
