"""Options that the plugin's commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from svahub.extension.commands import integration_option

from svahub_asaas.billing import Month

if TYPE_CHECKING:
    from svahub.hub import TenantHub

    from svahub_asaas.settings import AsaasSettings

AT = "At Asaas"
"""What a bar says while tasks are done."""
at_option = integration_option("Asaas")


class MonthType(click.ParamType[Month]):
    """A month as 2026-11."""

    name = "month"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Month:
        """Return the month, or fail as a usage error."""
        if isinstance(value, Month):
            return value
        try:
            return Month.read(str(value))
        except ValueError:
            self.fail(f"{value!r} is no month: write it as 2026-11.", param, ctx)


class InvoiceId(click.ParamType[int | str]):
    """An invoice by its own id, or by that of its charge at Asaas."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:  # noqa: ARG002
        """Return the number that an invoice's own id is, or the text that a charge's is."""
        return int(value) if str(value).isdecimal() else str(value)


def settings_of(office: TenantHub, integration: str) -> AsaasSettings:
    """Return what an integration is set to."""
    from svahub_asaas import Asaas

    with office.provider(integration, Asaas) as asaas:
        return asaas.settings
