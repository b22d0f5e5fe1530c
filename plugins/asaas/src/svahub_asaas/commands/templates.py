"""`svahub asaas templates`: the texts that customers read."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import click
from svahub.extension.commands import as_document, json_option, pass_office, show_table

from svahub_asaas import invoicing, texts
from svahub_asaas.charges.text import LONGEST, checked, filled, substituted, values_of
from svahub_asaas.commands.options import at_option

if TYPE_CHECKING:
    from svahub.hub import TenantHub

EXAMPLE = values_of("Pessoa Inventada", "C1", "2026-11", Decimal("49.90"), date(2026, 11, 10))
name_argument = click.argument("name", type=click.Choice(sorted(texts.DEFAULTS)))


@click.group("templates")
def command() -> None:
    """Set the texts that customers read on charges and in greetings."""


@command.command("list", epilog="Example: svahub asaas templates list")
@at_option
@json_option
@pass_office
def list_(office: TenantHub, integration: str | None, as_json: bool) -> None:
    """List the texts, and the names that each may have."""
    at = invoicing.the_integration(office, integration)
    rows = [
        {
            "name": name,
            "text": texts.text_of(office, at, name),
            "is_default": texts.text_of(office, at, name) == texts.DEFAULTS[name],
            "may_have": sorted(texts.ALLOWED[name]),
        }
        for name in sorted(texts.DEFAULTS)
    ]
    show_table(rows, ("name", "text", "may_have"), as_json)


@command.command("show", epilog="Example: svahub asaas templates show charge")
@name_argument
@at_option
@json_option
@pass_office
def show(office: TenantHub, name: str, integration: str | None, as_json: bool) -> None:
    """Show one text."""
    text = texts.text_of(office, invoicing.the_integration(office, integration), name)
    click.echo(as_document({"name": name, "text": text}) if as_json else text)


@command.command("set", epilog='Example: svahub asaas templates set charge "Contrato $contract, $month"')
@name_argument
@click.argument("text")
@at_option
@json_option
@pass_office
def set_(office: TenantHub, name: str, text: str, integration: str | None, as_json: bool) -> None:
    """Set one text; $names in it are filled in: `templates list` shows which."""
    at = invoicing.the_integration(office, integration)
    texts.set_text(office, at, name, text)
    click.echo(as_document({"name": name, "text": text}) if as_json else f"Set. {_example(name, text)}")


@command.command("test", epilog='Example: svahub asaas templates test birthday "Parabéns, $first_name!"')
@name_argument
@click.argument("text", required=False)
@at_option
@json_option
@pass_office
def test(office: TenantHub, name: str, text: str | None, integration: str | None, as_json: bool) -> None:
    """Show how a text reads for an invented customer; TEXT is one that is not set yet."""
    at = invoicing.the_integration(office, integration)
    tried = checked(text, texts.ALLOWED[name]) if text is not None else texts.text_of(office, at, name)
    read = _read(name, tried)
    click.echo(as_document({"name": name, "read": read, "length": len(read)}) if as_json else _example(name, tried))


def _read(name: str, text: str) -> str:
    return filled(text, EXAMPLE) if name == "charge" else substituted(text, EXAMPLE)


def _example(name: str, text: str) -> str:
    read = _read(name, text)
    cut = f" (cut: Asaas takes {LONGEST} characters)" if name == "charge" and read.endswith("…") else ""
    return f"It reads: {read}{cut}"
