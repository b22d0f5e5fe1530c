"""What holds for every command there is: it offers --json, says what it is for, and tells usage from other errors."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner
from svahub.cli import COMMANDS, main
from svahub.cli.options import Day, Money
from svahub.testing.command_tree import leaves

EVERY = dict(leaves(main))
each_command = pytest.mark.parametrize("path", EVERY, ids=" ".join)


def options(path: tuple[str, ...]) -> dict[str, click.Parameter]:
    return {name: parameter for parameter in EVERY[path].params for name in parameter.opts}


@each_command
def test_every_command_offers_json(path: tuple[str, ...]) -> None:
    assert "--json" in options(path)


@each_command
def test_every_command_and_option_says_what_it_is_for(path: tuple[str, ...]) -> None:
    assert EVERY[path].help
    silent = [o.name for o in EVERY[path].params if isinstance(o, click.Option) and not o.help and not _plain(o)]
    assert silent == []


def _plain(option: click.Option) -> bool:
    """Whether the option's choices speak for themselves."""
    return isinstance(option.type, click.Choice)


@each_command
def test_an_unknown_option_is_a_usage_error(path: tuple[str, ...], sqlite_url: str) -> None:
    result = CliRunner().invoke(main, ["--database", sqlite_url, *path, "--no-such-option"])
    assert result.exit_code == 2


BY_NAME = {"cron": "15 3 * * *", "given": "name=env:SOME"}
WITHOUT_A_TENANT = {"db", "demo", "doctor", "plugins", "simulate", "tenant", "workers"}
OF_A_TENANT = [path for path in EVERY if path[0] not in WITHOUT_A_TENANT and path != ("secrets", "rekey")]


@pytest.mark.parametrize("path", OF_A_TENANT, ids=" ".join)
def test_an_unknown_tenant_is_an_error(path: tuple[str, ...], sqlite_url: str) -> None:
    arguments = [_some(p) for p in EVERY[path].params if isinstance(p, click.Argument) and p.required]
    needed = [part for o in EVERY[path].params if isinstance(o, click.Option) and o.required for part in _given(o)]
    call = ["--database", sqlite_url, "--tenant", "nobody", *path, *arguments, *needed]
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 1, result.output
    assert "No tenant 'nobody'" in result.stderr


def _some(parameter: click.Parameter) -> str:
    """Return something that a parameter takes."""
    if isinstance(parameter.type, click.Choice):
        return str(next(iter(parameter.type.choices)))
    if isinstance(parameter.type, Day):
        return "2026-11-25"
    if isinstance(parameter.type, click.File):
        return "-"
    if isinstance(parameter.type, click.Path):
        return __file__
    is_number = isinstance(parameter.type, type(click.INT) | Money)
    return "1" if is_number else BY_NAME.get(parameter.name or "", "some")


def _given(option: click.Option) -> tuple[str, str]:
    return option.opts[0], _some(option)


def test_every_core_command_is_in_the_table_in_the_order_of_its_name() -> None:
    assert list(COMMANDS) == sorted(COMMANDS)
