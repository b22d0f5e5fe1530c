"""The command group: lazy names, plugin commands that may be broken, errors as sentences, and the given hub."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner, Result
from svahub.cli import COMMANDS, main
from svahub.cli.exits import sentence
from svahub.cli.session import pass_hub, pass_session
from svahub.errors import Refused, UnknownName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from svahub.cli.session import Session

PLUGIN = """
import click

@click.group()
def works(): ...

@works.command()
def greet():
    click.echo("hello from a plugin")

number = 42
"""
ENTRIES = """[svahub.commands]
works = plugin_of_test:works
number = plugin_of_test:number
absent = plugin_of_test:no_such_name
no-module = no_such_module:command
leaves = plugin_that_leaves:command
asserts = plugin_that_asserts:command
plugins = plugin_of_test:number
"""


def run(*args: str, obj: object = None) -> Result:
    return CliRunner().invoke(main, args, obj=obj)


def install(folder: Path, name: str, entries: str) -> None:
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(entries)


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    install(tmp_path, "plugin-of-test", ENTRIES)
    (tmp_path / "plugin_of_test.py").write_text(PLUGIN)
    (tmp_path / "plugin_that_leaves.py").write_text("raise SystemExit(7)")
    (tmp_path / "plugin_that_asserts.py").write_text("assert False, 'not today'")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("plugin_of_test", None)


@pytest.fixture
def command() -> Iterator[Callable[[Callable[..., object]], click.Command]]:
    """Add a command to the group for one test."""

    def add(function: Callable[..., object]) -> click.Command:
        return main.command("of-this-test")(function)

    yield add
    main.commands.pop("of-this-test", None)


def test_help_lists_every_command_with_its_purpose() -> None:
    listed = run("--help").output
    assert all(f"  {name} " in listed and text in listed for name, (_, text) in COMMANDS.items())


def test_an_unknown_command_suggests_the_nearest() -> None:
    result = run("contract")
    assert (result.exit_code, "Did you mean 'contracts'?" in result.stderr) == (2, True)


def test_an_unknown_command_without_a_near_one_points_to_help() -> None:
    assert "`svahub --help` lists them" in run("zzzzzz").stderr


def test_the_version_is_the_distributions() -> None:
    assert run("--version").output.startswith("svahub, version ")


@pytest.mark.usefixtures("plugins")
def test_a_plugins_command_runs() -> None:
    assert run("works", "greet").output == "hello from a plugin\n"


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("number", "it is not a click command"),
        ("absent", "AttributeError"),
        ("no-module", "ModuleNotFoundError"),
        ("leaves", "SystemExit: 7"),
        ("asserts", "not today"),
    ],
)
def test_a_broken_plugin_command_is_an_error_only_when_invoked(name: str, reason: str) -> None:
    result = run(name)
    assert result.exit_code == 1
    assert reason in result.stderr
    assert "Upgrade or uninstall plugin-of-test." in result.stderr
    assert f"  {name} " in run("--help").output


@pytest.mark.usefixtures("plugins")
def test_the_cores_names_win() -> None:
    assert COMMANDS["plugins"][1] in run("--help").output


def test_a_name_that_two_plugins_offer_is_refused_naming_both(plugins: Path) -> None:
    install(plugins, "another-plugin", "[svahub.commands]\nworks = plugin_of_test:works\n")
    result = run("works", "greet")
    assert (result.exit_code, "another-plugin, plugin-of-test" in result.stderr) == (1, True)


@pytest.mark.usefixtures("plugins")
def test_completion_imports_no_plugin() -> None:
    completed = CliRunner().invoke(
        main, [], env={"_MAIN_COMPLETE": "bash_complete", "COMP_WORDS": "svahub w", "COMP_CWORD": "1"}
    )
    assert completed.output.split() == ["plain,work", "plain,workers", "plain,works"]
    assert "plugin_of_test" not in sys.modules


def test_help_survives_a_package_whose_entry_points_cannot_be_read(plugins: Path) -> None:
    install(plugins, "malformed", "[svahub.commands\nthis is no entry point\n")
    shown = run("--help")
    assert shown.exit_code == 0
    assert "  works " in shown.output


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (Refused("This cannot be done."), 1, "Error: This cannot be done.\n"),
        (UnknownName("tenant", "nort", ["north"]), 1, "Did you mean 'north'?"),
        (UnknownName("provider", "tele", ["asaas", "teleclinica"]), 1, "Did you mean 'teleclinica'?"),
        (FileNotFoundError(2, "No such file or directory", "x.csv"), 1, "Error: x.csv: No such file or directory\n"),
        (KeyboardInterrupt(), 130, ""),
        (click.UsageError("Wrong."), 2, "Error: Wrong."),
        (click.exceptions.Exit(3), 3, ""),
    ],
)
def test_an_error_becomes_a_sentence_and_an_exit_code(
    command: Callable[..., click.Command], error: BaseException, code: int, told: str
) -> None:
    @command
    def fails() -> None:
        raise error

    result = run("of-this-test")
    assert (result.exit_code, told in result.stderr, "Traceback" in result.stderr) == (code, True, False)


def test_the_text_of_an_unexpected_error_is_kept_back() -> None:
    try:
        int("529.982.247-25")
    except ValueError as error:
        told = sentence(error)
    assert "529" not in told
    assert "Unexpected ValueError in test_the_text_of_an_unexpected_error_is_kept_back" in told


def test_debugging_shows_where_it_happened_and_no_value(
    command: Callable[..., click.Command], monkeypatch: pytest.MonkeyPatch
) -> None:
    @command
    def fails() -> None:
        raise ValueError("529.982.247-25 of Maria")

    monkeypatch.setenv("SVAHUB_DEBUG", "1")
    result = run("of-this-test")
    assert (result.exit_code, "in fails" in result.stderr, "ValueError" in result.stderr) == (1, True, True)
    assert "Maria\n" not in result.stderr
    assert "ValueError: 529" not in result.stderr


def test_a_given_hub_is_used_and_left_open(command: Callable[..., click.Command]) -> None:
    seen = []

    @command
    @pass_hub
    def looks(hub: object) -> None:
        seen.append(hub)

    given = object()
    assert run("of-this-test", obj=given).exit_code == 0
    assert seen == [given]


def test_the_tenant_and_the_store_come_from_options_or_the_environment(
    command: Callable[..., click.Command], monkeypatch: pytest.MonkeyPatch
) -> None:
    @command
    @pass_session
    def looks(session: Session) -> None:
        click.echo(f"{session.tenant} {session.database_url}")

    monkeypatch.setenv("SVAHUB_TENANT", "north")
    monkeypatch.setenv("SVAHUB_DATABASE_URL", "sqlite:///there.db")
    assert run("of-this-test").output == "north sqlite:///there.db\n"
    assert run("--tenant", "south", "of-this-test").output == "south sqlite:///there.db\n"


def test_the_store_is_a_file_of_the_user_by_default(
    command: Callable[..., click.Command], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @command
    @pass_session
    def looks(session: Session) -> None:
        click.echo(session.database_url)

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "of-user"))
    monkeypatch.delenv("SVAHUB_DATABASE_URL", raising=False)
    assert run("of-this-test").output == f"sqlite:///{tmp_path}/of-user/svahub/svahub.db\n"
    assert (tmp_path / "of-user" / "svahub").stat().st_mode & 0o777 == 0o700
