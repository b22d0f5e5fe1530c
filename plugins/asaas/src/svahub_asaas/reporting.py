"""Reports on an integration's charges, from what the ledger has; and whether Asaas's own statistics say the same."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from svahub.errors import Refused

from svahub_asaas.invoicing import today
from svahub_asaas.reports.rows import Difference, Report, Sum, differences, report
from svahub_asaas.reports.written import as_csv, as_mapping
from svahub_asaas.store import charges as store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from svahub.hub import TenantHub

    from svahub_asaas.charges.wire import Statistics

__all__ = ["Kind", "as_mapping", "checked", "made", "refuse_unchecked", "written"]

STATISTICS = ("PENDING", "RECEIVED", "CONFIRMED", "OVERDUE")
"""The statuses by which Asaas lets its statistics be asked for."""


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

        return page(made, kind.value.capitalize())
    raise Refused(f"A report of the shape {shape!r} goes to the terminal: leave --output out.")


def refuse_unchecked(kind: Kind) -> None:
    """Refuse to check a report that Asaas has no statistics of: it has none by the day of the payment."""
    if kind is Kind.PAYMENTS:
        raise Refused("Asaas has statistics by the day of issue only: check `report invoices` of these days.")


def checked(office: TenantHub, integration: str, made: Report) -> Sequence[Difference]:
    """Return where a report on invoices differs from Asaas's statistics of the same days; empty when they agree.

    The whole is compared, and each status by which Asaas lets them be asked for.
    """
    from svahub_asaas import Asaas

    span = {"dateCreated[ge]": made.first.isoformat(), "dateCreated[le]": made.last.isoformat()}
    with office.provider(integration, Asaas) as asaas:
        found = _differing("issued", made.issued, asaas.charges.statistics(**span))
        for status in STATISTICS:
            found += _differing(status, made.in_status(status), asaas.charges.statistics(status=status, **span))
    return found


def _differing(what: str, ours: Sum, theirs: Statistics) -> list[Difference]:
    return differences(what, ours, Sum(theirs.quantity, theirs.value, theirs.net_value))
