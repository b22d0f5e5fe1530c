"""`svahub asaas webhook`: where Asaas is to tell of payments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
from svahub.errors import Refused
from svahub.extension.commands import json_option, pass_office, show_object, show_table

from svahub_asaas import Asaas, invoicing
from svahub_asaas.commands.options import at_option
from svahub_asaas.hooks import Hook, NewHook

if TYPE_CHECKING:
    from svahub.hub import TenantHub

UNSET = (
    "No token is set. Asaas sends it with each delivery, so that nobody else can: choose 32 to 255 characters, keep "
    "them in a variable or a file, then: svahub integration set {name} --secret webhook_token=env:VARIABLE"
)


@click.group("webhook")
def command() -> None:
    """Register at Asaas where it is to tell of payments, and see whether it does."""


@command.command("register", epilog="Example: svahub asaas webhook register https://billing.example.br")
@click.argument("url")
@click.option("--email", metavar="ADDRESS", help="Whom Asaas writes to when deliveries fail.")
@at_option
@json_option
@pass_office
def register(office: TenantHub, url: str, email: str | None, integration: str | None, as_json: bool) -> None:
    """Have Asaas deliver to URL, where `svahub serve` answers: https://billing.example.br is enough."""
    name = invoicing.the_integration(office, integration)
    address = _address(url, _path(office, name))
    with office.provider(name, Asaas) as asaas:
        token = asaas.settings.webhook_token
        if token is None:
            raise Refused(UNSET.format(name=name))
        with office.transaction("asaas webhook register", f"integration {name}", host=urlsplit(address).hostname):
            pass
        hook = asaas.webhooks.register(NewHook(url=address, email=email, auth_token=token.get_secret_value()))
    show_object(_shown(hook), as_json)


@command.command("status", epilog="Example: svahub asaas webhook status")
@at_option
@json_option
@pass_office
def status(office: TenantHub, integration: str | None, as_json: bool) -> None:
    """Show the webhooks of the account: whether Asaas has interrupted one, and its penalties."""
    name = invoicing.the_integration(office, integration)
    with office.provider(name, Asaas) as asaas:
        hooks = asaas.webhooks.all()
    columns = ("url", "enabled", "interrupted", "penalties", "send_type")
    show_table(map(_shown, hooks), columns, as_json, empty="None: svahub asaas webhook register URL")
    if any(hook.interrupted for hook in hooks):
        click.echo("Asaas keeps what it could not deliver for 14 days: svahub asaas webhook resume", err=True)


@command.command("resume", epilog="Example: svahub asaas webhook resume")
@at_option
@json_option
@pass_office
def resume(office: TenantHub, integration: str | None, as_json: bool) -> None:
    """Have Asaas deliver again, at once, what it has kept since it was interrupted."""
    name = invoicing.the_integration(office, integration)
    path = _path(office, name)
    with office.provider(name, Asaas) as asaas:
        hook = asaas.webhooks.ours(path)
        with office.transaction("asaas webhook resume", f"integration {name}"):
            pass
        show_object(_shown(asaas.webhooks.resume(hook)), as_json)


def _path(office: TenantHub, name: str) -> str:
    return f"/webhooks/{office.bench.integration(name).endpoint_id}"


def _address(url: str, path: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise Refused("URL is where Asaas reaches `svahub serve`: write it as https://host.")
    return url if parts.path.endswith(path) else url.rstrip("/") + path


def _shown(hook: Hook) -> dict[str, Any]:
    return {
        "id": hook.id,
        "url": hook.url,
        "enabled": hook.enabled,
        "interrupted": hook.interrupted,
        "penalties": hook.penalized_requests_count,
        "has_token": hook.has_auth_token,
        "send_type": hook.send_type,
        "events": len(hook.events),
    }
