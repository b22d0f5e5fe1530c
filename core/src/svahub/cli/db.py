"""`svahub db`: bring the store to this svahub's version, or say how it stands; copy, back up and restore it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from svahub.cli.db_copy import backup, copy, reopen, restore
from svahub.cli.exits import ExitCode, end_with
from svahub.cli.output import json_option, show_object
from svahub.cli.session import pass_session
from svahub.store import plugins, versions
from svahub.store.plugins import Standing

if TYPE_CHECKING:
    from svahub.cli.session import Session
    from svahub.store import Store


@dataclass(frozen=True, slots=True)
class Checked:
    """How the store and the tables of plugins in it stand; `remedy` is None when all is well."""

    version: str | None
    wanted: str
    differences: tuple[str, ...]
    remedy: str | None
    plugins: tuple[Standing, ...] = ()


COLUMNS = ("plugin", "package", "revision", "wanted", "problem")


@click.group("db")
def command() -> None:
    """Upgrade, check, copy, back up and restore the store."""


for _whole in (copy, backup, restore, reopen):
    command.add_command(_whole)


@command.command("upgrade", epilog="Example: svahub db upgrade")
@json_option
@pass_session
def upgrade(session: Session, as_json: bool) -> None:
    """Bring the store to this svahub's version, and plugins' tables to their packages'. Take a copy of it first.

    An empty store is made. Exits with 1 when the tables of a plugin could not be brought there: no other waits for it.
    """
    upgraded = versions.upgrade(session.store)
    show_object(upgraded, as_json, {"plugins": COLUMNS})
    end_with(ExitCode.ERROR if any(standing.problem for standing in upgraded.plugins) else ExitCode.REACHED)


@command.command("check", epilog="Example: svahub db check")
@json_option
@pass_session
def check(session: Session, as_json: bool) -> None:
    """Say whether the store has this svahub's version and tables, and those of plugins; exit with 1 when it has not."""
    checked = _checked(session.store)
    show_object(checked, as_json, {"plugins": COLUMNS})
    end_with(ExitCode.ERROR if checked.remedy else ExitCode.REACHED)


def _checked(store: Store) -> Checked:
    with store.read() as connection:
        version, closed = versions.current(connection), versions.closed(connection)
    if closed is not None:
        return Checked(version, versions.HEAD, (), f"It {closed.sentence}")
    if version == versions.HEAD:
        return _compared(store)
    if version is None or version in versions.KNOWN:
        return Checked(version, versions.HEAD, (), "Run: svahub db upgrade")
    return Checked(version, versions.HEAD, (), "It comes from a newer svahub: install that one.")


def _compared(store: Store) -> Checked:
    differences = tuple(versions.differences(store))
    with store.read() as connection:
        standings = tuple(plugins.standings(connection))
    problem = next((f"The tables of {s.plugin!r}: {s.problem}" for s in standings if s.problem), None)
    remedy = "Its tables are not as svahub made them: restore a copy of it." if differences else problem
    return Checked(versions.HEAD, versions.HEAD, differences, remedy, standings)
