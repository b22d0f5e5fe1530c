"""`svahub asaas notifications`: how Asaas tells customers of their charges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from svahub.errors import Refused
from svahub.extension.commands import (
    confirm,
    dry_run_option,
    ended,
    json_option,
    pass_office,
    settled,
    show_table,
    waiting_options,
    yes_option,
)

from svahub_asaas import Asaas, invoicing
from svahub_asaas.commands.options import AT, at_option
from svahub_asaas.notifications import Channel, Event
from svahub_asaas.notifying import customers_of, set_all

if TYPE_CHECKING:
    from svahub.hub import TenantHub

EVENTS = {event.name.lower().replace("_", "-"): event for event in Event}
COLUMNS = ("event", "enabled", "email_enabled_for_customer", "sms_enabled_for_customer",
           "whatsapp_enabled_for_customer", "schedule_offset")  # fmt: skip

NOBODY = "Nobody is at Asaas yet."


@click.group("notifications")
def command() -> None:
    """Set how Asaas tells customers of their charges: Asaas sends, svahub says how."""


@command.command("show", epilog="Example: svahub asaas notifications show P-1")
@click.argument("customer")
@at_option
@json_option
@pass_office
def show(office: TenantHub, customer: str, integration: str | None, as_json: bool) -> None:
    """Show how a customer is told."""
    name = invoicing.the_integration(office, integration)
    there = customers_of(office, name)
    if customer not in there:
        raise Refused(f"Customer {customer} is not at Asaas yet: charge them first.")
    with office.provider(name, Asaas) as asaas:
        show_table(asaas.notices.of(there[customer]), COLUMNS, as_json)


@command.command("set", epilog="Example: svahub asaas notifications set overdue --customer P-1 --whatsapp")
@click.argument("event", type=click.Choice(sorted(EVENTS)))
@click.option("--customer", metavar="ID", help="Only this customer; otherwise all that are at Asaas.")
@click.option("--email/--no-email", default=None, help="Tell by e-mail, or not.")
@click.option("--sms/--no-sms", default=None, help="Tell by SMS, or not.")
@click.option("--whatsapp/--no-whatsapp", default=None, help="Tell by WhatsApp, or not.")
@at_option
@dry_run_option
@yes_option
@waiting_options
def set_(
    office: TenantHub,
    event: str,
    customer: str | None,
    email: bool | None,
    sms: bool | None,
    whatsapp: bool | None,
    integration: str | None,
    dry_run: bool,
    yes: bool,
    no_wait: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Set by what customers are told of an event; a channel that is not named stays as it is."""
    name = invoicing.the_integration(office, integration)
    given = {Channel.EMAIL: email, Channel.SMS: sms, Channel.WHATSAPP: whatsapp}
    wanted: dict[str, Any] = {channel.value: on for channel, on in given.items() if on is not None}
    if not wanted:
        raise click.UsageError("Name a channel: --email, --no-email, --sms, --no-sms, --whatsapp or --no-whatsapp.")
    whom = _whom(office, name, customer)
    if dry_run:
        rows = [{"customer": one, "event": event} | wanted for one in whom]
        show_table(rows, ("customer", "event", *wanted), as_json, empty=NOBODY)
        return
    if len(whom) > 1:
        confirm(f"Change how {len(whom)} customers are told?", yes)
    done = settled(office, set_all(office, name, whom, {EVENTS[event].value: wanted}), 0 if no_wait else timeout, AT)
    show_table(done, ("id", "name", "state", "cause", "advice"), as_json, empty=NOBODY)
    raise SystemExit(ended(done, waits=not no_wait))


def _whom(office: TenantHub, integration: str, customer: str | None) -> list[str]:
    there = customers_of(office, integration)
    if customer is None:
        return sorted(there)
    if customer not in there:
        raise Refused(f"Customer {customer} is not at Asaas yet: charge them first.")
    return [customer]
