"""`svahub activate|block|unblock|cancel|change`: what operators ask of contracts, and whether it was reached."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

import click

from svahub.campaigning.asking import OF_ALL
from svahub.cli import completion, endings, many
from svahub.cli.endings import Line
from svahub.cli.exits import end_with, sentence
from svahub.cli.options import (
    LARGEST,
    Day,
    actor_option,
    combined,
    item_option,
    no_wait_option,
    note_option,
    timeout_option,
)
from svahub.cli.output import confirm, dry_run_option, json_option, yes_option
from svahub.cli.session import pass_office
from svahub.errors import Refused
from svahub.models import Reason
from svahub.verbs import Action, Command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from svahub.hub import TenantHub
    from svahub.verbs import Effect

ASKED_FIRST = {Action.BLOCK, Action.CANCEL}

of_each = combined(
    item_option,
    note_option,
    click.option("--idempotency-key", metavar="K", help="The same key does the same command once."),
    actor_option,
    dry_run_option,
    no_wait_option,
    timeout_option,
    yes_option,
    json_option,
    pass_office,
)


def _contracts(*, required: bool) -> Any:
    named = "CONTRACT..." if required else "[CONTRACT]..."
    return click.argument("contracts", nargs=-1, required=required, metavar=named, shell_complete=completion.contracts)


common = combined(_contracts(required=True), of_each)
of_many = combined(_contracts(required=False), many.options, of_each)
reason_option = click.option("--reason", type=click.Choice([r.value for r in Reason]))


@click.command("activate", epilog='Example: svahub activate C-9 --note "signed"')
@common
def activate(office: TenantHub, contracts: tuple[str, ...], **asked: Any) -> None:
    """Sell the items of each CONTRACT and activate them; one that was cancelled is sold anew."""
    _carry_out(office, Action.ACTIVATE, contracts, **asked)


@click.command("block", epilog="Example: svahub block C-2 --reason customer_request --until 31/12/2030")
@reason_option
@click.option("--until", type=Day(), metavar="DATE", help="The block ends by itself at the start of that day.")
@of_many
def block(office: TenantHub, contracts: tuple[str, ...], until: date | None, **asked: Any) -> None:
    """Block each CONTRACT for a reason (staff, unless you name one); it stays blocked while any reason is left.

    With --from or --where, a campaign is planned and shown; it starts with --yes, or when you say so.
    """
    ends = datetime.combine(until, time(), office.bench.zone).astimezone(UTC) if until else None
    _carry_out(office, Action.BLOCK, contracts, until=ends, **asked)


@click.command("unblock", epilog='Example: svahub unblock C-15 --reason staff --note "agreed by phone"')
@reason_option
@click.option("--admin", is_flag=True, help="Take away fraud and legal that others set, too.")
@of_many
def unblock(office: TenantHub, contracts: tuple[str, ...], **asked: Any) -> None:
    """Take a reason to block away from each CONTRACT: the one named, or the only one.

    With --from or --where, a campaign is planned and shown; it starts with --yes, or when you say so.
    """
    _carry_out(office, Action.UNBLOCK, contracts, **asked)


@click.command("cancel", epilog='Example: svahub cancel C-4 --note "moved away"')
@of_many
def cancel(office: TenantHub, contracts: tuple[str, ...], **asked: Any) -> None:
    """Cancel each CONTRACT for good, or one item of it.

    With --from or --where, a campaign is planned and shown; it starts with --yes, or when you say so. What
    --where finds by integration, product type or plan is cancelled item by item.
    """
    _carry_out(office, Action.CANCEL, contracts, **asked)


@click.command("change", epilog="Example: svahub change C-6 --quantity 3")
@click.option(
    "--plan", metavar="P", shell_complete=completion.plans, help="The plan's remote id; see `svahub plans list`."
)
@click.option("--quantity", type=click.IntRange(1, LARGEST), metavar="N", help="How many of it.")
@of_many
def change(office: TenantHub, contracts: tuple[str, ...], **asked: Any) -> None:
    """Change the plan or the quantity of an item of each CONTRACT.

    With --from or --where, a campaign is planned and shown; it starts with --yes, or when you say so.
    """
    _carry_out(office, Action.CHANGE, contracts, **asked)


def _carry_out(
    office: TenantHub, action: Action, contracts: Sequence[str], *, reason: str | None = None, file: str | None = None,
    where: tuple[str, ...] = (), max_changes: int = 0, max_percent: float = 0, **asked: Any,
) -> None:  # fmt: skip
    whom = many.chosen(tuple(contracts), file, where)
    how = {name: asked.pop(name) for name in ("dry_run", "no_wait", "timeout", "yes", "as_json")}
    asked["reason"] = Reason(reason) if reason else None
    if whom is None:
        _carry_out_each(office, action, contracts, asked, **how)
        return
    if asked["idempotency_key"] is not None:
        raise click.UsageError("An idempotency key is for one contract; a campaign repeats nothing by itself.")
    many.carry_out(
        office, Command(action, OF_ALL, **asked), whom, max_changes=max_changes, max_percent=max_percent, **how
    )


def _carry_out_each(
    office: TenantHub, action: Action, contracts: Sequence[str], asked: dict[str, Any], *, dry_run: bool,
    no_wait: bool, timeout: float, yes: bool, as_json: bool,
) -> None:  # fmt: skip
    if asked["idempotency_key"] is not None and len(contracts) > 1:
        raise click.UsageError("An idempotency key is for one contract.")
    if action in ASKED_FIRST and not dry_run:
        confirm(f"{action.value.capitalize()} {_named(contracts)}?", yes)
    done = _Done(office, dry_run=dry_run, as_json=as_json)
    for contract in dict.fromkeys(contracts):
        done.issue(Command(action, contract, **asked))
    lines = done.lines(wait=not no_wait, timeout=timeout)
    endings.show_lines(lines, as_json, consent=action is Action.ACTIVATE)
    end_with(endings.exit_code(lines, wait=not (no_wait or dry_run)))


def _named(contracts: Sequence[str]) -> str:
    return contracts[0] if len(contracts) == 1 else f"{len(contracts)} contracts"


@dataclass
class _Done:
    """What was issued so far; a contract that is refused does not keep the others from what is asked of them."""

    office: TenantHub
    dry_run: bool
    as_json: bool
    effects: list[Effect] = field(default_factory=list)
    remarks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    refused: list[Line] = field(default_factory=list)

    def issue(self, command: Command) -> None:
        try:
            issued = self.office.verbs.issue(command, dry_run=self.dry_run)
        except Refused as error:
            click.echo(f"Error: {sentence(error)}", err=True)
            self.refused.append(Line(command.contract, cause=sentence(error)))
            return
        self.effects += issued.effects
        self.remarks[command.contract] = issued.remarks
        for remark in issued.remarks:
            click.echo(f"{command.contract}: {remark}", err=self.as_json)

    def lines(self, *, wait: bool, timeout: float) -> list[Line]:
        if self.dry_run:
            lines = list(map(endings.planned, self.effects))
        else:
            lines = endings.followed(self.office, self.effects, wait=wait, timeout=timeout)
        return [*(replace(line, remarks=self.remarks[line.contract_id]) for line in lines), *self.refused]
