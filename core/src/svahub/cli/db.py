"""`svahub db`: bring the store to this svahub's version, or say how it stands; copy, back up and restore it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from svahub.cli.db_copy import backup, copy, reopen, restore
from svahub.cli.exits import ExitCode, end_with
from svahub.cli.output import json_option, show_object
from svahub.cli.session import pass_session
from svahub.store import versions

if TYPE_CHECKING:
    from svahub.cli.session import Session
    from svahub.store import Store


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The store's version before, None if it was empty, and after."""

    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class Checked:
    """How the store stands; `remedy` is None when all is well."""

    version: str | None
    wanted: str
    differences: tuple[str, ...]
    remedy: str | None


@click.group("db")
def command() -> None:
    """Upgrade, check, copy, back up and restore the store."""


for _whole in (copy, backup, restore, reopen):
    command.add_command(_whole)


@command.command("upgrade")
@json_option
@pass_session
def upgrade(session: Session, as_json: bool) -> None:
    """Bring the store to this svahub's version; an empty one is made. Take a copy of it first."""
    before, after = versions.upgrade(session.store)
    show_object(Upgraded(before, after), as_json)


@command.command("check")
@json_option
@pass_session
def check(session: Session, as_json: bool) -> None:
    """Say whether the store has this svahub's version and tables; exit with 1 when it has not."""
    checked = _checked(session.store)
    show_object(checked, as_json)
    end_with(ExitCode.ERROR if checked.remedy else ExitCode.REACHED)


def _checked(store: Store) -> Checked:
    with store.read() as connection:
        version, closed = versions.current(connection), versions.closed(connection)
    if closed is not None:
        return Checked(version, versions.HEAD, (), f"It {closed.sentence}")
    if version == versions.HEAD:
        differences = tuple(versions.differences(store))
        remedy = "Its tables are not as svahub made them: restore a copy of it." if differences else None
        return Checked(version, versions.HEAD, differences, remedy)
    if version is None or version in versions.KNOWN:
        return Checked(version, versions.HEAD, (), "Run: svahub db upgrade")
    return Checked(version, versions.HEAD, (), "It comes from a newer svahub: install that one.")
