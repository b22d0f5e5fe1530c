"""`svahub policy`: who is blocked for debt, after how many days, and who never."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from svahub.cli import completion
from svahub.cli.options import Day
from svahub.cli.output import as_document, confirm, dry_run_option, json_option, show_object, show_table, yes_option
from svahub.cli.session import pass_office
from svahub.debt_rule import Policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from svahub.areas.debts import Simulated
    from svahub.hub import TenantHub

UNSET = "No policy is set: nobody is blocked for debt. Set one: svahub policy set --grace-days 10"
COLUMNS = ("contract_id", "integration", "since", "amount", "blocks_on", "items", "exempt", "would")


@click.group("policy")
def command() -> None:
    """Decide who is blocked for debt, and after how long."""


@command.command("show", epilog="Example: svahub policy show")
@json_option
@pass_office
def show(office: TenantHub, as_json: bool) -> None:
    """Show the policy, and the contracts that are exempt from it."""
    policy, exempt = office.debts.policy(), office.debts.exemptions()
    if policy is None and not as_json:
        click.echo(UNSET)
        return
    shown = _shown(policy) if policy else {"grace_days": None}
    show_object(shown | {"exempt": exempt}, as_json, {"exempt": ("contract_id", "actor", "note", "created_at")})


def _shown(policy: Policy) -> dict[str, Any]:
    shown = policy.described()
    return {"also_blocked_for_own_debts" if name == "integrations" else name: told for name, told in shown.items()}


def _options(run: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(
        (
            click.option("--grace-days", type=click.IntRange(0, 365), help="Days after the due date before a block."),
            click.option(
                "--product-type",
                "types",
                multiple=True,
                metavar="TYPE",
                shell_complete=completion.product_types,
                help="Block only this; repeatable.",
            ),
            click.option("--all-product-types", is_flag=True, help="Block everything that is sold."),
            click.option("--also", "also", multiple=True, metavar="INTEGRATION",
                         help="Block this one too for debts that it raised itself; repeatable."),
            click.option("--no-also", is_flag=True, help="Block none for debts that it raised itself."),
            click.option("--business-days/--any-day", default=None, help="Begin no block on weekends and holidays."),
            click.option("--state", metavar="UF", help="Count this state's holidays too, SP for example."),
            click.option("--no-state", is_flag=True, help="Count the holidays of no state, only Brazil's."),
        )
    ):  # fmt: skip
        run = option(run)
    return run


@command.command("set", epilog="Example: svahub policy set --grace-days 5 --product-type telemedicine")
@_options
@dry_run_option
@yes_option
@json_option
@pass_office
def set_(office: TenantHub, /, dry_run: bool, yes: bool, as_json: bool, **asked: Any) -> None:
    """Set the policy and carry it out; what is not named stays as it is."""
    policy = _asked(office, **asked)
    simulated = list(office.debts.simulate(policy))
    if dry_run:
        _show(simulated, as_json)
        return
    would = Counter(one.would for one in simulated)
    if would["block"] or would["unblock"]:
        confirm(f"This blocks for {would['block']} debts and unblocks for {would['unblock']}. Go on?", yes)
    judged = office.debts.set_policy(policy)
    done = {"contracts_owing": judged.contracts, "blocked": judged.blocked, "unblocked": judged.unblocked}
    if as_json:
        click.echo(as_document(_shown(policy) | done))
        return
    click.echo(f"Set. {judged.contracts} contracts owe; {judged.blocked} blocked, {judged.unblocked} unblocked now.")


def _asked(
    office: TenantHub,
    *,
    grace_days: int | None,
    types: tuple[str, ...],
    all_product_types: bool,
    also: tuple[str, ...],
    no_also: bool,
    business_days: bool | None,
    state: str | None,
    no_state: bool,
) -> Policy:
    for name, contradicted in (
        ("product-type", types and all_product_types),
        ("also", also and no_also),
        ("state", state and no_state),
    ):
        if contradicted:
            raise click.UsageError(f"--{name} and its opposite exclude each other.")
    before = office.debts.policy()
    if before is None and grace_days is None:
        raise click.UsageError("The first time, --grace-days is needed: days after the due date before a block.")
    policy = before or Policy(grace_days or 0)
    changes: dict[str, Any] = {"grace_days": grace_days, "business_days_only": business_days}
    changes = {name: value for name, value in changes.items() if value is not None}
    changes |= {"product_types": None if all_product_types else frozenset(types)} if types or all_product_types else {}
    changes |= {"integrations": frozenset(also)} if also or no_also else {}
    changes |= {"state": state.upper() if state else None} if state or no_state else {}
    return replace(policy, **changes)


@command.command("simulate", epilog="Example: svahub policy simulate --on 2030-01-31")
@_options
@click.option("--on", type=Day(), help="As if it were this day; today by default.")
@json_option
@pass_office
def simulate(office: TenantHub, /, on: date | None, as_json: bool, **asked: Any) -> None:
    """Show what the policy, or one with these changes, does about each open debt; nothing is changed."""
    _show(office.debts.simulate(_asked(office, **asked), on), as_json)


def _show(simulated: Any, as_json: bool) -> None:
    rows: list[Simulated] = list(simulated)
    show_table(rows, COLUMNS, as_json, empty="Nobody owes, as far as billing plugins have told.")
    if not as_json and rows:
        would = Counter(one.would for one in rows)
        click.echo("\n" + ", ".join(f"{name}: {many}" for name, many in sorted(would.items())))


@command.command("exempt", epilog='Example: svahub policy exempt C-6 --note "pays in parts"')
@click.argument("contract", shell_complete=completion.contracts)
@click.option("--note", help="Why; without personal data.")
@json_option
@pass_office
def exempt(office: TenantHub, contract: str, note: str | None, as_json: bool) -> None:
    """Never block a contract for debt."""
    office.debts.exempt(contract, note)
    _told(contract, "is not blocked for debt any more", as_json, exempt=True)


@command.command("unexempt", epilog="Example: svahub policy unexempt C-6")
@click.argument("contract", shell_complete=completion.contracts)
@json_option
@pass_office
def unexempt(office: TenantHub, contract: str, as_json: bool) -> None:
    """Block a contract for debt again, as the policy says."""
    office.debts.unexempt(contract)
    _told(contract, "is blocked for debt again, as the policy says", as_json, exempt=False)


def _told(contract: str, what: str, as_json: bool, *, exempt: bool) -> None:
    click.echo(as_document({"contract": contract, "exempt": exempt}) if as_json else f"Contract {contract} {what}.")
