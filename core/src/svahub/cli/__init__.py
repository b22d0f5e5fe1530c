"""The `svahub` command: its commands' names and what they are for; a command's module is imported when it runs.

`main` is public: `CliRunner().invoke(main, args, obj=hub)` drives it from programs and tests. Commands of plugins are
known by the names of their entry points alone, so what is broken in one shows when that command is invoked.
"""

from __future__ import annotations

import sys
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from svahub.hub import Hub

PLUGIN_COMMANDS = "svahub.commands"
INTERRUPTED = 130
COMPLETION = 'Tab completes, once your shell has run: eval "$(_SVAHUB_COMPLETE=bash_source svahub)" (or zsh_source).'

# By name: "module" or "module:attribute" below svahub.cli (`command` unless said), and the line in --help.
COMMANDS: dict[str, tuple[str, str]] = {
    "access": ("access", "Show or resend a customer's login."),
    "activate": ("verbs:activate", "Sell the items of a contract and activate them."),
    "audit": ("audit", "Show who did what, check that it holds, prune it."),
    "block": ("verbs:block", "Block a contract, for a reason; or many at once."),
    "campaigns": ("campaigns", "Show, start, pause and cancel what is asked of many."),
    "cancel": ("verbs:cancel", "Cancel a contract for good; or many at once."),
    "change": ("verbs:change", "Change the plan or the quantity of an item, or of many."),
    "contracts": ("contracts", "Import, list and show contracts."),
    "customers": ("customers", "Show, export and erase a customer."),
    "db": ("db", "Upgrade, check, copy, back up and restore the store."),
    "debts": ("debts", "List who owes, and let a debt go."),
    "demo": ("demo", "Show what the installed plugins do, against simulators."),
    "doctor": ("doctor", "Check the installation, and say how to mend it."),
    "events": ("events", "Show what happened, and follow it."),
    "explain": ("explain", "Say why a contract is as it is, and what happens next."),
    "inbox": ("inbox", "Show what providers told, and read it again."),
    "integration": ("integration", "Register and test accounts at providers."),
    "keys": ("keys", "Make, list and revoke keys of the API."),
    "operations": ("operations", "List, show, retry and discard operations."),
    "outbox": ("outbox", "Tell other systems what happens, by webhooks."),
    "plans": ("plans", "Sync, list and create a provider's plans."),
    "plugins": ("plugins", "List installed plugins; check one, begin a new one."),
    "policy": ("policy", "Decide who is blocked for debt, and after how long."),
    "products": ("products", "Link product codes to what is sold."),
    "reconcile": ("reconcile", "Compare what providers have with ours, and mend it."),
    "schedule": ("schedule", "List, run and set what is done by the clock."),
    "secrets": ("secrets", "List secrets by reference, and encrypt stored ones anew."),
    "serve": ("serve", "Take webhooks in; answer health, metrics and the API."),
    "simulate": ("simulate", "Run a provider's simulator."),
    "source": ("source", "Take contracts in from where they are kept, and watch it."),
    "status": ("status", "Count subscriptions by state, and show what is stuck."),
    "subscriptions": ("subscriptions", "List and show subscriptions."),
    "tasks": ("tasks", "Show what plugins asked for, and decide about what is parked."),
    "tenant": ("tenant", "Add and list tenants."),
    "terms": ("terms", "Keep the texts that customers agree to."),
    "unblock": ("verbs:unblock", "Take a reason to block away; of many at once, too."),
    "users": ("users", "List users as the provider has them."),
    "work": ("work", "Bring the providers to what is desired."),
    "workers": ("workers", "Show who works."),
}


def plugin_commands() -> dict[str, list[metadata.EntryPoint]]:
    """Return the commands that plugins offer, by name; the core's own names are not among them."""
    from svahub.installed import points

    offered: dict[str, list[metadata.EntryPoint]] = {}
    for entry in points(PLUGIN_COMMANDS):
        if entry.name not in COMMANDS:
            offered.setdefault(entry.name, []).append(entry)
    return offered


class Commands(click.Group):
    """The group that knows its commands by name, and where errors become sentences and exit codes."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse what is no text: no database takes it, and no name has it."""
        for number, argument in enumerate(args, 1):
            if "\0" in argument or (not argument.isascii() and argument.encode(errors="replace").decode() != argument):
                raise click.UsageError(f"Argument {number} has a NUL, or bytes that are no UTF-8 text.", ctx)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names, sorted, without importing what they name."""
        return sorted({*super().list_commands(ctx), *COMMANDS, *plugin_commands()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name in COMMANDS:
            return _core_command(COMMANDS[cmd_name][0])
        claimants = plugin_commands().get(cmd_name)
        return _plugin_command(claimants) if claimants else super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve a name, or suggest the nearest one."""
        if args[0] in COMMANDS:
            return super().resolve_command(ctx, args)
        known = self.list_commands(ctx)
        if args[0] not in known and not ctx.resilient_parsing:
            raise click.UsageError(f"No such command {args[0]!r}.{_suggestion(args[0], known)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names and what they are for, without importing what they name."""
        offered = plugin_commands()
        purposes = {name: text for name, (_, text) in COMMANDS.items()}
        purposes |= {name: _origin(entries) for name, entries in offered.items()}
        with formatter.section("Commands"):
            formatter.write_dl([(name, purposes.get(name, "")) for name in self.list_commands(ctx)])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Complete a name, without importing what it names."""
        from click.shell_completion import CompletionItem

        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        items = [CompletionItem(name, help=COMMANDS.get(name, ("", None))[1]) for name in names]
        return [*items, *click.Command.shell_complete(self, ctx, incomplete)]

    def invoke(self, ctx: click.Context) -> Any:
        """Invoke a command; what goes wrong in it leaves as a sentence, without a traceback."""
        try:
            return super().invoke(ctx)
        except (click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except click.ClickException as error:
            from svahub.masking import mask_sentence

            vars(error)["message"] = mask_sentence(error.message)  # it may repeat what was typed
            raise
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None
        except Exception as error:  # noqa: BLE001  # whatever it is, the user gets a sentence
            from svahub.cli.exits import told

            raise click.ClickException(told(error)) from None

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run as a program; what goes wrong after the command, in closing the store, leaves as a sentence too."""
        try:
            return super().main(*args, **kwargs)
        except Exception as error:
            if not kwargs.get("standalone_mode", True):
                raise
            from svahub.cli.exits import ExitCode, told

            click.ClickException(told(error)).show()
            sys.exit(ExitCode.ERROR)


def _core_command(target: str) -> click.Command:
    module, _, attribute = target.partition(":")
    command: click.Command = getattr(import_module(f"svahub.cli.{module}"), attribute or "command")
    return command


def _plugin_command(claimants: list[metadata.EntryPoint]) -> click.Command:
    entry = claimants[0]
    if len(claimants) > 1:
        raise click.ClickException(f"Several plugins offer the command {entry.name!r}: {_packages(claimants)}.")
    try:
        command = entry.load()
    except (Exception, SystemExit) as error:
        reason = f"it does not load ({type(error).__name__}: {error})"
        raise click.ClickException(_broken(entry, reason)) from error
    if not isinstance(command, click.Command):
        raise click.ClickException(_broken(entry, "it is not a click command"))
    return command


def _broken(entry: metadata.EntryPoint, reason: str) -> str:
    package = _packages([entry])
    return f"The command {entry.name!r} of {package} is broken: {reason}. Upgrade or uninstall {package}."


def _packages(entries: list[metadata.EntryPoint]) -> str:
    return ", ".join(sorted(entry.dist.name if entry.dist else entry.module for entry in entries))


def _origin(entries: list[metadata.EntryPoint]) -> str:
    return "From " + " and ".join(sorted({entry.value.partition(":")[0].partition(".")[0] for entry in entries})) + "."


def _suggestion(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else " `svahub --help` lists them."


def _tenants(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from svahub.cli.completion import tenants

    return tenants(context, parameter, incomplete)


@click.group(cls=Commands, epilog=COMPLETION)
@click.option("--database", metavar="URL", envvar="SVAHUB_DATABASE_URL", help="The store; default: a file of yours.")
@click.option(
    "--tenant",
    metavar="NAME",
    envvar="SVAHUB_TENANT",
    default="default",
    shell_complete=_tenants,
    help="The ISP to act for.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
    envvar="SVAHUB_LOG_LEVEL",
    default="warning",
    show_default=True,
    help="What to log, to the error output.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"], case_sensitive=False),
    envvar="SVAHUB_LOG_FORMAT",
    default="text",
    show_default=True,
    help="Lines of text, or an object a line.",
)
@click.version_option(package_name="svahub", prog_name="svahub")
@click.pass_context
def main(context: click.Context, database: str | None, tenant: str, log_level: str, log_format: str) -> None:
    """Sell other companies' services on your contracts: activate, block, change and cancel them at each provider."""
    from svahub.cli.session import Session
    from svahub.logs import to_standard_error

    hub: Hub | None = context.obj
    context.with_resource(to_standard_error(log_level, log_format))
    context.obj = context.with_resource(Session(database, tenant, hub))
