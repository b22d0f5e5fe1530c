"""A report as one page of HTML that needs nothing else: its style and its charts are in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from svahub_asaas.reports.charts import by_age, by_day, by_standing

if TYPE_CHECKING:
    from decimal import Decimal

    from svahub_asaas.reports.rows import Report


def page(report: Report, title: str) -> str:
    """Return the page."""
    environment = Environment(
        loader=PackageLoader("svahub_asaas.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["brl"] = brl
    charts = [Markup(chart) for chart in (by_standing(report), by_age(report), by_day(report))]  # noqa: S704 -- pygal's
    return environment.get_template("report.html").render(report=report, title=title, charts=charts)


def brl(value: Decimal) -> str:
    """Return an amount as Brazilians write it."""
    return "R$ " + f"{value:,.2f}".translate(str.maketrans(",.", ".,"))
