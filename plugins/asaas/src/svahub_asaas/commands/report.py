"""`svahub asaas report`: what was issued, paid, is pending, overdue, was reversed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from svahub.extension.commands import Day, ExitCode, as_document, json_option, pass_office, show_table

from svahub_asaas import invoicing, reporting
from svahub_asaas.commands.options import at_option

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date
    from typing import Any

    from svahub.hub import TenantHub

    from svahub_asaas.reports.rows import Difference, Report

FORMATS = ("table", "csv", "json", "html")
LINES = ("charge", "contract", "billing_type", "status", "due_date", "paid_on", "days_late", "value", "net")


def _options(run: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(
        (
            click.option("--from", "first", type=Day(), required=True, help="The first day, as 2026-11-01."),
            click.option("--to", "last", type=Day(), required=True, help="The last day."),
            click.option("--format", "shape", type=click.Choice(FORMATS), default="table", show_default=True),
            click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file."),
            click.option("--check", is_flag=True, help="Compare the totals with Asaas's own statistics."),
            at_option,
            json_option,
        )
    ):
        run = option(run)
    return run


@click.group("report")
def command() -> None:
    """Report on charges of a span of days."""


@command.command("invoices", epilog="Example: svahub asaas report invoices --from 2026-11-01 --to 2026-11-30")
@_options
@pass_office
def invoices(office: TenantHub, /, **asked: Any) -> None:
    """Report on the charges that were issued from a day to a day."""
    _report(office, reporting.Kind.INVOICES, **asked)


@command.command("payments", epilog="Example: svahub asaas report payments --from 2026-11-01 --to 2026-11-30 --json")
@_options
@pass_office
def payments(office: TenantHub, /, **asked: Any) -> None:
    """Report on the payments that the ISP got from a day to a day."""
    _report(office, reporting.Kind.PAYMENTS, **asked)


def _report(
    office: TenantHub,
    kind: reporting.Kind,
    first: date,
    last: date,
    shape: str,
    output: Path | None,
    check: bool,
    integration: str | None,
    as_json: bool,
) -> None:
    if last < first:
        raise click.UsageError("--to is before --from.")
    if check:
        reporting.refuse_unchecked(kind)
    name = invoicing.the_integration(office, integration)
    made = reporting.made(office, name, kind, first, last)
    found = reporting.checked(office, name, made) if check else None
    _write(made, kind, "json" if as_json else shape, output, found)
    if found is not None:
        _tell(found, first)


def _write(
    made: Report, kind: reporting.Kind, shape: str, output: Path | None, found: Sequence[Difference] | None
) -> None:
    if shape == "table" and output is None:
        _show(made)
        return
    text = _as_json(made, found) if shape == "json" else reporting.written(made, kind, shape)
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
        return
    output.write_text(text, encoding="utf-8")
    click.echo(f"Written: {output}", err=True)


def _as_json(made: Report, found: Sequence[Difference] | None) -> str:
    checked = {} if found is None else {"differences": found}
    return as_document(reporting.as_mapping(made) | checked)


def _show(made: Report) -> None:
    show_table(made.lines, LINES, empty="No charges in these days. What webhooks missed: svahub asaas sync")
    click.echo()
    sums = [{"charges": name, "count": s.count, "value": s.value, "net": s.net} for name, s in made.sums.items()]
    show_table(sums, ("charges", "count", "value", "net"))
    click.echo()
    ages = [{"days overdue": age.value, "count": s.count, "value": s.value} for age, s in made.ageing.items()]
    show_table(ages, ("days overdue", "count", "value"))
    if made.mean_days_late is not None:
        click.echo(f"\nPayments were {made.mean_days_late} days late on average.")


def _tell(differences: Sequence[Difference], first: date) -> None:
    if not differences:
        click.echo("The totals agree with Asaas's statistics.", err=True)
        return
    for one in differences:
        click.echo(f"{one.what}: {one.ours} here, {one.theirs} at Asaas.", err=True)
    click.echo(f"Read what was missed: svahub asaas sync --since {first}", err=True)
    raise SystemExit(ExitCode.ERROR)
