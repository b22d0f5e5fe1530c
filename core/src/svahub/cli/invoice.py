"""`svahub reconcile invoice`: a provider's bill against what was there."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from svahub import brazil
from svahub.bills import page
from svahub.bills.layout import MEANINGS
from svahub.cli import completion
from svahub.cli.exits import ExitCode, end_with
from svahub.cli.output import as_line, json_option, show_object, show_table
from svahub.cli.progress import bar
from svahub.cli.session import pass_office
from svahub.masking import mask_text

if TYPE_CHECKING:
    from svahub.bills.checking import Checked
    from svahub.hub import TenantHub

SHOWN = 50
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OUT = click.Path(dir_okay=False, writable=True, path_type=Path)


class Pair(click.ParamType[tuple[str, str]]):
    """Two texts with an equals sign between them."""

    name = "pair"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return both, or fail as a usage error."""
        before, sign, after = str(value).partition("=")
        if not (before.strip() and sign and after.strip()):
            self.fail("write NAME=VALUE.", param, ctx)
        return before.strip(), after.strip()


class Price(Pair):
    """The remote id of a plan and what a month of it costs, as PLAN=19,90."""

    name = "price"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the plan and the amount, or fail as a usage error."""
        plan, written = super().convert(value, param, ctx)
        try:
            return plan, brazil.money(written)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


@click.command(
    "invoice",
    epilog="\b\nExample: svahub reconcile invoice tele bill.csv --month 2026-11 \\\n"
    "    --column document=CPF --column price=Valor --html bill.html",
)
@click.argument("integration", shell_complete=completion.integrations)
@click.argument("file", type=FILE)
@click.option("--month", metavar="YYYY-MM", help="The month that is billed; default: the last one that is over.")
@click.option(
    "--column",
    "columns",
    type=Pair(),
    multiple=True,
    metavar="MEANING=HEADER",
    help=f"Which column is what; kept for the next bill. Meanings: {', '.join(MEANINGS)}.",
)
@click.option(
    "--price",
    "prices",
    type=Price(),
    multiple=True,
    metavar="PLAN=AMOUNT",
    help="What a month of a plan costs as agreed, instead of the catalogue's price; kept too.",
)
@click.option("--csv", "csv_file", type=OUT, metavar="OUT", help="Write what is not right as CSV.")
@click.option("--html", "html_file", type=OUT, metavar="OUT", help="Write a page to send to the provider.")
@json_option
@pass_office
def command(
    office: TenantHub,
    integration: str,
    file: Path,
    month: str | None,
    columns: tuple[tuple[str, str], ...],
    prices: tuple[tuple[str, Decimal], ...],
    csv_file: Path | None,
    html_file: Path | None,
    as_json: bool,
) -> None:
    """Check the bill in FILE (CSV) of the provider of INTEGRATION against what was there in its month.

    What was ACTIVE at some moment of the month has to be billed, what was only BLOCKED may be; what ended before, came
    later or was never sold must not be. That is told by what the store keeps: the steps that succeeded, and the plans
    of reconcile that were applied. Lines that cannot be read are told, and the exit code is then 1.
    """
    told, agreed = dict(columns), dict(prices)
    with bar("lines") as progress:
        checked = office.bills.check(
            integration, file, month or _last(office), columns=told, prices=agreed, progress=progress
        )
    if csv_file is not None:
        csv_file.write_text(page.as_csv(checked), encoding="utf-8-sig")
    if html_file is not None:
        html_file.write_text(page.page(checked, office.bench.now().astimezone(office.bench.zone)), encoding="utf-8")
    _print_json(checked) if as_json else _tell(checked)
    end_with(ExitCode.ERROR if checked.unreadable else ExitCode.REACHED)


def _last(office: TenantHub) -> str:
    """Return the last month that is over."""
    today = office.bench.now().astimezone(office.bench.zone)
    return f"{today.replace(day=1) - timedelta(days=1):%Y-%m}"


def _summary(checked: Checked) -> dict[str, Any]:
    names = ("integration", "month", "lines", "billed", "too_much", "too_little", "unpriced")
    counts = {"counts": dict(checked.counts), "sums": dict(checked.sums), "unreadable": len(checked.unreadable)}
    return {name: getattr(checked, name) for name in names} | counts


def _print_json(checked: Checked) -> None:
    bad = [{"line": one.line, "reason": one.reason} for one in checked.unreadable]
    click.echo(as_line(_summary(checked) | {"unreadable": bad, "found": _masked(checked)}))


def _masked(checked: Checked) -> list[dict[str, object]]:
    """Return what is not right without the documents that the file may bear: --csv and --html have those."""
    return [row | {"whose": mask_text(str(row["whose"]))} for row in page.as_rows(checked)]


def _tell(checked: Checked) -> None:
    show_object(_summary(checked))
    click.echo()
    show_table(_masked(checked)[:SHOWN], page.COLUMNS, empty="All lines are right, and nothing is left out.")
    if len(checked.found) > SHOWN:
        click.echo(f"These are the first {SHOWN} of {len(checked.found)}: write all with --csv OUT.")
    for one in checked.unreadable[:SHOWN]:
        click.echo(f"line {one.line}: {one.reason}", err=True)
