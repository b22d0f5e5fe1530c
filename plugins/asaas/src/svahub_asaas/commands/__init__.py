"""`svahub asaas`: the ISP's billing. A command's module is imported when it runs."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    "invoices": "Charge contracts: create, list, show, cancel, refund, note cash, show Pix or boleto.",
    "mail": "Say who wants no greetings, and try the mail server.",
    "notifications": "Set how Asaas tells customers of their charges.",
    "report": "Report what was issued, paid, and is overdue.",
    "sync": "Read what webhooks may have missed.",
    "templates": "Set the texts that customers read.",
    "webhook": "Register at Asaas where it is to tell of payments.",
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
        command: click.Command = import_module(f"svahub_asaas.commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the names and what they are for, without importing what they name."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


group = Group("asaas", help="Bill customers through Asaas.")
