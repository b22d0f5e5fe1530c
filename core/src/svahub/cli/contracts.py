"""`svahub contracts`: bringing them in from a file, listing and showing them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from svahub.areas.contracts import StrictRefusal
from svahub.cli import activation_links, completion
from svahub.cli.exits import ExitCode, end_with
from svahub.cli.output import as_mapping, dry_run_option, json_option, show_object, show_table
from svahub.cli.progress import bar
from svahub.cli.session import pass_office
from svahub.intake import FileFormat
from svahub.masking import mask_json
from svahub.store.states import ContractStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from svahub.areas.contracts import ContractView
    from svahub.hub import TenantHub
    from svahub.imports import Report

COLUMNS = ("contract_id", "customer_id", "status", "due_day", "price", "changed_at")
SUBSCRIPTIONS = ("item", "product_type", "integration", "desired", "observed", "state", "remote_id", "cause")
TABLES = {
    "items": ("code", "product_code", "plan", "integration", "quantity", "price", "removed"),
    "subscriptions": SUBSCRIPTIONS,
}
LINK = "link it: svahub products link {code} --product-type TYPE --plan REMOTE_ID"
DOCUMENTS = "an id is the ERP's and outlives an erasure: give other ids"


@click.group("contracts")
def command() -> None:
    """Import, list and show contracts."""


@command.command("import", epilog="Example: svahub contracts import contracts.jsonl --dry-run")
@click.argument("file")
@click.option("--format", "file_format", type=click.Choice([f.value for f in FileFormat]), help="Default: by its name.")
@dry_run_option
@click.option("--strict", is_flag=True, help="Import nothing if anything is wrong.")
@json_option
@pass_office
def import_contracts(
    office: TenantHub, file: str, file_format: str | None, dry_run: bool, strict: bool, as_json: bool
) -> None:
    """Import the contracts of FILE (JSON Lines or CSV; - is standard input).

    A contract with an error is left out and told with line, column and reason; the exit code is then 1.
    """
    form = FileFormat(file_format) if file_format else None
    try:
        with bar("contracts") as progress:
            report = office.contracts.bring(file, file_format=form, dry_run=dry_run, strict=strict, progress=progress)
    except StrictRefusal as refusal:
        _show(_nothing_done(refusal.report), as_json)
        raise
    _show(report, as_json)
    end_with(ExitCode.ERROR if report.rejected else ExitCode.REACHED)


def _nothing_done(report: Report) -> Report:
    return replace(report, added=0, changed=0, unchanged=0, verbs=Counter(), not_served=Counter())


def _show(report: Report, as_json: bool) -> None:
    if as_json:
        show_object(report, as_json=True)
        return
    tell_errors(report)
    show_object(report_lines(report))


def tell_errors(report: Report) -> None:
    """Tell what is wrong with the contracts that were left out, on the error output."""
    for error in report.errors:
        click.echo(str(error), err=True)
    if report.errors_left_out:
        click.echo(f"… and {report.errors_left_out} more errors", err=True)


def report_lines(report: Report) -> dict[str, Any]:
    """Return what an import did, a line each; of each product that nothing serves, what to do."""
    counts = ("added", "changed", "unchanged", "rejected", "differing")
    lines: dict[str, Any] = {f"contracts {name}": getattr(report, name) for name in counts if getattr(report, name)}
    lines |= {"of erased customers, unchanged": report.erased} if report.erased else {}
    lines |= {"erased customers with a new sale": report.returned} if report.returned else {}
    lines |= {"customers whose id is a CPF or CNPJ": f"{report.documents}; {DOCUMENTS}"} if report.documents else {}
    lines |= {f"to do: {verb}": count for verb, count in sorted(report.verbs.items())}
    served = {
        f"not served: {code}": f"{count} items; {LINK.format(code=code)}"
        for code, count in report.not_served.most_common()
    }
    return {**(lines or {"contracts": 0}), **served}


@command.command("list", epilog="Example: svahub contracts list --status active")
@click.option("--status", type=click.Choice([s.value for s in ContractStatus]))
@click.option("--customer", metavar="ID", help="Only this customer's.")
@json_option
@pass_office
def list_contracts(office: TenantHub, status: str | None, customer: str | None, as_json: bool) -> None:
    """List contracts by their id."""
    rows = _rows(office, ContractStatus(status) if status else None, customer)
    show_table(rows, COLUMNS, as_json, empty="There is no such contract. They come with: svahub contracts import")


def _rows(office: TenantHub, status: ContractStatus | None, customer: str | None) -> Iterator[dict[str, Any]]:
    # Not whole: a row remembers what its source said, with personal data.
    for row in office.contracts.list(status, customer):
        yield {"contract_id": row.id, **{name: getattr(row, name) for name in COLUMNS[1:]}}


@command.command("show", epilog="Example: svahub contracts show C-1")
@click.argument("contract", shell_complete=completion.contracts)
@json_option
@pass_office
def show(office: TenantHub, contract: str, as_json: bool) -> None:
    """Show a contract with its items, its subscriptions and what blocks it."""
    show_object(shown(office.contracts.show(contract)), as_json, TABLES)


def shown(view: ContractView) -> dict[str, Any]:
    """Return a contract to print: personal data among its items' attributes is masked."""
    items = [{**as_mapping(item), "attributes": mask_json(item.attributes)} for item in view.items]
    return {**as_mapping(view), "items": items}


command.add_command(activation_links.make)
command.add_command(activation_links.list_links)
