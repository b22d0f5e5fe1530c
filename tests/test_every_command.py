"""What holds for every command there is: it offers --json, says what it is for, and tells usage from other errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner
from svahub.cli import COMMANDS, main


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command that does something, with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name), command


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


WITHOUT_A_TENANT = {"db", "demo", "doctor", "plugins", "simulate", "tenant"}
OF_A_TENANT = [path for path in EVERY if path[0] not in WITHOUT_A_TENANT and path != ("secrets", "rekey")]


@pytest.mark.parametrize("path", OF_A_TENANT, ids=" ".join)
def test_an_unknown_tenant_is_an_error(path: tuple[str, ...], sqlite_url: str) -> None:
    arguments = [_some(p) for p in EVERY[path].params if isinstance(p, click.Argument) and p.required]
    needed = [part for o in EVERY[path].params if isinstance(o, click.Option) and o.required for part in _given(o)]
    call = ["--database", sqlite_url, "--tenant", "nobody", *path, *map(str, arguments), *needed]
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 1, result.output
    assert "No tenant 'nobody'" in result.stderr


def _some(argument: click.Argument) -> str:
    return "1" if isinstance(argument.type, type(click.INT)) else "15 3 * * *" if argument.name == "cron" else "some"


def _given(option: click.Option) -> tuple[str, Any]:
    if isinstance(option.type, click.Choice):
        return option.opts[0], next(iter(option.type.choices))
    return option.opts[0], "1" if option.name == "price" else "name=env:SOME" if option.name == "given" else "some"


def test_every_core_command_is_in_the_table_in_the_order_of_its_name() -> None:
    assert list(COMMANDS) == sorted(COMMANDS)
