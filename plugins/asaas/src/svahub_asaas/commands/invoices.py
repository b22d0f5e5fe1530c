"""`svahub asaas invoices`: charges of contracts that no subscription at Asaas charges."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from svahub.extension.commands import (
    Day,
    Money,
    as_document,
    bar,
    completion,
    confirm,
    dry_run_option,
    ended,
    json_option,
    pass_office,
    settled,
    show_object,
    show_table,
    waiting_options,
    yes_option,
)

from svahub_asaas import following, invoicing
from svahub_asaas.billing import Left, Month
from svahub_asaas.charges.calls import Kind
from svahub_asaas.commands.options import AT, InvoiceId, MonthType, at_option, settings_of

if TYPE_CHECKING:
    from datetime import date

    from svahub.hub import TenantHub

    from svahub_asaas.billing import Invoice
    from svahub_asaas.invoicing import Considered

COLUMNS = ("id", "contract", "month", "value", "due_date", "charge", "status")
WHOM_MANY = 20
NAMED = frozenset({Left.NO_PRICE, Left.LET_GO})
"""Why somebody is to look at a contract; all others are named with --json only."""
NAMED_MANY = 5


@click.group("invoices")
def command() -> None:
    """Charge contracts: one charge for each contract and month.

    ID is an invoice's own id, or that of its charge at Asaas: `invoices list` shows both.
    """


@command.command("create", epilog="Example: svahub asaas invoices create --month 2026-12 --dry-run")
@click.argument("contracts", nargs=-1, shell_complete=completion.contracts)
@click.option("--month", type=MonthType(), help="The month to charge, as 2026-11; the present one by default.")
@click.option("--again", is_flag=True, help="Charge again where the month's charge was cancelled.")
@at_option
@dry_run_option
@yes_option
@waiting_options
def create(
    office: TenantHub,
    contracts: tuple[str, ...],
    month: Month | None,
    again: bool,
    integration: str | None,
    dry_run: bool,
    yes: bool,
    no_wait: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Charge active contracts for a month; all of them unless some are named.

    A contract is charged its price, or what its items' prices sum up to, on its due day. A contract that has a
    subscription at Asaas is charged by that. None is charged twice for a month.
    """
    name = invoicing.the_integration(office, integration)
    terms = _terms(office, name, month, again)
    with bar("Looking") as looked:
        found = _found(office, terms, contracts, looked)
    _refuse_unknown(office, contracts, found)
    wanted = [one.invoice for one in found if one.invoice is not None]
    if dry_run or not wanted:
        _show(office, found, as_json)
        return
    total = sum((one.value for one in wanted), Decimal(0))
    confirm(f"Charge {len(wanted)} contracts {total} BRL in all for {terms.month}?", yes)
    with bar("Asking", len(wanted)) as asked:
        tasks = invoicing.ask(office, terms, wanted, asked)
    done = settled(office, tasks, 0 if no_wait else timeout, AT)
    _show(office, found, as_json, done)
    raise SystemExit(ended(done, waits=not no_wait))


def _terms(office: TenantHub, integration: str, month: Month | None, again: bool) -> invoicing.Terms:
    from svahub_asaas.texts import text_of

    settings = settings_of(office, integration)
    when = month or Month.of(invoicing.today(office))
    template = text_of(office, integration, "charge")
    return invoicing.Terms(integration, when, settings.billing_type, template, settings.due_day, again)


def _found(office: TenantHub, terms: invoicing.Terms, contracts: tuple[str, ...], looked: Any) -> list[Considered]:
    found = []
    for one in invoicing.considered(office, terms, frozenset(contracts)):
        found.append(one)
        looked(1)
    return found if contracts else [*found, *invoicing.not_active(office)]


def _refuse_unknown(office: TenantHub, contracts: tuple[str, ...], found: list[Considered]) -> None:
    """Name those that were asked for and are not active, or not there at all."""
    there = {one.contract_id for one in found}
    for contract in contracts:
        if contract not in there:
            status = office.contracts.show(contract).status.value  # raises for one that is not there
            raise click.ClickException(f"Contract {contract} is {status}: only active contracts are charged.")


def _show(office: TenantHub, found: list[Considered], as_json: bool, done: Any = ()) -> None:
    left: dict[Left, list[str]] = {}
    for one in found:
        if one.left is not None:
            left.setdefault(one.left, []).append(one.contract_id)
    wanted = [one.invoice for one in found if one.invoice is not None]
    if as_json:
        shown = [_wanted(office, one) for one in wanted]
        tasks = [_task(task) for task in done]
        click.echo(as_document({"invoices": shown, **_left(left), "tasks": tasks}))
        return
    show_table(
        [
            {"contract": one.contract_id, "value": one.value, "due date": invoicing.due_of(office, one)}
            for one in wanted[:WHOM_MANY]
        ],
        ("contract", "value", "due date"),
        empty="No contract to charge.",
    )
    if len(wanted) > WHOM_MANY:
        click.echo(f"… and {len(wanted) - WHOM_MANY} more.")
    click.echo(f"{len(wanted)} to charge, {sum((one.value for one in wanted), Decimal(0))} BRL in all.")
    for why, ids in sorted(left.items()):
        click.echo(f"{len(ids)} not: {why}{_named(ids) if why in NAMED else ''}.")
    if done:
        states = Counter(task.state.value for task in done)
        click.echo("Charges: " + ", ".join(f"{many} {state}" for state, many in sorted(states.items())) + ".")


def _wanted(office: TenantHub, one: Invoice) -> dict[str, Any]:
    return {"contract": one.contract_id, "month": str(one.month), "value": one.value,
            "due_date": invoicing.due_of(office, one), "asked_due_date": one.due_date}  # fmt: skip


def _left(left: dict[Left, list[str]]) -> dict[str, Any]:
    counts = {why.value: len(ids) for why, ids in left.items()}
    return {"left": counts, "left_contracts": [{"contract": id, "why": why} for why, ids in left.items() for id in ids]}


def _named(contracts: list[str]) -> str:
    more = ", …" if len(contracts) > NAMED_MANY else ""
    return f" ({', '.join(contracts[:NAMED_MANY])}{more})"


def _task(task: Any) -> dict[str, Any]:
    return {"id": task.id, "contract": task.contract_id, "state": task.state, "charge": task.remote_id,
            "cause": task.cause}  # fmt: skip


@command.command("list", epilog="Example: svahub asaas invoices list --month 2026-11")
@click.option("--month", type=MonthType(), help="Only this month, as 2026-11.")
@click.option("--contract", metavar="ID", shell_complete=completion.contracts, help="Only this contract.")
@at_option
@json_option
@pass_office
def list_(office: TenantHub, month: Month | None, contract: str | None, integration: str | None, as_json: bool) -> None:
    """List invoices, the newest month first."""
    asked = following.listed(office, integration=integration, month=month, contract=contract)
    show_table(map(following.shown, asked), COLUMNS, as_json, empty="No invoices: svahub asaas invoices create")


@command.command("show", epilog="Example: svahub asaas invoices show 1")
@click.argument("id", type=InvoiceId())
@json_option
@pass_office
def show(office: TenantHub, id: int | str, as_json: bool) -> None:
    """Show one invoice: what was asked for, and what Asaas has of it."""
    show_object(following.whole(office, id), as_json)


@command.command("cancel", epilog="Example: svahub asaas invoices cancel 2")
@click.argument("ids", type=InvoiceId(), nargs=-1, required=True)
@yes_option
@waiting_options
def cancel(
    office: TenantHub, ids: tuple[int | str, ...], yes: bool, no_wait: bool, timeout: float, as_json: bool
) -> None:
    """Cancel charges that nobody has paid: their debts are let go."""
    found = [following.unpaid(office, id) for id in ids]
    asked = list({one.invoice.task_id: one for one in found}.values())
    confirm(f"Cancel {len(asked)} charges? Who owed them owes them no more.", yes)
    tasks = [following.follow(office, one, Kind.CANCEL, {}, adds=False) for one in asked]
    _told(office, tasks, no_wait, timeout, as_json)


@command.command("refund", epilog="Example: svahub asaas invoices refund 4 --value 10.00")
@click.argument("id", type=InvoiceId())
@click.option("--value", type=Money(), help="Give back only so much; the whole by default.")
@yes_option
@waiting_options
def refund(
    office: TenantHub, id: int | str, value: Decimal | None, yes: bool, no_wait: bool, timeout: float, as_json: bool
) -> None:
    """Give a payment back. After a whole refund the charge is a debt again; a part of one value is given back once."""
    asked = following.refundable(office, id)
    confirm(f"Give {value or asked.invoice.value} BRL back to contract {asked.invoice.contract_id}?", yes)
    payload = {} if value is None else {"value": str(value)}
    _told(office, [following.follow(office, asked, Kind.REFUND, payload)], no_wait, timeout, as_json)


@command.command("receive-in-cash", epilog="Example: svahub asaas invoices receive-in-cash 3 --value 99.90")
@click.argument("id", type=InvoiceId())
@click.option("--on", "paid_on", type=Day(), help="The day of the payment; today by default.")
@click.option("--value", type=Money(), help="What was paid, where it is not the charge's value.")
@yes_option
@waiting_options
def receive_in_cash(
    office: TenantHub, id: int | str, paid_on: date | None, value: Decimal | None, yes: bool, no_wait: bool,
    timeout: float, as_json: bool,
) -> None:  # fmt: skip
    """Note that a charge was paid at the counter; `undo-cash` takes that back."""
    asked = following.unpaid(office, id)
    day, paid = paid_on or invoicing.today(office), value or asked.invoice.value
    confirm(f"Note that contract {asked.invoice.contract_id} paid {paid} BRL at the counter on {day}?", yes)
    payload = {"paid_on": day.isoformat(), "value": str(paid)}
    _told(office, [following.follow(office, asked, Kind.RECEIVE_IN_CASH, payload)], no_wait, timeout, as_json)


@command.command("undo-cash", epilog="Example: svahub asaas invoices undo-cash 5")
@click.argument("id", type=InvoiceId())
@yes_option
@waiting_options
def undo_cash(office: TenantHub, id: int | str, yes: bool, no_wait: bool, timeout: float, as_json: bool) -> None:
    """Take back that a charge was paid at the counter: it is to be paid again."""
    asked = following.paid_in_cash(office, id)
    confirm(f"Take back that contract {asked.invoice.contract_id} paid at the counter? The charge is open then.", yes)
    tasks = [following.follow(office, asked, Kind.UNDO_RECEIVE_IN_CASH, {})]
    _told(office, tasks, no_wait, timeout, as_json)


def _told(office: TenantHub, tasks: list[int], no_wait: bool, timeout: float, as_json: bool) -> None:
    done = settled(office, tasks, 0 if no_wait else timeout, AT)
    show_table(done, ("id", "kind", "contract_id", "state", "remote_id", "cause", "advice"), as_json)
    raise SystemExit(ended(done, waits=not no_wait))


@command.command("pix", epilog="Example: svahub asaas invoices pix 1")
@click.argument("id", type=InvoiceId())
@click.option("--png", type=click.Path(dir_okay=False, path_type=Path), help="Write the QR code to this file.")
@json_option
@pass_office
def pix(office: TenantHub, id: int | str, png: Path | None, as_json: bool) -> None:
    """Show what pays an invoice by Pix: the code to copy, and its QR code."""
    import base64

    code = following.pix(office, id)
    if png is not None:
        png.write_bytes(base64.b64decode(code.encoded_image))
        click.echo(f"The QR code is in {png}.", err=True)
    if as_json:
        click.echo(as_document({"payload": code.payload, "expiration_date": code.expiration_date}))
        return
    if png is None:
        import segno

        segno.make(code.payload, error="l").terminal(compact=True)
    click.echo(code.payload)


@command.command("boleto", epilog="Example: svahub asaas invoices boleto 1")
@click.argument("id", type=InvoiceId())
@json_option
@pass_office
def boleto(office: TenantHub, id: int | str, as_json: bool) -> None:
    """Show what pays an invoice at a bank."""
    show_object(following.boleto(office, id).model_dump(), as_json)
