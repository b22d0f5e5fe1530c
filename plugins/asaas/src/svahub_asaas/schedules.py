"""What is done by the clock: each names what it did, and does nothing where the ISP has not set it up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from svahub.errors import ProviderError, Refused
from svahub.extension import Schedule

if TYPE_CHECKING:
    from svahub.hub import TenantHub

    from svahub_asaas.settings import AsaasSettings

NONE = "there is no integration with Asaas that is enabled"
DISABLED = "disabled"


def _enabled(office: TenantHub) -> list[str]:
    from svahub_asaas.invoicing import PROVIDER

    return [one.name for one in office.integrations.list() if one.provider == PROVIDER and one.status != DISABLED]


def _each(office: TenantHub, do: Callable[[TenantHub, str], str]) -> str:
    """Do something for each integration with Asaas, whatever another one's failure; Refused tells of all."""
    done, failed = [], []
    for name in _enabled(office):
        try:
            done.append(f"{name}: {do(office, name)}")
        except (Refused, ProviderError) as error:
            failed.append(f"{name}: {error}")
    if failed:
        raise Refused("; ".join([*failed, *done]))
    return "; ".join(done) or NONE


def _settings(office: TenantHub, name: str) -> AsaasSettings:
    from svahub_asaas.commands.options import settings_of

    return settings_of(office, name)


def _sweep_overdue(office: TenantHub, name: str) -> str:
    from svahub_asaas.sweeping import sweep_overdue

    return str(sweep_overdue(office, name))


def _sweep_missed(office: TenantHub, name: str) -> str:
    from svahub_asaas.sweeping import sweep_missed

    return str(sweep_missed(office, name))


def _charge(office: TenantHub, name: str) -> str:
    from svahub_asaas import invoicing
    from svahub_asaas.billing import Month
    from svahub_asaas.texts import text_of

    settings = _settings(office, name)
    if not settings.monthly_charges:
        return "monthly_charges is off"
    month = Month.of(invoicing.today(office))
    text = text_of(office, name, "charge")
    terms = invoicing.Terms(name, month, settings.billing_type, text, settings.due_day)
    wanted = (one.invoice for one in invoicing.considered(office, terms) if one.invoice is not None)
    return f"{len(invoicing.ask(office, terms, wanted))} contracts charged for {month}"


def _report(office: TenantHub, name: str) -> str:
    from svahub_asaas.mailing import report

    settings = _settings(office, name)
    if settings.smtp_host is None or settings.report_to is None:
        return "smtp_host and report_to are not set"
    return "asked to be mailed" if report(office, name) else "was mailed before"


def _greet(office: TenantHub) -> str:
    """Greet the tenant's customers through one integration: another would greet the same people again."""
    from svahub_asaas.mailing import greet

    name = next((name for name in _enabled(office) if _greets(_settings(office, name))), None)
    if name is None:
        return "smtp_host is not set, or birthday_mails is off"
    greeted = greet(office, name)
    return f"{name}: {greeted.asked} of {greeted.birthdays} birthdays greeted, {greeted.opted_out} want no greetings"


def _greets(settings: AsaasSettings) -> bool:
    return settings.smtp_host is not None and settings.birthday_mails


overdue_sweep = Schedule("20 * * * *", "Read what is overdue at Asaas.", lambda office: _each(office, _sweep_overdue))
missed_events = Schedule("50 3 * * *", "Read what webhooks missed.", lambda office: _each(office, _sweep_missed))
monthly_charges = Schedule(
    "0 5 1 * *",
    "Charge contracts for the month, where `monthly_charges` is set.",
    lambda office: _each(office, _charge),
)
payment_report = Schedule(
    "0 7 1 * *",
    "Mail the report on last month, where `report_to` is set.",
    lambda office: _each(office, _report),
)
birthdays = Schedule("0 8 * * *", "Greet customers on their birthday, where `birthday_mails` is set.", _greet)
