"""Registering an account at a plugin's company: an integration, or a source; its secrets by reference."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from svahub import secrets
from svahub.cli.output import dry_run_option, json_option, show_object, show_table
from svahub.models import Environment

if TYPE_CHECKING:
    from svahub.areas.integrations import Integrations
    from svahub.areas.sources import Sources

F = TypeVar("F", bound=Callable[..., Any])
SETTINGS = ["name", "kind", "required", "default", "description"]
secret_option = click.option(
    "--secret", "given", multiple=True, metavar="K=REF", help="env:VAR, file:PATH, or - to be asked."
)


def account_options(what: str) -> Callable[[F], F]:
    """Return what gives a command everything of an account but its plugin, for `register`."""
    options = (
        click.argument("name", required=False),
        click.option("--environment", type=click.Choice([e.value for e in Environment])),
        click.option("--base-url", metavar="URL", help=f"Another address than the {what}'s own."),
        click.option("--set", "settings", multiple=True, metavar="K=V", help="A setting; nested ones with dots."),
        secret_option,
        click.option("--help-settings", is_flag=True, help=f"List the {what}'s settings, and do nothing else."),
        dry_run_option,
        json_option,
    )

    def decorated(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorated


def register(
    area: Integrations | Sources, *, name: str | None, provider: str, environment: str | None, base_url: str | None,
    settings: tuple[str, ...], given: tuple[str, ...], help_settings: bool, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Register an account as a command was asked to, and show it; or show what can be set."""
    if help_settings:
        show_table(area.settings_of(provider), SETTINGS, as_json)
        return
    if name is None or environment is None:
        raise click.UsageError(f"Missing {'argument NAME' if name is None else 'option --environment'}.")
    view = area.add(
        name, provider, Environment(environment),
        address=base_url, settings=nested(settings), secret=references(given), dry_run=dry_run,
    )  # fmt: skip
    show_object(view, as_json)


def _pairs(given: Iterable[str], option: str, form: str) -> Iterable[tuple[str, str]]:
    """Split what was given; a message never repeats it, as it may be a secret."""
    for pair in given:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise click.UsageError(f"Write {option} {form}.")
        yield name, value


def nested(settings: Iterable[str]) -> dict[str, Any]:
    """Return settings as they are given with --set; a name with dots is a setting inside another."""
    tree: dict[str, Any] = {}
    for name, value in _pairs(settings, "--set", "NAME=VALUE"):
        *branches, leaf = name.split(".")
        place = tree
        for branch in branches:
            place = place.setdefault(branch, {})
            if not isinstance(place, dict):
                raise click.UsageError(f"--set {branch} is given both whole and in parts.")
        if leaf in place:
            raise click.UsageError(f"--set {name} is given twice.")
        place[leaf] = value
    return tree


def references(given: Iterable[str]) -> dict[str, str]:
    """Return secrets as they are given with --secret: by reference, or sealed where they are asked for."""
    kept: dict[str, str] = {}
    for field, how in _pairs(given, "--secret", "NAME=env:VAR"):
        if field in kept:
            raise click.UsageError(f"--secret {field} is given twice.")
        kept[field] = _reference(field, how)
    return kept


def _reference(field: str, how: str) -> str:
    if how != "-":
        return secrets.reference(how)
    if sys.stdin.isatty():
        return secrets.sealed(click.prompt(field, hide_input=True, err=True))
    return secrets.sealed(sys.stdin.readline().strip())
