"""`svahub asaas mail`: who wants no greetings, and whether the mail server takes what we send."""

from __future__ import annotations

from email.message import EmailMessage
from typing import TYPE_CHECKING

import click
from svahub.errors import ProviderError, Refused
from svahub.extension.commands import as_document, json_option, pass_office, show_table

from svahub_asaas import Asaas, invoicing, mailing
from svahub_asaas.commands.options import at_option

if TYPE_CHECKING:
    from svahub.hub import TenantHub


@click.group("mail")
def command() -> None:
    """Say who wants no greetings, and try the mail server."""


@command.command("opt-out", epilog="Example: svahub asaas mail opt-out P-1")
@click.argument("customer")
@json_option
@pass_office
def opt_out(office: TenantHub, customer: str, as_json: bool) -> None:
    """Send a customer no greetings any more."""
    mailing.opt_out(office, customer)
    click.echo(as_document({"customer": customer, "opted_out": True}) if as_json else "They get no greetings any more.")


@command.command("opt-in", epilog="Example: svahub asaas mail opt-in P-1")
@click.argument("customer")
@json_option
@pass_office
def opt_in(office: TenantHub, customer: str, as_json: bool) -> None:
    """Send a customer greetings again."""
    mailing.opt_in(office, customer)
    click.echo(as_document({"customer": customer, "opted_out": False}) if as_json else "They get greetings again.")


@command.command("list", epilog="Example: svahub asaas mail list")
@json_option
@pass_office
def list_(office: TenantHub, as_json: bool) -> None:
    """List who wants no greetings."""
    show_table(mailing.opted_out(office), ("customer", "since"), as_json, empty="Nobody has opted out.")


@command.command("test", epilog="Example: svahub asaas mail test")
@at_option
@json_option
@pass_office
def test(office: TenantHub, integration: str | None, as_json: bool) -> None:
    """Send a mail to report_to, to see whether the mail server takes it."""
    name = invoicing.the_integration(office, integration)
    with office.provider(name, Asaas) as asaas:
        settings = asaas.settings
        if settings.smtp_host is None or settings.report_to is None:
            raise Refused(f"No mail server is set: svahub integration set {name} --set smtp_host=… --set mail_from=… "
                          "--set report_to=…")  # fmt: skip
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = settings.mail_from, settings.report_to, "svahub: a test"
        message.set_content("The mail server takes what svahub sends.\n")
        try:
            asaas.post(message)
        except ProviderError as error:
            raise Refused(f"The test failed: {error}.") from error
    click.echo(as_document({"sent": True}) if as_json else "The mail server took it: look whether it arrives.")
