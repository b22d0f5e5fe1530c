"""Options that several commands share, and how their text becomes values."""

from __future__ import annotations

import getpass
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from svahub import brazil
from svahub.cli import completion

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

ANYBODY = "operator"
LARGEST = 2**31 - 1
"""The largest number that the store knows."""
ACTOR_VARIABLE = "SVAHUB_ACTOR"


def os_user() -> str:
    """Return who runs this, as far as the system knows."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return ANYBODY


class Day(click.ParamType[date]):
    """A date as 2026-12-31 or 31/12/2026."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the date, or fail as a usage error."""
        try:
            return brazil.date_of(str(value))
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


class Money(click.ParamType["Decimal"]):
    """An amount in BRL as 1234.56 or 1.234,56."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """Return the amount, or fail as a usage error."""
        try:
            return brazil.money(str(value))
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


actor_option = click.option(
    "--actor", envvar=ACTOR_VARIABLE, default=os_user, show_default="your user name", help="Who asks, for the books."
)
note_option = click.option("--note", metavar="TEXT", help="Kept with the operation.")
item_option = click.option("--item", metavar="CODE", help="Only this item of the contract.")
timeout_option = click.option(
    "--timeout", type=click.FloatRange(min=0), default=60.0, metavar="S", show_default=True, help="Seconds to wait."
)
no_wait_option = click.option("--no-wait", is_flag=True, help="Return at once; `svahub work` does the rest.")


def integration_option(title: str) -> Callable[[Any], Any]:
    """Return the option that says at which of a tenant's integrations with one provider, of this `title`."""
    told = f"The integration with {title}; may be left out where there is one."
    return click.option("--integration", metavar="NAME", shell_complete=completion.integrations, help=told)


def combined(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return one decorator for several, in the order in which --help shows them."""

    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
