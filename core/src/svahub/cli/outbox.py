"""`svahub outbox`: other systems that are told what happens, what they have not taken, and telling them once more."""

from __future__ import annotations

import sys
from datetime import date, timedelta
from typing import TYPE_CHECKING

import click

from svahub import secrets
from svahub.cli import completion
from svahub.cli.exits import ExitCode, end_with
from svahub.cli.options import LARGEST, Day
from svahub.cli.output import as_mapping, confirm, dry_run_option, json_option, show_object, show_table, yes_option
from svahub.cli.session import pass_office
from svahub.store.states import NewsKind

if TYPE_CHECKING:
    from svahub.areas.outbox import NewTarget
    from svahub.hub import TenantHub

COLUMNS = ("name", "url", "events", "product_types", "secret", "former_until", "allow_private")
STANDS = ("target", "waiting", "failing", "parked", "oldest_at", "lag_seconds", "paused_until", "delivered", "failed")
TROUBLED = ("id", "target", "event", "customer", "state", "tries", "since", "cause")
NONE = "Nobody is told. Add a system: svahub outbox add URL"
ONCE = "Give the secret to whoever runs that system now: it is not shown again."
KINDS = [kind.value for kind in NewsKind if kind is not NewsKind.TEST]
NAME = click.argument("name", shell_complete=completion.targets)
NUMBER = click.IntRange(1, LARGEST)
secret_option = click.option(
    "--secret", metavar="REF", help="env:VAR, file:PATH, or - to be asked; without it one is made and shown once."
)


class Kinds(click.ParamType[tuple[NewsKind, ...]]):
    """Names of events, several separated by commas."""

    name = "events"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[NewsKind, ...]:
        """Return the events, or fail as a usage error."""
        names = [name.strip() for name in value.split(",")]
        if unknown := sorted(set(names) - set(KINDS)):
            self.fail(f"{', '.join(unknown)} is no event; there are {', '.join(KINDS)}.", param, ctx)
        return tuple(map(NewsKind, names))


@click.group("outbox")
def command() -> None:
    """Tell other systems what happens, by signed webhooks (Standard Webhooks).

    `svahub work` sends them: what concerns one customer in its order, and again for three days while a system does not
    take it. Whoever receives them tells one that comes twice by its webhook-id.
    """


@command.command("add", epilog="Example: svahub outbox add https://erp.example.br/svahub --name erp")
@click.argument("url")
@click.option("--name", metavar="NAME", help="What to call it; default: the URL's host.")
@click.option(
    "--events", "given", multiple=True, type=Kinds(), metavar="E[,E]", help=f"Only these: {', '.join(KINDS)}."
)
@click.option(
    "--product-type",
    "product_types",
    multiple=True,
    metavar="T",
    help="Only what concerns these; those of sensitive providers are told only where they are named.",
)
@secret_option
@click.option("--allow-private", is_flag=True, help="It may be in a private network, and there take plain http.")
@dry_run_option
@json_option
@pass_office
def add(
    office: TenantHub, url: str, name: str | None, given: tuple[tuple[NewsKind, ...], ...],
    product_types: tuple[str, ...], secret: str | None, allow_private: bool, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Have the system at URL told, from now on, what happens to customers and subscriptions."""
    kinds = {kind for some in given for kind in some}
    made = office.outbox.add(
        url, name=name, kinds=kinds, product_types=product_types, secret=_reference(secret),
        allow_private=allow_private, dry_run=dry_run,
    )  # fmt: skip
    _show_made(made, as_json)


def _reference(given: str | None) -> str | None:
    if given is None:
        return None
    if given != "-":
        return secrets.reference(given)
    if sys.stdin.isatty():
        return secrets.sealed(click.prompt("secret", hide_input=True, err=True))
    return secrets.sealed(sys.stdin.readline().strip())


def _show_made(made: NewTarget, as_json: bool) -> None:
    shown = dict(as_mapping(made.view))
    show_object(shown | {"secret": made.secret} if made.secret else shown, as_json)
    if made.secret:
        click.echo(ONCE, err=True)


@command.command("list", epilog="Example: svahub outbox list")
@json_option
@pass_office
def list_targets(office: TenantHub, as_json: bool) -> None:
    """List the systems that are told, and of what; empty: of all, but what is sensitive."""
    show_table(office.outbox.list(), COLUMNS, as_json, NONE)


@command.command("status", epilog="Example: svahub outbox status --target crm")
@click.option("--target", "name", metavar="NAME", shell_complete=completion.targets, help="Only of this one.")
@click.option(
    "--limit", type=click.IntRange(0, LARGEST), default=20, show_default=True, help="At most so many messages."
)
@json_option
@pass_office
def status(office: TenantHub, name: str | None, limit: int, as_json: bool) -> None:
    """Count the messages that each system has not taken, and show those that were tried in vain.

    Waiting: to be sent, failing ones again. Parked: three days were not enough, so a person decides; what concerns the
    same customer is held behind it. Exits with 4 when something is parked.
    """
    found = office.outbox.status(name, limit)
    if as_json:
        show_object(found, as_json)
    else:
        show_table(found.targets, STANDS, empty=NONE)
        if found.troubled:
            click.echo()
            show_table(found.troubled, TROUBLED)
    if found.needs_person:
        click.echo("Parked: mend the system, then `svahub outbox replay ID`; or `svahub outbox discard ID`.", err=True)
    end_with(ExitCode.NEEDS_PERSON if found.needs_person else ExitCode.REACHED)


@command.command("test", epilog="Example: svahub outbox test crm")
@NAME
@json_option
@pass_office
def test(office: TenantHub, name: str, as_json: bool) -> None:
    """Send the system NAME a message of the type `test`, now, and show its answer; exit with 1 if it does not take it.

    Exits with 0 when it answers 2xx.
    """
    reply = office.outbox.test(name)
    show_object({"name": name, "delivered": reply.delivered} | dict(as_mapping(reply)), as_json)
    end_with(ExitCode.REACHED if reply.delivered else ExitCode.ERROR)


@command.command("replay", epilog="Example: svahub outbox replay --since 2026-11-01 --target crm")
@click.argument("ids", type=NUMBER, nargs=-1, metavar="[ID]...")
@click.option("--since", type=Day(), metavar="DATE", help="Instead of naming them: all from this day on.")
@click.option(
    "--target",
    "name",
    metavar="NAME",
    shell_complete=completion.targets,
    help="With --since: only those to this system.",
)
@dry_run_option
@json_option
@pass_office
def replay(
    office: TenantHub,
    ids: tuple[int, ...],
    since: date | None,
    name: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Have messages sent once more, delivered ones too: `svahub work` does it, under the ids that they had.

    Exits with 1 when some of those named are left: they are not there, or the customer was erased.
    """
    if (since is None) is not bool(ids) or (name is not None and since is None):
        raise click.UsageError("Name messages, or give --since, with or without --target.")
    named = ids or tuple(office.outbox.since(since, name) if since else ())
    if not named:
        show_object({"replayed": 0, "left": [], "dry_run": dry_run}, as_json)
        return
    done = office.outbox.replay(named, dry_run=dry_run)
    show_object(done, as_json)
    end_with(ExitCode.ERROR if done.left and ids else ExitCode.REACHED)


@command.command("discard", epilog="Example: svahub outbox discard 1")
@click.argument("id", type=NUMBER)
@yes_option
@json_option
@pass_office
def discard(office: TenantHub, id: int, yes: bool, as_json: bool) -> None:
    """Let the parked message ID go: what is held behind it is sent, and it never is."""
    confirm(f"Let message {id} go?", yes)
    show_object(office.outbox.discard(id), as_json)


@command.command("rotate", epilog="Example: svahub outbox rotate crm --hours 48")
@NAME
@secret_option
@click.option(
    "--hours", type=click.IntRange(0, 24 * 90), default=24, show_default=True, help="So long both secrets sign."
)
@dry_run_option
@json_option
@pass_office
def rotate(office: TenantHub, name: str, secret: str | None, hours: int, dry_run: bool, as_json: bool) -> None:
    """Sign what the system NAME is told with another secret; for some hours messages bear both signatures."""
    made = office.outbox.rotate(name, _reference(secret), both_valid=timedelta(hours=hours), dry_run=dry_run)
    _show_made(made, as_json)


@command.command("remove", epilog="Example: svahub outbox remove erp")
@NAME
@dry_run_option
@yes_option
@json_option
@pass_office
def remove(office: TenantHub, name: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Tell the system NAME nothing more, and drop what it has not taken."""
    left = office.outbox.remove(name, dry_run=True)
    if not dry_run:
        confirm(f"Remove the target {name}, and {left.dropped} messages that it has not taken?", yes)
        left = office.outbox.remove(name)
    show_object(left, as_json)
