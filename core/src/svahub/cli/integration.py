"""`svahub integration`: a tenant's accounts at providers; secrets by reference, never on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from svahub.areas.bench import REGISTER
from svahub.cli import completion
from svahub.cli.exits import ExitCode, end_with
from svahub.cli.output import confirm, dry_run_option, json_option, show_object, show_table, yes_option
from svahub.cli.registering import account_options, nested, references, register, secret_option
from svahub.cli.session import pass_office

if TYPE_CHECKING:
    from svahub.hub import TenantHub

COLUMNS = ("name", "provider", "environment", "base_url", "status", "live_subscriptions", "attention")
TESTED = ("name", "ok", "fault", "message", "remedy", "milliseconds")
NAME = click.argument("name", shell_complete=completion.integrations)


@click.group("integration")
def command() -> None:
    """Register and test accounts at providers."""


@command.command(
    "add",
    epilog="\b\nExample: svahub integration add clinic --provider acme \\\n"
    "    --environment staging --set username=isp --secret password=env:TELE_PASSWORD",
)
@click.option(
    "--provider",
    metavar="P",
    shell_complete=completion.providers,
    required=True,
    help="The plugin's name; `svahub plugins` lists them.",
)
@account_options("provider")
@pass_office
def add(office: TenantHub, /, **asked: Any) -> None:
    """Register the integration NAME: an account at a provider."""
    register(office.integrations, **asked)


@command.command("list", epilog="Example: svahub integration list")
@json_option
@pass_office
def list_integrations(office: TenantHub, as_json: bool) -> None:
    """List the integrations, and what is wrong with each."""
    empty = f"There is no integration. {REGISTER}"
    show_table(office.integrations.list(), COLUMNS, as_json, empty)


@command.command("show", epilog="Example: svahub integration show tele")
@NAME
@json_option
@pass_office
def show(office: TenantHub, name: str, as_json: bool) -> None:
    """Show an integration; its secrets by reference."""
    show_object(office.integrations.show(name), as_json)


@command.command("test", epilog="Example: svahub integration test tele")
@click.argument("name", required=False, shell_complete=completion.integrations)
@click.option("--all", "every", is_flag=True, help="Test every integration that is not disabled.")
@json_option
@pass_office
def test(office: TenantHub, name: str | None, every: bool, as_json: bool) -> None:
    """Make one call that changes nothing; exit with 1, and say what is at fault, when it fails.

    At fault is the host, tls, our credentials, our permission, our clock, the provider, the plugin or the settings.
    Success frees the integration if it was quarantined, and ends a rotation.
    """
    if (name is None) is not every:
        raise click.UsageError("Name an integration, or give --all.")
    if name is not None:
        tested = [office.integrations.test(name)]
        show_object(tested[0], as_json)
    else:
        tested = list(office.integrations.test_all())
        show_table(tested, TESTED, as_json, "There is no integration to test.")
    end_with(ExitCode.REACHED if all(one.ok for one in tested) else ExitCode.ERROR)


@command.command("rotate", epilog="Example: svahub integration rotate tele --secret password=env:NEW_PASSWORD")
@NAME
@secret_option
@dry_run_option
@json_option
@pass_office
def rotate(office: TenantHub, name: str, given: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Give the integration NAME new secrets; they are tested first, and kept only if the provider accepts them.

    Running workers go on meanwhile: they fall back on the former secrets until the new ones have worked in a call. Have
    the provider take both for that long if it can. When the content behind a reference has changed, name it again.
    A quarantined integration is freed. --dry-run tests the new secrets and keeps nothing.
    """
    if not given:
        raise click.UsageError("Name the new secret: --secret FIELD=env:VAR, FIELD=file:PATH or FIELD=-.")
    show_object(office.integrations.rotate(name, references(given), dry_run=dry_run), as_json)


@command.command("set", epilog="Example: svahub integration set tele --set page_size=50")
@NAME
@click.option("--base-url", metavar="URL", help="Another address.")
@click.option("--set", "settings", multiple=True, metavar="K=V", help="A setting; nested ones with dots.")
@click.option("--unset", multiple=True, metavar="K", help="Let a setting or a secret go: the plugin's default stands.")
@secret_option
@dry_run_option
@json_option
@pass_office
def set_(
    office: TenantHub, name: str, base_url: str | None, settings: tuple[str, ...], unset: tuple[str, ...],
    given: tuple[str, ...], dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Change how the integration NAME is called; what is not named stays.

    Nothing is tested with the provider: secrets that it knows us by are better given by `svahub integration rotate`.
    """
    view = office.integrations.set(
        name, address=base_url, settings=nested(settings), unset=unset, secret=references(given), dry_run=dry_run
    )
    show_object(view, as_json)


@command.command("disable", epilog="Example: svahub integration disable tele")
@NAME
@json_option
@pass_office
def disable(office: TenantHub, name: str, as_json: bool) -> None:
    """Let no call to the provider out; what is wanted waits."""
    show_object(office.integrations.disable(name), as_json)


@command.command("enable", epilog="Example: svahub integration enable tele")
@NAME
@json_option
@pass_office
def enable(office: TenantHub, name: str, as_json: bool) -> None:
    """Let calls out again."""
    show_object(office.integrations.enable(name), as_json)


@command.command("remove", epilog="Example: svahub integration remove clinic")
@NAME
@dry_run_option
@yes_option
@json_option
@pass_office
def remove(office: TenantHub, name: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Remove an integration that no subscription lives at; what it did stays in the books."""
    view = office.integrations.show(name)
    if not dry_run:
        confirm(f"Remove the integration {name}?", yes)
    office.integrations.remove(name, dry_run=dry_run)
    shown = {"name": name, "provider": view.provider, "removed": not dry_run}
    show_object(shown, as_json)
