"""`svahub contracts activation-link`: links by which customers buy with one press, made, listed and revoked."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from svahub.cli import completion
from svahub.cli.options import Money
from svahub.cli.output import as_mapping, confirm, json_option, show_object, show_table, yes_option
from svahub.cli.session import pass_office

if TYPE_CHECKING:
    from decimal import Decimal

    from svahub.hub import TenantHub

COLUMNS = (
    "id", "standing", "contract_id", "product_code", "title", "price", "terms_version", "actor", "created_at",
    "expires_at", "taken_at", "item",
)  # fmt: skip
SHOWN = ("id", "contract_id", "product_code", "title", "price", "terms_version", "expires_at")
NONE = "There is no link. Make one: svahub contracts activation-link CONTRACT PRODUCT"
ONCE = "Send it to the customer alone: whoever opens it can buy for the contract. It is not shown again."
WHERE = "Put the address of your server before the path, or name it: --base-url https://…"
BASE_VARIABLE = "SVAHUB_BASE_URL"
UNITS = {"d": "days", "h": "hours", "m": "minutes"}
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Duration(click.ParamType[timedelta]):
    """A time such as 7d, 12h or 30m."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the time, or fail as a usage error."""
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"([1-9][0-9]{0,5})([dhm])", str(value))
        if found is None:
            self.fail("write a time such as 7d, 12h or 30m.", param, ctx)
        return timedelta(**{UNITS[found[2]]: int(found[1])})


class BaseUrl(click.ParamType[str]):
    """Where customers reach the server: https, or this machine itself."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address without a slash at its end, or fail as a usage error."""
        parts = urlsplit(str(value))
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        if not is_safe or not parts.hostname or parts.query or parts.fragment or parts.username:
            self.fail("write where customers reach the server, such as https://sva.example.com.", param, ctx)
        return str(value).rstrip("/")


@click.command("activation-link", epilog="Example: svahub contracts activation-link C-7 TELE")
@click.argument("contract", shell_complete=completion.contracts)
@click.argument("product", shell_complete=completion.products)
@click.option("--price", type=Money(), help="What the customer is told, in BRL a month. Default: the plan's price.")
@click.option("--title", metavar="TEXT", help="What the customer is told that it is. Default: the plan's name.")
@click.option("--expires", type=Duration(), default="7d", show_default=True, help="How long it is good: 7d, 12h, 30m.")
@click.option("--base-url", type=BaseUrl(), envvar=BASE_VARIABLE, help="Where customers reach `svahub serve`.")
@json_option
@pass_office
def make(
    office: TenantHub, contract: str, product: str, price: Decimal | None, title: str | None, expires: timedelta,
    base_url: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Make a link by which the customer of CONTRACT buys PRODUCT with one press.

    `svahub serve` answers it with what is bought, the price and the terms (`svahub terms set`). It is signed with the
    key of stored secrets (SVAHUB_SECRET_KEY), works once, and can be revoked.
    """
    made = office.activation_links.make(contract, product, price=price, title=title, expires=expires)
    shown = {name: getattr(made.view, name) for name in SHOWN}
    show_object(shown | ({"url": f"{base_url}{made.path}"} if base_url else {"path": made.path}), as_json)
    click.echo(ONCE if base_url else f"{ONCE} {WHERE}", err=True)


@click.command("activation-links", epilog="Example: svahub contracts activation-links --contract C-7")
@click.option("--contract", metavar="ID", shell_complete=completion.contracts, help="Only those of this contract.")
@click.option("--revoke", metavar="ID", help="Let the link of this id open nothing more, and show it.")
@yes_option
@json_option
@pass_office
def list_links(office: TenantHub, contract: str | None, revoke: str | None, yes: bool, as_json: bool) -> None:
    """List the links that were made, the newest first, and what came of them; or revoke one."""
    if revoke is None:
        show_table(office.activation_links.list(contract), COLUMNS, as_json, NONE)
        return
    confirm(f"Revoke the link {revoke}?", yes)
    show_object(as_mapping(office.activation_links.revoke(revoke)), as_json)
