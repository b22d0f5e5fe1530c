"""A group of a plugin's commands (`svahub.commands`) whose modules are imported when they run."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


class LazyGroup(click.Group):
    """Knows its commands by name: each is `command` in the module of that name in `package`."""

    def __init__(self, name: str, *, purpose: str, package: str, purposes: Mapping[str, str]) -> None:
        super().__init__(name, help=purpose)
        self._package, self._purposes = package, purposes

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's own signature
        """Return all names."""
        return sorted(self._purposes)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one command."""
        if cmd_name not in self._purposes:
            return None
        command: click.Command = import_module(f"{self._package}.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the names and what they are for, without importing what they name."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(self._purposes.items()))
