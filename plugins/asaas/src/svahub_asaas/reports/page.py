"""A report as one page of HTML that needs nothing else: its style and its charts are in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from svahub.extension.words import reais

from svahub_asaas.reports.charts import COLOURS, by_age, by_standing, by_time
from svahub_asaas.reports.rows import NAMES

if TYPE_CHECKING:
    from svahub_asaas.reports.rows import Report


def page(report: Report, title: str, *, lists: bool = True) -> str:
    """Return the page; `lists` says whether it names each charge."""
    environment = Environment(
        loader=PackageLoader("svahub_asaas.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["reais"] = reais
    charts = [Markup(chart) for chart in (by_standing(report), by_age(report), by_time(report))]  # noqa: S704 -- pygal's
    named = {"report": report, "title": title, "charts": charts, "lists": lists, "colours": COLOURS, "names": NAMES}
    return environment.get_template("report.html").render(named)
