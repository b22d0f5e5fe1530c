"""Reports on an integration's charges, from what the ledger has; and whether Asaas's own statistics say the same."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from svahub.errors import Refused

from svahub_asaas.invoicing import today
from svahub_asaas.reports.rows import Difference, Report, differences, report
from svahub_asaas.reports.written import as_csv, as_mapping
from svahub_asaas.store import charges as store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from svahub.hub import TenantHub

__all__ = ["Kind", "as_mapping", "checked", "made", "written"]


class Kind(StrEnum):
    """What a report is on: what was issued in its days, or what was paid in them."""

    INVOICES = "invoices"
    PAYMENTS = "payments"


def made(office: TenantHub, integration: str, kind: Kind, first: date, last: date) -> Report:
    """Return the report on a span of days, both ends in it."""
    found = store.issued if kind is Kind.INVOICES else store.paid
    with office.reading() as transaction:
        rows = found(transaction.connection, office.name, integration, first, last)
        return report(rows, first, last, today(office))


def written(made: Report, kind: Kind, shape: str) -> str:
    """Return a report as text: `csv`, `html`, or the table of its totals."""
    if shape == "csv":
        return as_csv(made)
    if shape == "html":
        from svahub_asaas.reports.page import page  # drawing is 100 ms that only this shape should pay

        return page(made, f"{kind.value.capitalize()}")
    raise Refused(f"A report of the shape {shape!r} goes to the terminal: leave --output out.")


def checked(office: TenantHub, integration: str, kind: Kind, made: Report) -> Sequence[Difference]:
    """Return where the totals differ from Asaas's statistics of the same days; empty when they agree.

    Refused for payments: Asaas has no statistics by the day of the payment.
    """
    from svahub_asaas import Asaas

    if kind is Kind.PAYMENTS:
        raise Refused("Asaas has statistics by the day of issue only: check the report on invoices.")
    span = {"dateCreated[ge]": made.first.isoformat(), "dateCreated[le]": made.last.isoformat()}
    with office.provider(integration, Asaas) as asaas:
        theirs = asaas.charges.statistics(**span)
    return differences(made.issued, theirs.quantity, theirs.value, theirs.net_value)
