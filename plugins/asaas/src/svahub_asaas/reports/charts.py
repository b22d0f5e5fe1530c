"""The charts of a report, as SVG that needs nothing else, drawn by pygal."""

from __future__ import annotations

import sys
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pygal

from svahub_asaas.reports.rows import NOTHING

if TYPE_CHECKING:
    from datetime import date

    from svahub_asaas.reports.rows import Report

# pygal puts a finder of its own, for plugins that nobody here has, before every later import of the process.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]

STYLE = pygal.style.Style(background="transparent", plot_background="transparent", font_family="sans-serif")


def by_standing(report: Report) -> str:
    """Return a pie of what is paid, pending, overdue and reversed."""
    chart = pygal.Pie(title="By standing (R$)", **_looks())
    for name, summed in report.sums.items():
        if name != "issued" and summed.count:
            chart.add(name, [float(summed.value)])
    return _drawn(chart)


def by_age(report: Report) -> str:
    """Return bars of what is not paid, by its age."""
    chart = pygal.Bar(title="Not paid, by days overdue (R$)", show_legend=False, **_looks())
    chart.x_labels = [age.value for age in report.ageing]
    chart.add("", [float(summed.value) for summed in report.ageing.values()])
    return _drawn(chart)


def by_day(report: Report) -> str:
    """Return lines of what was due and what was paid on each day."""
    due: dict[date, Decimal] = defaultdict(lambda: NOTHING)
    paid: dict[date, Decimal] = defaultdict(lambda: NOTHING)
    for line in report.lines:
        due[line.due_date] += line.value
        if line.paid_on is not None:
            paid[line.paid_on] += line.value
    days = sorted({*due, *paid})
    chart = pygal.Line(title="Due and paid, by day (R$)", x_label_rotation=45, **_looks())
    chart.x_labels = [f"{day:%d/%m}" for day in days]
    chart.add("due", [float(due[day]) for day in days])
    chart.add("paid", [float(paid[day]) for day in days])
    return _drawn(chart)


def _looks() -> dict[str, Any]:
    return {"style": STYLE, "js": [], "height": 320, "width": 640, "no_data_text": "nothing"}


def _drawn(chart: Any) -> str:
    """Return the chart without what makes it move: a page that is mailed runs no script."""
    root = chart.render_tree()
    for parent in list(root.iter()):
        for script in [child for child in parent if str(child.tag).endswith("script")]:
            parent.remove(script)
    drawn: str = pygal.etree.etree.tostring(root, encoding="unicode")
    return drawn
