"""`svahub iot`: licences of devices, and what FN sells. A command's module is imported when it runs."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    "items": "Search what FN sells.",
    "licences": "List licences, add, replace and cancel them.",
}


class Group(click.Group):
    """Knows its commands by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's own signature
        """Return all names."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"svahub_iot.commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the names and what they are for, without importing what they name."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


group = Group("iot", help="Licences of devices at Olli (IoT).")
